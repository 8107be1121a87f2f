/* SPDX-License-Identifier: MIT */

/*
 * The lease as ExecStartPre=: waits for its turn, so that two hundred containers do not start at
 * once. While it waits the service's start timeout stands still. Without a supervisor there are no
 * turns, and the service starts.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "clock.h"
#include "lease.h"

#define WAITING_TEXT "waiting for its turn to start"
#define EXTEND_USEC  (30 * USEC_PER_SEC)
#define AGAIN_USEC   (10 * USEC_PER_SEC)
#define RETRY_USEC   (100 * USEC_PER_MSEC)

/* Returns 1 when it may start, 0 when it has to wait, or a negative errno. */
static int gate_receive(struct lease *lease)
{
    struct lease_message message;

    for (;;) {
        int r = link_receive(&lease->link, now_usec(), &message);
        if (r < 0)
            return r == -EAGAIN ? 0 : r;
        if (message.type == LEASE_GO)
            return 1;
        if (message.type == LEASE_RESUME)
            r = service_hello(lease);
        else if (message.type == LEASE_STATUS)
            notify_status(&lease->notify, message.text, message.text_size);
        if (r < 0)
            return r;
    }
}

/* What the clock asks for. Returns when to look at it again. */
static uint64_t gate_time(struct lease *lease, uint64_t now_usec)
{
    uint64_t until_usec = NEVER_USEC;

    if (lease->link.fd < 0 && link_connect(&lease->link, now_usec) == 0 && service_hello(lease) < 0)
        link_close(&lease->link, now_usec);
    if (now_usec >= lease->hold_usec) {
        notify_extend(&lease->notify, EXTEND_USEC);
        lease->hold_usec = now_usec + AGAIN_USEC;
    }
    if (lease->link.fd < 0)
        until_usec = lease->link.next_usec;
    if (!lease->link.welcomed)
        until_usec = earlier(until_usec, lease->patience_end_usec);
    if (notify_flush(&lease->notify) < 0)
        until_usec = earlier(until_usec, now_usec + RETRY_USEC);
    return earlier(until_usec, lease->hold_usec);
}

int gate_run(struct lease *lease)
{
    uint64_t now = now_usec();

    lease->report_fd = -1;
    lease->hold_usec = now;
    lease->patience_end_usec = now + lease->options.patience_usec;
    notify_status(&lease->notify, WAITING_TEXT, strlen(WAITING_TEXT));
    for (;;) {
        now = now_usec();
        if (!lease->link.welcomed && now >= lease->patience_end_usec)
            return -ETIMEDOUT;
        uint64_t until_usec = gate_time(lease, now);
        struct pollfd fd = {.fd = lease->link.fd, .events = POLLIN};
        if (poll_until(&fd, 1, until_usec) <= 0 || fd.fd < 0)
            continue;
        int r = gate_receive(lease);
        if (r > 0) {
            /* What comes next says how it is; nothing does in a service without checks. */
            notify_status(&lease->notify, "", 0);
            (void)notify_flush(&lease->notify);
            return 0;
        }
        if (r < 0) {
            link_close(&lease->link, now_usec());
            lease->patience_end_usec = now_usec() + lease->options.patience_usec;
        }
    }
}
