/* SPDX-License-Identifier: MIT */
/*
 * Walking the spec folders. The result depends on what is in them and never on the order in which a
 * file system lists it.
 */
#include "spec/scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/macros.h"
#include "base/strv.h"
#include "base/text.h"

static void spec_file_done(SpecFile *file)
{
    free(file->path);
    free(file->stem);
    strv_free(file->shadows);
}

void spec_files_done(SpecFiles *files)
{
    for (size_t i = 0; i < files->n; i++)
        spec_file_done(&files->items[i]);
    free(files->items);
    *files = (SpecFiles){0};
}

static int push_folder(char ***folders, const char *parent, const char *below)
{
    char *path = text_printf("%s%s", parent, below);

    return path ? strv_consume(folders, path) : -ENOMEM;
}

/* The user's own folders, as far as the environment tells where they are. */
static int push_user_folders(char ***folders)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    int r = 0;

    if (config && config[0] == '/')
        r = push_folder(folders, config, "/phoenix.d");
    else if (home && home[0] == '/')
        r = push_folder(folders, home, "/.config/phoenix.d");
    if (r >= 0 && runtime && runtime[0] == '/')
        r = push_folder(folders, runtime, "/phoenix.d");
    return r;
}

int spec_folders(SpecScope scope, char ***ret)
{
    static const char *const system[] = {"/etc/phoenix.d", "/run/phoenix.d",
                                         "/usr/local/lib/phoenix.d", "/usr/lib/phoenix.d"};
    _cleanup_strv_free_ char **folders = NULL;
    const char *override = getenv("PHOENIX_SPEC_PATH");
    int r = 0;

    if (override)
        return strv_split(override, ":", ret);
    if (scope == SPEC_SCOPE_USER)
        r = push_user_folders(&folders);
    for (size_t i = 0; r >= 0 && i < ELEMENTSOF(system); i++)
        r = push_folder(&folders, system[i], "");
    if (r < 0)
        return r;
    *ret = TAKE_PTR(folders);
    return 0;
}

static bool is_spec_name(const char *name)
{
    size_t n = strlen(name);

    return name[0] != '.' && n > 5 && streq(name + n - 5, ".json");
}

/* As systemd masks a unit file: a link to /dev/null, or an empty file. */
static bool is_mask(int dirfd, const char *name)
{
    char target[PATH_MAX];
    struct stat st;

    ssize_t n = readlinkat(dirfd, name, target, sizeof(target));
    if (n == 9 && memcmp(target, "/dev/null", 9) == 0)
        return true;
    return fstatat(dirfd, name, &st, 0) >= 0 && S_ISREG(st.st_mode) && st.st_size == 0;
}

static int files_append(SpecFiles *files, const char *folder, int dirfd, const char *name)
{
    if (files->n == files->allocated) {
        size_t allocated = files->allocated ? files->allocated * 2 : 16;
        SpecFile *items = reallocarray(files->items, allocated, sizeof(SpecFile));
        if (!items)
            return -ENOMEM;
        files->items = items;
        files->allocated = allocated;
    }
    SpecFile file = {
        .path = text_printf("%s/%s", folder, name),
        .stem = strndup(name, strlen(name) - 5),
        .masked = is_mask(dirfd, name),
    };
    if (!file.path || !file.stem) {
        spec_file_done(&file);
        return -ENOMEM;
    }
    files->items[files->n++] = file;
    return 0;
}

static int scan_folder(const char *folder, SpecFiles *files)
{
    _cleanup_closedir_ DIR *dir = opendir(folder);
    struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        if (!is_spec_name(entry->d_name))
            continue;
        int r = files_append(files, folder, dirfd(dir), entry->d_name);
        if (r < 0)
            return r;
    }
    return 0;
}

/* An entry remembers in which folder it was found, so that a sort by name keeps precedence. */
typedef struct Ranked {
    SpecFile file;
    size_t rank;
} Ranked;

static int compare_ranked(const void *a, const void *b)
{
    const Ranked *left = a, *right = b;
    int c = strcmp(left->file.stem, right->file.stem);

    if (c != 0)
        return c;
    return left->rank < right->rank ? -1 : left->rank > right->rank;
}

/* Keeps the first file of each name; the others become its shadows. Takes over all of ranked. */
static int keep_winners(Ranked *ranked, size_t n, SpecFiles *ret)
{
    SpecFile *items = calloc(n ? n : 1, sizeof(SpecFile));
    size_t kept = 0;
    int r = items ? 0 : -ENOMEM;

    for (size_t i = 0; i < n; i++) {
        SpecFile *file = &ranked[i].file;
        if (r >= 0 && kept > 0 && streq(items[kept - 1].stem, file->stem)) {
            r = strv_push(&items[kept - 1].shadows, file->path);
            spec_file_done(file);
        } else if (r >= 0) {
            items[kept++] = *file;
        } else {
            spec_file_done(file);
        }
    }
    SpecFiles files = {.items = items, .n = kept, .allocated = n};
    if (r < 0) {
        spec_files_done(&files);
        return r;
    }
    *ret = files;
    return 0;
}

int spec_scan(char *const *folders, SpecFiles *ret)
{
    _cleanup_(spec_files_done) SpecFiles found = {0};
    _cleanup_free_ size_t *ranks = NULL;
    size_t ranked_n = 0, rank = 0;
    int r = 0;

    STRV_FOREACH (folder, folders) {
        r = scan_folder(*folder, &found);
        size_t *grown = reallocarray(ranks, found.n + 1, sizeof(size_t));
        if (!grown)
            return -ENOMEM;
        ranks = grown;
        while (ranked_n < found.n)
            ranks[ranked_n++] = rank;
        rank++;
        if (r < 0)
            return r;
    }

    _cleanup_free_ Ranked *ranked = calloc(found.n ? found.n : 1, sizeof(Ranked));
    if (!ranked)
        return -ENOMEM;
    for (size_t i = 0; i < found.n; i++)
        ranked[i] = (Ranked){.file = found.items[i], .rank = ranks[i]};
    size_t n = found.n;
    found.n = 0;
    qsort(ranked, n, sizeof(Ranked), compare_ranked);
    return keep_winners(ranked, n, ret);
}
