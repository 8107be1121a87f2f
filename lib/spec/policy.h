/* SPDX-License-Identifier: MIT */
/*
 * What a spec of "type": "policy" says: which containers are looked at, how they are sorted into
 * classes, and how many of each class, or how much of the machine, they may have. No unit is made
 * of it; phoenixd reads its plan and acts by it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* The most classes that a policy may have, and the most patterns of one class. */
#define POLICY_CLASSES_MAX 32U
#define POLICY_ARGS_MAX    32U

/* The command of the document's workload, whose classes are the default. */
#define POLICY_STRESS "stress"

typedef enum PolicyAction {
    POLICY_ACTION_STOP,
    POLICY_ACTION_NONE, /* decided and told, nothing is stopped */
    _POLICY_ACTION_MAX,
} PolicyAction;

/* A container is the policy's when all that is given here is so. */
typedef struct PolicyMatch {
    char *command;   /* glob: name of the main process, or of its program */
    char *container; /* glob: name of the container */
    char **labels;   /* all of them: "KEY", or "KEY=GLOB" */
    char **services; /* globs: the services of Phoenix that it may stop at all; without it none */
} PolicyMatch;

/* A container is of the first class that matches. */
typedef struct PolicyClass {
    char *name;
    char **args;   /* one of these is among the arguments: globs, as in sysinfo/classes.h */
    char *command; /* glob, as in PolicyMatch */
    int64_t keep;  /* how many are kept; unset: as the policy says */
} PolicyClass;

typedef struct PolicyClasses {
    PolicyClass *items;
    size_t n;
} PolicyClasses;

/* "some avg10" of /proc/pressure, percentages. */
typedef struct PolicyPressure {
    char *memory, *cpu, *io;
} PolicyPressure;

typedef struct PolicyBudget {
    char *memory; /* of all containers of the policy together: size, or percentage of the host's */
    PolicyPressure psi;
} PolicyBudget;

typedef struct Policy {
    PolicyMatch match;
    PolicyClasses classes;
    int64_t keep;
    uint64_t interval_usec;
    PolicyBudget budget;
    int action;          /* PolicyAction */
    uint64_t grace_usec; /* from StopUnit to SIGKILL */
    uint64_t
        cooldown_usec; /* until the same container, or for pressure another one, has its turn */
    char **spare;      /* globs: names of containers, or their units */
} Policy;

const char *policy_action_word(int action);
