/* SPDX-License-Identifier: MIT */
/*
 * The plans that the generator wrote, read from its output folder: which services there are and how
 * each is to be supervised.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "spec/spec.h"
#include "supervisor/policy/restart.h"

/* How a service is started by its connections, and stopped or frozen without. */
typedef struct PlanDemand {
    char **listen; /* the addresses */
    bool native;   /* no proxy: it accepts its connections itself */
    bool idle;     /* those below have a meaning */
    bool freeze;
    uint64_t after_usec;
    uint64_t stay_usec; /* up for this long after a start, used or not */
    uint64_t stop_usec; /* frozen for this long: stopped; USEC_INFINITY: never */
    uint32_t outside;   /* checks (by index, a bit each) that go to a listening address, which is in
                         * the network of the manager */
} PlanDemand;

/* What phoenixd works by, of all that a plan says. One piece of memory with all it points to. */
typedef struct Plan {
    const char *name;
    uint64_t hash; /* of the bytes: an unchanged plan changes nothing */
    SpecType type;
    uint64_t watchdog_usec; /* the service beats within this; USEC_INFINITY: it does not beat */
    RestartRules restart;
    const SpecProbe *checks; /* those of liveness first */
    size_t n_checks, n_liveness;
    char **after, **needs;
    const PlanDemand *demand; /* NULL: it is not started by connections */
    SpecOnFailure onfailure;
} Plan;

/* plan.c: what `spec` says, which is not needed any more after. 0 or -ENOMEM. */
int plan_new(const char *name, uint64_t hash, const Spec *spec, Plan **ret);
/* Takes NULL, returns NULL. */
Plan *plan_free(Plan *plan);

static inline void plan_freep(Plan **plan)
{
    plan_free(*plan);
}

typedef struct Plans {
    Plan **items; /* sorted by name; NULL where taken */
    size_t n;
    Spec **policies; /* sorted by name; NULL where taken */
    size_t n_policies;
    Spec **collectors; /* sorted by name */
    size_t n_collectors;
} Plans;

/* A plan that cannot be used; the rest are. */
typedef void (*plans_bad_t)(const char *path, const char *message, void *userdata);

/* `folder`: $PHOENIX_PLAN_DIR, or /run/systemd/generator/phoenix, or
 * $XDG_RUNTIME_DIR/systemd/generator/phoenix. A missing folder is no plans. Returns 0 or a negative
 * errno. */
int plans_read(const char *folder, plans_bad_t bad, void *userdata, Plans *ret);
void plans_done(Plans *plans);

/* The folder of this manager; caller frees. */
int plans_folder(bool user, char **ret);

/* Which state of the folder was read. Each run of the generator makes the folder anew, and each
 * file in it by a rename. */
typedef struct PlansStamp {
    dev_t dev;
    ino_t ino; /* 0: none, which is never the same */
    struct timespec changed;
} PlansStamp;

/* Take it before reading. A folder that has changed in the last moment has no stamp: what changes
 * within one tick of the clock looks the same. */
PlansStamp plans_stamp(const char *folder);
bool plans_stamp_same(const PlansStamp *a, const PlansStamp *b);
