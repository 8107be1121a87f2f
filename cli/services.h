/* SPDX-License-Identifier: MIT */

/* The list of services: specs and units brought together by name. */

#pragma once

#include "boot.h"
#include "cli.h"
#include "loaded.h"
#include "manager.h"
#include "spec/set.h"

typedef struct ServiceRow {
    const char *name;       /* instance */
    const SpecEntry *entry; /* NULL: a unit without a spec */
    const UnitState *state; /* NULL: not loaded by the manager, or not known */
    Boot boot;
    Loaded loaded;
    char *reason; /* why it is not an ordinary service here, or NULL */
} ServiceRow;

typedef struct Services {
    SpecSet *set;
    UnitStates states;
    bool has_states;  /* the manager has answered */
    char *no_states;  /* why it has not */
    ServiceRow *rows; /* by name */
    size_t n;
} Services;

void services_done(Services *services);
#define _cleanup_services_ _cleanup_(services_done)

/* 0 or -ENOMEM. A manager that does not answer is no failure. */
int services_load(const Cli *cli, Services *ret);

/* Whether the row is one that is listed without --all: a service that is made here, one that is
 * broken, and one that runs although it should not be there. */
bool services_row_is_ordinary(const ServiceRow *row);

/* "active (running)", "broken", "unknown", ... in a new string; NULL when out of memory. */
char *services_row_state(const Services *services, const ServiceRow *row);
