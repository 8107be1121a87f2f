/* SPDX-License-Identifier: MIT */

/* The service manager, and what lets that of a user live without a login. */

#include "cli/doctor/checks.h"
#include "cli/doctor/mend.h"

void check_runtime(Doctor *doctor)
{
    const Machine *machine = doctor->machine;
    _cleanup_free_ char *folder = text_printf("/run/user/%u", machine->uid);

    if (!folder || !machine_has(machine, folder)) {
        doctor_add_lack(doctor, "/run/user/%u is not there", machine->uid);
        doctor_add_meaning(doctor,
                           "The service manager of %s does not run: nobody of that name is "
                           "logged in, nor lingers.",
                           machine->user);
        doctor_add_root_mend(doctor, "systemctl start user@%u.service", machine->uid);
    } else if (!machine->runtime_dir) {
        doctor_add_lack(doctor, "XDG_RUNTIME_DIR is not set");
        doctor_add_meaning(doctor,
                           "This shell was not made by a login (su does that), so no program "
                           "in it finds the service manager of %s.",
                           machine->user);
        doctor_add_mend(doctor, "export XDG_RUNTIME_DIR=%s", folder);
    } else if (!streq(machine->runtime_dir, folder)) {
        doctor_add_warning(doctor, "XDG_RUNTIME_DIR is %s", machine->runtime_dir);
        doctor_add_meaning(doctor, "The service manager of %s is in %s.", machine->user, folder);
        doctor_add_mend(doctor, "export XDG_RUNTIME_DIR=%s", folder);
    } else {
        doctor_add_ok(doctor, "%s", folder);
    }
}

void check_manager(Doctor *doctor)
{
    const Machine *machine = doctor->machine;
    bool user = machine->scope == SPEC_SCOPE_USER;

    if (machine->has_manager) {
        doctor_add_ok(doctor, "answers");
        return;
    }
    if (!machine_has(machine, "/run/systemd/system")) {
        doctor_add_lack(doctor, "systemd does not run here");
        doctor_add_meaning(doctor, "It has to be the first process of the machine, or of the "
                                   "container that this is; services are its.");
        return;
    }
    doctor_add_lack(doctor, "does not answer: %s", machine->no_manager);
    doctor_add_meaning(doctor, "No service can be started, or asked about.");
    if (user)
        doctor_add_root_mend(doctor, "systemctl restart user@%u.service", machine->uid);
}

void check_linger(Doctor *doctor)
{
    const Machine *machine = doctor->machine;
    _cleanup_free_ char *path = text_printf("/var/lib/systemd/linger/%s", machine->user);
    _cleanup_free_ char *user = mend_quote(machine->user);

    if (path && machine_has(machine, path)) {
        doctor_add_ok(doctor, "%s lingers", machine->user);
        return;
    }
    /* What is started by hand may be meant to end with its session. */
    doctor->check_needs = NEED_BOOT;
    doctor_add_lack(doctor, "%s does not linger", machine->user);
    doctor_add_meaning(doctor,
                       "The services of %s end with the last session of that user, and none "
                       "starts at boot.",
                       machine->user);
    doctor_add_services_needing(doctor, NEED_BOOT);
    if (user)
        doctor_add_root_mend(doctor, "loginctl enable-linger %s", user);
}
