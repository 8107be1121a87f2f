/* SPDX-License-Identifier: MIT */

/*
 * phoenix-idle: says when a service that starts on demand is idle, and freezes it, or lets it be
 * stopped, until somebody comes. One of these runs beside each such service whose proxy's end does
 * not say it all: those that are frozen, and those that accept their connections themselves. So it
 * is static, allocates nothing and uses no stdio.
 *
 * This file owns the options.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "supervisor/abort/parse.h"

#define EXIT_MISUSED  2
#define SPAN_MAX_USEC (UINT64_C(366) * 86400 * 1000000)

/* clang-format off */
static const char help[] =
    "phoenix-idle --after=SPAN --action=stop|freeze --listen=ADDRESS|--proxy=SLICE [OPTION...] NAME\n"
    "\n"
    "Runs beside the service NAME. Freezes it when it is idle and thaws it for the next one who\n"
    "connects, or ends when it is idle, so that the service manager stops it.\n"
    "\n"
    "  --after=SPAN      without use for this long it is idle\n"
    "  --action=ACTION   what is done then: stop or freeze\n"
    "  --listen=ADDRESS  it is used as long as connections to there are open; may be repeated\n"
    "  --with-proxy      phoenix-proxy@NAME.service listens there for it, and is frozen with it\n"
    "  --proxy=SLICE     it is used as long as a process runs in that slice, which is below ours\n"
    "  --except=ADDRESS  connections from there are no use\n"
    "  --except-ports=FIRST-LAST  neither are those of the machine to itself from there\n"
    "  --min=SPAN        not idle for this long after its start [0]\n"
    "  --stop=SPAN       frozen for this long: end [never]\n"
    "  --reclaim         hand the memory of a frozen service back to the machine\n"
    "  --help            this text\n"
    "  --version         the version\n";
/* clang-format on */

static struct run run;

/* The value of "--name=value", or NULL when the argument is another one. */
static const char *option_value(const char *argument, const char *name)
{
    size_t n = strlen(name);

    return strncmp(argument, name, n) == 0 && argument[n] == '=' ? argument + n + 1 : NULL;
}

static int parse_span_option(const char *argument, const char *value, uint64_t *ret_usec)
{
    int r = parse_span_up_to(value, SPAN_MAX_USEC, ret_usec);

    if (r < 0)
        say(NULL, argument, ": not a time span of at most a year (like \"500ms\", \"10min\")",
            NULL);
    return r;
}

static int parse_action(const char *argument, const char *value, bool *ret_freeze)
{
    *ret_freeze = strcmp(value, "freeze") == 0;
    if (*ret_freeze || strcmp(value, "stop") == 0)
        return 0;
    say(NULL, argument, ": not \"stop\" or \"freeze\"", NULL);
    return -EINVAL;
}

static int parse_listen(const char *argument, const char *value)
{
    int r = sockets_add(&run.sockets, value);

    if (r == -E2BIG)
        say(NULL, argument, ": more addresses than a service can have", NULL);
    else if (r < 0)
        say(NULL, argument, ": not an address as in ListenStream=", NULL);
    return r;
}

static int parse_except(const char *argument, const char *value)
{
    int r = sockets_except(&run.sockets, value);

    if (r < 0)
        say(NULL, argument, ": not an IPv4 or IPv6 address", NULL);
    return r;
}

static int parse_except_ports(const char *argument, const char *value)
{
    int r = sockets_except_ports(&run.sockets, value);

    if (r < 0)
        say(NULL, argument, ": not two ports, as in \"64000-64099\"", NULL);
    return r;
}

static int parse_option(const char *argument, struct run_options *options, bool *action)
{
    const char *value;

    if (strcmp(argument, "--reclaim") == 0) {
        options->reclaim = true;
        return 0;
    }
    if (strcmp(argument, "--with-proxy") == 0) {
        options->with_proxy = true;
        return 0;
    }
    if ((value = option_value(argument, "--after")))
        return parse_span_option(argument, value, &options->after_usec);
    if ((value = option_value(argument, "--min")))
        return parse_span_option(argument, value, &options->min_usec);
    if ((value = option_value(argument, "--stop")))
        return parse_span_option(argument, value, &options->stop_usec);
    if ((value = option_value(argument, "--action"))) {
        *action = true;
        return parse_action(argument, value, &options->freeze);
    }
    if ((value = option_value(argument, "--listen")))
        return parse_listen(argument, value);
    if ((value = option_value(argument, "--except")))
        return parse_except(argument, value);
    if ((value = option_value(argument, "--except-ports")))
        return parse_except_ports(argument, value);
    if ((value = option_value(argument, "--proxy"))) {
        options->proxy = value;
        return 0;
    }
    say(NULL, "unknown option \"", argument, "\"", NULL);
    return -EINVAL;
}

/* What would never end, or never be idle, is a mistake. */
static int check_options(const struct run_options *options)
{
    if ((options->proxy || options->with_proxy) && !options->freeze)
        say(NULL,
            "--proxy and --with-proxy are for --action=freeze: a proxy that ends stops the service",
            NULL);
    else if (!options->freeze && (options->stop_usec > 0 || options->reclaim))
        say(NULL, "--stop and --reclaim are for --action=freeze", NULL);
    else if (options->proxy ? run.sockets.n > 0 || run.sockets.has_except || options->with_proxy
                            : run.sockets.n == 0)
        say(NULL,
            "either --proxy or --listen is needed; --except and --with-proxy go with --listen",
            NULL);
    else
        return 0;
    return -EINVAL;
}

static int parse_arguments(int argc, char *argv[], struct run_options *options)
{
    bool action = false;
    int i;

    for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        int r = parse_option(argv[i], options, &action);
        if (r < 0)
            return r;
    }
    if (i != argc - 1 || argv[i][0] == '\0' || !action || options->after_usec == 0) {
        say(NULL, "usage: phoenix-idle --after=SPAN --action=stop|freeze [OPTION...] NAME", NULL);
        return -EINVAL;
    }
    options->name = argv[i];
    return check_options(options);
}

/* Returns true when that was all that was asked for. */
static bool print_about(int argc, char *argv[])
{
    static const char version[] = "phoenix-idle " PHOENIX_VERSION "\n";
    const char *text = NULL;

    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        text = help;
    if (argc == 2 && strcmp(argv[1], "--version") == 0)
        text = version;
    if (text && write(STDOUT_FILENO, text, strlen(text)) < 0)
        return true;
    return text;
}

static void warn_of_traceless(void)
{
    for (size_t i = 0; i < run.sockets.n; i++)
        if (run.sockets.places[i].traceless)
            say(run.options.name,
                "short connections to a unix socket go unseen: the time of its "
                "file cannot be set",
                NULL);
}

int main(int argc, char *argv[])
{
    if (print_about(argc, argv))
        return EXIT_SUCCESS;
    sockets_init(&run.sockets);
    if (parse_arguments(argc, argv, &run.options) < 0)
        return EXIT_MISUSED;
    close_range(STDERR_FILENO + 1, ~0U, 0);
    warn_of_traceless();
    /* Without somebody to notify there is still a service to look after. */
    int r = notify_open(&run.notify);
    if (r < 0 && r != -ENOENT)
        say(run.options.name, "cannot reach the service manager: ", strerrordesc_np(-r), NULL);
    r = run_open(&run);
    if (r < 0) {
        say(run.options.name, "cannot begin: ", strerrordesc_np(-r), NULL);
        return EXIT_FAILURE;
    }
    return run_loop(&run) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
