/* SPDX-License-Identifier: MIT */

/* User namespaces: the sandboxes of a user's services need them, and so does every rootless
 * container, with ids of its own in them (user_namespaces(7), newuidmap(1)). */

#include <inttypes.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "cli/doctor/checks.h"
#include "cli/doctor/mend.h"
#include "cli/doctor/subid.h"

#define USERNS_DEFAULT 15000U

/* A container has one, Podman another to start it in, and the sandbox of a binary one. */
#define USERNS_OF_SERVICE 2U
#define USERNS_OF_OTHERS  16U

static void add_few(Doctor *doctor, uint64_t value, uint64_t needed)
{
    doctor_add_lack(doctor, "user.max_user_namespaces is %" PRIu64, value);
    doctor_add_meaning(doctor,
                       "All services together may need about %" PRIu64 "; those started last "
                       "would fail.",
                       needed);
    mend_by_sysctl(doctor, "user.max_user_namespaces", MAX((uint64_t)USERNS_DEFAULT, 2 * needed));
}

static void add_refused(Doctor *doctor, const char *sysctl, uint64_t value, uint64_t better)
{
    doctor_add_lack(doctor, "%s is %" PRIu64, sysctl, value);
    doctor_add_meaning(doctor,
                       "Users may make no user namespaces: neither Podman nor the sandbox of "
                       "a binary works without root.");
    mend_by_sysctl(doctor, sysctl, better);
}

/* Ubuntu lets only programs with a profile of AppArmor have capabilities in a user namespace, and
 * ships one for Podman. */
static bool is_held_by_apparmor(const Machine *machine)
{
    uint64_t value;

    return machine_read_number(machine, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
                               &value) &&
           value == 1 && !machine_has(machine, "/etc/apparmor.d/podman");
}

void check_userns(Doctor *doctor)
{
    uint64_t value,
        needed = USERNS_OF_OTHERS + USERNS_OF_SERVICE * doctor_count_needing(doctor, NEED_ANY);
    const Machine *machine = doctor->machine;

    if (machine_read_number(machine, "/proc/sys/kernel/unprivileged_userns_clone", &value) &&
        value == 0) {
        add_refused(doctor, "kernel.unprivileged_userns_clone", value, 1);
    } else if (machine_read_number(machine, "/proc/sys/user/max_user_namespaces", &value) &&
               value == 0) {
        add_refused(doctor, "user.max_user_namespaces", value, USERNS_DEFAULT);
    } else if (machine_read_number(machine, "/proc/sys/user/max_user_namespaces", &value) &&
               value < needed) {
        add_few(doctor, value, needed);
    } else if (is_held_by_apparmor(machine)) {
        doctor_add_warning(doctor, "restricted by AppArmor");
        doctor_add_meaning(doctor,
                           "AppArmor has no profile that allows Podman its user namespaces, "
                           "so rootless containers are refused.");
        mend_by_sysctl(doctor, "kernel.apparmor_restrict_unprivileged_userns", 0);
    } else if (machine->userns_error < 0) {
        doctor_add_lack(doctor, "refused: %s", strerror(-machine->userns_error));
        doctor_add_meaning(doctor,
                           "No sysctl forbids user namespaces, so it is a security module, or "
                           "the container that this machine is.");
    } else {
        doctor_add_ok(doctor, "allowed");
    }
}

/* A setuid program of root, or one with file capabilities, on a file system that honours both. */
static bool is_privileged(const Machine *machine, const char *path)
{
    _cleanup_free_ char *whole = machine_path(machine, path);
    struct statvfs fs;
    struct stat st;

    if (!whole || stat(whole, &st) < 0)
        return false;
    if (statvfs(whole, &fs) == 0 && (fs.f_flag & ST_NOSUID))
        return false;
    if (st.st_mode & S_ISUID)
        return true;
    return getxattr(whole, "security.capability", NULL, 0) > 0;
}

static bool check_map_program(Doctor *doctor, const char *name)
{
    _cleanup_free_ char *path = machine_find_program(doctor->machine, name);

    if (!path) {
        doctor_add_lack(doctor, "%s is not installed", name);
        doctor_add_meaning(doctor, "Podman needs it to give a rootless container its ids.");
        mend_by_package(doctor, PACKAGE_UIDMAP);
        return false;
    }
    if (!is_privileged(doctor->machine, path)) {
        doctor_add_lack(doctor, "%s is not setuid", path);
        doctor_add_meaning(doctor,
                           "Without privileges of its own it cannot give a rootless container "
                           "its ids.");
        doctor_add_root_mend(doctor, "chown root:root %s && chmod 4755 %s", path, path);
        return false;
    }
    return true;
}

void check_newuidmap(Doctor *doctor)
{
    /* They come in one package, so that one is enough to name when both are not there. */
    if (check_map_program(doctor, "newuidmap") && check_map_program(doctor, "newgidmap"))
        doctor_add_ok(doctor, "newuidmap and newgidmap are setuid");
}

typedef struct SubidFile {
    const char *path;
    const char *option; /* 'u' or 'g', of usermod */
    Subids ids;
} SubidFile;

/* How to give the user a range in one file or both, and let Podman see it. */
static void add_range(Doctor *doctor, const char *options, uint64_t first)
{
    _cleanup_free_ char *range =
        text_printf("%" PRIu64 "-%" PRIu64, first, first + SUBID_COUNT - 1);
    _cleanup_free_ char *user = mend_quote(doctor->machine->user);
    bool uids = strchr(options, 'u'), gids = strchr(options, 'g');

    if (first == 0 || !user || !range)
        return;
    doctor_add_root_mend(doctor, "usermod%s%s%s%s %s", uids ? " --add-subuids " : "",
                         uids ? range : "", gids ? " --add-subgids " : "", gids ? range : "", user);
    doctor_add_mend(doctor, "podman system migrate");
}

static void add_no_range(Doctor *doctor, const char *files, const char *options, uint64_t first)
{
    const char *user = doctor->machine->user;

    doctor_add_lack(doctor, "no range of %s in %s", user, files);
    doctor_add_meaning(doctor,
                       "A rootless container has no ids but that of %s, and most images "
                       "cannot be unpacked.",
                       user);
    add_range(doctor, options, first);
}

static bool check_subid_file(Doctor *doctor, const SubidFile *file, uint64_t first)
{
    const SubidRange *shared = subids_overlap(&file->ids);
    uint64_t own = subids_own(&file->ids);
    const char *user = doctor->machine->user;

    if (own == 0) {
        add_no_range(doctor, file->path, file->option, first);
    } else if (own < SUBID_COUNT) {
        doctor_add_warning(doctor, "%s gives %s only %" PRIu64 " ids", file->path, user, own);
        doctor_add_meaning(doctor, "Images use up to %u: a file of a higher id cannot be unpacked.",
                           SUBID_COUNT);
        add_range(doctor, file->option, first);
    } else if (shared) {
        doctor_add_warning(doctor, "%s: %s shares ids with %s", file->path, user, shared->owner);
        doctor_add_meaning(doctor,
                           "Each of them can read and change what containers of the other have "
                           "written. Take the range %" PRIu64 ":%" PRIu64
                           " from one of them; what that one's containers have written stays with "
                           "the old ids.",
                           shared->first, shared->count);
    } else {
        return true;
    }
    return false;
}

/* Another source than the files may hold ranges (nsswitch.conf(5), "subid"): it is not asked. */
static bool is_kept_elsewhere(const Machine *machine, char **ret_source)
{
    _cleanup_free_ char *text = machine_read(machine, "/etc/nsswitch.conf");

    for (const char *line = text; line && *line;
         line += strcspn(line, "\n"), line += *line == '\n') {
        const char *value = line + strlen("subid:");

        if (strncmp(line, "subid:", strlen("subid:")) != 0)
            continue;
        value += strspn(value, " \t");
        *ret_source = strndup(value, strcspn(value, " \t\r\n#"));
        return *ret_source && **ret_source && !streq(*ret_source, "files");
    }
    return false;
}

static int read_subids(const Machine *machine, SubidFile *file)
{
    _cleanup_free_ char *text = machine_read(machine, file->path);

    return subids_parse(text ? text : "", machine->user, machine->uid, &file->ids);
}

static void check_subid_files(Doctor *doctor, const SubidFile *uids, const SubidFile *gids)
{
    uint64_t first = subids_free(&uids->ids, &gids->ids);
    bool good;

    if (subids_own(&uids->ids) + subids_own(&gids->ids) == 0) {
        add_no_range(doctor, "/etc/subuid and /etc/subgid", "ug", first);
        return;
    }
    good = check_subid_file(doctor, uids, first);
    good = check_subid_file(doctor, gids, first) && good;
    if (good)
        doctor_add_ok(doctor, "%" PRIu64 " uids and %" PRIu64 " gids", subids_own(&uids->ids),
                      subids_own(&gids->ids));
}

void check_subids(Doctor *doctor)
{
    SubidFile uids = {"/etc/subuid", "u", {0}}, gids = {"/etc/subgid", "g", {0}};
    _cleanup_free_ char *source = NULL;
    int r;

    if (is_kept_elsewhere(doctor->machine, &source)) {
        doctor_add_ok(doctor, "kept by %s, not looked at", source);
        return;
    }
    r = read_subids(doctor->machine, &uids);
    if (r >= 0)
        r = read_subids(doctor->machine, &gids);
    if (r >= 0)
        check_subid_files(doctor, &uids, &gids);
    else
        doctor->error = r;
    subids_done(&uids.ids);
    subids_done(&gids.ids);
}
