/* SPDX-License-Identifier: MIT */

/* The specs, and whether the units of the service manager come from them as they are now. */

#include <fcntl.h>

#include "base/file.h"
#include "base/strv.h"
#include "cli/doctor/checks.h"
#include "cli/doctor/mend.h"
#include "cli/facts/facts.h"
#include "cli/specs/loaded.h"
#include "cli/specs/services.h"
#include "cli/systemd/units.h"

#define UNIT_SIZE_MAX (1024U * 1024U)

static void add_broken(Doctor *doctor, size_t n, size_t broken)
{
    const SpecEntry *entry;

    doctor_add_missing(doctor, "%zu of %zu specs broken", broken, n);
    doctor_add_meaning(doctor, "Units of a broken spec only say what is wrong with it.");
    for (size_t i = 0; (entry = doctor_next(doctor, &i));)
        if (entry->fate == SPEC_FATE_BROKEN)
            doctor_add_service(doctor, entry->unit);
    doctor_add_mend(doctor, "phoenix check%s%s", doctor->only ? " " : "",
                    doctor->only ? doctor->only->unit : "");
}

/* The one that is asked about is none of this manager's. */
static void add_elsewhere(Doctor *doctor, const SpecEntry *entry)
{
    _cleanup_free_ char *reason = services_entry_reason(entry);

    doctor_add_warning(doctor, "%s: %s", entry->unit, reason ? reason : "not made here");
    doctor_add_meaning(doctor,
                       "This manager makes no service of it, so there is nothing to check.");
}

void check_specs(Doctor *doctor)
{
    const SpecEntry *entry;
    size_t n = 0, broken = 0;

    for (size_t i = 0; (entry = doctor_next(doctor, &i));) {
        n += spec_fate_is_good(entry->fate) || entry->fate == SPEC_FATE_BROKEN;
        broken += entry->fate == SPEC_FATE_BROKEN;
    }
    if (broken > 0)
        add_broken(doctor, n, broken);
    else if (doctor->only && n == 0)
        add_elsewhere(doctor, doctor->only);
    else
        doctor_add_ok(doctor, "%zu, none broken", n);
}

typedef struct Outdated {
    size_t n, n_all;
    size_t by_loaded[_LOADED_MAX];
} Outdated;

/* The name of a service of the manager that has no spec, but units of one that was; else NULL. */
static char *stale_name(const Doctor *doctor, const UnitState *state)
{
    const char *name = state->id + strlen("phoenix@");
    _cleanup_free_ char *instance = strndup(name, strlen(name) - strlen(".service"));

    if (!instance || spec_set_find(doctor->set, instance) ||
        !loaded_needs_reload(loaded_of_orphan(doctor->machine->scope, instance)))
        return NULL;
    return TAKE_PTR(instance);
}

static void count_units(const Doctor *doctor, Outdated *outdated)
{
    const SpecEntry *entry;

    for (size_t i = 0; (entry = doctor_next(doctor, &i));) {
        Loaded loaded = loaded_of_entry(doctor->machine->scope, entry);

        outdated->n_all += entry->fate == SPEC_FATE_GENERATED || entry->fate == SPEC_FATE_BROKEN;
        outdated->by_loaded[loaded]++;
        outdated->n += loaded_needs_reload(loaded);
    }
    for (size_t i = 0; !doctor->only && i < doctor->machine->states.n; i++) {
        _cleanup_free_ char *name = stale_name(doctor, &doctor->machine->states.items[i]);

        outdated->n += name != NULL;
    }
}

static void add_outdated_services(Doctor *doctor)
{
    const SpecEntry *entry;

    for (size_t i = 0; (entry = doctor_next(doctor, &i));)
        if (loaded_needs_reload(loaded_of_entry(doctor->machine->scope, entry)))
            doctor_add_service(doctor, entry->unit);
    for (size_t i = 0; !doctor->only && i < doctor->machine->states.n; i++) {
        _cleanup_free_ char *name = stale_name(doctor, &doctor->machine->states.items[i]);

        if (name)
            doctor_add_service(doctor, name);
    }
}

/* A spec without its unit is a service that is not there; one that has changed is there, as it was.
 */
void check_units(Doctor *doctor)
{
    Outdated outdated = {0};

    count_units(doctor, &outdated);
    if (outdated.by_loaded[LOADED_UNKNOWN] > 0) {
        doctor_add_warning(doctor, "not known");
        doctor_add_meaning(doctor,
                           "There are no units of a service manager here, or they cannot be "
                           "read, so nobody can say whether they are those of the specs.");
        return;
    }
    if (outdated.n == 0) {
        doctor_add_ok(doctor, "%zu, as their specs are now", outdated.n_all);
        return;
    }
    if (outdated.by_loaded[LOADED_MISSING] > 0)
        doctor_add_missing(doctor, "%zu of %zu not made yet", outdated.by_loaded[LOADED_MISSING],
                           outdated.n_all);
    else
        doctor_add_warning(doctor, "%zu older than their specs", outdated.n);
    doctor_add_meaning(doctor, "The service manager has not read these specs as they are now.");
    add_outdated_services(doctor);
    doctor_add_mend(doctor, "%s daemon-reload", mend_systemctl(doctor));
}

/* Why the unit of a good spec is a stub, in a new string; NULL when it is none. */
static char *stub_reason(const Machine *machine, const SpecEntry *entry)
{
    _cleanup_strv_free_ char **paths = NULL;
    _cleanup_free_ char *end = text_printf("/phoenix@%s.service", entry->unit);

    if (!end || units_generated(machine->scope, entry->unit, &paths) < 0)
        return NULL;
    STRV_FOREACH (path, paths) {
        _cleanup_free_ char *text = NULL;
        size_t n = strlen(*path), m = strlen(end);

        if (n > m && streq(*path + n - m, end) &&
            file_read(AT_FDCWD, *path, UNIT_SIZE_MAX, &text, NULL) >= 0 &&
            strstr(text, "\nState=stub\n"))
            return facts_stub_reason(text, entry->file.path);
    }
    return NULL;
}

void check_stubs(Doctor *doctor)
{
    const SpecEntry *entry;
    size_t n = 0;

    for (size_t i = 0; (entry = doctor_next_needing(doctor, NEED_ANY, &i));) {
        _cleanup_free_ char *reason = stub_reason(doctor->machine, entry);

        if (!reason)
            continue;
        n++;
        doctor_add_missing(doctor, "%s: %s", entry->unit, reason);
        doctor_add_meaning(doctor, "The spec is good, but this machine cannot run it, so its unit "
                                   "only says why. Make a new one when that is mended.");
        doctor_add_service(doctor, entry->unit);
        doctor_add_mend(doctor, "%s daemon-reload", mend_systemctl(doctor));
    }
    if (n == 0)
        doctor_add_ok(doctor, "none: this machine can run all specs");
}
