/* SPDX-License-Identifier: MIT */
/*
 * Printing units, behind dry-run.h.
 */
#include "generator/dry-run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "base/file.h"
#include "base/strv.h"
#include "base/text.h"

#define FILE_MAX (16U * 1024U * 1024U)

static void print_blank_line(FILE *out, bool *first)
{
    if (!*first)
        fputc('\n', out);
    *first = false;
}

static int print_entry(const char *folder, const char *name, const char *shown, FILE *out,
                       bool *first);

/* Prints a folder's entries in the order of their names. */
static int print_folder(const char *folder, const char *shown, FILE *out, bool *first)
{
    _cleanup_strv_free_ char **names = NULL;
    int r = 0;

    _cleanup_closedir_ DIR *dir = opendir(folder);
    if (!dir)
        return -errno;
    for (struct dirent *entry; r >= 0 && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            r = strv_push(&names, entry->d_name);
    strv_sort(names);
    for (char **name = names; r >= 0 && name && *name; name++)
        r = print_entry(folder, *name, shown, out, first);
    return r;
}

static int print_entry(const char *folder, const char *name, const char *shown, FILE *out,
                       bool *first)
{
    _cleanup_free_ char *path = text_printf("%s/%s", folder, name);
    _cleanup_free_ char *shown_path = text_printf("%s/%s", shown, name);
    _cleanup_free_ char *contents = NULL;
    char target[PATH_MAX];

    if (!path || !shown_path)
        return -ENOMEM;
    ssize_t n = readlink(path, target, sizeof(target));
    if (n >= 0) {
        print_blank_line(out, first);
        fprintf(out, "# %s -> %.*s\n", shown_path, (int)n, target);
        return 0;
    }
    int r = file_read(AT_FDCWD, path, FILE_MAX, &contents, NULL);
    if (r == -EISDIR)
        return print_folder(path, shown_path, out, first);
    if (r < 0)
        return r;
    print_blank_line(out, first);
    fprintf(out, "# %s\n%s", shown_path, contents);
    return 0;
}

int dry_run(const GenerateOptions *options, const Platform *platform, SpecSet *set, FILE *out)
{
    const char *tmp = getenv("TMPDIR");
    _cleanup_free_ char *folder =
        text_printf("%s/phoenix-dry-run-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");
    GenerateOptions inside = *options;
    bool first = true;

    if (!folder)
        return -ENOMEM;
    if (!mkdtemp(folder))
        return -errno;
    inside.folder = folder;
    int r = generate(&inside, platform, set);
    if (r >= 0)
        r = print_folder(folder, options->known_as, out, &first);
    dir_remove_tree(folder);
    return r;
}
