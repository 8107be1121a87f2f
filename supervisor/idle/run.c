/* SPDX-License-Identifier: MIT */

/*
 * The loop of phoenix-idle. It waits for the kernel to tell of something and for the time that
 * idle_due() names, and for nothing else: a service that is frozen, or that has connections open,
 * costs no wakeup.
 */

#include "run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "told.h"
#include "supervisor/abort/settle.h"
#include "supervisor/lease/clock.h"

/* A proxy that is gone may be one that is being restarted. */
#define SETTLE_USEC (100 * USEC_PER_MSEC)
/* Processes in the middle of I/O are frozen at its end. */
#define FREEZE_TIMEOUT_USEC (2 * USEC_PER_SEC)
#define SETTLE_STDERR_USEC  (100 * USEC_PER_MSEC)
#define RETRY_USEC          (20 * USEC_PER_MSEC)
#define THAW_RETRY_USEC     (100 * USEC_PER_MSEC)
/* Ends of connections are looked at again after an eighth of `after`, this at most. */
#define QUIET_MAX_USEC USEC_PER_SEC
/* Memory is taken back in pieces, and somebody who comes in between waits for one only. */
#define RECLAIM_PIECE   (UINT64_C(8) << 20)
#define RECLAIM_USEC    (10 * USEC_PER_SEC)
#define SECONDS_PER_DAY 86400

enum { POLL_SIGNAL, POLL_WATCH, POLL_ENDED, POLL_PAYLOAD, POLL_DOOR };

/* ---- what the manager is told ---- */

static void add_two_digits(struct line *line, uint64_t number)
{
    if (number < 10)
        line_add(line, "0");
    line_add_number(line, number);
}

static void add_time_of_day(struct line *line, uint64_t seconds)
{
    add_two_digits(line, seconds / 3600);
    line_add(line, ":");
    add_two_digits(line, seconds / 60 % 60);
    line_add(line, ":");
    add_two_digits(line, seconds % 60);
    line_add(line, " UTC");
}

static void add_span(struct line *line, uint64_t usec)
{
    bool whole = usec % USEC_PER_SEC == 0;

    line_add_number(line, whole ? usec / USEC_PER_SEC : usec / USEC_PER_MSEC);
    line_add(line, whole ? "s" : "ms");
}

/* "3.1M" */
static void add_bytes(struct line *line, uint64_t bytes)
{
    uint64_t tenths = bytes / ((UINT64_C(1) << 20) / 10);

    line_add_number(line, tenths / 10);
    line_add(line, ".");
    line_add_number(line, tenths % 10);
    line_add(line, "M");
}

static void describe_frozen(const struct run *run, struct line *line)
{
    uint64_t memory = run->memory_bytes > 0 ? group_memory(&run->group) : 0;

    line_add(line, "frozen since ");
    add_time_of_day(line, run->frozen_at);
    if (memory > 0 && memory < run->memory_bytes) {
        line_add(line, ", ");
        add_bytes(line, run->memory_bytes - memory);
        line_add(line, " reclaimed");
    }
}

static void describe(const struct run *run, struct line *line)
{
    line_clear(line);
    switch (run->idle.state) {
    case IDLE_USED:
        line_add(line, "in use");
        return;
    case IDLE_FROZEN:
        describe_frozen(run, line);
        return;
    case IDLE_ENDING:
        line_add(line, "idle");
        return;
    default:
        line_add(line, "idle after ");
        add_span(line, run->options.after_usec);
        line_add(line, " without use");
        if (run->trouble) {
            line_add(line, ", but ");
            line_add(line, run->trouble);
        }
    }
}

/* Told only when it is something new: there may be thousands of connections in a second. */
static void tell(struct run *run)
{
    struct line line;

    describe(run, &line);
    if (line.n == run->status.n && memcmp(line.text, run->status.text, line.n) == 0)
        return;
    run->status = line;
    notify_status(&run->notify, line.text, line.n);
    (void)notify_flush(&run->notify);
}

/* Said once, until something else is the matter. */
static void trouble(struct run *run, const char *what, int error)
{
    if (run->trouble != what)
        say(run->options.name, what, ": ", strerrordesc_np(-error), NULL);
    run->trouble = what;
}

/* ---- what is done ---- */

static enum idle_event look(struct run *run)
{
    int r;

    if (run->options.proxy) {
        r = group_is_populated(run->watch_fd);
        if (r >= 0)
            return r > 0 ? IDLE_EVENT_PRESENT : IDLE_EVENT_ABSENT;
        /* The slice was stopped; the next one of us has it started again. */
        run->done = run->broken = true;
    } else {
        r = sockets_look(&run->sockets);
        if (r >= 0)
            return (enum idle_event)r;
    }
    trouble(run, "the kernel does not say who is there", r);
    return IDLE_EVENT_PASSED;
}

static void stop_watching(struct run *run)
{
    door_close(&run->door);
    if (run->payload_fd >= 0)
        close(run->payload_fd);
    run->payload_fd = -1;
}

static int open_door(struct run *run)
{
    if (run->options.proxy)
        return 0;
    int r = door_open(&run->door, &run->sockets, &run->group);
    if (r < 0)
        trouble(run, "its sockets cannot be watched", r);
    return r;
}

/* Who is frozen has to be woken again, and is no longer frozen when somebody has killed it. */
static int watch_frozen(struct run *run)
{
    const struct group service = group_part(&run->group, GROUP_SERVICE);

    if (!run->options.freeze)
        return 0;
    run->payload_fd = group_watch_payload(&service);
    if (run->payload_fd < 0) {
        trouble(run, "its processes cannot be watched", run->payload_fd);
        return run->payload_fd;
    }
    run->monitored = told_is_monitored(&service);
    return open_door(run);
}

static enum idle_event freeze(struct run *run)
{
    int r = group_freeze(&run->group, FREEZE_TIMEOUT_USEC);

    /* Where there is nothing to freeze, a service that is to be stopped can do without. */
    if (r == -ENOENT && !run->options.freeze)
        return IDLE_EVENT_FAILED;
    if (r < 0)
        trouble(run, "it cannot be frozen", r);
    if (r < 0 || watch_frozen(run) < 0)
        return IDLE_EVENT_FAILED;
    run->trouble = NULL;
    return IDLE_EVENT_FROZEN;
}

/* Whether a proxy that sleeps would be thawed for a service that has been killed, which the manager
 * may not know yet. */
static bool would_refuse(const struct run *run)
{
    const struct group service = group_part(&run->group, GROUP_SERVICE);
    const struct group proxy = group_part(&run->group, GROUP_PROXY);

    if (!run->options.with_proxy || !group_is_frozen(&proxy))
        return false;
    if (told_is_dying(&service) || (run->monitored && !told_is_monitored(&service)))
        return true;
    /* What is killed leaves the freezer before anything else. */
    return run->payload_fd >= 0 && !group_payload_sleeps(run->payload_fd);
}

/* Such a proxy sleeps on until the service is well, or until the manager knows of the crash and has
 * us ended (ExecStopPost=). Then it is ended, too, and who waits starts another one, which waits
 * for the service. Nobody is connected to one that is frozen. SIGHUP ends it without a thaw, and
 * systemd takes that for no failure. */
static int thaw_for_nobody(struct run *run)
{
    const struct group service = group_part(&run->group, GROUP_SERVICE);
    const struct group proxy = group_part(&run->group, GROUP_PROXY);

    if (!run->done)
        return group_thaw(&service);
    (void)group_signal(&proxy, SIGHUP);
    return group_thaw(&run->group);
}

static void thaw(struct run *run)
{
    bool refuses = would_refuse(run);
    int r = refuses ? thaw_for_nobody(run) : group_thaw(&run->group);

    stop_watching(run);
    run->reclaim_usec = 0;
    run->thaw_again_usec = r < 0 || (refuses && !run->done) ? now_usec() + THAW_RETRY_USEC : 0;
    if (r < 0)
        trouble(run, "it cannot be thawed", r);
}

/* The service is needed as long as its proxy is there. */
static void end_proxy(struct run *run)
{
    const struct group proxy = group_part(&run->group, GROUP_PROXY);

    if (!run->options.with_proxy)
        return;
    int r = group_signal(&proxy, SIGTERM);
    if (r < 0)
        trouble(run, "its proxy cannot be ended", r);
    (void)group_thaw(&proxy);
}

static void end(struct run *run)
{
    struct line line;

    line_clear(&line);
    line_add(&line, run->options.freeze ? "frozen for " : "not used for ");
    add_span(&line, run->options.freeze ? run->options.stop_usec : run->options.after_usec);
    say(run->options.name, line.text, ", to be stopped", NULL);
    stderr_settle(SETTLE_STDERR_USEC); /* so that it is found with the unit */
    if (group_is_frozen(&run->group)) {
        const struct group service = group_part(&run->group, GROUP_SERVICE);
        end_proxy(run);
        guard_start(&service);
    }
    stop_watching(run);
    run->done = true;
}

static void begin_freeze(struct run *run)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    run->frozen_at = (uint64_t)ts.tv_sec % SECONDS_PER_DAY;
    if (!run->options.reclaim)
        return;
    run->memory_bytes = group_memory(&run->group);
    run->reclaim_usec = run->memory_bytes > 0 ? now_usec() + RECLAIM_USEC : 0;
}

/* An event, and all that follows from it at once. */
static void handle(struct run *run, enum idle_event event)
{
    enum idle_state before = run->idle.state;
    enum idle_action action;

    do {
        action = idle_step(&run->idle, event, now_usec());
        if (action == IDLE_LOOK)
            event = look(run);
        else if (action == IDLE_FREEZE)
            event = freeze(run);
        else if (action == IDLE_THAW)
            thaw(run);
        else if (action == IDLE_END)
            end(run);
    } while (action == IDLE_LOOK || action == IDLE_FREEZE);
    if (run->idle.state == IDLE_FROZEN && before != IDLE_FROZEN)
        begin_freeze(run);
    tell(run);
}

/* One piece. Stops where the kernel gets nothing back any more. */
static void reclaim(struct run *run)
{
    int r = group_reclaim(&run->group, RECLAIM_PIECE);

    if (r == -EINTR || (r == 0 && now_usec() < run->reclaim_usec))
        return;
    if (r < 0 && r != -EAGAIN)
        trouble(run, "its memory cannot be reclaimed", r);
    run->reclaim_usec = 0;
    tell(run);
}

/* ---- what is heard ---- */

static void handle_signals(struct run *run)
{
    struct signalfd_siginfo info;

    while (read(run->signal_fd, &info, sizeof(info)) == sizeof(info))
        run->done = true;
    if (run->done)
        thaw(run);
}

static void handle_ended(struct run *run)
{
    uint64_t quiet_usec = run->options.after_usec / 8;

    run->quiet_usec = now_usec() + (quiet_usec < QUIET_MAX_USEC ? quiet_usec : QUIET_MAX_USEC);
    if (sockets_have_ended(&run->sockets))
        handle(run, IDLE_EVENT_PASSED);
}

static void handle_time(struct run *run)
{
    uint64_t now = now_usec();

    if (run->thaw_again_usec > 0 && now >= run->thaw_again_usec)
        thaw(run);
    if (now >= idle_due(&run->idle))
        handle(run, IDLE_EVENT_DUE);
    if (!run->done && run->reclaim_usec > 0)
        reclaim(run);
    (void)notify_flush(&run->notify);
}

static uint64_t deadline(const struct run *run)
{
    uint64_t usec = idle_due(&run->idle), now = now_usec();

    if (run->reclaim_usec > 0)
        return now;
    if (run->thaw_again_usec > 0)
        usec = earlier(usec, run->thaw_again_usec);
    if (run->quiet_usec > now)
        usec = earlier(usec, run->quiet_usec);
    if (notify_is_due(&run->notify))
        usec = earlier(usec, now + RETRY_USEC);
    return usec;
}

static bool any_readable(const struct pollfd *fds, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (fds[i].revents)
            return true;
    return false;
}

static void wait_and_handle(struct run *run)
{
    bool quiet = run->quiet_usec > now_usec();
    struct pollfd fds[POLL_DOOR + DOOR_MAX] = {
        [POLL_SIGNAL] = {.fd = run->signal_fd, .events = POLLIN},
        [POLL_WATCH] = {.fd = run->watch_fd, .events = POLLPRI},
        [POLL_PAYLOAD] = {.fd = run->payload_fd, .events = POLLPRI},
        [POLL_ENDED] = {.fd = quiet ? -1 : run->sockets.ended_fd, .events = POLLIN},
    };
    size_t n = door_poll(&run->door, fds + POLL_DOOR);

    if (poll_until(fds, POLL_DOOR + n, deadline(run)) <= 0)
        return;
    if (any_readable(fds + POLL_DOOR, n))
        handle(run, IDLE_EVENT_KNOCK);
    /* The door may have been closed by now, and this with it. */
    if (fds[POLL_PAYLOAD].revents && run->payload_fd >= 0 && !group_payload_sleeps(run->payload_fd))
        handle(run, IDLE_EVENT_FAILED);
    if (fds[POLL_WATCH].revents)
        handle(run, look(run));
    if (fds[POLL_ENDED].revents)
        handle_ended(run);
    if (fds[POLL_SIGNAL].revents)
        handle_signals(run);
}

static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static struct idle_options rules(const struct run *run)
{
    const struct run_options *options = &run->options;

    return (struct idle_options){
        .after_usec = options->after_usec,
        .leave_usec = options->proxy ? SETTLE_USEC : options->after_usec,
        .min_usec = options->min_usec,
        .period_usec = sockets_need_looks(&run->sockets) ? options->after_usec / 4 : 0,
        .stop_usec = options->stop_usec,
        .freeze = options->freeze,
    };
}

int run_open(struct run *run)
{
    run->watch_fd = run->payload_fd = -1;
    run->signal_fd = open_signals();
    if (run->signal_fd < 0)
        return run->signal_fd;
    int r = group_open(&run->group, run->options.name, run->options.with_proxy);
    if (r < 0)
        return r;
    if (run->options.proxy) {
        run->watch_fd = group_watch(&run->group, run->options.proxy);
        return run->watch_fd < 0 ? run->watch_fd : 0;
    }
    return sockets_open(&run->sockets);
}

int run_loop(struct run *run)
{
    const struct idle_options options = rules(run);
    bool frozen = group_is_frozen(&run->group) && watch_frozen(run) == 0;

    idle_init(&run->idle, &options, frozen, now_usec());
    if (frozen)
        begin_freeze(run);
    else
        thaw(run); /* half frozen is possible, too */
    notify_ready(&run->notify);
    handle(run, look(run));
    while (!run->done) {
        handle_time(run);
        if (!run->done)
            wait_and_handle(run);
    }
    if (run->broken)
        thaw(run);
    return run->broken ? -EIO : 0;
}
