/* SPDX-License-Identifier: MIT */
/*
 * phoenix-stub: what runs in place of a service whose spec cannot be used, or is not there. It says
 * why, to the journal and as the unit's status, and fails.
 */
#include <errno.h>
#include <getopt.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>

#include "base/strv.h"
#include "generator/stub.h"
#include "spec/scan.h"

/* The manager may be busy; the status is worth this much waiting. */
#define BARRIER_USEC (5 * USEC_PER_SEC)

static void print_help(void)
{
    puts("phoenix-stub MESSAGE...\n"
         "phoenix-stub --missing=INSTANCE [--user | --system]\n"
         "\n"
         "Prints why a Phoenix service cannot run, and fails with status 78.");
}

/* Only the first message fits into the status; the others are in the journal. */
static void say(char *const *messages)
{
    STRV_FOREACH (message, messages)
        fprintf(stderr, SD_ERR "%s\n", *message);
    fflush(stderr);
    if (!messages || !*messages)
        return;
    sd_notifyf(0, "STATUS=%s", *messages);
    /* A message of a process that is gone is taken for nobody's. */
    sd_notify_barrier(0, BARRIER_USEC);
}

static int say_missing(const char *instance, SpecScope scope)
{
    _cleanup_strv_free_ char **folders = NULL, **messages = NULL;
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    _cleanup_text_ Text text = {0};
    char *message;

    int r = spec_folders(scope, &folders);
    if (r >= 0)
        r = spec_set_load(scope, folders, NULL, &set);
    if (r >= 0)
        r = stub_explain_missing(set, folders, instance, scope, &text);
    if (r >= 0)
        r = text_take(&text, &message);
    if (r >= 0)
        r = strv_consume(&messages, message);
    if (r >= 0)
        say(messages);
    return r;
}

int main(int argc, char *argv[])
{
    static const struct option options[] = {
        {"missing", required_argument, NULL, 'm'}, {"user", no_argument, NULL, 'u'},
        {"system", no_argument, NULL, 's'},        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},       {0},
    };
    SpecScope scope = SPEC_SCOPE_SYSTEM;
    const char *missing = NULL;
    int c;

    while ((c = getopt_long(argc, argv, "+h", options, NULL)) >= 0)
        switch (c) {
        case 'm':
            missing = optarg;
            break;
        case 'u':
            scope = SPEC_SCOPE_USER;
            break;
        case 's':
            scope = SPEC_SCOPE_SYSTEM;
            break;
        case 'h':
            print_help();
            return EXIT_SUCCESS;
        case 'v':
            puts("phoenix-stub " PHOENIX_VERSION);
            return EXIT_SUCCESS;
        default:
            return EX_USAGE;
        }
    if (missing && say_missing(missing, scope) < 0)
        fprintf(stderr, SD_ERR "no service \"%s\", and not enough memory to say why\n", missing);
    else if (!missing)
        say(argv + optind);
    return EX_CONFIG;
}
