/* SPDX-License-Identifier: MIT */
/*
 * All specs of one manager together: what each is for here, and the mistakes that only show between
 * files (two of one name, an "after" that names nothing, a circle of "needs").
 */
#pragma once

#include "spec/diag.h"
#include "spec/scan.h"
#include "spec/spec.h"

typedef enum SpecFate {
    SPEC_FATE_GENERATED,   /* good: its units are made */
    SPEC_FATE_POLICY,      /* good: a policy; there is a plan of it and no unit */
    SPEC_FATE_COLLECTOR,   /* good: a collector; there is a plan of it and no unit */
    SPEC_FATE_BROKEN,      /* its findings say why; a stub explains it */
    SPEC_FATE_MASKED,      /* nothing is made */
    SPEC_FATE_ELSEWHERE,   /* names another machine: nothing is made */
    SPEC_FATE_OTHER_SCOPE, /* for the other manager: nothing is made */
    _SPEC_FATE_MAX,
} SpecFate;

/* Good, and phoenixd acts by its plan: there is no unit of it. */
static inline bool spec_fate_is_plan_only(SpecFate fate)
{
    return fate == SPEC_FATE_POLICY || fate == SPEC_FATE_COLLECTOR;
}

/* Good: something is made of it. */
static inline bool spec_fate_is_good(SpecFate fate)
{
    return fate == SPEC_FATE_GENERATED || spec_fate_is_plan_only(fate);
}

typedef struct SpecEntry {
    SpecFile file;
    Spec *spec; /* NULL when masked or unreadable; kept when BROKEN by its neighbours */
    char *unit; /* instance name: spec->name, or the stub's name when there is none */
    SpecFate fate;
    DiagList diags;
} SpecEntry;

/* Entries sorted by the stem of their file. */
typedef struct SpecSet {
    SpecEntry *items;
    size_t n;
} SpecSet;

/*
 * Loads and checks all specs in the folders for one manager.
 *
 * scope: SPEC_SCOPE_SYSTEM or SPEC_SCOPE_USER; machine: this host's name, NULL for gethostname(2).
 * Returns 0 and the set (also when every spec in it is broken), or -ENOMEM.
 */
int spec_set_load(SpecScope scope, char *const *folders, const char *machine, SpecSet **ret);

SpecSet *spec_set_free(SpecSet *set);

static inline void spec_set_freep(SpecSet **set)
{
    spec_set_free(*set);
}
#define _cleanup_spec_set_free_ _cleanup_(spec_set_freep)

/* The entry of that instance name or, failing that, of that file stem; NULL when there is none. */
SpecEntry *spec_set_find(const SpecSet *set, const char *name);

/* The instance name in the set that looks most like this one, or NULL. */
const char *spec_set_nearest(const SpecSet *set, const char *name);

const char *spec_fate_word(SpecFate fate);
