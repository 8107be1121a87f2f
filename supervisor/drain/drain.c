/* SPDX-License-Identifier: MIT */

/*
 * See drain.h. What comes while the server does not accept waits in the queue of the listening
 * socket, which is the manager's and outlives us. A server that cannot be made deaf goes on to
 * accept, so that the waiting is for a moment without a connection: it is held then, and looked at
 * once more, since between a look and its end it could accept another one.
 */

#include "drain.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "deafen.h"
#include "server.h"
#include "supervisor/lease/clock.h"

#define LOOK_USEC (10 * USEC_PER_MSEC)

/* The manager must not lose patience before we do. */
#define SPARE_USEC (5 * USEC_PER_SEC)

/* Waits for one of our signals, at most so long. Returns it, or 0. */
static int wait_for_signal(const struct drain *drain, uint64_t usec)
{
    struct timespec ts = {.tv_sec = (time_t)(usec / USEC_PER_SEC),
                          .tv_nsec = (long)(usec % USEC_PER_SEC) * 1000};
    int signal = usec == NEVER_USEC ? sigwaitinfo(&drain->signals, NULL)
                                    : sigtimedwait(&drain->signals, NULL, &ts);

    return signal < 0 ? 0 : signal;
}

static bool has_ended(const struct drain *drain, int *ret_status)
{
    return waitpid(drain->server, ret_status, WNOHANG) == drain->server;
}

static void say_status(struct drain *drain, int open)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "draining, %d connection%s open", open,
                     open == 1 ? " is" : "s are");

    notify_status(&drain->notify, text, (size_t)n);
    (void)notify_flush(&drain->notify);
}

static int count(const struct drain *drain)
{
    return connections_count(drain->server, drain->listeners, drain->n_listeners);
}

/* The number of connections that are open, 0 when the server is held and there will be none any
 * more. Or the server has ended, then *ret_ended is set and *ret_status too. */
static int look(const struct drain *drain, bool *ret_ended, int *ret_status)
{
    int open = count(drain);

    if (open != 0)
        return open;
    int r = server_hold(drain->server, ret_status);
    if (r != 0) {
        *ret_ended = r > 0;
        return r > 0 ? 0 : r;
    }
    open = count(drain);
    if (open != 0)
        server_go_on(drain->server);
    return open;
}

/* Goes on where it was not possible before. Whether the server has ended meanwhile. */
static bool deafen(struct drain *drain, int *ret_status)
{
    int r = 0;

    while (r == 0 && drain->n_deaf < drain->n_listeners) {
        r = server_deafen(drain->server, drain->listeners[drain->n_deaf].fd, ret_status);
        drain->n_deaf += r == 0;
    }
    drain->deafen_result = r;
    return r > 0;
}

/* Until nobody is connected, or for as long as is allowed. A server that has only just been started
 * does not wait for connections yet, so it is tried again. */
static enum drain_end wait_for_end(struct drain *drain, int *ret_detail)
{
    uint64_t end_usec = now_usec() + drain->time_usec;
    int said = -1;

    for (;;) {
        bool ended = drain->deafen_result == -EAGAIN && deafen(drain, ret_detail);
        int open = ended ? 0 : look(drain, &ended, ret_detail);

        if (ended)
            return DRAIN_SERVER_ENDED;
        *ret_detail = open;
        if (open <= 0)
            return open < 0 ? DRAIN_BLIND : DRAIN_DONE;
        if (now_usec() >= end_usec)
            return DRAIN_CUT;
        if (open != said)
            say_status(drain, open);
        said = open;
        switch (wait_for_signal(drain, LOOK_USEC)) {
        case 0:
            break;
        case SIGCHLD:
            if (has_ended(drain, ret_detail))
                return DRAIN_SERVER_ENDED;
            break;
        default:
            return DRAIN_CUT;
        }
    }
}

enum drain_end drain_run(struct drain *drain, int *ret_detail)
{
    enum drain_end end;

    for (;;) {
        int signal = wait_for_signal(drain, NEVER_USEC);

        if (signal == SIGCHLD && has_ended(drain, ret_detail))
            return DRAIN_SERVER_ENDED;
        if (signal == SIGTERM || signal == SIGINT)
            break;
    }
    notify_extend(&drain->notify, drain->time_usec + SPARE_USEC);
    if (deafen(drain, ret_detail))
        return DRAIN_SERVER_ENDED;
    end = wait_for_end(drain, ret_detail);
    if (end != DRAIN_SERVER_ENDED)
        server_end(drain->server);
    return end;
}
