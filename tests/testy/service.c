/* SPDX-License-Identifier: MIT */

/*
 * phoenix-testy as a running service; see service.h. One thread, one poll(): so that "hang" stops
 * everything, as it does in the programs it stands for, and so that nothing wakes up when nothing
 * is due.
 */

#include "service.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "control.h"
#include "listener.h"
#include "notify.h"
#include "server.h"
#include "util.h"

#define STOP_USEC USEC_PER_SEC

struct service {
    const struct options *options;
    struct notify notify;
    struct listeners listeners;
    struct server server;
    struct control control;
    struct facts facts;
    int signal_fd;
    bool notify_failed;
    bool stopping;
    uint64_t stop_due;  /* while stopping: when to end without the last answers */
    uint64_t ready_due; /* USEC_NEVER when it is ready */
    uint64_t beat_due;
};

__attribute__((format(printf, 2, 3))) static void tell(struct service *service, const char *format,
                                                       ...)
{
    char text[512];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    int r = notify_send(&service->notify, text);
    /* Once: a service manager that is gone would be told about at each beat. */
    if (r < 0 && !service->notify_failed)
        fprintf(stderr, "cannot notify the service manager: %s\n", strerror(-r));
    service->notify_failed = r < 0;
}

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

/* Signals are read like any other input, so a process that hangs does not answer SIGTERM: as a real
 * one. */
static int block_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void obey(struct service *service, const struct command *command, uint64_t now)
{
    const char *obstacle = faults_obstacle(command->kind);

    if (obstacle) {
        fprintf(stderr, "%s: %s\n", command_name(command->kind), obstacle);
        return;
    }
    say("command: %s", command_name(command->kind));
    if (command_is_final(command->kind))
        faults_strike(command);
    else
        faults_set(&service->facts.faults, command, now);
}

static void check_control(struct service *service, bool at_start, uint64_t now)
{
    struct command command;

    if (control_check(&service->control, at_start, now, &command) > 0)
        obey(service, &command, now);
}

static int become_ready(struct service *service, uint64_t now)
{
    const struct options *options = service->options;

    service->ready_due = USEC_NEVER;
    int r = listeners_open(&service->listeners, options);
    if (r < 0) {
        fprintf(stderr, "phoenix-testy: cannot listen on %s: %s%s\n", service->listeners.where,
                strerror(-r),
                r == -EADDRINUSE ? " (another --port, --unix PATH, or --no-http)" : "");
        return r;
    }
    const char *where = options->no_http ? "serving nothing" : service->listeners.where;
    say("%s: pid %d, %s%s", service->facts.name, getpid(), options->no_http ? "" : "listening on ",
        where);
    service->facts.ready = !options->no_ready;
    if (service->facts.ready)
        tell(service, "READY=1\nSTATUS=%s%s", options->no_http ? "" : "Listening on ", where);
    if (service->facts.beat_usec > 0)
        service->beat_due = now;
    return 0;
}

static void beat(struct service *service, uint64_t now)
{
    service->beat_due = now + service->facts.beat_usec;
    if (service->facts.faults.beat_stopped)
        return;
    service->facts.beats++;
    tell(service, "WATCHDOG=1");
    if (service->options->log_beats)
        say("Heartbeat %" PRIu64, service->facts.beats);
}

static void read_signals(struct service *service, uint64_t now)
{
    struct signalfd_siginfo info;

    while (read(service->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        const char *name = info.ssi_signo == SIGTERM ? "SIGTERM" : "SIGINT";

        if (service->facts.faults.ignore_sigterm) {
            say("%s ignored", name);
        } else if (!service->stopping) {
            say("%s received: stopping", name);
            tell(service, "STOPPING=1\nSTATUS=Stopping");
            listeners_close(&service->listeners);
            service->stopping = true;
            service->stop_due = now + STOP_USEC;
        }
    }
}

static void lower(uint64_t *due, uint64_t other)
{
    if (other < *due)
        *due = other;
}

/* Waits for the next event. Returns the number of entries that are the server's, which begin at
 * fds[2]. */
static size_t wait_for_events(struct service *service, struct pollfd *fds)
{
    uint64_t due = faults_due(&service->facts.faults);
    struct timespec ts, *timeout = NULL;

    fds[0] = (struct pollfd){.fd = service->signal_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = service->control.fd, .events = POLLIN};
    lower(&due, service->stop_due);
    lower(&due, service->ready_due);
    lower(&due, service->beat_due);
    lower(&due, service->control.check_due);
    size_t n = server_prepare(&service->server, &service->listeners, fds + 2, &due);
    if (due != USEC_NEVER) {
        uint64_t now = now_usec();
        uint64_t left = due > now ? due - now : 0;

        ts = (struct timespec){.tv_sec = (time_t)(left / USEC_PER_SEC),
                               .tv_nsec = (long)(left % USEC_PER_SEC) * 1000};
        timeout = &ts;
    }
    if (ppoll(fds, n + 2, timeout, NULL) <= 0)
        for (size_t i = 0; i < n + 2; i++)
            fds[i].revents = 0;
    return n;
}

/* At the end the answers that are under way still go out. */
static bool is_over(const struct service *service, uint64_t now)
{
    return service->stopping && (service->server.n_connections == 0 || now >= service->stop_due);
}

/* Returns 0 to go on, 1 at the end, a negative errno when it cannot go on. */
static int step(struct service *service)
{
    struct pollfd fds[2 + SERVER_POLLFDS_MAX];
    struct command command;
    size_t n = wait_for_events(service, fds);
    uint64_t now = now_usec();
    int r;

    if (fds[1].revents != 0 || now >= service->control.check_due)
        check_control(service, false, now);
    if (now >= service->ready_due && !service->stopping) {
        if (service->options->oneshot >= 0)
            return 1;
        r = become_ready(service, now);
        if (r < 0)
            return r;
    }
    if (now >= service->beat_due)
        beat(service, now);
    faults_tick(&service->facts.faults, now);
    if (server_dispatch(&service->server, fds + 2, n, &service->facts, now, &command))
        obey(service, &command, now);
    /* Last: it closes the listeners that the entries above are about. */
    if (fds[0].revents != 0)
        read_signals(service, now);
    return is_over(service, now);
}

static void find_beat(struct service *service)
{
    const struct options *options = service->options;

    service->facts.watchdog_usec =
        notify_watchdog_usec(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    service->facts.beat_usec =
        options->beat_auto ? service->facts.watchdog_usec / 2 : options->beat_usec;
}

static int start(struct service *service)
{
    const struct options *options = service->options;
    const char *name = getenv("PHOENIX_NAME");
    uint64_t now = now_usec();

    /* First: until then PID 1 of a container would lose a SIGTERM. */
    service->signal_fd = block_signals();
    if (service->signal_fd < 0)
        return service->signal_fd;
    service->facts.name = options->name ? options->name : name ? name : "testy";
    service->facts.body = options->body;
    service->facts.start_usec = now;
    service->ready_due = now + options->slow_start_usec;
    faults_init(&service->facts.faults, options->ignore_sigterm);
    find_beat(service);

    int r = notify_open(&service->notify, getenv("NOTIFY_SOCKET"));
    if (r < 0)
        fprintf(stderr, "cannot use NOTIFY_SOCKET, going on without: %s\n", strerror(-r));
    r = options->catch_abort ? faults_catch_abort() : 0;
    if (r < 0)
        return r;
    control_init(&service->control, options->control_file, now);
    check_control(service, true, now);
    return 0;
}

int service_run(const struct options *options)
{
    struct service service = {
        .options = options,
        .notify.fd = -1,
        .control.fd = -1,
        .signal_fd = -1,
        .stop_due = USEC_NEVER,
        .ready_due = USEC_NEVER,
        .beat_due = USEC_NEVER,
    };

    int r = start(&service);
    while (r == 0)
        r = step(&service);
    server_close(&service.server);
    listeners_close(&service.listeners);
    control_close(&service.control);
    notify_close(&service.notify);
    if (service.signal_fd >= 0)
        close(service.signal_fd);
    if (r < 0)
        return EXIT_FAILURE;
    return !service.stopping && options->oneshot >= 0 ? options->oneshot : EXIT_SUCCESS;
}
