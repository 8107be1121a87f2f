/* SPDX-License-Identifier: MIT */
/*
 * Running Quadlet, behind quadlet.h. It does not say which files were good, so a job is good when
 * its service is there. For the others: a line of complaint that names the file decides; what is
 * left undecided is run again without the culprits and, when that tells nothing new, in halves.
 */
#include "generator/quadlet.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/process.h"
#include "base/strv.h"
#include "generator/quadlet-order.h"

#define QUADLET_TIMEOUT_USEC (60 * USEC_PER_SEC)
#define QUADLET_OUTPUT_MAX   (64U * 1024U * 1024U)
#define QUADLET_UNIT_MAX     (16U * 1024U * 1024U)

typedef struct Run {
    const Platform *platform;
    bool user;
    char *folder; /* private; each round has its folders below */
    unsigned round;
} Run;

/* The folders of one round. */
typedef struct Round {
    char *in, *out;
} Round;

void quadlet_job_done(QuadletJob *job)
{
    free(job->name);
    text_done(&job->container);
    text_done(&job->image);
    free(job->service);
    free(job->image_service);
    free(job->complaint);
    *job = (QuadletJob){0};
}

static void round_done(Round *round)
{
    if (round->in)
        dir_remove_tree(round->in);
    if (round->out)
        dir_remove_tree(round->out);
    free(round->in);
    free(round->out);
}

static int round_start(Run *run, Round *round)
{
    round->in = text_printf("%s/in%u", run->folder, run->round);
    round->out = text_printf("%s/out%u", run->folder, run->round);
    run->round++;
    if (!round->in || !round->out)
        return -ENOMEM;
    if (mkdir(round->in, 0700) < 0 || mkdir(round->out, 0700) < 0)
        return -errno;
    return 0;
}

/* The folder is private and nobody looks before all is there: no need for renames here. */
static int write_plain(const char *folder, const char *prefix, const char *name, const char *suffix,
                       const Text *text)
{
    _cleanup_free_ char *path = text_printf("%s/%s%s%s", folder, prefix, name, suffix);

    if (!path)
        return -ENOMEM;
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    for (size_t done = 0; done < text->size;) {
        ssize_t n = write(fd, text->data + done, text->size - done);
        if (n < 0 && errno != EINTR)
            return -errno;
        done += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

static int stage(const Round *round, QuadletJob *const *jobs, size_t n)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = write_plain(round->in, "phoenix@", jobs[i]->name, ".container", &jobs[i]->container);
        if (r >= 0 && jobs[i]->image.size > 0)
            r = write_plain(round->in, "phoenix-image@", jobs[i]->name, ".image", &jobs[i]->image);
    }
    return r;
}

/* Our environment, with Quadlet's folders replaced. */
static int make_environment(const char *folder, char ***ret)
{
    _cleanup_strv_free_ char **environment = NULL;
    int r = strv_consume(&environment, text_printf("QUADLET_UNIT_DIRS=%s", folder));

    STRV_FOREACH (variable, environ) {
        if (r < 0)
            return r;
        if (strncmp(*variable, "QUADLET_UNIT_DIRS=", 18) != 0)
            r = strv_push(&environment, *variable);
    }
    if (r >= 0)
        *ret = TAKE_PTR(environment);
    return r;
}

/* Returns what process_run() does; *ret_errors is what Quadlet said. */
static int execute(const Run *run, const Round *round, char **ret_errors)
{
    _cleanup_strv_free_ char **argv = NULL, **environment = NULL;
    _cleanup_free_ char *output = NULL;

    int r = strv_push(&argv, run->platform->quadlet);
    if (r >= 0 && run->user)
        r = strv_push(&argv, "--user");
    if (r >= 0)
        r = strv_push(&argv, "--no-kmsg-log");
    if (r >= 0)
        r = strv_push(&argv, round->out);
    if (r >= 0)
        r = make_environment(round->in, &environment);
    if (r < 0)
        return r;
    return process_run(argv, environment, NULL, QUADLET_TIMEOUT_USEC, QUADLET_OUTPUT_MAX, &output,
                       ret_errors);
}

/* Adds one line of the service Quadlet made; staging paths and random order stay out of it. */
static void add_line(const Round *round, const char *line, size_t n, Text *text)
{
    static const char source[] = "SourcePath=", start[] = "ExecStart=";
    size_t in = strlen(round->in);

    if (n > sizeof(source) - 1 + in && strncmp(line, source, sizeof(source) - 1) == 0 &&
        strncmp(line + sizeof(source) - 1, round->in, in) == 0)
        return;
    if (strncmp(line, start, sizeof(start) - 1) == 0) {
        _cleanup_free_ char *command = strndup(line, n);
        if (command)
            quadlet_order_options(command, text);
        else
            text->error = -ENOMEM;
    } else {
        text_add_n(text, line, n);
    }
    text_add_char(text, '\n');
}

static int clean_unit(const Round *round, const char *unit, char **ret)
{
    _cleanup_text_ Text text = {0};
    bool header = true;

    for (const char *line = unit; *line;) {
        size_t n = strcspn(line, "\n");
        header = header && (line[0] == '#' || n == 0);
        if (!header)
            add_line(round, line, n, &text);
        line += n + (line[n] == '\n');
    }
    return text_take(&text, ret);
}

/* Reads a unit that Quadlet made; *ret stays NULL when it made none. */
static int take_unit(const Round *round, const char *prefix, const char *name, const char *suffix,
                     char **ret)
{
    _cleanup_free_ char *path = text_printf("%s/%s%s%s", round->out, prefix, name, suffix);
    _cleanup_free_ char *unit = NULL;

    if (!path)
        return -ENOMEM;
    int r = file_read(AT_FDCWD, path, QUADLET_UNIT_MAX, &unit, NULL);
    if (r == -ENOENT)
        return 0;
    return r < 0 ? r : clean_unit(round, unit, ret);
}

static int take_units(const Round *round, QuadletJob *job)
{
    _cleanup_free_ char *service = NULL, *image_service = NULL;

    int r = take_unit(round, "phoenix@", job->name, ".service", &service);
    if (r >= 0 && job->image.size > 0)
        r = take_unit(round, "phoenix-image@", job->name, "-image.service", &image_service);
    if (r < 0)
        return r;
    if (service && (image_service || job->image.size == 0)) {
        job->service = TAKE_PTR(service);
        job->image_service = TAKE_PTR(image_service);
    }
    return 0;
}

static int compare_jobs(const void *a, const void *b)
{
    return strcmp((*(QuadletJob *const *)a)->name, (*(QuadletJob *const *)b)->name);
}

static int compare_name(const void *key, const void *member)
{
    return strcmp(key, (*(QuadletJob *const *)member)->name);
}

/* The name between prefix and suffix in the line, NULL when there is none. */
static char *name_between(const char *line, size_t n, const char *prefix, const char *suffix)
{
    const char *start = memmem(line, n, prefix, strlen(prefix));

    if (!start)
        return NULL;
    start += strlen(prefix);
    const char *end = memmem(start, n - (size_t)(start - line), suffix, strlen(suffix));
    return end ? strndup(start, (size_t)(end - start)) : NULL;
}

/* What the line says behind the file's name: `converting "FILE": MESSAGE`. The folder that the file
 * was in for a moment means nothing to anybody. */
static char *message_of(const Round *round, const char *line, size_t n)
{
    const char *quote = memmem(line, n, "\": ", 3);

    if (!quote)
        quote = memmem(line, n, "\", ", 3);
    const char *start = quote ? quote + 3 : line;
    char *message = strndup(start, n - (size_t)(start - line));
    size_t folder = strlen(round->in) + 1;
    for (char *p = message; p && (p = strstr(p, round->in));)
        memmove(p, p + folder, strlen(p + folder) + 1);
    return message;
}

/* Gives one line of complaint to the job whose file it names. Returns 0 or -ENOMEM. */
static int assign_line(const Round *round, const char *line, size_t n, QuadletJob *const *jobs,
                       size_t n_jobs)
{
    if (memmem(line, n, "Warning: ", 9))
        return 0;
    _cleanup_free_ char *name = name_between(line, n, "phoenix@", ".container\"");
    if (!name)
        name = name_between(line, n, "phoenix-image@", ".image\"");
    if (!name)
        return 0;
    QuadletJob *const *found = bsearch(name, jobs, n_jobs, sizeof(QuadletJob *), compare_name);
    if (!found || (*found)->service || (*found)->complaint)
        return 0;
    (*found)->complaint = message_of(round, line, n);
    return (*found)->complaint ? 0 : -ENOMEM;
}

static int assign_complaints(const Round *round, const char *errors, QuadletJob *const *jobs,
                             size_t n)
{
    for (const char *line = errors; *line;) {
        size_t length = strcspn(line, "\n");
        int r = assign_line(round, line, length, jobs, n);
        if (r < 0)
            return r;
        line += length + (line[length] == '\n');
    }
    return 0;
}

static int complain(QuadletJob *const *jobs, size_t n, const char *complaint)
{
    for (size_t i = 0; i < n; i++) {
        if (jobs[i]->service || jobs[i]->complaint)
            continue;
        jobs[i]->complaint = strdup(complaint);
        if (!jobs[i]->complaint)
            return -ENOMEM;
    }
    return 0;
}

/* A single file that Quadlet makes nothing of and does not name: all that it said. */
static int complain_alone(QuadletJob *const *job, const char *errors)
{
    size_t n = strlen(errors);

    while (n > 0 && errors[n - 1] == '\n')
        n--;
    _cleanup_free_ char *said = strndup(errors, n);
    if (!said)
        return -ENOMEM;
    return complain(job, 1, n > 0 ? said : "Quadlet made no unit of it and does not say why");
}

/* Moves the undecided jobs to the front, in order; returns how many there are. */
static size_t keep_undecided(QuadletJob **jobs, size_t n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (!jobs[i]->service && !jobs[i]->complaint)
            jobs[kept++] = jobs[i];
    return kept;
}

/* One run of Quadlet over these jobs, sorted by name. Returns its exit status, or negative errno.
 */
static int run_once(Run *run, QuadletJob *const *jobs, size_t n, char **ret_errors)
{
    _cleanup_(round_done) Round round = {0};
    _cleanup_free_ char *errors = NULL;

    int r = round_start(run, &round);
    if (r >= 0)
        r = stage(&round, jobs, n);
    if (r < 0)
        return r;
    int status = execute(run, &round, &errors);
    if (status < 0) {
        _cleanup_free_ char *complaint =
            text_printf("%s cannot be run: %s", run->platform->quadlet, strerror(-status));
        return complaint ? complain(jobs, n, complaint) : -ENOMEM;
    }
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = take_units(&round, jobs[i]);
    if (r >= 0)
        r = assign_complaints(&round, errors, jobs, n);
    if (r >= 0)
        *ret_errors = TAKE_PTR(errors);
    return r;
}

/* Runs Quadlet until every job is decided. The vector is reordered. Recursion halves n. */
static int run_all(Run *run, QuadletJob **jobs, size_t n)
{
    while (n > 0) {
        _cleanup_free_ char *errors = NULL;
        int r = run_once(run, jobs, n, &errors);
        if (r < 0)
            return r;
        size_t left = keep_undecided(jobs, n);
        if (left == 1 && n == 1)
            return complain_alone(jobs, errors ? errors : "");
        if (left == n) {
            r = run_all(run, jobs, n / 2);
            return r < 0 ? r : run_all(run, jobs + n / 2, n - n / 2);
        }
        n = left;
    }
    return 0;
}

static int make_folder(const char *parent, char **ret)
{
    _cleanup_free_ char *folder = text_printf("%s/phoenix-generator-XXXXXX", parent);

    if (!folder)
        return -ENOMEM;
    if (!mkdtemp(folder))
        return -errno;
    *ret = TAKE_PTR(folder);
    return 0;
}

/* System generators have a /tmp of their own; it may still be missing early at boot. */
static int make_private_folder(const char *fallback, char **ret)
{
    const char *tmp = getenv("TMPDIR");
    int r = make_folder(tmp && tmp[0] == '/' ? tmp : "/tmp", ret);

    return r < 0 && r != -ENOMEM ? make_folder(fallback, ret) : r;
}

int quadlet_run(const Platform *platform, bool user, const char *fallback, QuadletJob *const *jobs,
                size_t n)
{
    _cleanup_free_ QuadletJob **sorted = calloc(n + 1, sizeof(*sorted));
    Run run = {.platform = platform, .user = user};

    if (!sorted)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++)
        sorted[i] = jobs[i];
    qsort(sorted, n, sizeof(*sorted), compare_jobs);
    int r = make_private_folder(fallback, &run.folder);
    if (r < 0)
        return r;
    r = run_all(&run, sorted, n);
    dir_remove_tree(run.folder);
    free(run.folder);
    return r;
}
