/* SPDX-License-Identifier: MIT */

/* The journal: does it outlive a boot, and may the owner of the services read what they write. What
 * files there are tells more than journald.conf(5), which may have changed since. */

#include <sys/stat.h>

#include "cli/doctor/checks.h"
#include "cli/doctor/mend.h"

typedef enum JournalPlace {
    JOURNAL_NONE,
    JOURNAL_VOLATILE,
    JOURNAL_PERSISTENT,
} JournalPlace;

/* FOLDER/MACHINE-ID, and FILE in it; NULL when it is not there, or not to be seen. */
static char *journal_path(const Machine *machine, const char *folder, const char *file)
{
    _cleanup_free_ char *id = machine_read_line(machine, "/etc/machine-id");
    char *path;

    if (!id || !*id || strchr(id, '/'))
        return NULL;
    path = text_printf("%s/%s%s", folder, id, file);
    if (path && !machine_has(machine, path)) {
        free(path);
        return NULL;
    }
    return path;
}

/* A folder in /run is of this boot, and goes when its files have been moved to /var; a file in /var
 * may be of an earlier boot. Not everybody may look into the former. */
static JournalPlace find_journal(const Machine *machine)
{
    _cleanup_free_ char *in_run = journal_path(machine, "/run/log/journal", "");
    _cleanup_free_ char *in_var = journal_path(machine, "/var/log/journal", "/system.journal");

    if (in_run)
        return JOURNAL_VOLATILE;
    return in_var ? JOURNAL_PERSISTENT : JOURNAL_NONE;
}

static void add_persistence(Doctor *doctor)
{
    doctor_add_root_mend(doctor, "mkdir -p /var/log/journal /etc/systemd/journald.conf.d && "
                                 "printf '[Journal]\\nStorage=persistent\\n' "
                                 ">/etc/systemd/journald.conf.d/zz-persistent.conf && "
                                 "systemctl restart systemd-journald && journalctl --flush");
}

void check_journal(Doctor *doctor)
{
    switch (find_journal(doctor->machine)) {
    case JOURNAL_PERSISTENT:
        doctor_add_ok(doctor, "kept in /var/log/journal");
        break;
    case JOURNAL_VOLATILE:
        doctor_add_warning(doctor, "in memory only");
        doctor_add_meaning(doctor, "What services wrote, and why they failed, is gone after a "
                                   "reboot.");
        add_persistence(doctor);
        break;
    case JOURNAL_NONE:
        doctor->check_needs = NEED_LOG;
        doctor_add_lack(doctor, "not kept");
        doctor_add_meaning(doctor,
                           "What services write is nowhere to be read: \"phoenix logs\" and "
                           "\"phoenix events\" have nothing to show, and log checks fail.");
        doctor_add_services_needing(doctor, NEED_LOG);
        add_persistence(doctor);
        break;
    }
}

static bool is_readable(const Machine *machine, const char *path)
{
    _cleanup_free_ char *whole = path ? machine_path(machine, path) : NULL;

    return whole && access(whole, R_OK) == 0;
}

/* journald writes what a user's services say into a file of its own, which that user may read; for
 * system users (by number), and in memory, it does not. */
#define UID_OF_PEOPLE 1000U

void check_journal_access(Doctor *doctor)
{
    const Machine *machine = doctor->machine;
    bool persistent = find_journal(machine) == JOURNAL_PERSISTENT;
    const char *folder = persistent ? "/var/log/journal" : "/run/log/journal";
    _cleanup_free_ char *name = text_printf("/user-%u.journal", machine->uid);
    _cleanup_free_ char *all = journal_path(machine, folder, "/system.journal");
    _cleanup_free_ char *own = name ? journal_path(machine, folder, name) : NULL;
    _cleanup_free_ char *user = mend_quote(machine->user);

    if (machine->uid == 0 || is_readable(machine, all)) {
        doctor_add_ok(doctor, "%s may read all of it", machine->user);
    } else if (is_readable(machine, own)) {
        doctor_add_ok(doctor, "%s may read its own", machine->user);
    } else if (!own && persistent && machine->uid >= UID_OF_PEOPLE) {
        doctor_add_ok(doctor, "%s has written nothing yet", machine->user);
    } else if (user) {
        doctor_add_lack(doctor, "%s may not read it", machine->user);
        doctor_add_meaning(doctor,
                           "\"phoenix logs\" and \"phoenix events\" show nothing, and log "
                           "checks fail. The last command ends all services of %s, and "
                           "starts those that start at boot.",
                           machine->user);
        doctor_add_services_needing(doctor, NEED_LOG);
        doctor_add_root_mend(doctor, "usermod -aG systemd-journal %s", user);
        doctor_add_root_mend(doctor, "systemctl restart user@%u.service", machine->uid);
    }
}
