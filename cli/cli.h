/* SPDX-License-Identifier: MIT */

/* The frame of the command: what was asked for on the command line, and which verbs there are. A
 * verb gets the parsed options and its arguments and returns an exit status; it is also the place
 * where its failures are logged. */

#pragma once

#include "cli/print/screen.h"
#include "spec/spec.h"
#include "sysinfo/sysinfo.h"

/* Exit statuses, documented in phoenix(1). A verb may also return a negative errno, which
 * cli_main() reports and turns into CLI_EXIT_FAILED. */
enum {
    CLI_EXIT_OK = 0,
    CLI_EXIT_NO = 1,      /* a clear answer, but not the good one: errors found, start failed */
    CLI_EXIT_USAGE = 2,   /* the command line is wrong */
    CLI_EXIT_FAILED = 3,  /* could not be done: no memory, no manager, output not writable */
    CLI_EXIT_MISSING = 4, /* there is no such spec or service */
};

typedef enum CliOptions {
    CLI_HELP = 1 << 0,
    CLI_VERSION = 1 << 1,
    CLI_USER = 1 << 2,
    CLI_SYSTEM = 1 << 3,
    CLI_JSON = 1 << 4,
    CLI_NO_COLOR = 1 << 5,
    CLI_STRICT = 1 << 6,
    CLI_SPEC = 1 << 7,
    CLI_PLAN = 1 << 8,
    CLI_UNITS = 1 << 9,
    CLI_ALL = 1 << 10,
    CLI_FOLLOW = 1 << 11,
    CLI_LINES = 1 << 12,
    CLI_SINCE = 1 << 13,
    CLI_ONCE = 1 << 14,
    CLI_FOR = 1 << 15,
    CLI_NO_BLOCK = 1 << 16,
    CLI_NO_START = 1 << 17,
    CLI_YES = 1 << 18,
    CLI_OBSERVE = 1 << 19,
    CLI_TIMEOUT = 1 << 20,
    CLI_DRAIN = 1 << 21,
    CLI_DRY_RUN = 1 << 22,
    CLI_RECORD = 1 << 23,
    CLI_SOURCE = 1 << 24,
    CLI_INTERVAL = 1 << 25,
    CLI_SORT = 1 << 26,
} CliOptions;

typedef struct Cli {
    CliOptions options;
    SpecScope scope; /* SPEC_SCOPE_SYSTEM or SPEC_SCOPE_USER */
    Screen screen;
    uint64_t lines;                                  /* --lines */
    uint64_t since_usec;                             /* --since, CLOCK_REALTIME */
    uint64_t for_usec;                               /* --for, a span */
    uint64_t observe_usec, timeout_usec, drain_usec; /* --observe, --timeout, --drain, spans */
    const char *record;                              /* --record */
    SysinfoSource source;                            /* --source */
    uint64_t interval_usec;                          /* --interval, a span */
    const char *sort;                                /* --sort */
} Cli;

#define CLI_ARGS_ANY 10000U

typedef struct Verb {
    const char *name;
    unsigned min_args, max_args;
    CliOptions options; /* besides those that every verb takes */
    int (*run)(const Cli *cli, char *const *args);
    const char *args;  /* "[FILE|DIR...]" */
    const char *help;  /* one line; NULL: not listed in --help */
    const char *about; /* what it does, for `phoenix VERB --help` */
} Verb;

/* Ends with a Verb whose name is NULL. */
extern const Verb cli_verbs[];

/* The verb of that name, or NULL. */
const Verb *cli_verb_find(const char *name);

/* The whole command. Returns the exit status. */
int cli_main(int argc, char *argv[]);

/* Appends the help of all verbs, or of one. */
void cli_add_help(Text *t, const Screen *screen);
void cli_add_verb_help(Text *t, const Screen *screen, const Verb *verb);

/* Writes a text to standard output: CLI_EXIT_OK, or the text's own error. A failed write is found
 * by cli_main(). */
int cli_print(const Text *t);

/* Handlers, one file each. */
int verb_check(const Cli *cli, char *const *args);
int verb_dashboard(const Cli *cli, char *const *args);
int verb_del(const Cli *cli, char *const *args);
int verb_deploy(const Cli *cli, char *const *args);
int verb_doctor(const Cli *cli, char *const *args);
int verb_events(const Cli *cli, char *const *args);
int verb_explain(const Cli *cli, char *const *args);
int verb_help(const Cli *cli, char *const *args);
int verb_history(const Cli *cli, char *const *args);
int verb_info(const Cli *cli, char *const *args);
int verb_keys(const Cli *cli, char *const *args);
int verb_logs(const Cli *cli, char *const *args);
int verb_maintenance(const Cli *cli, char *const *args);
int verb_names(const Cli *cli, char *const *args);
int verb_probe(const Cli *cli, char *const *args);
int verb_reap(const Cli *cli, char *const *args);
int verb_restart(const Cli *cli, char *const *args);
int verb_rollback(const Cli *cli, char *const *args);
int verb_schema(const Cli *cli, char *const *args);
int verb_services(const Cli *cli, char *const *args);
int verb_show(const Cli *cli, char *const *args);
int verb_start(const Cli *cli, char *const *args);
int verb_status(const Cli *cli, char *const *args);
int verb_stop(const Cli *cli, char *const *args);
int verb_sysinfo(const Cli *cli, char *const *args);
int verb_stress(const Cli *cli, char *const *args);
int verb_top(const Cli *cli, char *const *args);
int verb_update(const Cli *cli, char *const *args);
