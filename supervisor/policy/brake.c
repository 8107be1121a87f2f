/* SPDX-License-Identifier: MIT */
/* Keeps the onsets of one window in a list by time, as they come in that order: whether the brake
 * closes is known from its length, without a look at the checks that pass. */
#include "supervisor/policy/brake.h"

static uint64_t add_usec(uint64_t a, uint64_t b)
{
    return a <= UINT64_MAX - b ? a + b : UINT64_MAX;
}

static void append(Brake *brake, BrakeEntry *entry, uint64_t now_usec)
{
    *entry = (BrakeEntry){.previous = brake->newest, .onset_usec = now_usec, .counted = true};
    if (brake->newest)
        brake->newest->next = entry;
    else
        brake->oldest = entry;
    brake->newest = entry;
    brake->n_onsets++;
}

void brake_forget(Brake *brake, BrakeEntry *entry)
{
    if (!entry->counted)
        return;
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        brake->oldest = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    else
        brake->newest = entry->previous;
    brake->n_onsets--;
    *entry = (BrakeEntry){};
}

static void forget_older(Brake *brake, uint64_t than_usec)
{
    while (brake->oldest && brake->oldest->onset_usec < than_usec)
        brake_forget(brake, brake->oldest);
}

bool brake_onset(Brake *brake, BrakeEntry *entry, const BrakeRules *rules, uint64_t now_usec)
{
    brake_forget(brake, entry);
    forget_older(brake, now_usec > rules->window_usec ? now_usec - rules->window_usec : 0);
    append(brake, entry, now_usec);

    if (now_usec < brake->quiet_until_usec)
        return false;
    if (brake->n_onsets < BRAKE_LEAST || brake->n_onsets <= rules->n_checks / 2)
        return false;
    brake->held_until_usec = add_usec(now_usec, rules->hold_usec);
    brake->quiet_until_usec = add_usec(brake->held_until_usec, rules->hold_usec);
    return true;
}

bool brake_is_held(const Brake *brake, uint64_t now_usec)
{
    return now_usec < brake->held_until_usec;
}
