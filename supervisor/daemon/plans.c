/* SPDX-License-Identifier: MIT */
/*
 * Reading plans. The generator is ours, its output folder is not: a plan that is broken costs its
 * own service the supervision, and no other.
 */
#include "supervisor/daemon/plans.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/macros.h"
#include "base/text.h"
#include "spec/name.h"
#include "spec/read.h"

#define PLANS_MAX 65536U

typedef struct Reader {
    int fd;
    const char *folder;
    plans_bad_t bad;
    void *userdata;
    Plans plans;
    size_t allocated;
} Reader;

/* Newer than this is not told apart from what comes next: some ticks of the kernel's clock. */
#define STAMP_AGE_USEC (100 * USEC_PER_MSEC)

/* A file that is read. */
typedef struct PlanFile {
    char *name; /* of the service */
    char *path;
} PlanFile;

static void plan_file_done(PlanFile *file)
{
    free(file->name);
    free(file->path);
}

void plans_done(Plans *plans)
{
    for (size_t i = 0; i < plans->n; i++)
        plan_free(plans->items[i]);
    for (size_t i = 0; i < plans->n_policies; i++)
        spec_free(plans->policies[i]);
    for (size_t i = 0; i < plans->n_collectors; i++)
        spec_free(plans->collectors[i]);
    free(plans->items);
    free(plans->policies);
    free(plans->collectors);
    *plans = (Plans){0};
}

static void reader_done(Reader *reader)
{
    plans_done(&reader->plans);
    cleanup_close(&reader->fd);
}

static void say_bad(const Reader *reader, const char *path, const char *message)
{
    if (reader->bad)
        reader->bad(path, message, reader->userdata);
}

static int say_findings(const Reader *reader, const char *path, const DiagList *diags)
{
    for (size_t i = 0; i < diags->n; i++) {
        const Diag *diag = &diags->items[i];
        if (diag->severity != DIAG_ERROR)
            continue;
        _cleanup_free_ char *message =
            text_printf("%s%s%s", diag->key, diag->key[0] ? ": " : "", diag->message);
        if (!message)
            return -ENOMEM;
        say_bad(reader, path, message);
        return 0;
    }
    say_bad(reader, path, "is no plan");
    return 0;
}

/* Of policies and collectors there are few, so they stay as they were read. Takes the spec. Returns
 * 0 or -ENOMEM. */
static int add_spec(Spec ***specs, size_t *n, Spec **spec)
{
    Spec **grown = reallocarray(*specs, *n + 1, sizeof(Spec *));

    if (!grown)
        return -ENOMEM;
    *specs = grown;
    grown[(*n)++] = TAKE_PTR(*spec);
    return 0;
}

/* Returns 1 when there is a plan of a service, 0 when it is that of a policy or a collector, which
 * is kept, or bad (and was said), or -ENOMEM. */
static int parse(Reader *reader, const PlanFile *file, const char *text, size_t size, Plan **ret)
{
    _cleanup_diag_list_ DiagList diags = {0};
    _cleanup_spec_free_ Spec *spec = NULL;

    int r = spec_read_plan(text, size, file->path, &diags, &spec);
    if (r < 0)
        return r;
    if (r == SPEC_INVALID || !spec)
        return say_findings(reader, file->path, &diags);
    if (!spec->name || !streq(spec->name, file->name)) {
        say_bad(reader, file->path, "has the name of another service in it");
        return 0;
    }
    if (spec->type == SPEC_TYPE_POLICY)
        return add_spec(&reader->plans.policies, &reader->plans.n_policies, &spec);
    if (spec->type == SPEC_TYPE_COLLECTOR)
        return add_spec(&reader->plans.collectors, &reader->plans.n_collectors, &spec);
    r = plan_new(file->name, hash64(HASH64_START, text, size), spec, ret);
    return r < 0 ? r : 1;
}

/* As parse(). */
static int read_plan(Reader *reader, const char *entry, const PlanFile *file, Plan **ret)
{
    _cleanup_free_ char *text = NULL;
    size_t size;

    int r = file_read(reader->fd, entry, SPEC_SIZE_MAX, &text, &size);
    if (r == -ENOMEM)
        return r;
    if (r == -ENOENT) /* a reload has just replaced the folder */
        return 0;
    if (r < 0) {
        say_bad(reader, file->path, strerror(-r));
        return 0;
    }
    return parse(reader, file, text, size, ret);
}

static int append(Reader *reader, Plan *plan)
{
    Plans *plans = &reader->plans;

    if (plans->n == reader->allocated) {
        size_t allocated = MAX(2 * plans->n, (size_t)16);
        Plan **grown = reallocarray(plans->items, allocated, sizeof(Plan *));
        if (!grown) {
            plan_free(plan);
            return -ENOMEM;
        }
        plans->items = grown;
        reader->allocated = allocated;
    }
    plans->items[plans->n++] = plan;
    return 0;
}

/* Everything that is not NAME.json was not written by the generator as a plan. */
static char *name_of_entry(const char *entry)
{
    const char *dot = strrchr(entry, '.');

    return dot && streq(dot, ".json") ? strndup(entry, (size_t)(dot - entry)) : NULL;
}

static int add_file(Reader *reader, const char *entry)
{
    _cleanup_(plan_file_done) PlanFile file = {.name = name_of_entry(entry)};
    Plan *plan = NULL;

    if (!file.name || !spec_name_valid(file.name))
        return 0;
    file.path = text_printf("%s/%s", reader->folder, entry);
    if (!file.path)
        return -ENOMEM;
    if (reader->plans.n + reader->plans.n_policies + reader->plans.n_collectors >= PLANS_MAX) {
        say_bad(reader, file.path, "is one plan too many");
        return 0;
    }
    int r = read_plan(reader, entry, &file, &plan);
    return r > 0 ? append(reader, plan) : r;
}

static int add_files(Reader *reader)
{
    _cleanup_closedir_ DIR *dir = NULL;
    struct dirent *entry;
    int fd = fcntl(reader->fd, F_DUPFD_CLOEXEC, 3);

    if (fd < 0)
        return -errno;
    dir = fdopendir(fd);
    if (!dir) {
        int r = -errno;
        close(fd);
        return r;
    }
    while (errno = 0, (entry = readdir(dir))) {
        int r = add_file(reader, entry->d_name);
        if (r < 0)
            return r;
    }
    return -errno;
}

static int compare(const void *a, const void *b)
{
    return strcmp((*(const Plan *const *)a)->name, (*(const Plan *const *)b)->name);
}

static int compare_specs(const void *a, const void *b)
{
    return strcmp((*(const Spec *const *)a)->name, (*(const Spec *const *)b)->name);
}

static void sort_specs(Spec **specs, size_t n)
{
    if (n > 1)
        qsort(specs, n, sizeof(Spec *), compare_specs);
}

int plans_read(const char *folder, plans_bad_t bad, void *userdata, Plans *ret)
{
    _cleanup_(reader_done) Reader reader = {
        .fd = -1,
        .folder = folder,
        .bad = bad,
        .userdata = userdata,
    };

    assert(folder && ret);

    reader.fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (reader.fd < 0 && errno != ENOENT)
        return -errno;
    int r = reader.fd < 0 ? 0 : add_files(&reader);
    if (r < 0)
        return r;
    if (reader.plans.n > 1)
        qsort(reader.plans.items, reader.plans.n, sizeof(Plan *), compare);
    sort_specs(reader.plans.policies, reader.plans.n_policies);
    sort_specs(reader.plans.collectors, reader.plans.n_collectors);
    *ret = reader.plans;
    reader.plans = (Plans){0};
    return 0;
}

PlansStamp plans_stamp(const char *folder)
{
    struct timespec now = {0};
    struct stat st;

    if (stat(folder, &st) < 0 || clock_gettime(CLOCK_REALTIME, &now) < 0)
        return (PlansStamp){0};
    int64_t age_usec = (now.tv_sec - st.st_mtim.tv_sec) * (int64_t)USEC_PER_SEC +
                       (now.tv_nsec - st.st_mtim.tv_nsec) / (int64_t)NSEC_PER_USEC;
    if (age_usec < (int64_t)STAMP_AGE_USEC)
        return (PlansStamp){0};
    return (PlansStamp){.dev = st.st_dev, .ino = st.st_ino, .changed = st.st_mtim};
}

bool plans_stamp_same(const PlansStamp *a, const PlansStamp *b)
{
    return a->ino != 0 && a->dev == b->dev && a->ino == b->ino &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

int plans_folder(bool user, char **ret)
{
    const char *folder = getenv("PHOENIX_PLAN_DIR"), *runtime = getenv("XDG_RUNTIME_DIR");
    char *path;

    if (folder && folder[0])
        path = strdup(folder);
    else if (!user)
        path = strdup("/run/systemd/generator/phoenix");
    else if (runtime && runtime[0] == '/')
        path = text_printf("%s/systemd/generator/phoenix", runtime);
    else
        return -ENXIO;
    if (!path)
        return -ENOMEM;
    *ret = path;
    return 0;
}
