/* SPDX-License-Identifier: MIT */
/*
 * What a policy makes of the containers that are there: which class each is of, its rank in it, and
 * whether it stays. Nothing here looks at the machine, stops anything or knows what time it is;
 * phoenixd and `phoenix reap --dry-run` come to the same decisions by the same numbers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/text.h"
#include "engine/engine.h"
#include "spec/spec.h"
#include "sysinfo/sysinfo.h"

typedef enum ReapVerdict {
    REAP_KEEP,  /* it may stay */
    REAP_STOP,  /* it is to be stopped */
    REAP_WAIT,  /* it is one too many, and has been asked to stop not long ago */
    REAP_SPARE, /* it is in the class, and none of the policy's business */
    _REAP_VERDICT_MAX,
} ReapVerdict;

typedef enum ReapReason {
    REAP_NEWEST,          /* keep */
    REAP_SURPLUS,         /* stop, or wait: there are enough newer ones */
    REAP_MEMORY,          /* stop, or wait: together they have too much memory */
    REAP_PRESSURE_MEMORY, /* stop: the machine is under pressure */
    REAP_PRESSURE_CPU,
    REAP_PRESSURE_IO,
    REAP_NAMED,     /* spare: the policy says so */
    REAP_NAMELESS,  /* spare: the policy spares by name, and the name is not known */
    REAP_LABELLESS, /* spare: the policy goes by labels, and they are not known */
    REAP_SERVICE,   /* spare: a service of Phoenix that the policy does not name */
    REAP_COLLECTOR,
    REAP_MANAGER, /* spare: of another manager than ours */
    REAP_NO_UNIT, /* spare: systemd has no unit of it */
    REAP_SHARED,  /* spare: its unit has other containers, too */
    _REAP_REASON_MAX,
} ReapReason;

typedef struct ReapContainer {
    const SysinfoContainer *info;
    const char *name;              /* as Podman or Docker calls it; "": not known */
    const EngineContainer *engine; /* what that says of it, its labels; NULL: not known */
} ReapContainer;

/* "some avg10" of /proc/pressure, percentages; negative: not known. */
typedef struct ReapPressure {
    double memory, cpu, io;
} ReapPressure;

/* That a container was asked to stop. */
typedef struct ReapTry {
    char id[SYSINFO_ID_LENGTH + 1];
    uint64_t cgroup_id;
    uint64_t ended_usec; /* CLOCK_MONOTONIC; UINT64_MAX: under way */
    bool told;           /* of a policy that only tells */
} ReapTry;

/* What was done by a policy before. Initialise with { 0 }. */
typedef struct ReapHistory {
    ReapTry *items;
    size_t n;
    uint64_t pressure_usec; /* when one was stopped for pressure; 0: never */
} ReapHistory;

void reap_history_done(ReapHistory *history);
#define _cleanup_reap_history_ _cleanup_(reap_history_done)

/* The entry of the container, or NULL. */
ReapTry *reap_history_find(const ReapHistory *history, const SysinfoContainer *info);
/* The same, made when there is none; NULL without memory. */
ReapTry *reap_history_add(ReapHistory *history, const SysinfoContainer *info);
/* Drops what is of containers that are gone, but for what is under way. */
void reap_history_forget(ReapHistory *history, const ReapContainer *containers, size_t n);

typedef struct ReapInput {
    const char *policy_name;
    const Policy *policy;
    const ReapContainer *containers;
    size_t n;
    uint64_t memory_total_bytes;
    ReapPressure pressure;
    const ReapHistory *history; /* may be NULL */
    uint64_t now_usec;          /* CLOCK_MONOTONIC */
    uid_t manager;              /* ours: SYSINFO_SYSTEM_MANAGER, or whose user manager */
} ReapInput;

typedef struct ReapDecision {
    size_t container; /* index */
    size_t class;     /* index */
    size_t rank;      /* 1: the newest of its class; 0 of those that are spared */
    ReapVerdict verdict;
    ReapReason reason;
} ReapDecision;

/* By class, then by rank, those that are spared last. */
typedef struct ReapDecisions {
    ReapDecision *items;
    size_t n;
} ReapDecisions;

void reap_decisions_done(ReapDecisions *decisions);
#define _cleanup_reap_decisions_ _cleanup_(reap_decisions_done)

/* One decision for each container that matches the policy and is in a class. Returns 0 or -ENOMEM.
 */
int reap_decide(const ReapInput *input, ReapDecisions *ret);

/* "keep", "stop", "wait", "spare". */
const char *reap_verdict_word(ReapVerdict verdict);
/* "newest", "surplus", "memory", "memory-pressure", ... */
const char *reap_reason_word(ReapReason reason);
/* The reason in words and with its numbers: "2nd newest of its class, which keeps 1". */
void reap_explain(const ReapInput *input, const ReapDecision *decision, Text *t);
