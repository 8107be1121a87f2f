/* SPDX-License-Identifier: MIT */

/* Signals that are blocked and fetched, so that no handler and no global variable is needed. */

#include "cli/update/interrupt.h"

#include <time.h>

void interrupt_hold(Interrupt *interrupt)
{
    interrupt->came = false;
    sigemptyset(&interrupt->signals);
    sigaddset(&interrupt->signals, SIGINT);
    sigaddset(&interrupt->signals, SIGTERM);
    sigaddset(&interrupt->signals, SIGHUP);
    (void)sigprocmask(SIG_BLOCK, &interrupt->signals, &interrupt->before);
}

bool interrupt_came(Interrupt *interrupt)
{
    const struct timespec now = {0};

    if (!interrupt->came)
        interrupt->came = sigtimedwait(&interrupt->signals, NULL, &now) > 0;
    return interrupt->came;
}

void interrupt_release(Interrupt *interrupt)
{
    (void)sigprocmask(SIG_SETMASK, &interrupt->before, NULL);
}
