/* SPDX-License-Identifier: MIT */

/* Looking at files of the machine, all below its root. */

#include "cli/doctor/machine.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"

#define FILE_MAX (1024U * 1024U)

/* Where systemd lets units find programs, and the folders of root on older layouts. */
static const char *const program_folders[] = {
    "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
};

void machine_done(Machine *machine)
{
    free(machine->user);
    free(machine->home);
    free(machine->runtime_dir);
    free(machine->release);
    free(machine->podman);
    free(machine->quadlet);
    free(machine->no_manager);
    free(machine->systemd);
    free(machine->control_group);
    unit_states_done(&machine->states);
    unit_state_done(&machine->socket);
    free(machine->no_supervision);
    supervision_done(&machine->supervision);
    free(machine->collector.open);
    free(machine->no_libcurl);
    *machine = (Machine){0};
}

char *machine_path(const Machine *machine, const char *path)
{
    return text_printf("%s%s", machine->root, path);
}

char *machine_read(const Machine *machine, const char *path)
{
    _cleanup_free_ char *whole = machine_path(machine, path);
    char *text = NULL;

    if (!whole || file_read(AT_FDCWD, whole, FILE_MAX, &text, NULL) < 0)
        return NULL;
    return text;
}

char *machine_read_line(const Machine *machine, const char *path)
{
    char *text = machine_read(machine, path);

    if (text)
        for (size_t n = strlen(text); n > 0 && isspace((unsigned char)text[n - 1]); n--)
            text[n - 1] = '\0';
    return text;
}

bool machine_read_number(const Machine *machine, const char *path, uint64_t *ret)
{
    _cleanup_free_ char *text = machine_read_line(machine, path);
    unsigned long long n;
    char *end;

    if (!text || !isdigit((unsigned char)*text))
        return false;
    errno = 0;
    n = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0')
        return false;
    *ret = n;
    return true;
}

bool machine_has(const Machine *machine, const char *path)
{
    _cleanup_free_ char *whole = machine_path(machine, path);

    return whole && access(whole, F_OK) == 0;
}

bool machine_is_program(const Machine *machine, const char *path)
{
    _cleanup_free_ char *whole = machine_path(machine, path);
    struct stat st;

    return whole && stat(whole, &st) == 0 && S_ISREG(st.st_mode) && access(whole, X_OK) == 0;
}

char *machine_find_program(const Machine *machine, const char *name)
{
    for (size_t i = 0; i < ELEMENTSOF(program_folders); i++) {
        _cleanup_free_ char *path = text_printf("%s/%s", program_folders[i], name);

        if (path && machine_is_program(machine, path))
            return TAKE_PTR(path);
    }
    return NULL;
}

const char *machine_first(const Machine *machine, const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (machine_has(machine, paths[i]))
            return paths[i];
    return NULL;
}

const char *machine_find_quadlet(const Machine *machine)
{
    static const char *const paths[] = {
        "/usr/libexec/podman/quadlet",
        "/usr/lib/podman/quadlet",
    };

    for (size_t i = 0; i < ELEMENTSOF(paths); i++)
        if (machine_is_program(machine, paths[i]))
            return paths[i];
    return machine_first(machine, paths, ELEMENTSOF(paths));
}

/* Far less than any overflow. */
static unsigned number_at(const char *s)
{
    unsigned n = 0;

    for (; isdigit((unsigned char)*s) && n < 100000; s++)
        n = n * 10 + (unsigned)(*s - '0');
    return n;
}

unsigned version_parse(const char *text)
{
    const char *major = text ? text + strcspn(text, "0123456789") : "";
    const char *dot = major + strspn(major, "0123456789");

    if (!*major)
        return 0;
    return VERSION(number_at(major), *dot == '.' ? MIN(number_at(dot + 1), 999U) : 0U);
}

const UnitState *machine_service(const Machine *machine, const char *name)
{
    _cleanup_free_ char *unit = text_printf("phoenix@%s.service", name);

    return unit ? unit_states_find(&machine->states, unit) : NULL;
}

bool machine_runs(const Machine *machine, const char *name)
{
    const UnitState *state = machine_service(machine, name);

    return state && state->active_state && !streq(state->active_state, "inactive") &&
           !streq(state->active_state, "failed");
}
