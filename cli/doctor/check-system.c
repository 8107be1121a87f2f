/* SPDX-License-Identifier: MIT */

/* The ground everything stands on: systemd, the kernel, its cgroups, the identity of the machine
 * and its clock. */

#include <ctype.h>
#include <errno.h>

#include "cli/doctor/checks.h"
#include "cli/doctor/mend.h"

#define SYSTEMD_OLDEST 252U

#define MACHINE_ID_SIZE 32U

/* What is left out of units, or made do without, where systemd is older. */
typedef struct SystemdFeature {
    unsigned since;
    unsigned needs;
    const char *without;
} SystemdFeature;

static const SystemdFeature systemd_features[] = {
    {254, NEED_GROWTH,
     "RestartSteps= came with 254: the delay between restarts does not grow, it is always one "
     "second or more."},
    {254, NEED_FREEZE,
     "DelegateSubgroup= came with 254: a binary cannot be frozen apart from its lease."},
    {255, NEED_LISTEN,
     "PollLimitIntervalSec= came with 255: a flood of connections to a service that does not start "
     "costs more, until TriggerLimitIntervalSec= ends it."},
};

/* Adds one finding for each feature that a service would use; true when there was one. */
static bool check_features(Doctor *doctor, unsigned version)
{
    bool any = false;

    for (size_t i = 0; i < ELEMENTSOF(systemd_features); i++) {
        const SystemdFeature *feature = &systemd_features[i];

        if (version >= feature->since || !(doctor->needs & feature->needs))
            continue;
        doctor_add_warning(doctor, "%u, and services would use more", version);
        doctor_add_meaning(doctor, "%s Only a newer release of the system brings it.",
                           feature->without);
        doctor_add_services_needing(doctor, feature->needs);
        any = true;
    }
    return any;
}

void check_systemd(Doctor *doctor)
{
    unsigned version = version_parse(doctor->machine->systemd) / 1000;

    if (version == 0) {
        doctor_add_lack(doctor, "version not known");
        doctor_add_meaning(doctor,
                           "Neither the service manager nor systemctl tells its version; "
                           "Phoenix needs systemd %u or newer.",
                           SYSTEMD_OLDEST);
    } else if (version < SYSTEMD_OLDEST) {
        doctor_add_missing(doctor, "%u is too old", version);
        doctor_add_meaning(doctor,
                           "Phoenix needs systemd %u or newer: a newer release of the "
                           "system.",
                           SYSTEMD_OLDEST);
    } else if (!check_features(doctor, version)) {
        doctor_add_ok(doctor, "%s", doctor->machine->systemd);
    }
}

void check_kernel(Doctor *doctor)
{
    const Machine *machine = doctor->machine;
    unsigned version = version_parse(machine->release);

    if (machine->pidfd_error < 0) {
        doctor_add_lack(doctor, "%s, without pidfd_open (%s)", machine->release,
                        strerror(-machine->pidfd_error));
        doctor_add_meaning(doctor, "Health checks need it, to be sure of whom they look at. Boot "
                                   "Linux 5.3 or newer; in a container, its seccomp profile has to "
                                   "allow it.");
    } else if (version < VERSION(5, 14)) {
        doctor_add_warning(doctor, "%s", machine->release);
        doctor_add_meaning(doctor,
                           "cgroup.kill came with Linux 5.14, by which systemd and Podman end "
                           "all of a service at once. Without it a service that forks fast "
                           "may outlive its end.");
    } else {
        doctor_add_ok(doctor, "%s", machine->release);
    }
}

static void add_boot_option(Doctor *doctor, const char *option)
{
    _cleanup_free_ char *grubby = machine_find_program(doctor->machine, "grubby");
    _cleanup_free_ char *grub = machine_find_program(doctor->machine, "update-grub");

    if (grubby)
        doctor_add_root_mend(doctor, "grubby --update-kernel=ALL --args=%s && reboot", option);
    else if (grub)
        doctor_add_root_mend(doctor,
                             "mkdir -p /etc/default/grub.d && "
                             "echo 'GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX %s\"' "
                             ">/etc/default/grub.d/phoenix.cfg && update-grub && reboot",
                             option);
}

void check_cgroup(Doctor *doctor)
{
    if (machine_has(doctor->machine, "/sys/fs/cgroup/cgroup.controllers")) {
        doctor_add_ok(doctor, "version 2");
        return;
    }
    doctor_add_lack(doctor, "version 1, or a mix of both");
    doctor_add_meaning(doctor, "phoenixd finds services, and systemd limits and freezes them, by "
                               "cgroups of version 2 only. Boot with "
                               "systemd.unified_cgroup_hierarchy=1.");
    add_boot_option(doctor, "systemd.unified_cgroup_hierarchy=1");
}

void check_machine_id(Doctor *doctor)
{
    _cleanup_free_ char *id = machine_read_line(doctor->machine, "/etc/machine-id");

    if (id && strlen(id) == MACHINE_ID_SIZE && strspn(id, "0123456789abcdef") == MACHINE_ID_SIZE &&
        strspn(id, "0") != MACHINE_ID_SIZE) {
        doctor_add_ok(doctor, "/etc/machine-id is set");
        return;
    }
    doctor_add_lack(doctor, "/etc/machine-id is %s", id && *id ? "none" : "empty");
    doctor_add_meaning(doctor,
                       "The journal keeps its files under it, and restart delays are spread "
                       "over machines by it.");
    doctor_add_root_mend(doctor, "systemd-machine-id-setup");
}

/* Units that are there to keep the time, as timedatectl(1) needs one. */
static bool has_timesync(const Machine *machine)
{
    static const char *const units[] = {
        "/usr/lib/systemd/system/systemd-timesyncd.service",
        "/usr/lib/systemd/system/chrony.service",
        "/usr/lib/systemd/system/chronyd.service",
        "/usr/lib/systemd/system/ntpd.service",
        "/usr/lib/systemd/system/ntpsec.service",
    };

    return machine_first(machine, units, ELEMENTSOF(units));
}

void check_clock(Doctor *doctor)
{
    if (doctor->machine->clock_synced) {
        doctor_add_ok(doctor, "synchronised");
        return;
    }
    doctor_add_warning(doctor, "not synchronised");
    doctor_add_meaning(doctor,
                       "Schedules are late or early, and the dates of certificates are judged "
                       "by a wrong time.");
    doctor_add_services_needing(doctor, NEED_CLOCK);
    if (!has_timesync(doctor->machine))
        mend_by_package(doctor, PACKAGE_TIMESYNC);
    doctor_add_root_mend(doctor, "timedatectl set-ntp true");
}
