/* SPDX-License-Identifier: MIT */

/* Stands in for libFuzzer: runs the target once over every file named, and every file in every
 * folder named. Past findings live in the corpus, so this is their regression test. */

#include <fcntl.h>
#include <stdbool.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"
#include "fuzz.h"

#define INPUT_MAX ((size_t)16 * 1024 * 1024)

static bool run_file(const char *path)
{
    _cleanup_free_ char *data = NULL;
    size_t size;
    int r;

    r = file_read(AT_FDCWD, path, INPUT_MAX, &data, &size);
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", path, strerror(-r));
        return false;
    }
    printf("%s\n", path);
    fflush(stdout);
    LLVMFuzzerTestOneInput((const uint8_t *)data, size);
    return true;
}

/* False when the folder cannot be read or holds nothing: then nothing was tested. */
static bool run_folder(const char *path)
{
    _cleanup_closedir_ DIR *dir = opendir(path);
    struct dirent *de;
    unsigned files = 0;

    while (dir && (de = readdir(dir))) {
        _cleanup_free_ char *file = NULL;

        if (de->d_name[0] == '.')
            continue;
        file = text_printf("%s/%s", path, de->d_name);
        if (!file || !run_file(file))
            return false;
        files++;
    }
    if (files == 0)
        fprintf(stderr, "%s: no files\n", path);
    return files > 0;
}

int main(int argc, char *argv[])
{
    bool good = argc > 1;

    for (int i = 1; i < argc; i++) {
        _cleanup_close_ int fd = open(argv[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        good = (fd >= 0 ? run_folder(argv[i]) : run_file(argv[i])) && good;
    }
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
