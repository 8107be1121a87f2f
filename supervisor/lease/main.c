/* SPDX-License-Identifier: MIT */

/*
 * phoenix-lease: the supervisor's foot in the door of every supervised unit. Only a process inside
 * a unit's cgroup may speak for the unit to a service manager that is not root, and only one inside
 * can be sure to name the right processes. As ExecStartPost= it leaves a child behind that stays
 * for the life of the service, and itself waits until the service is healthy; with --gate, as
 * ExecStartPre=, it waits until the service may start.
 *
 * This file owns the options and the foreground. There is one lease per service, so it is static,
 * allocates nothing and uses no stdio.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "lease.h"
#include "line.h"
#include "supervisor/abort/parse.h"
#include "supervisor/abort/settle.h"

#define EXIT_UNHEALTHY        1
#define EXIT_MISUSED          2
#define GRACE_USEC            (500 * USEC_PER_MSEC)
#define PATIENCE_SERVICE_USEC (20 * USEC_PER_SEC)
#define PATIENCE_GATE_USEC    (5 * USEC_PER_SEC)
#define SETTLE_USEC           (100 * USEC_PER_MSEC)

static const char help[] =
    "phoenix-lease --socket=PATH [OPTION...] NAME\n"
    "\n"
    "Run as ExecStartPost= of a service: stays in its unit, does there what the supervisor says, "
    "and\n"
    "returns when the service is healthy.\n"
    "\n"
    "  --socket=PATH     where the supervisor listens\n"
    "  --watchdog=SPAN   pet the watchdog of the unit, which runs out after that [0: do not]\n"
    "  --patience=SPAN   how long to wait for a supervisor that does not answer [20s, gate 5s]\n"
    "  --grace=SPAN      between SIGABRT and SIGKILL to a failed service [500ms]\n"
    "  --abort=PATH      the program that does this [phoenix-abort beside this one]\n"
    "  --gate            run as ExecStartPre=: return when the service may start\n"
    "  --help            this text\n"
    "  --version         the version\n";

static struct lease lease;

/* The value of "--name=value", or NULL when the argument is another one. */
static const char *option_value(const char *argument, const char *name)
{
    size_t n = strlen(name);

    return strncmp(argument, name, n) == 0 && argument[n] == '=' ? argument + n + 1 : NULL;
}

static int parse_span_option(const char *argument, const char *value, uint64_t *ret_usec)
{
    int r = parse_span(value, ret_usec);

    if (r < 0)
        say(NULL, argument, ": not a time span of at most a day (like \"500ms\", \"10s\")", NULL);
    return r;
}

static int parse_option(const char *argument, struct lease_options *options)
{
    const char *value;

    if (strcmp(argument, "--gate") == 0) {
        options->gate = true;
        return 0;
    }
    if ((value = option_value(argument, "--socket"))) {
        options->socket = value;
        return 0;
    }
    if ((value = option_value(argument, "--abort"))) {
        options->abort_program = value;
        return 0;
    }
    if ((value = option_value(argument, "--grace")))
        return parse_span_option(argument, value, &options->grace_usec);
    if ((value = option_value(argument, "--patience")))
        return parse_span_option(argument, value, &options->patience_usec);
    if ((value = option_value(argument, "--watchdog")))
        return parse_span_option(argument, value, &options->watchdog_usec);
    say(NULL, "unknown option \"", argument, "\"", NULL);
    return -EINVAL;
}

static int parse_arguments(int argc, char *argv[], struct lease_options *options)
{
    int i, r;

    for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        r = parse_option(argv[i], options);
        if (r < 0)
            return r;
    }
    if (i != argc - 1 || argv[i][0] == '\0' || !options->socket) {
        say(NULL, "usage: phoenix-lease --socket=PATH [OPTION...] NAME", NULL);
        return -EINVAL;
    }
    options->name = argv[i];
    if (options->patience_usec == 0)
        options->patience_usec = options->gate ? PATIENCE_GATE_USEC : PATIENCE_SERVICE_USEC;
    return 0;
}

/* Returns true when that was all that was asked for. */
static bool print_about(int argc, char *argv[])
{
    static const char version[] = "phoenix-lease " PHOENIX_VERSION "\n";
    const char *text = NULL;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        text = help;
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        text = version;
    if (text && write(STDOUT_FILENO, text, strlen(text)) < 0)
        return true;
    return text;
}

/* The child must hold nothing of the service or the journal open, nor any folder. */
static int let_go(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (fd < 0 || chdir("/") < 0)
        return -errno;
    for (int target = STDIN_FILENO; target <= STDERR_FILENO; target++)
        if (dup2(fd, target) < 0)
            return -errno;
    return fd > STDERR_FILENO && close(fd) < 0 ? -errno : 0;
}

/* The manager ends a start that it gives up with SIGTERM. That is no failure of ours. */
static void on_sigterm(int signal)
{
    (void)signal;
    _exit(EXIT_SUCCESS);
}

static void end_quietly_on_sigterm(void)
{
    struct sigaction action = {.sa_handler = on_sigterm};

    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static int say_failure(const char *text)
{
    struct line line;

    line_clear(&line);
    line_add(&line, lease.options.name);
    line_add(&line, " is not healthy: ");
    line_add(&line, text);
    line_add(&line, "\n");
    if (write(STDERR_FILENO, line.text, line.n) >= 0)
        stderr_settle(SETTLE_USEC); /* so that it is found with the unit */
    return EXIT_UNHEALTHY;
}

/* The health checks are gone, the service is not. */
static int say_lost(pid_t child)
{
    int status;

    if (waitpid(child, &status, 0) == child && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        say(lease.options.name, "could not stay in the unit, going on without health checks", NULL);
    return EXIT_SUCCESS;
}

static int foreground(int fd, pid_t child)
{
    char packet[1 + LEASE_TEXT_MAX + 1];
    ssize_t n;

    do
        n = recv(fd, packet, sizeof(packet) - 1, 0);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return say_lost(child);
    packet[n] = '\0';
    switch (packet[0]) {
    case REPORT_FAIL:
        return say_failure(packet + 1);
    case REPORT_PATIENCE:
        say(lease.options.name, "supervisor does not answer, going on without health checks", NULL);
        stderr_settle(SETTLE_USEC);
        return EXIT_SUCCESS;
    default:
        return EXIT_SUCCESS;
    }
}

static int run_service(void)
{
    int fds[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
        return say_lost(-1);
    end_quietly_on_sigterm();
    pid_t child = fork();
    if (child < 0) {
        say(lease.options.name, "cannot fork, going on without health checks", NULL);
        return EXIT_SUCCESS;
    }
    if (child > 0) {
        close(fds[1]);
        return foreground(fds[0], child);
    }
    close(fds[0]);
    lease.report_fd = fds[1];
    /* Not waited for by anybody but the manager. */
    _exit(let_go() < 0 || service_run(&lease) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int run_gate(void)
{
    end_quietly_on_sigterm();
    if (gate_run(&lease) < 0)
        say(lease.options.name, "supervisor does not answer, starting without waiting for a turn",
            NULL);
    return EXIT_SUCCESS;
}

static pid_t main_pid_from_environment(void)
{
    const char *text = getenv("MAINPID");

    return text ? parse_next_pid(&text) : 0;
}

int main(int argc, char *argv[])
{
    if (print_about(argc, argv))
        return EXIT_SUCCESS;
    lease.options.grace_usec = GRACE_USEC;
    if (parse_arguments(argc, argv, &lease.options) < 0)
        return EXIT_MISUSED;
    close_range(STDERR_FILENO + 1, ~0U, 0);
    lease.main_pid = main_pid_from_environment();
    lease.main_fd = -1;
    if (link_init(&lease.link, lease.options.socket, now_usec()) < 0) {
        say(NULL, "--socket: \"", lease.options.socket, "\" is no path of a socket", NULL);
        return EXIT_MISUSED;
    }
    /* Without somebody to notify there is still a supervisor to serve. */
    int r = notify_open(&lease.notify);
    if (r < 0 && r != -ENOENT)
        say(lease.options.name, "cannot reach the service manager: ", strerrordesc_np(-r), NULL);
    return lease.options.gate ? run_gate() : run_service();
}
