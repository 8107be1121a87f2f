/* SPDX-License-Identifier: MIT */

/* The list of services: specs and units brought together by name. */

#pragma once

#include "cli/cli.h"
#include "cli/specs/boot.h"
#include "cli/specs/loaded.h"
#include "cli/supervisor/health.h"
#include "cli/supervisor/supervision.h"
#include "cli/systemd/manager.h"
#include "spec/set.h"

typedef struct ServiceRow {
    const char *name;        /* instance */
    const SpecEntry *entry;  /* NULL: a unit without a spec */
    const UnitState *state;  /* NULL: not loaded by the manager, or not known */
    const UnitState *socket; /* that starts it on demand; NULL as above, or there is none */
    const Health *health;    /* NULL: phoenixd does not know it, or was not reached */
    Boot boot;
    Loaded loaded;
    char *reason; /* why it is not an ordinary service here, or NULL */
} ServiceRow;

typedef struct Services {
    SpecSet *set;
    UnitStates states, sockets;
    bool has_states; /* the manager has answered */
    char *no_states; /* why it has not */
    Healths healths;
    Supervision supervision;
    bool has_healths; /* phoenixd has answered */
    char *no_healths; /* why it has not */
    ServiceRow *rows; /* by name */
    size_t n;
} Services;

void services_done(Services *services);
#define _cleanup_services_ _cleanup_(services_done)

/* 0 or -ENOMEM. A manager that does not answer is no failure, nor is a phoenixd that does not. */
int services_load(const Cli *cli, Services *ret);

/* The row of that name, or NULL. */
const ServiceRow *services_find(const Services *services, const char *name);

/* Why nothing is generated of it, in a new string; NULL when something is, or out of memory. */
char *services_entry_reason(const SpecEntry *entry);

/* Whether the row is one that is listed without --all: a service that is made here, one that is
 * broken, and one that runs although it should not be there. */
bool services_row_is_ordinary(const ServiceRow *row);

/* Whether systemd listens for it; and whether that is all, as nobody has connected. */
bool services_row_is_listened_for(const ServiceRow *row);
bool services_row_is_idle(const ServiceRow *row);

/* The word of the health of a supervised service, NULL when it has none; and its colour. */
const char *services_row_health(const ServiceRow *row);
Color services_row_color(const ServiceRow *row);

/* One word where one is enough, for tables of all services: "healthy", "failed", "active". In a new
 * string; NULL when out of memory. */
char *services_row_word(const Services *services, const ServiceRow *row);

/* "active (running)", "broken", "unknown", ... in a new string; NULL when out of memory. */
char *services_row_state(const Services *services, const ServiceRow *row);
