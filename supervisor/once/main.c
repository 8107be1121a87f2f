/* SPDX-License-Identifier: MIT */

/*
 * phoenix-once: behind `hooks.once` of a spec. Runs a command one time ever, marked by a stamp in
 * the unit's state directory. A command that fails leaves no stamp and is tried again at the next
 * start; two starts at the same time wait for each other. Exit codes of its own are those known
 * from env(1): 125 itself, 126 cannot run, 127 not found.
 */

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "once.h"
#include "run.h"
#include "stamp.h"

#define EXIT_OWN_FAILURE 125
#define EXIT_CANNOT_RUN  126
#define EXIT_NOT_FOUND   127
#define EXIT_FROM_SIGNAL 128
#define LEVEL_ERROR      "<3>"
#define LEVEL_WARNING    "<4>"
#define LEVEL_DEBUG      "<7>"

/* The journal takes the level from the prefix (sd-daemon(3)); somebody at a terminal does not want
 * to read it. */
__attribute__((format(printf, 2, 3))) static void say(const char *level, const char *format, ...)
{
    va_list ap;

    fprintf(stderr, "%sonce: ", isatty(STDERR_FILENO) ? "" : level);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    putc('\n', stderr);
}

static void print_help(void)
{
    puts("phoenix-once --name HOOK -- COMMAND [ARGUMENT...]\n"
         "\n"
         "Runs a command one time ever: when it ends with 0, the stamp once-HOOK in "
         "$STATE_DIRECTORY\n"
         "keeps it from being run again. Remove the stamp to have it run again, create it to skip "
         "it.\n"
         "\n"
         "  --name HOOK   letters, digits and _ . - (at most 64)\n"
         "  --help        this text\n"
         "  --version     the version\n"
         "\n"
         "Exit code: that of the command (128 + N when signal N ended it), 0 when it ran before,\n"
         "125 on a failure of its own, 126 when the command cannot be run, 127 when it is not "
         "found.");
}

/* Returns 0 to go on (argv[optind] is the command), 1 when all is done, negative errno when
 * misused. */
static int parse_options(int argc, char *argv[], const char **ret_name)
{
    static const struct option options[] = {
        {"name", required_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},
        {},
    };
    const char *name = NULL;
    int c;

    while ((c = getopt_long(argc, argv, "+h", options, NULL)) >= 0)
        switch (c) {
        case 'n':
            name = optarg;
            break;
        case 'h':
            print_help();
            return 1;
        case 'v':
            puts("phoenix-once " PHOENIX_VERSION);
            return 1;
        default:
            return -EINVAL;
        }
    if (!name) {
        say(LEVEL_ERROR, "no --name HOOK given");
        return -EINVAL;
    }
    if (!once_name_is_valid(name)) {
        say(LEVEL_ERROR,
            "the name of a hook is 1 to %d letters, digits and _ . -, this is not: --name %.100s",
            ONCE_NAME_MAX, name);
        return -EINVAL;
    }
    if (optind >= argc || argv[optind][0] == '\0') {
        say(LEVEL_ERROR, "%s: no command given", name);
        return -EINVAL;
    }
    *ret_name = name;
    return 0;
}

static int open_state(const char *name)
{
    const char *value = getenv("STATE_DIRECTORY");
    char path[PATH_MAX];

    int r = once_state_directory(value, path, sizeof(path));
    if (r < 0) {
        if (r == -ENOENT)
            say(LEVEL_ERROR,
                "%s: STATE_DIRECTORY is not set; the unit needs StateDirectory=", name);
        else
            say(LEVEL_ERROR, "%s: STATE_DIRECTORY is not an absolute path: %.200s", name, value);
        return r;
    }
    r = stamp_open_directory(path);
    if (r < 0)
        say(LEVEL_ERROR, "%s: cannot open the state directory %s: %s", name, path, strerror(-r));
    return r;
}

/* Returns 1 when the hook has run before, 0 when it has not, or a negative errno. */
static int ran_before(int directory, const char *name)
{
    char text[256], date[32];

    int r = stamp_read(directory, name, text, sizeof(text));
    if (r < 0)
        say(LEVEL_ERROR, "%s: cannot read its stamp: %s", name, strerror(-r));
    if (r > 0)
        say(LEVEL_DEBUG, "%s ran on %s", name,
            once_stamp_date(text, date, sizeof(date)) ? date
                                                      : "a date that its stamp does not tell");
    return r;
}

static int run_and_stamp(int directory, const char *name, char *argv[])
{
    int r = run_command(argv);
    if (r < 0) {
        say(LEVEL_ERROR, "%s: cannot run %s: %s", name, argv[0], strerror(-r));
        return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
    }
    if (r > 0) {
        if (r > EXIT_FROM_SIGNAL)
            say(LEVEL_WARNING, "%s: %s was ended by signal %d, to be run again at the next start",
                name, argv[0], r - EXIT_FROM_SIGNAL);
        else
            say(LEVEL_WARNING, "%s: %s ended with %d, to be run again at the next start", name,
                argv[0], r);
        return r;
    }
    char *text = once_stamp_text(time(NULL), argv);
    r = text ? stamp_write(directory, name, text) : -ENOMEM;
    free(text);
    if (r < 0) {
        /* The start must fail: going on would run the hook a second time some other day, with
         * nobody looking. */
        say(LEVEL_ERROR, "%s: %s succeeded, but its stamp cannot be written: %s", name, argv[0],
            strerror(-r));
        return EXIT_OWN_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
    const char *name;

    int r = parse_options(argc, argv, &name);
    if (r != 0)
        return r > 0 ? EXIT_SUCCESS : EXIT_OWN_FAILURE;
    int directory = open_state(name);
    if (directory < 0)
        return EXIT_OWN_FAILURE;
    /* Before the lock too: every start but the first needs neither the lock nor a writable
     * directory. */
    r = ran_before(directory, name);
    if (r == 0) {
        int lock = stamp_lock(directory, name);
        if (lock < 0) {
            say(LEVEL_ERROR, "%s: cannot lock the state directory: %s", name, strerror(-lock));
            return EXIT_OWN_FAILURE;
        }
        r = ran_before(directory, name);
        if (r == 0)
            return run_and_stamp(directory, name, argv + optind);
    }
    return r > 0 ? EXIT_SUCCESS : EXIT_OWN_FAILURE;
}
