/* SPDX-License-Identifier: MIT */

/* All there is to know about one spec and its service, gathered from the specs, the generator and
 * the service manager, for `phoenix explain` to tell. */

#pragma once

#include "cli/cli.h"
#include "cli/facts/delays.h"
#include "cli/specs/boot.h"
#include "cli/specs/loaded.h"
#include "cli/supervisor/health.h"
#include "cli/systemd/manager.h"
#include "spec/set.h"

typedef struct Facts {
    SpecScope scope;
    const SpecEntry *entry; /* borrowed */
    char *unit;             /* "phoenix@web.service" */
    char *timer;            /* "phoenix@web.timer", when it has a schedule */
    char *socket;           /* "phoenix@web.socket", when it is started by its connections */
    Boot boot;
    Loaded loaded;

    char *stub;    /* why the generator makes a stub of a good spec, or NULL */
    char **lacks;  /* what it does without on this machine */
    Delays delays; /* as the manager has them; else as the generator writes them */
    bool delays_known;
    uint64_t watchdog_usec;      /* WatchdogSec= as generated; USEC_INFINITY: none, or not known */
    uint64_t start_timeout_usec; /* TimeoutStartSec=, the same */

    bool has_state; /* state is filled */
    UnitState state;
    UnitState timer_state;
    UnitState socket_state;
    Health health;  /* of such a service; empty when phoenixd does not answer */
    char *no_state; /* why has_state is false */
    uint64_t now_usec;
} Facts;

void facts_done(Facts *facts);
#define _cleanup_facts_ _cleanup_(facts_done)

/* 0 or -ENOMEM; what cannot be found out is left open. */
int facts_gather(const Cli *cli, const SpecEntry *entry, Facts *ret);

/* The two ways to tell them. */
void facts_add_prose(Text *t, const Facts *facts);
void facts_add_json(Text *t, const Facts *facts);

/* facts-checks.c: their part about supervision, of a spec that units are made of. */
void facts_add_checks_prose(Text *t, const Facts *facts);
void facts_add_checks_json(Text *t, const Facts *facts);

/* facts-demand.c: their part about being started by connections, the same. */
void facts_add_demand_prose(Text *t, const Facts *facts);
void facts_add_demand_json(Text *t, const Facts *facts);

/* facts-policy.c: their part about a policy. */
void facts_add_policy_prose(Text *t, const Policy *policy);
void facts_add_policy_json(Text *t, const Policy *policy);

/* facts-collector.c: their part about a collector. */
void facts_add_collector_prose(Text *t, const SpecCollector *collector);
void facts_add_collector_json(Text *t, const SpecCollector *collector);

/* Why a unit is a stub, from its text and the path of its spec; NULL when out of memory. */
char *facts_stub_reason(const char *unit, const char *file);
