/* SPDX-License-Identifier: MIT */

/*
 * phoenix-drain: in front of a server that systemd has passed its listening sockets, the proxy of a
 * service that is started on demand. When the unit is stopped it lets no new connection in, waits
 * until those that are open have come to their end, and then ends the server. Whoever connects
 * meanwhile is served by the next one: so a restart of the service, whoever asks for it, cuts no
 * connection and refuses none.
 */

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dismiss.h"
#include "drain.h"
#include "server.h"
#include "service.h"
#include "supervisor/abort/parse.h"
#include "supervisor/lease/clock.h"

#define EXIT_MISUSED      2
#define EXIT_OWN_FAILURE  125
#define EXIT_CANNOT_RUN   126
#define EXIT_FROM_SIGNAL  128
#define LISTEN_FDS_START  3
#define LISTENERS_MAX     64
#define TIME_DEFAULT_USEC (10 * USEC_PER_SEC)
/* Who comes meanwhile waits, so that a service that fails at once is not started all the time. */
#define PAUSE_SEC     1
#define LEVEL_ERROR   "<3>"
#define LEVEL_WARNING "<4>"

struct options {
    uint64_t time_usec;
    bool if_needed, supervised;
    const char *service; /* NULL: whatever is behind the server is always up */
    char **server;
};

/* The journal takes the level from the prefix (sd-daemon(3)). */
__attribute__((format(printf, 2, 3))) static void complain(const char *level, const char *format,
                                                           ...)
{
    va_list ap;

    fprintf(stderr, "%sdrain: ", isatty(STDERR_FILENO) ? "" : level);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    putc('\n', stderr);
}

static void print_help(void)
{
    puts("phoenix-drain [OPTION...] -- PROGRAM [ARGUMENT...]\n"
         "\n"
         "Runs PROGRAM with the listening sockets that systemd passes. On SIGTERM: lets no new\n"
         "connection in, waits until those that are open have ended, then ends PROGRAM. On a "
         "second\n"
         "one: ends it at once.\n"
         "\n"
         "  --time SPAN      how long open connections have to end [10s]\n"
         "  --if-needed      end at once when nobody is waiting to be accepted\n"
         "  --service UNIT   do not run PROGRAM when this unit is not up: close the connections "
         "that\n"
         "                   wait, say so, and end after a second\n"
         "  --supervised     that unit is up when its phoenix-lease says that it is healthy\n"
         "  --help           this text\n"
         "  --version        the version\n"
         "\n"
         "Exit code: 0 after SIGTERM; that of PROGRAM when it ends by itself (128 + N when signal "
         "N\n"
         "ended it); 2 for a wrong option, 125 on a failure of its own, 126 when PROGRAM cannot be "
         "run.");
}

/* Returns 0 to go on, 1 when all is done, -EINVAL when misused. */
static int parse_options(int argc, char *argv[], struct options *options)
{
    static const struct option longs[] = {
        {"time", required_argument, NULL, 't'},
        {"if-needed", no_argument, NULL, 'i'},
        {"service", required_argument, NULL, 's'},
        {"supervised", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {},
    };
    int c;

    while ((c = getopt_long(argc, argv, "+h", longs, NULL)) >= 0)
        switch (c) {
        case 't':
            if (parse_span(optarg, &options->time_usec) < 0) {
                complain(LEVEL_ERROR, "--time: this is no time span: %.100s", optarg);
                return -EINVAL;
            }
            break;
        case 'i':
            options->if_needed = true;
            break;
        case 's':
            options->service = optarg;
            break;
        case 'l':
            options->supervised = true;
            break;
        case 'h':
            print_help();
            return 1;
        case 'v':
            puts("phoenix-drain " PHOENIX_VERSION);
            return 1;
        default:
            return -EINVAL;
        }
    options->server = argv + optind;
    if (optind < argc)
        return 0;
    complain(LEVEL_ERROR, "no program given");
    return -EINVAL;
}

/* Returns how many listening sockets were passed (sd_listen_fds(3)), or a negative errno. */
static int take_listeners(struct listener *listeners)
{
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

    if (!pid || !fds || strtol(pid, NULL, 10) != getpid())
        return -ENOENT;
    long n = strtol(fds, NULL, 10);
    if (n <= 0 || n > LISTENERS_MAX)
        return n <= 0 ? -ENOENT : -E2BIG;
    for (int i = 0; i < n; i++) {
        int r = listener_init(&listeners[i], LISTEN_FDS_START + i);
        if (r < 0)
            return r;
    }
    return (int)n;
}

static bool somebody_waits(int n_listeners)
{
    struct pollfd fds[LISTENERS_MAX];

    for (int i = 0; i < n_listeners; i++)
        fds[i] = (struct pollfd){.fd = LISTEN_FDS_START + i, .events = POLLIN};
    return poll(fds, (nfds_t)n_listeners, 0) != 0; /* also when it cannot be told */
}

/* A proxy that was started with its service, and not by a connection, would have none that ends,
 * and so never think itself idle. The next connection starts another one. */
static int end_unneeded(struct notify *notify)
{
    notify_ready(notify);
    (void)notify_flush(notify);
    return EXIT_SUCCESS;
}

/* The server would refuse whom it cannot connect. Those who have waited until here are told so by
 * the end of their connection; the next one causes a new start. */
static int turn_away(const struct options *options, struct drain *drain)
{
    const struct timespec pause = {.tv_sec = PAUSE_SEC};
    int n = connections_dismiss(drain->listeners, drain->n_listeners);

    if (n > 0)
        complain(LEVEL_WARNING, "%s did not start: %d connection%s that waited for it %s closed",
                 options->service, n, n == 1 ? "" : "s", n == 1 ? "is" : "are");
    (void)sigtimedwait(&drain->signals, NULL, &pause);
    notify_ready(&drain->notify);
    (void)notify_flush(&drain->notify);
    return EXIT_SUCCESS;
}

static int report(const struct drain *drain, enum drain_end end, int detail)
{
    switch (end) {
    case DRAIN_SERVER_ENDED:
        return WIFEXITED(detail) ? WEXITSTATUS(detail) : EXIT_FROM_SIGNAL + WTERMSIG(detail);
    case DRAIN_DONE:
        break;
    case DRAIN_CUT:
        complain(LEVEL_WARNING, "%d connection%s did not end in time and %s cut", detail,
                 detail == 1 ? "" : "s", detail == 1 ? "is" : "are");
        if (drain->deafen_result < 0)
            complain(LEVEL_WARNING, "new ones were accepted to the end: %s",
                     drain->deafen_result == -EAGAIN ? "the program does not wait with epoll"
                                                     : strerror(-drain->deafen_result));
        break;
    case DRAIN_BLIND:
        complain(LEVEL_WARNING, "connections cannot be counted, those that are open are cut: %s",
                 strerror(-detail));
        break;
    }
    return EXIT_SUCCESS;
}

static void block_signals(struct drain *drain, sigset_t *ret_before)
{
    sigemptyset(&drain->signals);
    sigaddset(&drain->signals, SIGCHLD);
    sigaddset(&drain->signals, SIGTERM);
    sigaddset(&drain->signals, SIGINT);
    /* Ignored by whoever started us, SIGCHLD would take the exit code away. */
    (void)signal(SIGCHLD, SIG_DFL);
    (void)sigprocmask(SIG_BLOCK, &drain->signals, ret_before);
}

static int run(const struct options *options, struct drain *drain)
{
    sigset_t before;
    int detail = 0;

    block_signals(drain, &before);
    if (options->service && !service_is_up(options->service, options->supervised))
        return turn_away(options, drain);
    drain->server = server_start(options->server, &before);
    if (drain->server < 0) {
        complain(LEVEL_ERROR, "cannot run %s: %s", options->server[0],
                 strerror(-(int)drain->server));
        return EXIT_CANNOT_RUN;
    }
    notify_ready(&drain->notify);
    (void)notify_flush(&drain->notify);
    enum drain_end end = drain_run(drain, &detail);
    return report(drain, end, detail);
}

int main(int argc, char *argv[])
{
    struct options options = {.time_usec = TIME_DEFAULT_USEC};
    struct listener listeners[LISTENERS_MAX];
    struct drain drain = {.listeners = listeners};

    int r = parse_options(argc, argv, &options);
    if (r != 0)
        return r > 0 ? EXIT_SUCCESS : EXIT_MISUSED;
    int n = take_listeners(listeners);
    if (n < 0) {
        complain(LEVEL_ERROR, "cannot use the sockets that were passed: %s",
                 n == -ENOENT ? "there are none" : strerror(-n));
        return EXIT_OWN_FAILURE;
    }
    drain.n_listeners = (size_t)n;
    drain.time_usec = options.time_usec;
    (void)notify_open(&drain.notify);
    if (options.if_needed && !somebody_waits(n))
        return end_unneeded(&drain.notify);
    return run(&options, &drain);
}
