/* SPDX-License-Identifier: MIT */

/*
 * The end of a frozen service. phoenix-idle has to be gone before the service manager stops the
 * service, and a service that was thawed before it is told to end could accept a connection that
 * it then breaks off. So a child stays until a signal waits for the service, and thaws it then:
 * the first thing it does awake is to end. Nothing tells of a signal that waits, so that is looked
 * for; it takes some milliseconds, as the manager is about to send it.
 */

#include "run.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "told.h"
#include "supervisor/lease/clock.h"

#define PERIOD_USEC (4 * USEC_PER_MSEC)
/* Another unit may need the service, and then it is not told at all. And nobody's stop is to wait
 * for its timeout because of us. */
#define PATIENCE_USEC (1500 * USEC_PER_MSEC)

static _Noreturn void guard_run(const struct group *group)
{
    const struct timespec period = {.tv_nsec = PERIOD_USEC * 1000};
    uint64_t until_usec = now_usec() + PATIENCE_USEC;

    /* In brackets: systemd is not to complain about what is left behind on purpose. */
    prctl(PR_SET_NAME, "(phoenix-idle)");
    /* Not frozen any more: it is gone, or the next phoenix-idle has thawed it for somebody. */
    while (group_is_frozen(group)) {
        if (told_to_end(group) || now_usec() >= until_usec)
            _exit(group_thaw(group) < 0 ? 1 : 0);
        nanosleep(&period, NULL);
    }
    _exit(0);
}

void guard_start(const struct group *group)
{
    pid_t pid = fork();

    if (pid == 0)
        guard_run(group);
    /* Awake a moment too early is better than never again. */
    if (pid < 0)
        (void)group_thaw(group);
}
