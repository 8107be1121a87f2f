/* SPDX-License-Identifier: MIT */
/*
 * The start gate: at most N services start at once. Who is waited for by most others goes first,
 * then who came first; a service that is restarted goes ahead of those that start for the first
 * time. Pure: entries are the caller's, linked into the gate.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero before it first enters, but for `dependents` and `restart`, which stay as they are while it
 * is in the gate. */
typedef struct GateEntry GateEntry;
struct GateEntry {
    /* A pairing heap: the first of those behind this one, and this one's place among its equals in
     * that: the next of them, and the one before or, of the first, the one ahead of them all. */
    GateEntry *child, *next, *previous;
    uint64_t turn;       /* who came first has the lower one */
    uint32_t dependents; /* how many services wait for this one, directly or not */
    bool restart;
    bool waiting, running; /* set by the gate: queued; has a slot */
};

typedef struct Gate {
    GateEntry *first; /* who goes next, with all others that wait behind it; or NULL */
    uint64_t n_turns;
    size_t n_waiting, n_running, slots;
} Gate;

/* slots: 2 x CPUs by default, at least 1. */
void gate_init(Gate *gate, size_t slots);

/* Queues an entry (which must not be in the gate); in constant time, however many wait. */
void gate_enter(Gate *gate, GateEntry *entry);

/* The next entry that may start now, which has a slot from here on; NULL when there is none. Call
 * until NULL after each gate_enter() and gate_leave(). */
GateEntry *gate_next(Gate *gate);

/* Takes an entry out, waiting or running; harmless when it is not in the gate. */
void gate_leave(Gate *gate, GateEntry *entry);
