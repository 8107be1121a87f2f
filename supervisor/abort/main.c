/* SPDX-License-Identifier: MIT */

/*
 * phoenix-abort: run as ExecStopPost= of a supervised unit, before Quadlet's own "podman rm". It
 * exists because the service manager's signals reach conmon, not the program in the container:
 * after a watchdog timeout podman would then wait the whole stop timeout for a program that hangs.
 * See systemd.exec(5) for $SERVICE_RESULT.
 *
 * With --verdict it is what a lease has become that passed a verdict on its service: the service is
 * about to fail, and conmon lives to see it.
 *
 * It ends with 0 whatever happened, for a failing ExecStopPost= would replace the result of the
 * unit.
 */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abort.h"
#include "parse.h"
#include "pump.h"
#include "settle.h"
#include "tree.h"

#define EXIT_MISUSED    2
#define PUMP_DRAIN_USEC (UINT64_C(200) * 1000)
#define HELPERS_USEC    (UINT64_C(200) * 1000)

struct options {
    struct abort_policy policy;
    bool verdict;
};

static void print_help(void)
{
    puts("phoenix-abort [--verdict] [--grace SPAN] [--dump SPAN]\n"
         "\n"
         "Ends what is left of the service it is run in (as ExecStopPost=) when that failed:\n"
         "SIGABRT after a watchdog timeout, else SIGTERM; then SIGKILL.\n"
         "\n"
         "  --grace SPAN   how long the payload may take to end by itself [500ms]\n"
         "  --dump SPAN    the same while the kernel writes a core of it [10s]\n"
         "  --verdict      run by a lease, not as ExecStopPost=: as after a watchdog timeout\n"
         "  --help         this text\n"
         "  --version      the version\n"
         "\n"
         "Environment: SERVICE_RESULT (systemd.exec(5)), PHOENIX_CGROUP_ROOT [/sys/fs/cgroup].");
}

static int parse_span_option(const char *name, const char *value, uint64_t *ret_usec)
{
    int r = parse_span(value, ret_usec);
    if (r < 0)
        fprintf(stderr,
                "phoenix-abort: --%s: \"%s\" is not a time span of at most a day (like \"500ms\", "
                "\"10s\")\n",
                name, value);
    return r;
}

/* Returns 0 to go on, 1 when all is done, negative errno when misused. */
static int parse_options(int argc, char *argv[], struct options *ret)
{
    static const struct option options[] = {
        {"verdict", no_argument, NULL, 'V'},    {"grace", required_argument, NULL, 'g'},
        {"dump", required_argument, NULL, 'd'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},    {},
    };
    int c, r = 0;

    while (r == 0 && (c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
        switch (c) {
        case 'V':
            ret->verdict = true;
            break;
        case 'g':
            r = parse_span_option("grace", optarg, &ret->policy.grace_usec);
            break;
        case 'd':
            r = parse_span_option("dump", optarg, &ret->policy.dump_usec);
            break;
        case 'h':
            print_help();
            return 1;
        case 'v':
            puts("phoenix-abort " PHOENIX_VERSION);
            return 1;
        default:
            return -EINVAL;
        }
    if (r == 0 && optind < argc) {
        fprintf(stderr, "phoenix-abort: unexpected argument \"%s\"\n", argv[optind]);
        return -EINVAL;
    }
    return r;
}

/* The result goes into the journal, so it must be a word. */
static const char *service_result(void)
{
    const char *result = getenv("SERVICE_RESULT");

    if (!result || strlen(result) > 32 ||
        strspn(result, "abcdefghijklmnopqrstuvwxyz-") != strlen(result))
        return "";
    return result;
}

static void end_payload(const struct payload *payload, const char *result,
                        const struct options *options)
{
    const struct abort_policy *policy = &options->policy;
    struct abort_report report = {};
    struct pump pump = {};
    char text[256];

    /* At the time of a verdict conmon still reads. */
    if (policy->signal == SIGABRT && !options->verdict)
        pump_start(payload, &pump);
    int r = abort_payload(payload, policy, &report);
    bool pumped = pump.child > 0;
    pump_stop(&pump, PUMP_DRAIN_USEC);
    if (r < 0 && r != -EBUSY) {
        fprintf(stderr, "phoenix-abort: cannot end the payload: %s\n", strerror(-r));
        return;
    }
    if (report.found == 0)
        return;
    abort_describe(&report, result, policy, text, sizeof(text));
    fprintf(stderr, "%s\n", text);
    /* A long dump keeps the journal busy for longer than we would be there. */
    if (pumped || options->verdict)
        stderr_settle(PUMP_DRAIN_USEC);
}

static void run(const char *result, const struct options *options)
{
    const char *cgroup_root = getenv("PHOENIX_CGROUP_ROOT");
    struct roots roots = {.cgroup = cgroup_root ? cgroup_root : "/sys/fs/cgroup", .proc = "/proc"};
    bool failed = strcmp(result, "success") != 0;
    struct payload payload;

    int r = payload_open(&payload, &roots);
    if (r < 0 && !failed)
        return;
    if (r == -EPERM) {
        fprintf(stderr, "phoenix-abort: not run in the cgroup of a service, nothing done\n");
        return;
    }
    if (r < 0) {
        fprintf(stderr, "phoenix-abort: cannot find the payload: %s\n", strerror(-r));
        return;
    }
    if (!options->verdict)
        abort_wait_helpers(&payload, HELPERS_USEC);
    if (failed)
        end_payload(&payload, result, options);
    payload_close(&payload);
}

int main(int argc, char *argv[])
{
    struct options options = {.policy = {.signal = SIGTERM,
                                         .grace_usec = UINT64_C(500) * 1000,
                                         .dump_usec = UINT64_C(10) * 1000 * 1000}};
    int r = parse_options(argc, argv, &options);

    if (r != 0)
        return r > 0 ? EXIT_SUCCESS : EXIT_MISUSED;
    const char *result = options.verdict ? "watchdog" : service_result();
    /* Without a result this is not an ExecStopPost=. */
    if (*result == '\0')
        return EXIT_SUCCESS;
    if (strcmp(result, "watchdog") == 0)
        options.policy.signal = SIGABRT;
    run(result, &options);
    return EXIT_SUCCESS;
}
