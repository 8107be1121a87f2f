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
#include <inttypes.h>

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

static void plan_done(Plan *plan)
{
    free(plan->name);
    free(plan->path);
    free(plan->hash);
    spec_free(plan->spec);
    *plan = (Plan){0};
}

void plans_done(Plans *plans)
{
    for (size_t i = 0; i < plans->n; i++)
        plan_done(&plans->items[i]);
    free(plans->items);
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

/* Returns 1 when there is a plan, 0 when it is bad (and was said), or -ENOMEM. */
static int parse(const Reader *reader, const char *text, size_t size, Plan *plan)
{
    _cleanup_diag_list_ DiagList diags = {0};

    int r = spec_read_plan(text, size, plan->path, &diags, &plan->spec);
    if (r < 0)
        return r;
    if (r == SPEC_INVALID || !plan->spec)
        return say_findings(reader, plan->path, &diags);
    if (!plan->spec->name || !streq(plan->spec->name, plan->name)) {
        say_bad(reader, plan->path, "has the name of another service in it");
        return 0;
    }
    plan->hash = text_printf("%016" PRIx64, hash64(HASH64_START, text, size));
    return plan->hash ? 1 : -ENOMEM;
}

/* As parse(). */
static int read_plan(const Reader *reader, const char *file, Plan *plan)
{
    _cleanup_free_ char *text = NULL;
    size_t size;

    int r = file_read(reader->fd, file, SPEC_SIZE_MAX, &text, &size);
    if (r == -ENOMEM)
        return r;
    if (r == -ENOENT) /* a reload has just replaced the folder */
        return 0;
    if (r < 0) {
        say_bad(reader, plan->path, strerror(-r));
        return 0;
    }
    return parse(reader, text, size, plan);
}

static int append(Reader *reader, Plan *plan)
{
    Plans *plans = &reader->plans;

    if (plans->n == reader->allocated) {
        size_t allocated = MAX(2 * plans->n, (size_t)16);
        Plan *grown = reallocarray(plans->items, allocated, sizeof(Plan));
        if (!grown)
            return -ENOMEM;
        plans->items = grown;
        reader->allocated = allocated;
    }
    plans->items[plans->n++] = *plan;
    *plan = (Plan){0};
    return 0;
}

/* Everything that is not NAME.json was not written by the generator as a plan. */
static char *name_of_file(const char *file)
{
    const char *dot = strrchr(file, '.');

    return dot && streq(dot, ".json") ? strndup(file, (size_t)(dot - file)) : NULL;
}

static int add_file(Reader *reader, const char *file)
{
    _cleanup_(plan_done) Plan plan = {.name = name_of_file(file)};

    if (!plan.name || !spec_name_valid(plan.name))
        return 0;
    plan.path = text_printf("%s/%s", reader->folder, file);
    if (!plan.path)
        return -ENOMEM;
    if (reader->plans.n >= PLANS_MAX) {
        say_bad(reader, plan.path, "is one plan too many");
        return 0;
    }
    int r = read_plan(reader, file, &plan);
    return r > 0 ? append(reader, &plan) : r;
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
    return strcmp(((const Plan *)a)->name, ((const Plan *)b)->name);
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
        qsort(reader.plans.items, reader.plans.n, sizeof(Plan), compare);
    *ret = reader.plans;
    reader.plans = (Plans){0};
    return 0;
}

const Plan *plans_find(const Plans *plans, const char *name)
{
    Plan key = {.name = (char *)name};

    if (plans->n == 0)
        return NULL;
    return bsearch(&key, plans->items, plans->n, sizeof(Plan), compare);
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
