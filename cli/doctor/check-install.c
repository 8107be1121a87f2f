/* SPDX-License-Identifier: MIT */

/* Whether Phoenix is installed whole: its generators and the programs that its units run. */

#include <sys/stat.h>

#include "cli/doctor/checks.h"
#include "cli/doctor/mend.h"

#define GENERATOR "phoenix-generator"

#define INSTALL_AGAIN " Install Phoenix again, it is not whole."

typedef enum GeneratorState {
    GENERATOR_GOOD,
    GENERATOR_NONE,
    GENERATOR_MASKED,
    GENERATOR_NOT_EXECUTABLE,
} GeneratorState;

typedef struct GeneratorFile {
    GeneratorState state;
    char *path;
} GeneratorFile;

/* As systemd does, systemd.generator(7): the first of the name wins, a link to /dev/null or an
 * empty file hides those behind it, and what may not be executed does not count. */
static GeneratorFile find_generator(const Machine *machine, const char *scope)
{
    static const char *const folders[] = {
        "/run/systemd",
        "/etc/systemd",
        "/usr/local/lib/systemd",
        "/usr/lib/systemd",
    };
    GeneratorFile file = {.state = GENERATOR_NONE};

    for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
        _cleanup_free_ char *path = text_printf("%s/%s-generators/" GENERATOR, folders[i], scope);
        _cleanup_free_ char *whole = path ? machine_path(machine, path) : NULL;
        struct stat st;

        if (!whole || stat(whole, &st) < 0)
            continue;
        free(file.path);
        file.path = TAKE_PTR(path);
        file.state = GENERATOR_GOOD;
        if (!S_ISREG(st.st_mode) || st.st_size == 0)
            file.state = GENERATOR_MASKED;
        else if (!(st.st_mode & 0111))
            file.state = GENERATOR_NOT_EXECUTABLE;
        if (file.state != GENERATOR_NOT_EXECUTABLE)
            break;
    }
    return file;
}

/* The generator of users is a link to the system's. */
static bool can_link(const Machine *machine, const char *scope)
{
    return streq(scope, "user") &&
           machine_is_program(machine, "/usr/lib/systemd/system-generators/" GENERATOR);
}

static void add_lacking_generator(Doctor *doctor, const GeneratorFile *file, const char *scope,
                                  bool own)
{
    static const char *const found[] = {
        [GENERATOR_NONE] = "not installed for",
        [GENERATOR_MASKED] = "masked for",
        [GENERATOR_NOT_EXECUTABLE] = "not executable for",
    };
    void (*add)(Doctor *, const char *, ...) = own ? doctor_add_missing : doctor_add_warning;

    add(doctor, "%s the %s manager%s", found[file->state], scope, own ? "" : ", the other one");
    doctor_add_meaning(
        doctor, "From its next reload on, the %s manager has no units of specs.%s", scope,
        file->state == GENERATOR_NONE && !can_link(doctor->machine, scope) ? INSTALL_AGAIN : "");
    if (file->state == GENERATOR_NOT_EXECUTABLE)
        doctor_add_root_mend(doctor, "chmod 755 %s", file->path);
    else if (file->state == GENERATOR_MASKED)
        doctor_add_root_mend(doctor, "rm %s", file->path);
    else if (can_link(doctor->machine, scope))
        doctor_add_root_mend(doctor, "mkdir -p /usr/lib/systemd/user-generators && "
                                     "ln -s ../system-generators/" GENERATOR
                                     " /usr/lib/systemd/user-generators/" GENERATOR);
    if (own && (file->state != GENERATOR_NONE || can_link(doctor->machine, scope)))
        doctor_add_mend(doctor, "%s daemon-reload", mend_systemctl(doctor));
}

static bool check_generator_of(Doctor *doctor, const char *scope, bool own)
{
    GeneratorFile file = find_generator(doctor->machine, scope);
    bool good = file.state == GENERATOR_GOOD;

    if (!good)
        add_lacking_generator(doctor, &file, scope, own);
    free(file.path);
    return good;
}

void check_generator(Doctor *doctor)
{
    bool user = doctor->machine->scope == SPEC_SCOPE_USER;
    bool own = check_generator_of(doctor, user ? "user" : "system", true);
    bool other = check_generator_of(doctor, user ? "system" : "user", false);

    if (own && other)
        doctor_add_ok(doctor, "installed for both managers");
}

typedef struct Program {
    const char *name;
    unsigned needs;
    const char *without;
    bool spare; /* looked for only when a service needs it */
} Program;

static const Program programs[] = {
    {"phoenix-stub", NEED_ANY, "Services that cannot run do not say why."},
    {"phoenixd", NEED_SUPERVISION | NEED_CONTAINER, "Nobody makes health checks."},
    {"phoenix-lease", NEED_SUPERVISION | NEED_CONTAINER,
     "Containers, and services with health checks, do not start."},
    {"phoenix-abort", NEED_CONTAINER,
     "A container that hangs is ended only after the stop timeout of Podman."},
    {"phoenix-idle", NEED_IDLE, "Services that nobody uses are neither stopped nor frozen.",
     .spare = true},
    {"phoenix-once", NEED_ANY, "Services with hooks that run once do not start."},
};

static bool is_looked_for(const Doctor *doctor, const Program *program)
{
    return !program->spare || (doctor->needs & program->needs);
}

/* What is not there at all is one finding: Phoenix is not installed whole. */
static size_t add_absent_programs(Doctor *doctor)
{
    _cleanup_text_ Text names = {0}, without = {0};
    size_t n = 0;

    doctor->check_needs = 0;
    for (size_t i = 0; i < ELEMENTSOF(programs); i++) {
        _cleanup_free_ char *path = text_printf(PHOENIX_LIBEXECDIR "/%s", programs[i].name);

        if (!path || !is_looked_for(doctor, &programs[i]) || machine_has(doctor->machine, path))
            continue;
        text_addf(&names, "%s%s", n > 0 ? ", " : "", programs[i].name);
        text_addf(&without, "%s%s", n > 0 ? " " : "", programs[i].without);
        doctor->check_needs |= programs[i].needs;
        n++;
    }
    if (n > 0 && names.error >= 0 && without.error >= 0) {
        doctor_add_lack(doctor, "not in " PHOENIX_LIBEXECDIR ": %s", names.data);
        doctor_add_meaning(doctor, "%s" INSTALL_AGAIN, without.data);
    }
    return n;
}

void check_programs(Doctor *doctor)
{
    size_t lacking = add_absent_programs(doctor);

    for (size_t i = 0; i < ELEMENTSOF(programs); i++) {
        const Program *program = &programs[i];
        _cleanup_free_ char *path = text_printf(PHOENIX_LIBEXECDIR "/%s", program->name);

        if (!path || !is_looked_for(doctor, program) || !machine_has(doctor->machine, path) ||
            machine_is_program(doctor->machine, path))
            continue;
        lacking++;
        doctor->check_needs = program->needs;
        doctor_add_lack(doctor, "%s is not executable", program->name);
        doctor_add_meaning(doctor, "%s", program->without);
        doctor_add_root_mend(doctor, "chmod 755 %s", path);
    }
    if (lacking == 0)
        doctor_add_ok(doctor, "all there, in %s", PHOENIX_LIBEXECDIR);
}
