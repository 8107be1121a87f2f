/* SPDX-License-Identifier: MIT */

/* Files in a folder of specs. */

#include "cli/deploy/install.h"

#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/text.h"
#include "spec/spec.h"

#define FOLDER_MODE 0755

void install_done(Install *install)
{
    free(install->path);
    free(install->kept);
    *install = (Install){0};
}

static int make_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    _cleanup_free_ char *folder = NULL;

    if (!slash || slash == path)
        return 0;
    folder = strndup(path, (size_t)(slash - path));
    return folder ? dir_make(folder, FOLDER_MODE) : -ENOMEM;
}

static bool has_text(const char *path, const char *text, size_t size)
{
    _cleanup_free_ char *present = NULL;
    size_t present_size;

    return file_read(AT_FDCWD, path, SPEC_SIZE_MAX, &present, &present_size) >= 0 &&
           present_size == size && memcmp(present, text, size) == 0;
}

/* A second name for the present file, so that there is no moment without it. */
static int keep_old(const char *path, char **ret_kept)
{
    _cleanup_free_ char *kept = text_printf("%s.old", path);

    if (!kept)
        return -ENOMEM;
    if (unlink(kept) < 0 && errno != ENOENT)
        return -errno;
    if (link(path, kept) < 0)
        return errno == ENOENT ? 0 : -errno;
    *ret_kept = TAKE_PTR(kept);
    return 0;
}

int install_file(const char *path, const char *text, size_t size, mode_t mode, Install *ret)
{
    _cleanup_install_ Install install = {.path = strdup(path)};
    int r;

    if (!install.path)
        return -ENOMEM;
    install.changed = !has_text(path, text, size);
    if (install.changed) {
        r = make_folder_of(path);
        if (r >= 0)
            r = keep_old(path, &install.kept);
        if (r >= 0)
            r = file_write_atomic(AT_FDCWD, path, text, size, mode, true);
        if (r < 0)
            return r;
    }
    *ret = install;
    install = (Install){0};
    return 0;
}

int install_undo(Install *install)
{
    if (!install->changed)
        return 0;
    if (install->kept ? rename(install->kept, install->path) < 0 : unlink(install->path) < 0)
        return -errno;
    install->changed = false;
    return 0;
}
