/* SPDX-License-Identifier: MIT */

/* Podman, and what of it makes units: Quadlet. */

#include "cli/doctor/checks.h"
#include "cli/doctor/mend.h"

/* The oldest Quadlet that the generator uses (generator/platform.h). */
#define QUADLET_OLDEST VERSION(4, 4)

static unsigned major_of(unsigned version)
{
    return version / 1000;
}

static unsigned minor_of(unsigned version)
{
    return version % 1000;
}

void check_podman(Doctor *doctor)
{
    const Machine *machine = doctor->machine;
    _cleanup_free_ char *path = machine_find_program(machine, "podman");
    unsigned version = version_parse(machine->podman);

    if (!path) {
        doctor_add_lack(doctor, "not installed");
        doctor_add_meaning(doctor, "Services of type docker are containers of Podman.");
        doctor_add_services_needing(doctor, NEED_CONTAINER);
        mend_by_package(doctor, PACKAGE_PODMAN);
    } else if (version == 0) {
        doctor_add_lack(doctor, "%s does not tell its version", path);
        doctor_add_meaning(doctor, "So it cannot be run, or is no Podman.");
    } else {
        doctor_add_ok(doctor, "%u.%u", major_of(version), minor_of(version));
    }
}

static void add_no_quadlet(Doctor *doctor, unsigned podman)
{
    bool old = podman > 0 && podman < QUADLET_OLDEST;

    if (old)
        doctor_add_lack(doctor, "not there: Podman %u.%u has none", major_of(podman),
                        minor_of(podman));
    else
        doctor_add_lack(doctor, "not installed");
    doctor_add_meaning(doctor,
                       "Units of containers are made by Quadlet; without it they are stubs. "
                       "It comes with Podman %u.%u or newer%s.",
                       major_of(QUADLET_OLDEST), minor_of(QUADLET_OLDEST),
                       old ? ": a newer release of the system" : "");
    doctor_add_services_needing(doctor, NEED_CONTAINER);
    if (!old) {
        mend_by_package(doctor, PACKAGE_PODMAN);
        doctor_add_mend(doctor, "%s daemon-reload", mend_systemctl(doctor));
    }
}

void check_quadlet(Doctor *doctor)
{
    const Machine *machine = doctor->machine;
    unsigned version = version_parse(machine->quadlet), podman = version_parse(machine->podman);
    const char *path = machine_find_quadlet(machine);

    if (!path) {
        add_no_quadlet(doctor, podman);
    } else if (!machine_is_program(machine, path)) {
        doctor_add_lack(doctor, "%s is not executable", path);
        doctor_add_meaning(doctor, "Units of containers are made by Quadlet; without it they are "
                                   "stubs.");
        doctor_add_services_needing(doctor, NEED_CONTAINER);
        doctor_add_root_mend(doctor, "chmod 755 %s", path);
        doctor_add_mend(doctor, "%s daemon-reload", mend_systemctl(doctor));
    } else if (version == 0) {
        doctor_add_lack(doctor, "does not tell its version");
        doctor_add_meaning(doctor, "So it cannot be run; units of containers are stubs.");
    } else if (version < QUADLET_OLDEST) {
        doctor_add_lack(doctor, "%u.%u is too old", major_of(version), minor_of(version));
        doctor_add_meaning(doctor, "Phoenix needs %u.%u or newer; units of containers are stubs.",
                           major_of(QUADLET_OLDEST), minor_of(QUADLET_OLDEST));
        doctor_add_services_needing(doctor, NEED_CONTAINER);
    } else if (podman > 0 && podman != version) {
        doctor_add_warning(doctor, "%u.%u, of another Podman", major_of(version),
                           minor_of(version));
        doctor_add_meaning(doctor, "Its units may ask for options that Podman %u.%u does not know.",
                           major_of(podman), minor_of(podman));
        mend_by_package(doctor, PACKAGE_PODMAN);
    } else {
        doctor_add_ok(doctor, "%u.%u", major_of(version), minor_of(version));
    }
}

/* The small init that becomes process 1 of a container, where Podman looks for it. */
void check_init(Doctor *doctor)
{
    static const char *const paths[] = {
        "/usr/libexec/podman/catatonit",
        "/usr/local/libexec/podman/catatonit",
        "/usr/lib/podman/catatonit",
        "/usr/local/lib/podman/catatonit",
        "/usr/bin/catatonit",
    };
    const char *path = machine_first(doctor->machine, paths, ELEMENTSOF(paths));

    if (path) {
        doctor_add_ok(doctor, "%s", path);
        return;
    }
    doctor_add_warning(doctor, "catatonit is not installed");
    doctor_add_meaning(doctor,
                       "Containers run without an init: a program that does not expect to be "
                       "process 1 ignores the signal to stop, and is waited for until it is "
                       "killed.");
    mend_by_package(doctor, PACKAGE_CATATONIT);
    doctor_add_mend(doctor, "%s daemon-reload", mend_systemctl(doctor));
}
