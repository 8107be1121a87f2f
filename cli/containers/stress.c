/* SPDX-License-Identifier: MIT */

/* Names and files of the stress workload. */

#include "cli/containers/stress.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>

#include "base/file.h"
#include "base/text.h"

#define PREFIX       "phoenix-stress-"
#define TEMPLATE_MAX 65536U
#define ID_LENGTH    8U

const char *const stress_kinds[STRESS_KINDS] = {"cpu", "io", "ram", "disk"};

size_t stress_kind_of_unit(const char *unit)
{
    if (strncmp(unit, PREFIX, strlen(PREFIX)) != 0)
        return STRESS_KINDS;
    unit += strlen(PREFIX);
    for (size_t i = 0; i < STRESS_KINDS; i++) {
        size_t n = strlen(stress_kinds[i]);
        if (strncmp(unit, stress_kinds[i], n) == 0 && unit[n] == '@')
            return i;
    }
    return STRESS_KINDS;
}

/* 252 is a multiple of 36, and of 4: what is above would make some characters likelier. */
static unsigned char random_below_252(void)
{
    unsigned char byte;

    do
        if (getrandom(&byte, 1, 0) != 1)
            return 0;
    while (byte >= 252);
    return byte;
}

char *stress_random_unit(void)
{
    static const char characters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    char id[ID_LENGTH + 1] = "";

    for (size_t i = 0; i < ID_LENGTH; i++)
        id[i] = characters[random_below_252() % 36];
    return text_printf(PREFIX "%s@%s.service", stress_kinds[random_below_252() % STRESS_KINDS], id);
}

int stress_quadlet_folder(SpecScope scope, char **ret)
{
    const char *runtime = getenv("XDG_RUNTIME_DIR");
    char *folder;

    if (scope == SPEC_SCOPE_SYSTEM)
        folder = strdup("/run/containers/systemd");
    else if (runtime && runtime[0] == '/')
        folder = text_printf("%s/containers/systemd", runtime);
    else
        return -ENXIO;
    if (!folder)
        return -ENOMEM;
    *ret = folder;
    return 0;
}

static char *template_of(const char *folder, size_t kind)
{
    return text_printf("%s/" PREFIX "%s@.container", folder, stress_kinds[kind]);
}

static int copy(const char *from, const char *to)
{
    _cleanup_free_ char *text = NULL;
    size_t size;

    int r = file_read(AT_FDCWD, from, TEMPLATE_MAX, &text, &size);
    return r < 0 ? r : file_write_atomic(AT_FDCWD, to, text, size, 0644, false);
}

int stress_install(SpecScope scope, char **ret_path)
{
    const char *source = getenv("PHOENIX_STRESS_DIR");
    _cleanup_free_ char *folder = NULL;

    int r = stress_quadlet_folder(scope, &folder);
    if (r >= 0)
        r = dir_make(folder, 0755);
    for (size_t i = 0; r >= 0 && i < STRESS_KINDS; i++) {
        _cleanup_free_ char *from = template_of(source ? source : PHOENIX_STRESS_DIR, i);
        _cleanup_free_ char *to = template_of(folder, i);
        r = from && to ? copy(from, to) : -ENOMEM;
        if (r < 0)
            *ret_path = TAKE_PTR(to);
    }
    return r;
}

int stress_remove(SpecScope scope, char **ret_path)
{
    _cleanup_free_ char *folder = NULL;

    int r = stress_quadlet_folder(scope, &folder);
    for (size_t i = 0; r >= 0 && i < STRESS_KINDS; i++) {
        _cleanup_free_ char *path = template_of(folder, i);
        if (!path)
            return -ENOMEM;
        if (unlink(path) >= 0 || errno == ENOENT)
            continue;
        r = -errno;
        *ret_path = TAKE_PTR(path);
    }
    return r;
}
