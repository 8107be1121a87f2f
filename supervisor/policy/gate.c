/* SPDX-License-Identifier: MIT */
/*
 * Who waits is in a pairing heap (Fredman, Sedgewick, Sleator, Tarjan 1986), as thousands may come
 * at a boot; who has started is only counted.
 */
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
    if (a->dependents != b->dependents)
        return a->dependents > b->dependents;
    return a->turn < b->turn;
}

/* Two heaps become one: the root that comes later is the first child of the other one. Either may
 * be NULL; neither has siblings. */
static GateEntry *join(GateEntry *a, GateEntry *b)
{
    if (!a || !b)
        return a ? a : b;
    if (goes_before(b, a)) {
        GateEntry *swap = a;
        a = b;
        b = swap;
    }
    b->previous = a;
    b->next = a->child;
    if (b->next)
        b->next->previous = b;
    a->child = b;
    return a;
}

static GateEntry *detach(GateEntry *entry)
{
    GateEntry *next = entry->next;

    entry->next = entry->previous = NULL;
    return next;
}

/* One heap of a list of siblings: in pairs from the first on, and then all pairs from the last on,
 * which is what keeps it cheap. No recursion, since the list may be long. */
static GateEntry *join_siblings(GateEntry *first)
{
    GateEntry *pairs = NULL, *heap = NULL;

    while (first) {
        GateEntry *a = first, *b = detach(a);
        first = b ? detach(b) : NULL;
        a = join(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        GateEntry *next = detach(pairs);
        heap = join(heap, pairs);
        pairs = next;
    }
    return heap;
}

void gate_enter(Gate *gate, GateEntry *entry)
{
    assert(!entry->waiting && !entry->running);

    entry->turn = gate->n_turns++;
    entry->waiting = true;
    gate->first = join(gate->first, entry);
    gate->n_waiting++;
}

/* Takes it out of the list that it is in, if it is not the first of all. */
static void unlink_from_siblings(GateEntry *entry)
{
    if (entry->previous->child == entry)
        entry->previous->child = entry->next;
    else
        entry->previous->next = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    entry->next = entry->previous = NULL;
}

static void unlink_waiting(Gate *gate, GateEntry *entry)
{
    GateEntry *behind = join_siblings(entry->child);

    entry->child = NULL;
    if (gate->first == entry) {
        gate->first = behind;
    } else {
        unlink_from_siblings(entry);
        gate->first = join(gate->first, behind);
    }
    entry->waiting = false;
    gate->n_waiting--;
}

GateEntry *gate_next(Gate *gate)
{
    GateEntry *entry = gate->first;

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
