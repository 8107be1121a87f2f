/* SPDX-License-Identifier: MIT */

/*
 * The rules of idleness; see idle.h. The table is complete: no event is unforeseen in any state,
 * and what is unclear is thawed, as a service that is awake for nothing costs some memory, and one
 * that sleeps while somebody waits is broken.
 *
 * How each race ends (a client that connects while ...):
 *
 *   ... the time runs out         the look that is made then finds it: USED
 *   ... it is being frozen        accepted: the look after the freeze finds it, thawed;
 *                                 not accepted: that look finds it waiting, thawed
 *   ... it is frozen              waits in the listening socket, which gets readable: thawed. With
 *                                 a proxy, the proxy's start shows: thawed
 *   ... it is frozen and told     waits in the listening socket, which systemd keeps: the service
 *   to end (END)                  is thawed to end, and started again for it
 *   and it was used and left      PASSED is as good as a look: the time runs anew, and a freeze
 *   between two looks             that was under way is taken back
 *   and left, and its end is      the freeze comes up to that much early, with nobody there
 *   told late by the kernel
 *   phoenix-idle is killed        what is frozen stays so and is taken over by the next one, which
 *                                 looks first; connections wait in the listening socket
 *   the service crashes           this ends with it (Requires=), and the next one begins anew
 *   somebody else thaws it        a connection that comes then is seen as a KNOCK: the time runs
 */

#include "idle.h"

#include <assert.h>
#include <stddef.h>

/* Two things that are known by the clock and the options are events of their own, so that each cell
 * of the table means one thing. */
enum {
    EVENT_OVER = _IDLE_EVENT_MAX, /* nobody is there, and the time is over */
    EVENT_STOP,                   /* nobody is there, or nobody can tell, and idle is stopped */
    EVENT_MAX,
};

struct cell {
    enum idle_state next;
    enum idle_action action;
    uint8_t clock;
};

/* What becomes of the time that runs. */
enum {
    KEEP,
    ANEW,  /* from now on, `after` */
    LEAVE, /* from now on, for who was seen to leave */
};

static const struct cell table[_IDLE_STATE_MAX][EVENT_MAX] =
    {
        [IDLE_USED] =
            {
                [IDLE_EVENT_PRESENT] = {IDLE_USED, IDLE_NOTHING, KEEP},
                [IDLE_EVENT_ABSENT] = {IDLE_UNUSED, IDLE_NOTHING, LEAVE},
                /* Of several, perhaps: who is left shows when the time is over. */
                [IDLE_EVENT_PASSED] = {IDLE_UNUSED, IDLE_NOTHING, ANEW},
                [IDLE_EVENT_KNOCK] = {IDLE_USED, IDLE_NOTHING, KEEP},
                [IDLE_EVENT_DUE] = {IDLE_USED, IDLE_LOOK, KEEP},
                [IDLE_EVENT_FROZEN] = {IDLE_USED, IDLE_THAW, KEEP},
                [IDLE_EVENT_FAILED] = {IDLE_USED, IDLE_THAW, KEEP},
                [EVENT_OVER] = {IDLE_UNUSED, IDLE_NOTHING, LEAVE},
                [EVENT_STOP] = {IDLE_UNUSED, IDLE_NOTHING, LEAVE},
            },
        [IDLE_UNUSED] =
            {
                [IDLE_EVENT_PRESENT] = {IDLE_USED, IDLE_NOTHING, KEEP},
                [IDLE_EVENT_ABSENT] = {IDLE_UNUSED, IDLE_NOTHING, KEEP},
                [IDLE_EVENT_PASSED] = {IDLE_UNUSED, IDLE_NOTHING, ANEW},
                [IDLE_EVENT_KNOCK] = {IDLE_UNUSED, IDLE_NOTHING, ANEW},
                [IDLE_EVENT_DUE] = {IDLE_UNUSED, IDLE_LOOK, KEEP},
                [IDLE_EVENT_FROZEN] = {IDLE_UNUSED, IDLE_THAW, ANEW},
                [IDLE_EVENT_FAILED] = {IDLE_UNUSED, IDLE_THAW, ANEW},
                [EVENT_OVER] = {IDLE_FREEZING, IDLE_FREEZE, KEEP},
                [EVENT_STOP] = {IDLE_FREEZING, IDLE_FREEZE, KEEP},
            },
        [IDLE_FREEZING] =
            {
                [IDLE_EVENT_PRESENT] = {IDLE_USED, IDLE_THAW, KEEP},
                [IDLE_EVENT_ABSENT] = {IDLE_FROZEN, IDLE_NOTHING, ANEW},
                [IDLE_EVENT_PASSED] = {IDLE_UNUSED, IDLE_THAW, ANEW},
                [IDLE_EVENT_KNOCK] = {IDLE_UNUSED, IDLE_THAW, ANEW},
                [IDLE_EVENT_DUE] = {IDLE_FREEZING, IDLE_LOOK, KEEP},
                [IDLE_EVENT_FROZEN] = {IDLE_FREEZING, IDLE_LOOK, KEEP},
                [IDLE_EVENT_FAILED] = {IDLE_UNUSED, IDLE_THAW, ANEW},
                [EVENT_OVER] = {IDLE_FROZEN, IDLE_NOTHING, ANEW},
                [EVENT_STOP] = {IDLE_ENDING, IDLE_END, KEEP},
            },
        [IDLE_FROZEN] =
            {
                [IDLE_EVENT_PRESENT] = {IDLE_USED, IDLE_THAW, KEEP},
                [IDLE_EVENT_ABSENT] = {IDLE_FROZEN, IDLE_NOTHING, KEEP},
                /* The kernel's last word on one that had closed before the freeze. */
                [IDLE_EVENT_PASSED] = {IDLE_FROZEN, IDLE_NOTHING, KEEP},
                [IDLE_EVENT_KNOCK] = {IDLE_UNUSED, IDLE_THAW, ANEW},
                [IDLE_EVENT_DUE] = {IDLE_ENDING, IDLE_END, KEEP},
                [IDLE_EVENT_FROZEN] = {IDLE_FROZEN, IDLE_NOTHING, KEEP},
                [IDLE_EVENT_FAILED] = {IDLE_UNUSED, IDLE_THAW, ANEW},
                [EVENT_OVER] = {IDLE_FROZEN, IDLE_NOTHING, KEEP},
                [EVENT_STOP] = {IDLE_FROZEN, IDLE_NOTHING, KEEP},
            },
        [IDLE_ENDING] =
            {
                [IDLE_EVENT_PRESENT] = {IDLE_ENDING, IDLE_NOTHING, KEEP},
                [IDLE_EVENT_ABSENT] = {IDLE_ENDING, IDLE_NOTHING, KEEP},
                [IDLE_EVENT_PASSED] = {IDLE_ENDING, IDLE_NOTHING, KEEP},
                [IDLE_EVENT_KNOCK] = {IDLE_ENDING, IDLE_NOTHING, KEEP},
                [IDLE_EVENT_DUE] = {IDLE_ENDING, IDLE_NOTHING, KEEP},
                [IDLE_EVENT_FROZEN] = {IDLE_ENDING, IDLE_NOTHING, KEEP},
                [IDLE_EVENT_FAILED] = {IDLE_ENDING, IDLE_NOTHING, KEEP},
                [EVENT_OVER] = {IDLE_ENDING, IDLE_NOTHING, KEEP},
                [EVENT_STOP] = {IDLE_ENDING, IDLE_NOTHING, KEEP},
            },
};

/* Times may be as long as a year, and a clock that is passed in may be anything. */
static uint64_t add(uint64_t a, uint64_t b)
{
    return a > IDLE_NEVER - b ? IDLE_NEVER : a + b;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When an unused service becomes idle. */
static uint64_t over_usec(const struct idle *idle)
{
    return later(add(idle->since_usec, idle->wait_usec),
                 add(idle->start_usec, idle->options.min_usec));
}

static void run_clock(struct idle *idle, uint64_t wait_usec, uint64_t now_usec)
{
    idle->since_usec = now_usec;
    idle->wait_usec = wait_usec;
}

void idle_init(struct idle *idle, const struct idle_options *options, bool frozen,
               uint64_t now_usec)
{
    assert(idle && options);
    *idle = (struct idle){
        .options = *options,
        .state = frozen ? IDLE_FROZEN : IDLE_UNUSED,
        .start_usec = now_usec,
        .looked_usec = now_usec,
    };
    run_clock(idle, options->after_usec, now_usec);
}

static unsigned refine(const struct idle *idle, enum idle_event event, uint64_t now_usec)
{
    bool stop = !idle->options.freeze;

    if (idle->state == IDLE_UNUSED && event == IDLE_EVENT_ABSENT && now_usec >= over_usec(idle))
        return EVENT_OVER;
    if (idle->state == IDLE_FREEZING && event == IDLE_EVENT_ABSENT)
        return stop ? (unsigned)EVENT_STOP : (unsigned)EVENT_OVER;
    /* One that cannot be frozen can still be stopped; the look was a moment ago. */
    if (idle->state == IDLE_FREEZING && event == IDLE_EVENT_FAILED && stop)
        return EVENT_STOP;
    return event;
}

enum idle_action idle_step(struct idle *idle, enum idle_event event, uint64_t now_usec)
{
    assert(idle && event < _IDLE_EVENT_MAX);
    const struct cell *cell = &table[idle->state][refine(idle, event, now_usec)];

    idle->state = cell->next;
    if (cell->clock == ANEW)
        run_clock(idle, idle->options.after_usec, now_usec);
    if (cell->clock == LEAVE)
        run_clock(idle, idle->options.leave_usec, now_usec);
    if (event != IDLE_EVENT_DUE)
        idle->looked_usec = now_usec;
    return cell->action;
}

uint64_t idle_due(const struct idle *idle)
{
    uint64_t period_usec = idle->options.period_usec;
    uint64_t look_usec = period_usec > 0 ? add(idle->looked_usec, period_usec) : IDLE_NEVER;

    switch (idle->state) {
    case IDLE_USED:
        return look_usec;
    case IDLE_UNUSED:
        return sooner(look_usec, over_usec(idle));
    case IDLE_FROZEN:
        return idle->options.stop_usec > 0 ? add(idle->since_usec, idle->options.stop_usec)
                                           : IDLE_NEVER;
    default:
        return IDLE_NEVER;
    }
}

const char *idle_state_name(enum idle_state state)
{
    static const char *const names[_IDLE_STATE_MAX] = {
        [IDLE_USED] = "used",     [IDLE_UNUSED] = "unused", [IDLE_FREEZING] = "freezing",
        [IDLE_FROZEN] = "frozen", [IDLE_ENDING] = "ending",
    };

    assert(state < _IDLE_STATE_MAX);
    return names[state];
}
