/* SPDX-License-Identifier: MIT */
/* Who waits is kept in the order of starting, so that the next one is always the first; who has
 * started is only counted. */
#include "supervisor/policy/gate.h"

#include <assert.h>

void gate_init(Gate *gate, size_t slots)
{
    *gate = (Gate){.slots = slots > 0 ? slots : 1};
}

static bool goes_before(const GateEntry *a, const GateEntry *b)
{
    if (a->restart != b->restart)
        return a->restart;
    return a->dependents > b->dependents;
}

void gate_enter(Gate *gate, GateEntry *entry)
{
    GateEntry *previous = NULL, *next = gate->waiting;

    assert(!entry->waiting && !entry->running);

    /* Behind its equals: who came first goes first. */
    while (next && !goes_before(entry, next)) {
        previous = next;
        next = next->next;
    }
    entry->previous = previous;
    entry->next = next;
    if (previous)
        previous->next = entry;
    else
        gate->waiting = entry;
    if (next)
        next->previous = entry;
    entry->waiting = true;
    gate->n_waiting++;
}

static void unlink_waiting(Gate *gate, GateEntry *entry)
{
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        gate->waiting = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    entry->next = entry->previous = NULL;
    entry->waiting = false;
    gate->n_waiting--;
}

GateEntry *gate_next(Gate *gate)
{
    GateEntry *entry = gate->waiting;

    if (!entry || gate->n_running >= gate->slots)
        return NULL;
    unlink_waiting(gate, entry);
    entry->running = true;
    gate->n_running++;
    return entry;
}

void gate_leave(Gate *gate, GateEntry *entry)
{
    if (entry->waiting)
        unlink_waiting(gate, entry);
    if (entry->running) {
        entry->running = false;
        gate->n_running--;
    }
}
