/* SPDX-License-Identifier: MIT */

/* The command line of phoenix-testy; see options.h. */

#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "util.h"

enum {
    OPTION_NAME = 256,
    OPTION_PORT,
    OPTION_UNIX,
    OPTION_ADDRESS,
    OPTION_NO_HTTP,
    OPTION_BEAT,
    OPTION_LOG_BEATS,
    OPTION_NO_READY,
    OPTION_SLOW_START,
    OPTION_CONTROL_FILE,
    OPTION_IGNORE_SIGTERM,
    OPTION_CATCH_ABORT,
    OPTION_ONESHOT,
    OPTION_BODY,
    OPTION_PRINT_ENV,
    OPTION_PRINT_ARGS,
    OPTION_HELP,
    OPTION_VERSION,
};

static const struct option long_options[] = {
    {"name", required_argument, NULL, OPTION_NAME},
    {"port", required_argument, NULL, OPTION_PORT},
    {"unix", required_argument, NULL, OPTION_UNIX},
    {"address", required_argument, NULL, OPTION_ADDRESS},
    {"no-http", no_argument, NULL, OPTION_NO_HTTP},
    {"beat", required_argument, NULL, OPTION_BEAT},
    {"log-beats", no_argument, NULL, OPTION_LOG_BEATS},
    {"no-ready", no_argument, NULL, OPTION_NO_READY},
    {"slow-start", required_argument, NULL, OPTION_SLOW_START},
    {"control-file", required_argument, NULL, OPTION_CONTROL_FILE},
    {"ignore-sigterm", no_argument, NULL, OPTION_IGNORE_SIGTERM},
    {"catch-abort", no_argument, NULL, OPTION_CATCH_ABORT},
    {"oneshot", required_argument, NULL, OPTION_ONESHOT},
    {"body", required_argument, NULL, OPTION_BODY},
    {"print-env", required_argument, NULL, OPTION_PRINT_ENV},
    {"print-args", no_argument, NULL, OPTION_PRINT_ARGS},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {},
};

static void print_help(void)
{
    puts("phoenix-testy [OPTION...]              the unreliable service that tests and demos use\n"
         "phoenix-testy ctl [WHERE] COMMAND      tells a running one to misbehave\n"
         "phoenix-testy ctl [WHERE] get PATH     asks it for a page; 0 when the answer is 200\n"
         "\n"
         "  --port N             listen on this TCP port [8080], 0 for any free one\n"
         "  --address A          on this IPv4 or IPv6 address [any]\n"
         "  --unix PATH          listen on this unix socket instead; @NAME for an abstract one\n"
         "                       without any of these: inherited sockets ($LISTEN_FDS) when there "
         "are some\n"
         "  --no-http            serve nothing, only beat\n"
         "  --name NAME          how it calls itself [$PHOENIX_NAME, or testy]\n"
         "  --body TEXT          what / answers\n"
         "  --beat SPAN|auto|never  how often it sends WATCHDOG=1 [auto: half of $WATCHDOG_USEC]\n"
         "  --log-beats          a line \"Heartbeat N\" for each\n"
         "  --no-ready           never send READY=1\n"
         "  --slow-start SPAN    listen, be ready and beat only after this time\n"
         "  --control-file PATH  obey the command in this file when it appears "
         "[/tmp/phoenix-crash], \"\" for none\n"
         "  --ignore-sigterm     SIGTERM and SIGINT do nothing\n"
         "  --catch-abort        on SIGABRT say so and exit with 134: a stand-in for a stack dump\n"
         "  --oneshot CODE       do nothing but end with this exit code (after --slow-start)\n"
         "  --print-env NAME     print this variable at start, escaped as in C; may be repeated\n"
         "  --print-args         print the arguments the same way; further arguments are allowed "
         "then\n"
         "  --help, --version\n"
         "\n"
         "WHERE is --port N [8080], --unix PATH, or --control-file PATH.\n"
         "Pages: /  /health  /env/NAME  /status  /control/COMMAND[?ARGUMENT]\n"
         "\n"
         "Commands:");
    command_print_help(stdout, "  ");
}

static int parse_beat(const char *text, struct options *options)
{
    options->beat_auto = strcmp(text, "auto") == 0;
    options->beat_usec = 0;
    if (options->beat_auto || strcmp(text, "never") == 0)
        return 0;
    int r = parse_span(text, &options->beat_usec);
    return r == 0 && options->beat_usec == 0 ? -ERANGE : r;
}

static int parse_int(const char *text, uint64_t max, int *ret)
{
    uint64_t value;
    int r = parse_number(text, max, &value);

    if (r == 0)
        *ret = (int)value;
    return r;
}

static int add_print_env(struct options *options, const char *name)
{
    if (options->n_print_env == PRINT_ENV_MAX)
        return -ERANGE;
    options->print_env[options->n_print_env++] = name;
    return 0;
}

/* Options whose value can be wrong. */
static int apply_value(struct options *options, int option, const char *value)
{
    switch (option) {
    case OPTION_PORT:
        return parse_int(value, 65535, &options->port);
    case OPTION_BEAT:
        return parse_beat(value, options);
    case OPTION_SLOW_START:
        return parse_span(value, &options->slow_start_usec);
    case OPTION_ONESHOT:
        return parse_int(value, 255, &options->oneshot);
    case OPTION_PRINT_ENV:
        return add_print_env(options, value);
    default:
        return -ENOENT;
    }
}

static void apply_plain(struct options *options, int option, const char *value)
{
    switch (option) {
    case OPTION_NAME:
        options->name = value;
        break;
    case OPTION_UNIX:
        options->unix_path = value;
        break;
    case OPTION_ADDRESS:
        options->address = value;
        break;
    case OPTION_CONTROL_FILE:
        options->control_file = value;
        break;
    case OPTION_BODY:
        options->body = value;
        break;
    case OPTION_NO_HTTP:
        options->no_http = true;
        break;
    case OPTION_LOG_BEATS:
        options->log_beats = true;
        break;
    case OPTION_NO_READY:
        options->no_ready = true;
        break;
    case OPTION_IGNORE_SIGTERM:
        options->ignore_sigterm = true;
        break;
    case OPTION_CATCH_ABORT:
        options->catch_abort = true;
        break;
    case OPTION_PRINT_ARGS:
        options->print_args = true;
        break;
    }
}

static int check(const struct options *options, int n_operands, char *operands[])
{
    if (n_operands > 0 && !options->print_args) {
        fprintf(stderr, "phoenix-testy: unexpected argument \"%s\" (allowed with --print-args)\n",
                operands[0]);
        return -EINVAL;
    }
    if (options->unix_path && (options->port >= 0 || options->address)) {
        fprintf(stderr, "phoenix-testy: either --unix or --port and --address\n");
        return -EINVAL;
    }
    return 0;
}

int options_parse(int argc, char *argv[], struct options *ret)
{
    struct options options = {
        .control_file = DEFAULT_CONTROL_FILE, .port = -1, .oneshot = -1, .beat_auto = true};
    int c, index = 0;

    while ((c = getopt_long(argc, argv, "", long_options, &index)) >= 0) {
        if (c == OPTION_HELP || c == OPTION_VERSION) {
            if (c == OPTION_HELP)
                print_help();
            else
                puts("phoenix-testy " PHOENIX_VERSION);
            return 1;
        }
        if (c == '?')
            return -EINVAL;
        int r = apply_value(&options, c, optarg);
        if (r == -ENOENT) {
            apply_plain(&options, c, optarg);
        } else if (r < 0) {
            fprintf(stderr, "phoenix-testy: --%s: \"%s\" is %s\n", long_options[index].name, optarg,
                    r == -ERANGE ? "out of range" : "not understood");
            return -EINVAL;
        }
    }
    int r = check(&options, argc - optind, argv + optind);
    if (r < 0)
        return r;
    *ret = options;
    return 0;
}
