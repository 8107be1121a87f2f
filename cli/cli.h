/* SPDX-License-Identifier: MIT */

/* The frame of the command: what was asked for on the command line, and which verbs there are. A
 * verb gets the parsed options and its arguments and returns an exit status; it is also the place
 * where its failures are logged. */

#pragma once

#include "screen.h"
#include "spec/spec.h"

/* Exit statuses, documented in phoenix(1). A verb may also return a negative errno, which
 * cli_main() reports and turns into CLI_EXIT_FAILED. */
enum {
    CLI_EXIT_OK = 0,
    CLI_EXIT_NO = 1,     /* a clear answer, but not the good one: errors found, no such spec */
    CLI_EXIT_USAGE = 2,  /* the command line is wrong */
    CLI_EXIT_FAILED = 3, /* could not be done: no memory, no generator, output not writable */
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
} CliOptions;

typedef struct Cli {
    CliOptions options;
    SpecScope scope; /* SPEC_SCOPE_SYSTEM or SPEC_SCOPE_USER */
    Screen screen;
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
int verb_explain(const Cli *cli, char *const *args);
int verb_help(const Cli *cli, char *const *args);
int verb_keys(const Cli *cli, char *const *args);
int verb_names(const Cli *cli, char *const *args);
int verb_schema(const Cli *cli, char *const *args);
int verb_services(const Cli *cli, char *const *args);
int verb_show(const Cli *cli, char *const *args);
