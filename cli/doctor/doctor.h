/* SPDX-License-Identifier: MIT */

/* `phoenix doctor`: what this machine lacks for the services it is to run. A check looks at one
 * thing and adds at least one finding: what there is, and when that is not as it should be, what it
 * means and the commands that mend it. */

#pragma once

#include "base/text.h"
#include "cli/doctor/machine.h"
#include "cli/doctor/needs.h"

typedef enum FindingState {
    FINDING_OK,
    FINDING_WARNING, /* will not keep a service from running, or no service needs it */
    FINDING_MISSING, /* will keep a service from being what its spec says */
    _FINDING_STATE_MAX,
} FindingState;

typedef struct Mend {
    char *command; /* one line for a shell */
    bool as_root;  /* and the caller is not root */
} Mend;

typedef struct Finding {
    const char *check;
    FindingState state;
    char *found;     /* one line */
    char *means;     /* sentences; NULL when all is well */
    char **services; /* names of those that are concerned; NULL: all, or none in particular */
    Mend *mends;     /* in their order; none when there is no command for it */
    size_t n_mends;
} Finding;

/* Initialise with machine, set and only. Like Text it remembers its first error, so that checks
 * need not look after memory. */
typedef struct Doctor {
    const Machine *machine;
    const SpecSet *set;
    const SpecEntry *only; /* the one service that is asked about; NULL: all */

    Finding *findings;
    size_t n;
    int error;

    const char *check;    /* the one being made */
    unsigned check_needs; /* who needs what it looks at */
    unsigned needs;       /* of all services that are asked about */
} Doctor;

void doctor_done(Doctor *doctor);
#define _cleanup_doctor_ _cleanup_(doctor_done)

/* Makes all checks that apply. 0 or -ENOMEM. */
int doctor_run(Doctor *doctor);

const char *finding_state_word(FindingState state);

/* How many findings are of that state. */
size_t doctor_count(const Doctor *doctor, FindingState state);

/* For checks: adds a finding with what was found. doctor_add_lack() decides between missing and
 * warning by whether a service needs what the check looks at. */
void doctor_add_ok(Doctor *doctor, const char *format, ...) _printf_(2, 3);
void doctor_add_warning(Doctor *doctor, const char *format, ...) _printf_(2, 3);
void doctor_add_missing(Doctor *doctor, const char *format, ...) _printf_(2, 3);
void doctor_add_lack(Doctor *doctor, const char *format, ...) _printf_(2, 3);

/* For checks: more about the finding that was added last. Commands are for the owner of the service
 * manager, or for root. */
void doctor_add_meaning(Doctor *doctor, const char *format, ...) _printf_(2, 3);
void doctor_add_service(Doctor *doctor, const char *name);
void doctor_add_mend(Doctor *doctor, const char *format, ...) _printf_(2, 3);
void doctor_add_root_mend(Doctor *doctor, const char *format, ...) _printf_(2, 3);

/* The entries that are asked about, whatever their fate: *i counts from 0; NULL at the end. */
const SpecEntry *doctor_next(const Doctor *doctor, size_t *i);

/* The same, only those that need one of these. */
const SpecEntry *doctor_next_needing(const Doctor *doctor, unsigned needs, size_t *i);

/* Names all entries that need one of these as concerned, and how many there are. */
size_t doctor_count_needing(const Doctor *doctor, unsigned needs);
void doctor_add_services_needing(Doctor *doctor, unsigned needs);
