/* SPDX-License-Identifier: MIT */

/*
 * Ends what is left of a payload; see abort.h. All waiting is for events: cgroup.events for cgroups
 * that hold nothing but payload, pidfds for processes that share a cgroup with us, where "empty"
 * can never become true.
 */

#include "abort.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define USEC_PER_MSEC UINT64_C(1000)
#define USEC_PER_SEC  UINT64_C(1000000)
#define END_USEC      USEC_PER_SEC
#define PIDFDS_MAX    512
#define HELPERS_MAX   16
#define WATCHES_MAX   (PAYLOAD_GROUPS_MAX + PIDFDS_MAX)

struct watches {
    struct pollfd fds[WATCHES_MAX];
    size_t n_fds;
    size_t n_groups; /* the first so many are cgroup.events and not ours to close */
};

static uint64_t now_usec(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / 1000;
}

static void watches_close(struct watches *watches)
{
    for (size_t i = watches->n_groups; i < watches->n_fds; i++)
        if (watches->fds[i].fd >= 0)
            close(watches->fds[i].fd);
    watches->n_fds = 0;
}

/* Returns true when something happened, false when the time is over. */
static bool watches_wait(struct watches *watches, uint64_t until)
{
    uint64_t now = now_usec();

    if (now >= until)
        return false;
    uint64_t left = until - now;
    /* With nothing to wait for (all of them ended while we looked) the caller looks again, but not
     * in a tight loop. */
    if (watches->n_fds == 0 && left > 10 * USEC_PER_MSEC)
        left = 10 * USEC_PER_MSEC;
    struct timespec ts = {.tv_sec = (time_t)(left / USEC_PER_SEC),
                          .tv_nsec = (long)(left % USEC_PER_SEC) * 1000};
    int r = ppoll(watches->fds, watches->n_fds, &ts, NULL);
    return r > 0 || watches->n_fds == 0 || (r < 0 && errno == EINTR);
}

static void watch_groups(struct watches *watches, const struct payload *payload)
{
    for (size_t i = 0; i < payload->n_groups; i++) {
        struct cgroup_events events;

        payload_group_events(&payload->groups[i], &events);
        if (events.populated)
            watches->fds[watches->n_fds++] =
                (struct pollfd){.fd = payload->groups[i].events_fd, .events = POLLPRI};
    }
    watches->n_groups = watches->n_fds;
}

static void watch_process(struct watches *watches, const struct payload *payload, pid_t pid)
{
    if (watches->n_fds - watches->n_groups == PIDFDS_MAX)
        return;
    int fd = payload_open_process(payload, pid);
    if (fd >= 0)
        watches->fds[watches->n_fds++] = (struct pollfd){.fd = fd, .events = POLLIN};
}

/* Waits until all watched processes have ended or a watched cgroup changed. One that ended is not
 * watched any more, so that a thousand ends do not cost a thousand walks over the tree. */
static bool watches_settle(struct watches *watches, uint64_t until)
{
    bool group_changed = false;

    for (;;) {
        size_t processes = 0;

        if (!watches_wait(watches, until))
            return false;
        for (size_t i = 0; i < watches->n_fds; i++) {
            if (i < watches->n_groups) {
                group_changed |= watches->fds[i].revents != 0;
            } else if (watches->fds[i].fd >= 0 && watches->fds[i].revents != 0) {
                close(watches->fds[i].fd);
                watches->fds[i].fd = -1;
            }
            processes += i >= watches->n_groups && watches->fds[i].fd >= 0;
        }
        if (group_changed || processes == 0)
            return true;
    }
}

static bool any_group_populated(const struct payload *payload)
{
    for (size_t i = 0; i < payload->n_groups; i++) {
        struct cgroup_events events;

        payload_group_events(&payload->groups[i], &events);
        if (events.populated)
            return true;
    }
    return false;
}

static bool has_shared_group(const struct payload *payload)
{
    for (size_t i = 0; i < payload->n_groups; i++)
        if (!payload->groups[i].whole)
            return true;
    return false;
}

static int send_signal(const struct payload *payload, pid_t pid, int signal)
{
    int fd = payload_open_process(payload, pid);
    if (fd < 0)
        return fd;
    int r = (int)syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
    r = r < 0 ? -errno : 0;
    /* A stopped process keeps every signal but SIGKILL for later. */
    if (r == 0 && signal != SIGKILL)
        syscall(SYS_pidfd_send_signal, fd, SIGCONT, NULL, 0);
    close(fd);
    return r;
}

/* Kills by cgroup.kill, which no fork can outrun; where that is not possible, process by process.
 */
static int kill_all(const struct payload *payload)
{
    struct process_list list;
    bool one_by_one = false;

    for (size_t i = 0; i < payload->n_groups; i++)
        one_by_one |= payload_group_kill(payload, &payload->groups[i]) < 0;
    if (!one_by_one)
        return 0;
    int r = payload_list(payload, &list);
    if (r < 0)
        return r;
    for (size_t i = 0; i < list.n_items; i++)
        send_signal(payload, list.items[i].pid, SIGKILL);
    process_list_free(&list);
    return 0;
}

/* Waits for the payload to be gone, until the given time; with `kill`, whoever still shows up is
 * killed too. Returns the number of processes left, or -ENOMEM. */
static ssize_t wait_gone(const struct payload *payload, uint64_t until, bool kill)
{
    bool shared = has_shared_group(payload);

    for (;;) {
        struct process_list list = {};
        struct watches watches = {};

        int r = kill ? kill_all(payload) : 0;
        if (r == 0)
            r = payload_list(payload, &list);
        if (r < 0)
            return r;
        /* A process of a namespace that we do not see has no PID for us, but it does populate its
         * cgroup. */
        ssize_t left = (ssize_t)list.n_items;
        if (left == 0 && any_group_populated(payload))
            left = 1;
        if (left > 0) {
            watch_groups(&watches, payload);
            for (size_t i = 0; shared && i < list.n_items; i++)
                watch_process(&watches, payload, list.items[i].pid);
        }
        process_list_free(&list);
        bool again = left > 0 && watches_settle(&watches, until);
        watches_close(&watches);
        if (!again)
            return left;
    }
}

/* A core that is being written is what the SIGABRT was for, and SIGKILL would cut it off. */
static int wait_dumps(const struct payload *payload, uint64_t until)
{
    for (;;) {
        struct process_list list = {};
        struct watches watches = {};
        bool dumping = false;

        int r = payload_list(payload, &list);
        if (r < 0)
            return r;
        for (size_t i = 0; i < list.n_items; i++)
            if (list.items[i].status.core_dumping) {
                dumping = true;
                watch_process(&watches, payload, list.items[i].pid);
            }
        process_list_free(&list);
        bool again = dumping && watches_wait(&watches, until);
        watches_close(&watches);
        if (!again)
            return 0;
    }
}

static bool is_frozen(const struct payload *payload)
{
    for (size_t i = 0; i < payload->n_groups; i++) {
        struct cgroup_events events;

        payload_group_events(&payload->groups[i], &events);
        if (events.frozen)
            return true;
    }
    return false;
}

static int signal_all(const struct payload *payload, int signal, struct abort_report *report)
{
    struct process_list list;
    size_t inits = 0;

    int r = payload_list(payload, &list);
    if (r < 0)
        return r;
    report->found = list.n_items;
    report->ineffective = true;
    for (size_t i = 0; i < list.n_items; i++) {
        const struct payload_process *process = &list.items[i];
        bool has_effect = signal_has_effect(&process->status, signal);

        inits += process->status.ns_init && !has_effect;
        if (!signal_is_for(&process->status, signal, list.n_items == 1))
            continue;
        if (send_signal(payload, process->pid, signal) < 0)
            continue;
        report->signalled++;
        if (has_effect)
            report->ineffective = false;
    }
    report->only_init = inits > 0 && inits == list.n_items;
    process_list_free(&list);
    if (report->found == 0 && any_group_populated(payload))
        report->found = 1;
    /* A frozen cgroup answers to SIGKILL alone. */
    if (is_frozen(payload))
        report->ineffective = true;
    return 0;
}

int abort_payload(const struct payload *payload, const struct abort_policy *policy,
                  struct abort_report *ret)
{
    struct abort_report report = {};
    uint64_t start = now_usec();
    ssize_t left;

    int r = signal_all(payload, policy->signal, &report);
    if (r < 0)
        return r;
    left = (ssize_t)report.found;
    if (left > 0 && !report.ineffective) {
        left = wait_gone(payload, start + policy->grace_usec, false);
        if (left > 0 && policy->dump_usec > policy->grace_usec) {
            r = wait_dumps(payload, start + policy->dump_usec);
            if (r < 0)
                return r;
            left = wait_gone(payload, 0, false);
        }
        if (left < 0)
            return (int)left;
    }
    if (left > 0) {
        report.killed = true;
        report.killed_usec = now_usec() - start;
        left = wait_gone(payload, now_usec() + END_USEC, true);
        if (left < 0)
            return (int)left;
    }
    report.left = (size_t)left;
    report.elapsed_usec = now_usec() - start;
    *ret = report;
    return left > 0 ? -EBUSY : 0;
}

void abort_wait_helpers(const struct payload *payload, uint64_t usec)
{
    uint64_t until = now_usec() + usec;
    pid_t pids[HELPERS_MAX];
    size_t n = payload_helpers(payload, pids, HELPERS_MAX);

    for (size_t i = 0; i < n; i++) {
        struct pollfd process = {.fd = (int)syscall(SYS_pidfd_open, pids[i], 0), .events = POLLIN};
        uint64_t now = now_usec();

        if (process.fd < 0)
            continue;
        if (now < until)
            poll(&process, 1, (int)((until - now) / USEC_PER_MSEC) + 1);
        close(process.fd);
    }
}

void abort_describe(const struct abort_report *report, const char *result,
                    const struct abort_policy *policy, char *buf, size_t size)
{
    const char *name = policy->signal == SIGABRT ? "SIGABRT" : "SIGTERM";
    char what[128], then[64] = "", end[64];

    if (report->ineffective)
        snprintf(what, sizeof(what), "%s cannot end the payload%s, SIGKILL at once", name,
                 report->only_init ? " (PID 1 of a container, with no handler: run it with an init)"
                                   : "");
    else
        snprintf(what, sizeof(what), "%s to %zu process%s of the payload", name, report->signalled,
                 report->signalled == 1 ? "" : "es");
    if (report->killed && !report->ineffective)
        snprintf(then, sizeof(then), ", SIGKILL after %" PRIu64 " ms",
                 report->killed_usec / USEC_PER_MSEC);
    if (report->left > 0)
        snprintf(end, sizeof(end), ", %zu still there after %" PRIu64 " ms", report->left,
                 report->elapsed_usec / USEC_PER_MSEC);
    else
        snprintf(end, sizeof(end), ", gone after %" PRIu64 " ms",
                 report->elapsed_usec / USEC_PER_MSEC);
    snprintf(buf, size, "%s: %s%s%s", result, what, then, end);
}
