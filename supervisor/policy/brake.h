/* SPDX-License-Identifier: MIT */
/*
 * The mass-failure brake: when more than half of all checks, and at least BRAKE_LEAST of them,
 * begin to fail within one interval, the supervisor suspects itself (its network, its CPU, its
 * resolver) and holds all triggers back until each check had one more round. Pure: entries are the
 * caller's, one per check, linked into the brake; nothing is allocated.
 *
 * While it is held the caller goes on petting the services whose trigger it holds back, or
 * systemd's own timer would end them. A failed start is not held back: nothing that worked is lost.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BRAKE_LEAST 5

typedef struct BrakeRules {
    size_t n_checks;      /* liveness checks that are being made, passing or not */
    uint64_t window_usec; /* their median interval */
    uint64_t hold_usec;   /* the median of retries x interval: the time from a first failure to one
                           * interval after the verdict */
} BrakeRules;

/* Of one check; zero before its first onset. */
typedef struct BrakeEntry BrakeEntry;
struct BrakeEntry {
    BrakeEntry *next, *previous; /* by onset */
    uint64_t onset_usec;
    bool counted; /* linked */
};

typedef struct Brake {
    BrakeEntry *oldest, *newest;
    size_t n_onsets;           /* as of the last brake_onset(): within its window; for messages */
    uint64_t held_until_usec;  /* 0: never held */
    uint64_t quiet_until_usec; /* no second hold directly after the first: a real mass failure is
                                * acted on then */
} Brake;

/* A check went from passing to failing. A check that does so twice within the window is counted
 * once. Returns true when the brake closes with this onset. */
bool brake_onset(Brake *brake, BrakeEntry *entry, const BrakeRules *rules, uint64_t now_usec);

/* Whether triggers are held back now. Releases by itself, at brake->held_until_usec. */
bool brake_is_held(const Brake *brake, uint64_t now_usec);

/* The check is no longer made: its entry may go away. Harmless when it is not counted. */
void brake_forget(Brake *brake, BrakeEntry *entry);
