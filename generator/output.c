/* SPDX-License-Identifier: MIT */
/*
 * Writing units, behind output.h.
 */
#include "generator/output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"

void output_done(Output *output)
{
    if (!output)
        return;
    free(output->path);
    cleanup_close(&output->fd);
    *output = (Output){.fd = -1};
}

int output_open(const char *path, Output *ret)
{
    _cleanup_output_ Output output = {.fd = -1};

    int r = dir_make(path, 0755);
    if (r < 0)
        return r;
    output.path = strdup(path);
    if (!output.path)
        return -ENOMEM;
    output.fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (output.fd < 0)
        return -errno;
    if (mkdirat(output.fd, "phoenix", 0755) < 0 && errno != EEXIST)
        return -errno;
    *ret = output;
    output = (Output){.fd = -1};
    return 0;
}

int output_file(const Output *output, const char *name, const Text *text)
{
    if (text->error < 0)
        return text->error;
    return file_write_atomic(output->fd, name, text->data ? text->data : "", text->size, 0644,
                             false);
}

int output_link(const Output *output, const char *folder, const char *name, const char *target)
{
    _cleanup_free_ char *path = text_printf("%s/%s", folder, name);

    if (!path)
        return -ENOMEM;
    int r = symlink_atomic(output->fd, target, path);
    if (r != -ENOENT)
        return r;
    if (mkdirat(output->fd, folder, 0755) < 0 && errno != EEXIST)
        return -errno;
    return symlink_atomic(output->fd, target, path);
}
