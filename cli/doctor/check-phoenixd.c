/* SPDX-License-Identifier: MIT */

/* The supervisor: can leases reach it, does it answer, and does it lack something itself. */

#include "cli/doctor/checks.h"
#include "cli/doctor/mend.h"

#define SOCKET "phoenixd.socket"

static bool is_state(const char *state, const char *word)
{
    return state && streq(state, word);
}

/* Units of services start the socket, so it is only missed where one of them runs already. */
static size_t count_running(const Doctor *doctor)
{
    const SpecEntry *entry;
    size_t n = 0;

    for (size_t i = 0; (entry = doctor_next_needing(doctor, NEED_SUPERVISION, &i));)
        n += machine_runs(doctor->machine, entry->unit);
    return n;
}

static void add_deaf_socket(Doctor *doctor, const UnitState *socket)
{
    if (is_state(socket->load_state, "masked")) {
        doctor_add_lack(doctor, SOCKET " is masked");
        doctor_add_meaning(doctor, "Nobody makes health checks, and a service with checks does not "
                                   "start, as it is never known to be healthy.");
        doctor_add_mend(doctor, "%s unmask " SOCKET, mend_systemctl(doctor));
    } else {
        doctor_add_lack(doctor, SOCKET " is not listening (%s)",
                        socket->active_state ? socket->active_state : "not known");
        doctor_add_meaning(doctor, "Services cannot reach phoenixd: those that run go on without "
                                   "health checks, and a phoenixd that ends is not started again.");
    }
    doctor_add_services_needing(doctor, NEED_SUPERVISION);
    doctor_add_mend(doctor, "%s restart " SOCKET, mend_systemctl(doctor));
}

static void add_unknown(Doctor *doctor)
{
    doctor_add_warning(doctor, "not known");
    doctor_add_meaning(doctor, "The service manager, whose unit it is, does not answer.");
}

void check_socket(Doctor *doctor)
{
    const UnitState *socket = &doctor->machine->socket;

    if (!doctor->machine->has_manager) {
        add_unknown(doctor);
    } else if (is_state(socket->load_state, "not-found")) {
        doctor_add_lack(doctor, SOCKET " is not installed");
        doctor_add_meaning(doctor, "Nobody makes health checks. Install Phoenix again, it is not "
                                   "whole; if it was installed just now, reload.");
        doctor_add_mend(doctor, "%s daemon-reload", mend_systemctl(doctor));
    } else if (is_state(socket->active_state, "active")) {
        doctor_add_ok(doctor, SOCKET " is listening");
    } else if (is_state(socket->load_state, "loaded") &&
               is_state(socket->active_state, "inactive") && count_running(doctor) == 0) {
        doctor_add_ok(doctor, SOCKET " listens from the first start of a service on");
    } else {
        add_deaf_socket(doctor, socket);
    }
}

static void add_silent_phoenixd(Doctor *doctor)
{
    const Machine *machine = doctor->machine;
    bool no_bus = machine->scope == SPEC_SCOPE_USER && machine->runtime_dir;
    _cleanup_free_ char *bus = no_bus ? text_printf("%s/bus", machine->runtime_dir) : NULL;

    doctor_add_lack(doctor, "does not answer: %s", machine->no_supervision);
    if (bus && !machine_has(machine, bus)) {
        doctor_add_meaning(doctor, "There is no D-Bus of this user, over which phoenixd is asked.");
        mend_by_package(doctor, PACKAGE_DBUS);
        doctor_add_mend(doctor, "systemctl --user start dbus.socket");
        return;
    }
    doctor_add_meaning(doctor,
                       "Services go on, but nobody makes health checks. Why, is in the "
                       "journal: journalctl %s-u phoenixd",
                       machine->scope == SPEC_SCOPE_USER ? "--user " : "");
    doctor_add_mend(doctor, "%s restart phoenixd.service", mend_systemctl(doctor));
}

static void add_unwell_phoenixd(Doctor *doctor)
{
    const Supervision *supervision = &doctor->machine->supervision;

    if (supervision->degraded && *supervision->degraded) {
        doctor_add_warning(doctor, "degraded: %s", supervision->degraded);
        doctor_add_meaning(doctor,
                           "phoenixd works, but does not do all it should. It says when that "
                           "is over: phoenix events");
    }
    if (supervision->brake) {
        doctor_add_warning(doctor, "its brake is closed: %s",
                           supervision->brake_reason ? supervision->brake_reason : "-");
        doctor_add_meaning(doctor,
                           "So many checks began to fail at once that phoenixd suspects the "
                           "machine, and restarts nothing for one round.");
    }
}

void check_phoenixd(Doctor *doctor)
{
    const Machine *machine = doctor->machine;

    if (!machine->has_manager)
        add_unknown(doctor);
    else if (machine->no_supervision)
        add_silent_phoenixd(doctor);
    else if (!machine->has_supervision)
        doctor_add_ok(doctor, "not asked, as its socket does not listen");
    else if (supervision_is_good(&machine->supervision))
        doctor_add_ok(doctor, "answers, and lacks nothing");
    else
        add_unwell_phoenixd(doctor);
}
