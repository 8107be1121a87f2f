/* SPDX-License-Identifier: MIT */

/* The table of checks, and the findings they add. */

#include "cli/doctor/doctor.h"

#include <assert.h>
#include <errno.h>

#include "base/strv.h"
#include "cli/doctor/checks.h"

typedef enum Where {
    EVERYWHERE,
    OF_USERS, /* managers of users only */
    ROOTLESS, /* those of users that are not root */
} Where;

typedef struct Check {
    const char *name;
    void (*run)(Doctor *doctor);
    unsigned needs; /* what a service must need for it to matter; 0: whatever it needs */
    Where where;
} Check;

/* What explains the most comes first: of ten things that fail, the first is likely the cause. */
static const Check checks[] = {
    {"specs", check_specs, 0, EVERYWHERE},
    {"systemd", check_systemd, NEED_ANY, EVERYWHERE},
    {"kernel", check_kernel, NEED_ANY, EVERYWHERE},
    {"cgroup", check_cgroup, NEED_ANY, EVERYWHERE},
    {"machine-id", check_machine_id, NEED_ANY, EVERYWHERE},
    {"clock", check_clock, NEED_CLOCK, EVERYWHERE},
    {"runtime-dir", check_runtime, NEED_ANY, OF_USERS},
    {"manager", check_manager, NEED_ANY, EVERYWHERE},
    {"linger", check_linger, NEED_ANY, OF_USERS},
    {"generator", check_generator, NEED_ANY, EVERYWHERE},
    {"units", check_units, NEED_ANY, EVERYWHERE},
    {"stubs", check_stubs, NEED_ANY, EVERYWHERE},
    {"programs", check_programs, NEED_ANY, EVERYWHERE},
    {"socket", check_socket, NEED_SUPERVISION, EVERYWHERE},
    {"phoenixd", check_phoenixd, NEED_SUPERVISION, EVERYWHERE},
    {"libcurl", check_libcurl, NEED_CURL, EVERYWHERE},
    {"posting", check_posting_to_collectors, NEED_COLLECTOR, EVERYWHERE},
    {"collector", check_collector_here, NEED_COLLECTOR, EVERYWHERE},
    {"userns", check_userns, NEED_ANY, ROOTLESS},
    {"newuidmap", check_newuidmap, NEED_CONTAINER, ROOTLESS},
    {"subids", check_subids, NEED_CONTAINER, ROOTLESS},
    {"podman", check_podman, NEED_CONTAINER, EVERYWHERE},
    {"quadlet", check_quadlet, NEED_CONTAINER, EVERYWHERE},
    {"init", check_init, NEED_CONTAINER, EVERYWHERE},
    {"engines", check_engines, NEED_LABELS, EVERYWHERE},
    {"storage", check_storage, NEED_CONTAINER, EVERYWHERE},
    {"network", check_network, NEED_CONTAINER, EVERYWHERE},
    {"ports", check_ports, NEED_PORT, ROOTLESS},
    {"controllers", check_controllers, NEED_LIMIT, EVERYWHERE},
    {"files", check_files, NEED_FILES | NEED_SUPERVISION, EVERYWHERE},
    {"keys", check_keys, NEED_CONTAINER, EVERYWHERE},
    {"inotify", check_inotify, NEED_CONTAINER, EVERYWHERE},
    {"journal", check_journal, NEED_ANY, EVERYWHERE},
    {"journal-access", check_journal_access, NEED_LOG, EVERYWHERE},
};

static void finding_done(Finding *finding)
{
    free(finding->found);
    free(finding->means);
    strv_free(finding->services);
    for (size_t i = 0; i < finding->n_mends; i++)
        free(finding->mends[i].command);
    free(finding->mends);
}

void doctor_done(Doctor *doctor)
{
    for (size_t i = 0; i < doctor->n; i++)
        finding_done(&doctor->findings[i]);
    free(doctor->findings);
    *doctor = (Doctor){0};
}

const SpecEntry *doctor_next(const Doctor *doctor, size_t *i)
{
    if (doctor->only)
        return (*i)++ == 0 ? doctor->only : NULL;
    return *i < doctor->set->n ? &doctor->set->items[(*i)++] : NULL;
}

const SpecEntry *doctor_next_needing(const Doctor *doctor, unsigned needs, size_t *i)
{
    const SpecEntry *entry;

    while ((entry = doctor_next(doctor, i)))
        if (needs_of_entry(doctor->machine->scope, entry) & needs)
            return entry;
    return NULL;
}

size_t doctor_count_needing(const Doctor *doctor, unsigned needs)
{
    size_t n = 0;

    for (size_t i = 0; doctor_next_needing(doctor, needs, &i);)
        n++;
    return n;
}

void doctor_add_services_needing(Doctor *doctor, unsigned needs)
{
    const SpecEntry *entry;

    for (size_t i = 0; (entry = doctor_next_needing(doctor, needs, &i));)
        doctor_add_service(doctor, entry->unit);
}

static bool applies(const Doctor *doctor, const Check *check)
{
    if (check->where == OF_USERS && doctor->machine->scope != SPEC_SCOPE_USER)
        return false;
    if (check->where == ROOTLESS && !machine_is_rootless(doctor->machine))
        return false;
    return !doctor->only || check->needs == 0 || (check->needs & doctor->needs);
}

int doctor_run(Doctor *doctor)
{
    const SpecEntry *entry;

    doctor->needs = 0;
    for (size_t i = 0; (entry = doctor_next(doctor, &i));)
        doctor->needs |= needs_of_entry(doctor->machine->scope, entry);

    for (size_t i = 0; i < ELEMENTSOF(checks); i++)
        if (applies(doctor, &checks[i])) {
            doctor->check = checks[i].name;
            doctor->check_needs = checks[i].needs;
            checks[i].run(doctor);
        }
    return doctor->error;
}

const char *finding_state_word(FindingState state)
{
    static const char *const words[] = {
        [FINDING_OK] = "ok", [FINDING_WARNING] = "warning", [FINDING_MISSING] = "missing"};
    static_assert(ELEMENTSOF(words) == _FINDING_STATE_MAX, "a word for every state");

    return words[state];
}

size_t doctor_count(const Doctor *doctor, FindingState state)
{
    size_t n = 0;

    for (size_t i = 0; i < doctor->n; i++)
        n += doctor->findings[i].state == state;
    return n;
}

static char *format_text(Doctor *doctor, const char *format, va_list ap)
{
    _cleanup_text_ Text t = {0};
    char *s = NULL;
    int r;

    text_addv(&t, format, ap);
    r = text_take(&t, &s);
    if (r < 0)
        doctor->error = r;
    return s;
}

static void add_finding(Doctor *doctor, FindingState state, const char *format, va_list ap)
{
    _cleanup_free_ char *found = doctor->error < 0 ? NULL : format_text(doctor, format, ap);
    Finding *findings;

    if (!found)
        return;
    findings = reallocarray(doctor->findings, doctor->n + 1, sizeof(*findings));
    if (!findings) {
        doctor->error = -ENOMEM;
        return;
    }
    doctor->findings = findings;
    findings[doctor->n++] =
        (Finding){.check = doctor->check, .state = state, .found = TAKE_PTR(found)};
}

void doctor_add_ok(Doctor *doctor, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    add_finding(doctor, FINDING_OK, format, ap);
    va_end(ap);
}

void doctor_add_warning(Doctor *doctor, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    add_finding(doctor, FINDING_WARNING, format, ap);
    va_end(ap);
}

void doctor_add_missing(Doctor *doctor, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    add_finding(doctor, FINDING_MISSING, format, ap);
    va_end(ap);
}

void doctor_add_lack(Doctor *doctor, const char *format, ...)
{
    bool needed = doctor->needs & doctor->check_needs;
    va_list ap;

    va_start(ap, format);
    add_finding(doctor, needed ? FINDING_MISSING : FINDING_WARNING, format, ap);
    va_end(ap);
}

/* The finding that more is said of; NULL after an error. */
static Finding *last(Doctor *doctor)
{
    if (doctor->error < 0)
        return NULL;
    assert(doctor->n > 0);
    return &doctor->findings[doctor->n - 1];
}

void doctor_add_meaning(Doctor *doctor, const char *format, ...)
{
    Finding *finding = last(doctor);
    va_list ap;

    if (!finding)
        return;
    assert(!finding->means);
    va_start(ap, format);
    finding->means = format_text(doctor, format, ap);
    va_end(ap);
}

void doctor_add_service(Doctor *doctor, const char *name)
{
    Finding *finding = last(doctor);
    int r = finding ? strv_push(&finding->services, name) : 0;

    if (r < 0)
        doctor->error = r;
}

static void add_mend(Doctor *doctor, bool as_root, const char *format, va_list ap)
{
    Finding *finding = last(doctor);
    _cleanup_free_ char *command = finding ? format_text(doctor, format, ap) : NULL;
    Mend *mends;

    if (!command)
        return;
    mends = reallocarray(finding->mends, finding->n_mends + 1, sizeof(*mends));
    if (!mends) {
        doctor->error = -ENOMEM;
        return;
    }
    finding->mends = mends;
    mends[finding->n_mends++] =
        (Mend){.command = TAKE_PTR(command), .as_root = as_root && doctor->machine->uid != 0};
}

void doctor_add_mend(Doctor *doctor, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    add_mend(doctor, doctor->machine->scope == SPEC_SCOPE_SYSTEM, format, ap);
    va_end(ap);
}

void doctor_add_root_mend(Doctor *doctor, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    add_mend(doctor, true, format, ap);
    va_end(ap);
}
