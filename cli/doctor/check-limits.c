/* SPDX-License-Identifier: MIT */

/* Whether the limits of specs hold: the service manager can only pass on what it was given itself,
 * cgroup controllers and a number of open files. */

#include <ctype.h>
#include <inttypes.h>

#include "base/strv.h"
#include "cli/doctor/checks.h"
#include "cli/doctor/mend.h"

#define CGROUP_ROOT "/sys/fs/cgroup"

/* LimitNOFILE= of phoenixd.service: one for each lease, and as many again while checks are made. */
#define FILES_OF_PHOENIXD 65536U

/* What phoenixd needs for a service with checks. */
#define FILES_OF_SERVICE 4U
#define FILES_BASE       256U

static const char *const controllers[] = {"cpu", "io", "memory", "pids"};

/* The cgroup of the manager whose services they are, below CGROUP_ROOT. */
static char *manager_group(const Machine *machine)
{
    if (machine->scope == SPEC_SCOPE_SYSTEM)
        return strdup("");
    if (machine->control_group && *machine->control_group == '/' &&
        !strstr(machine->control_group, ".."))
        return strdup(machine->control_group);
    return text_printf("/user.slice/user-%u.slice/user@%u.service", machine->uid, machine->uid);
}

static char **read_controllers(const Machine *machine, const char *group)
{
    _cleanup_free_ char *path = text_printf(CGROUP_ROOT "%s/cgroup.controllers", group);
    _cleanup_free_ char *text = path ? machine_read_line(machine, path) : NULL;
    char **words = NULL;

    return text && strv_split(text, " \n", &words) >= 0 ? words : NULL;
}

static bool is_needed(const Doctor *doctor, const char *controller)
{
    const SpecEntry *entry;

    for (size_t i = 0; (entry = doctor_next_needing(doctor, NEED_LIMIT, &i));)
        if (needs_controller(entry->spec, controller))
            return true;
    return false;
}

/* The controllers that are not there for one and the same reason. */
typedef struct Lack {
    bool lacks[ELEMENTSOF(controllers)];
    size_t n;
    bool needed;
    Text names;
} Lack;

static void lack_add(Lack *lack, const Doctor *doctor, size_t i)
{
    text_addf(&lack->names, "%s%s", lack->n > 0 ? ", " : "", controllers[i]);
    lack->lacks[i] = true;
    lack->n++;
    lack->needed = lack->needed || is_needed(doctor, controllers[i]);
}

static bool is_limited(const Spec *spec, const Lack *lack)
{
    for (size_t i = 0; i < ELEMENTSOF(controllers); i++)
        if (lack->lacks[i] && needs_controller(spec, controllers[i]))
            return true;
    return false;
}

static void add_lack(Doctor *doctor, const Lack *lack, const char *why)
{
    void (*add)(Doctor *, const char *, ...) =
        lack->needed ? doctor_add_missing : doctor_add_warning;
    const SpecEntry *entry;

    if (lack->names.error < 0) {
        doctor->error = lack->names.error;
        return;
    }
    add(doctor, "%s: %s", lack->names.data, why);
    for (size_t i = 0; (entry = doctor_next_needing(doctor, NEED_LIMIT, &i));)
        if (is_limited(entry->spec, lack))
            doctor_add_service(doctor, entry->unit);
}

static void add_undelegated(Doctor *doctor, const Lack *lack)
{
    add_lack(doctor, lack, "not given to the manager of users");
    doctor_add_meaning(doctor,
                       "What \"limits\" say of it is not enforced. The last command ends all "
                       "services of %s, and starts those that start at boot.",
                       doctor->machine->user);
    doctor_add_root_mend(doctor, "mkdir -p /etc/systemd/system/user@.service.d && "
                                 "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' "
                                 ">/etc/systemd/system/user@.service.d/60-delegate.conf && "
                                 "systemctl daemon-reload");
    doctor_add_root_mend(doctor, "systemctl restart user@%u.service", doctor->machine->uid);
}

static void add_absent(Doctor *doctor, const Lack *lack)
{
    add_lack(doctor, lack, "not there");
    doctor_add_meaning(doctor,
                       "What \"limits\" say of it is not enforced. The kernel has no such "
                       "controller, or was booted without (cgroup_disable=; some boards "
                       "want cgroup_enable=memory), or the container that this machine is was "
                       "given none.");
}

void check_controllers(Doctor *doctor)
{
    _cleanup_free_ char *group = manager_group(doctor->machine);
    _cleanup_strv_free_ char **given = group ? read_controllers(doctor->machine, group) : NULL;
    _cleanup_strv_free_ char **of_kernel = read_controllers(doctor->machine, "");
    Lack undelegated = {0}, absent = {0};

    for (size_t i = 0; i < ELEMENTSOF(controllers); i++)
        if (!strv_contains(given, controllers[i]) &&
            (!doctor->only || is_needed(doctor, controllers[i])))
            lack_add(strv_contains(of_kernel, controllers[i]) ? &undelegated : &absent, doctor, i);
    if (undelegated.n > 0)
        add_undelegated(doctor, &undelegated);
    if (absent.n > 0)
        add_absent(doctor, &absent);
    if (undelegated.n + absent.n == 0)
        doctor_add_ok(doctor, "%s",
                      doctor->only ? "those that hold its limits" : "cpu, io, memory, pids");
    text_done(&undelegated.names);
    text_done(&absent.names);
}

/* The hard limit in /proc/PID/limits; UINT64_MAX: none. */
static bool parse_hard_limit(const char *text, uint64_t *ret)
{
    static const char name[] = "Max open files";
    const char *line = strstr(text, name);
    char *end;

    if (!line)
        return false;
    line += strlen(name);
    line += strspn(line, " ");
    line += strcspn(line, " \n"); /* the soft one */
    line += strspn(line, " ");
    if (strncmp(line, "unlimited", strlen("unlimited")) == 0) {
        *ret = UINT64_MAX;
        return true;
    }
    *ret = strtoull(line, &end, 10);
    return end > line;
}

/* The service manager itself; 0: not known. */
static uint64_t manager_pid(const Machine *machine)
{
    _cleanup_free_ char *group = manager_group(machine);
    _cleanup_free_ char *path =
        group ? text_printf(CGROUP_ROOT "%s/init.scope/cgroup.procs", group) : NULL;
    _cleanup_free_ char *text = NULL;

    if (machine->scope == SPEC_SCOPE_SYSTEM)
        return 1;
    text = path ? machine_read(machine, path) : NULL;
    return text && isdigit((unsigned char)*text) ? strtoull(text, NULL, 10) : 0;
}

/* What the manager may give a service at most: its own hard limit. */
static bool read_hard_limit(const Machine *machine, uint64_t *ret)
{
    uint64_t pid = manager_pid(machine);
    _cleanup_free_ char *path = text_printf("/proc/%" PRIu64 "/limits", pid);
    _cleanup_free_ char *text = pid > 0 && path ? machine_read(machine, path) : NULL;

    return text && parse_hard_limit(text, ret);
}

static void add_files_mend(Doctor *doctor, uint64_t wanted)
{
    if (doctor->machine->scope == SPEC_SCOPE_SYSTEM)
        return;
    doctor_add_root_mend(doctor,
                         "mkdir -p /etc/systemd/system/user@.service.d && "
                         "printf '[Service]\\nLimitNOFILE=%" PRIu64 "\\n' "
                         ">/etc/systemd/system/user@.service.d/60-files.conf && "
                         "systemctl daemon-reload",
                         wanted);
    doctor_add_root_mend(doctor, "systemctl restart user@%u.service", doctor->machine->uid);
}

/* The most that a spec asks for. */
static uint64_t most_files(const Doctor *doctor)
{
    const SpecEntry *entry;
    uint64_t most = 0;

    for (size_t i = 0; (entry = doctor_next_needing(doctor, NEED_FILES, &i));)
        most = MAX(most, (uint64_t)entry->spec->limits.files);
    return most;
}

void check_files(Doctor *doctor)
{
    uint64_t most = most_files(doctor), hard = 0;
    uint64_t of_phoenixd =
        FILES_BASE + FILES_OF_SERVICE * doctor_count_needing(doctor, NEED_SUPERVISION);
    const SpecEntry *entry;

    if (!read_hard_limit(doctor->machine, &hard)) {
        doctor_add_warning(doctor, "the limit of the service manager cannot be read");
        doctor_add_meaning(doctor, "So it is not known how many files a service may open.");
    } else if (most > hard) {
        doctor_add_missing(doctor, "the manager may open %" PRIu64 ", a spec asks for %" PRIu64,
                           hard, most);
        doctor_add_meaning(doctor, "It cannot give more than it has: these services start with "
                                   "less, and containers do not start.");
        for (size_t i = 0; (entry = doctor_next_needing(doctor, NEED_FILES, &i));)
            if ((uint64_t)entry->spec->limits.files > hard)
                doctor_add_service(doctor, entry->unit);
        add_files_mend(doctor, most);
    } else if (of_phoenixd > hard) {
        doctor_add_warning(doctor, "the manager may open %" PRIu64, hard);
        doctor_add_meaning(doctor,
                           "phoenixd needs about %" PRIu64 " for the checks of all services.",
                           of_phoenixd);
        add_files_mend(doctor, FILES_OF_PHOENIXD);
    } else {
        doctor_add_ok(doctor, "the manager may open %" PRIu64, hard);
    }
}
