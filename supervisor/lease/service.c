/* SPDX-License-Identifier: MIT */

/*
 * The loop of the child that stays in the unit: it waits for the supervisor's word, for the end of
 * the service and for the clock, and for nothing else. When the supervisor is away it pets the
 * watchdog by itself, since nobody's death but the service's own may end the service.
 */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "lease.h"
#include "payload.h"

#define HOLDING_TEXT "supervisor away, holding"
#define FROZEN_TEXT  "frozen"
#define THAWED_TEXT  "thawed"
/* Without a watchdog to pet the status is all there is to do, and not urgent. */
#define SILENCE_USEC (30 * USEC_PER_SEC)
#define RETRY_USEC   (20 * USEC_PER_MSEC)

enum { POLL_SIGNAL, POLL_MAIN, POLL_LINK, POLL_REPORT, POLL_FREEZE, POLL_N };

void service_report(struct lease *lease, enum report report, const char *text, size_t n)
{
    char packet[1 + LEASE_TEXT_MAX] = {(char)report};

    if (lease->report_fd < 0)
        return;
    if (n > LEASE_TEXT_MAX)
        n = LEASE_TEXT_MAX;
    if (n > 0)
        memcpy(packet + 1, text, n);
    /* When this fails there is no foreground any more. */
    send(lease->report_fd, packet, 1 + n, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(lease->report_fd);
    lease->report_fd = -1;
}

static int open_signals(struct lease *lease)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    /* The manager's own watchdog signal: it goes to the whole unit, and is not for us. */
    sigaddset(&set, SIGABRT);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    lease->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return lease->signal_fd < 0 ? -errno : 0;
}

static void take_name(void)
{
    prctl(PR_SET_NAME, LEASE_NAME_STAYING);
}

/* Returns 0, or -ESRCH when the service has ended already. An application in a container can be
 * ready before Podman has named the container's monitor as the main process: what there is by then
 * is `podman run`, which ends when all is well. The manager tells us of the end by a signal then.
 */
static int open_main(struct lease *lease)
{
    lease->main_fd = -1;
    if (lease->main_pid <= 0 || payload_is_podman(lease->main_pid))
        return 0;
    lease->main_fd = (int)syscall(SYS_pidfd_open, lease->main_pid, 0);
    return lease->main_fd < 0 ? -errno : 0;
}

static void handle_signals(struct lease *lease)
{
    struct signalfd_siginfo info;

    while (read(lease->signal_fd, &info, sizeof(info)) == sizeof(info))
        if (info.ssi_signo != SIGCHLD && info.ssi_signo != SIGHUP)
            lease->done = true;
}

static uint64_t hold_interval(const struct lease *lease, unsigned part)
{
    uint64_t usec = lease->options.watchdog_usec;

    return (usec > 0 ? usec : SILENCE_USEC) / part;
}

static void heard(struct lease *lease, uint64_t now_usec)
{
    lease->holding = false;
    /* Petting is ours then, whatever else is said. */
    if (!lease->freeze.frozen)
        lease->hold_usec = now_usec + hold_interval(lease, 2);
}

static void disconnect(struct lease *lease)
{
    uint64_t now = now_usec();

    workers_forget(&lease->workers);
    link_close(&lease->link, now);
    /* Its last pet may be half a watchdog time ago; a new supervisor comes sooner than that. */
    lease->hold_usec = earlier(lease->hold_usec, now + hold_interval(lease, 8));
    lease->patience_end_usec = now + lease->options.patience_usec;
}

static void handle_link(struct lease *lease)
{
    struct lease_message message;
    int r;

    while (!lease->done && !lease->verdict && lease->link.fd >= 0) {
        uint64_t now = now_usec();
        r = link_receive(&lease->link, now, &message);
        if (r == -EAGAIN)
            return;
        if (r == 0) {
            heard(lease, now);
            r = service_obey(lease, &message);
        }
        if (r < 0)
            disconnect(lease);
    }
}

static void hold(struct lease *lease, uint64_t now_usec)
{
    if (now_usec < lease->hold_usec)
        return;
    if (lease->freeze.frozen) {
        if (lease->options.watchdog_usec > 0)
            notify_pet(&lease->notify);
        lease->hold_usec = now_usec + hold_interval(lease, 3);
        return;
    }
    /* A supervisor that need not pet speaks only when there is news: no sign of anything. */
    if (lease->options.watchdog_usec == 0 && lease->link.fd >= 0 && lease->link.welcomed) {
        lease->hold_usec = UINT64_MAX; /* until the connection ends */
        return;
    }
    if (!lease->holding || lease->options.watchdog_usec > 0)
        notify_status(&lease->notify, HOLDING_TEXT, strlen(HOLDING_TEXT));
    if (lease->options.watchdog_usec > 0)
        notify_pet(&lease->notify);
    lease->holding = true;
    lease->hold_usec = now_usec + hold_interval(lease, 3);
}

/* A payload that sleeps cannot be checked, and must not be ended for that. */
static void handle_freeze(struct lease *lease)
{
    if (!freeze_has_changed(&lease->freeze))
        return;
    const char *text = lease->freeze.frozen ? FROZEN_TEXT : THAWED_TEXT;
    uint64_t now = now_usec();

    notify_status(&lease->notify, text, strlen(text));
    if (lease->options.watchdog_usec > 0)
        notify_pet(&lease->notify);
    /* How long it slept is not how long nothing was heard. */
    lease->hold_usec = now + hold_interval(lease, lease->freeze.frozen ? 3 : 2);
    if (lease->link.fd >= 0 && service_say_frozen(lease) < 0)
        disconnect(lease);
}

static void connect_again(struct lease *lease, uint64_t now_usec)
{
    if (lease->link.fd >= 0 || link_connect(&lease->link, now_usec) < 0)
        return;
    if (service_hello(lease) < 0)
        link_close(&lease->link, now_usec);
}

static void handle_time(struct lease *lease)
{
    uint64_t now = now_usec();

    workers_look_after(&lease->workers, &lease->link, now);
    if (lease->verdict) {
        verdict_go_on(lease);
        return;
    }
    connect_again(lease, now);
    if (lease->report_fd >= 0 && !lease->link.welcomed && now >= lease->patience_end_usec)
        service_report(lease, REPORT_PATIENCE, NULL, 0);
    hold(lease, now);
    notify_flush(&lease->notify);
}

static uint64_t deadline(const struct lease *lease)
{
    uint64_t usec = workers_deadline(&lease->workers);

    if (lease->verdict || notify_is_due(&lease->notify))
        usec = earlier(usec, now_usec() + RETRY_USEC);
    if (lease->verdict)
        return usec;
    if (lease->link.fd < 0)
        usec = earlier(usec, lease->link.next_usec);
    if (lease->report_fd >= 0 && !lease->link.welcomed)
        usec = earlier(usec, lease->patience_end_usec);
    return earlier(usec, lease->hold_usec);
}

static void wait_and_handle(struct lease *lease)
{
    struct pollfd fds[POLL_N] = {
        [POLL_SIGNAL] = {.fd = lease->signal_fd, .events = POLLIN},
        [POLL_MAIN] = {.fd = lease->main_fd, .events = POLLIN},
        [POLL_LINK] = {.fd = lease->verdict ? -1 : lease->link.fd, .events = POLLIN},
        [POLL_REPORT] = {.fd = lease->report_fd},
        [POLL_FREEZE] = {.fd = lease->freeze.fd, .events = POLLPRI},
    };

    if (poll_until(fds, POLL_N, deadline(lease)) < 0)
        return;
    if (fds[POLL_MAIN].revents)
        lease->done = true;
    if (fds[POLL_SIGNAL].revents)
        handle_signals(lease);
    if (fds[POLL_REPORT].revents) {
        /* The foreground was ended by the manager. */
        close(lease->report_fd);
        lease->report_fd = -1;
    }
    if (fds[POLL_FREEZE].revents)
        handle_freeze(lease);
    if (fds[POLL_LINK].revents)
        handle_link(lease);
}

int service_run(struct lease *lease)
{
    int r = open_signals(lease);

    if (r < 0)
        return r;
    take_name();
    freeze_open(&lease->freeze);
    uint64_t now = now_usec();
    lease->patience_end_usec = now + lease->options.patience_usec;
    heard(lease, now);
    lease->done = open_main(lease) == -ESRCH;
    while (!lease->done) {
        handle_time(lease);
        if (!lease->done)
            wait_and_handle(lease);
    }
    service_report(lease, REPORT_GONE, NULL, 0);
    workers_end(&lease->workers);
    return 0;
}
