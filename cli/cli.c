/* SPDX-License-Identifier: MIT */

/* From argv to a verb's handler. Options may stand anywhere; each verb says which it takes, and a
 * word that is nothing we know gets the nearest one that is. */

#include "cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/nearest.h"
#include "base/timespan.h"
#include "cli/print/when.h"

typedef struct CliOption {
    const char *name;
    CliOptions bit;
    const char *help;
    const char *value; /* what it takes, or NULL */
    char letter;       /* its short form, or NUL */
} CliOption;

static const CliOption cli_options[] = {
    {"user", CLI_USER, "The specs of the user's service manager (default unless root)", NULL, 0},
    {"system", CLI_SYSTEM, "The specs of the system's service manager (default for root)", NULL, 0},
    {"json", CLI_JSON, "Print JSON", NULL, 0},
    {"no-color", CLI_NO_COLOR, "No colours, as with NO_COLOR=1 in the environment", NULL, 0},
    {"strict", CLI_STRICT, "Exit with 1 for warnings too", NULL, 0},
    {"units", CLI_UNITS, "The units that would be generated (default)", NULL, 0},
    {"plan", CLI_PLAN, "The resolved plan", NULL, 0},
    {"spec", CLI_SPEC, "The spec file", NULL, 0},
    {"all", CLI_ALL, "Also what is not generated here, with the reason; top: all containers", NULL,
     0},
    {"follow", CLI_FOLLOW, "Go on with new lines as they come", NULL, 'f'},
    {"lines", CLI_LINES, "At most the last N lines; top, sysinfo: N rounds", "N", 'n'},
    {"since", CLI_SINCE, "From then on: \"10min\" (ago), \"today\", \"2026-11-23 12:00\"", "WHEN",
     0},
    {"once", CLI_ONCE, "Print one table and end", NULL, 0},
    {"for", CLI_FOR, "End by itself after this time: \"1h\", \"90min\"", "SPAN", 0},
    {"no-block", CLI_NO_BLOCK, "Do not wait until it is done", NULL, 0},
    {"no-start", CLI_NO_START, "Put the spec in place, start nothing", NULL, 0},
    {"yes", CLI_YES, "Do not ask", NULL, 'y'},
    {"observe", CLI_OBSERVE, "Look at it for so long after its start [30s]", "SPAN", 0},
    {"timeout", CLI_TIMEOUT, "Go back when it is not healthy after this time", "SPAN", 0},
    {"drain", CLI_DRAIN, "Let connections of its proxy end for so long at most [10s]", "SPAN", 0},
    {"dry-run", CLI_DRY_RUN, "Say what would be done, and do nothing", NULL, 0},
    {"record", CLI_RECORD, "Write down what runs: \"start\" or \"auto-update\"", "WHO", 0},
    {"source", CLI_SOURCE, "Where from: \"auto\", \"module\" (the kernel's), \"cgroup\"", "SOURCE",
     0},
    {"interval", CLI_INTERVAL, "Again and again, after this time each", "SPAN", 0},
    {"sort", CLI_SORT, "By cpu, memory, disk, io, restarts or name", "COLUMN", 0},
    {"help", CLI_HELP, "Show help", NULL, 'h'},
    {"version", CLI_VERSION, "Show the version", NULL, 0},
};

#define OPTIONS_OF_ALL (CLI_HELP | CLI_VERSION | CLI_USER | CLI_SYSTEM | CLI_JSON | CLI_NO_COLOR)

/* getopt returns these instead of characters, so that none is one. */
#define OPTION_VALUE_BASE 0x1000

#define COUNT_MAX 1000000U

/* Spans that mean nothing when they are 0. */
#define NOT_ZERO (CLI_FOR | CLI_TIMEOUT | CLI_INTERVAL)

static const char *option_nearest(const char *word)
{
    const char *names[ELEMENTSOF(cli_options) + 1] = {0};

    for (size_t i = 0; i < ELEMENTSOF(cli_options); i++)
        names[i] = cli_options[i].name;
    return nearest(word, names);
}

static const char *verb_nearest(const char *word)
{
    const char *names[64] = {0};
    size_t n = 0;

    for (const Verb *v = cli_verbs; v->name && n + 1 < ELEMENTSOF(names); v++)
        if (v->help)
            names[n++] = v->name;
    return nearest(word, names);
}

static int usage_error_option(const char *word)
{
    size_t dashes = strspn(word, "-");
    _cleanup_free_ char *name = strndup(word + dashes, strcspn(word + dashes, "="));
    _cleanup_text_ Text clean = {0};
    const char *near = name ? option_nearest(name) : NULL;

    screen_add_clean(&clean, word);
    if (near)
        log_error("unknown option \"%s\"; did you mean \"--%s\"?", clean.data, near);
    else
        log_error("unknown option \"%s\"; see \"phoenix --help\"", clean.data);
    return CLI_EXIT_USAGE;
}

static int usage_error_verb(const char *word)
{
    _cleanup_text_ Text clean = {0};
    const char *near = verb_nearest(word);

    screen_add_clean(&clean, word);
    if (near)
        log_error("unknown verb \"%s\"; did you mean \"%s\"?", clean.data, near);
    else
        log_error("unknown verb \"%s\"; see \"phoenix --help\"", clean.data);
    return CLI_EXIT_USAGE;
}

static int usage_error_value(const CliOption *option, const char *value)
{
    _cleanup_text_ Text clean = {0};

    screen_add_clean(&clean, value);
    log_error("--%s: \"%s\" is no %s", option->name, clean.data, option->value);
    return CLI_EXIT_USAGE;
}

static int parse_count(const char *s, uint64_t *ret)
{
    unsigned long long n;
    char *end;

    errno = 0;
    n = strtoull(s, &end, 10);
    if (errno != 0 || *end != '\0' || *s < '0' || *s > '9' || n > COUNT_MAX)
        return -EINVAL;
    *ret = n;
    return 0;
}

/* Where the span of an option goes; NULL when it takes none. */
static uint64_t *span_of(Cli *cli, CliOptions bit)
{
    switch ((unsigned)bit) {
    case CLI_FOR:
        return &cli->for_usec;
    case CLI_OBSERVE:
        return &cli->observe_usec;
    case CLI_TIMEOUT:
        return &cli->timeout_usec;
    case CLI_DRAIN:
        return &cli->drain_usec;
    case CLI_INTERVAL:
        return &cli->interval_usec;
    default:
        return NULL;
    }
}

static int take_option(Cli *cli, const CliOption *option, const char *value)
{
    uint64_t *span = span_of(cli, option->bit);
    int r = 0;

    cli->options = (CliOptions)((unsigned)cli->options | (unsigned)option->bit);
    if (option->bit == CLI_LINES)
        r = parse_count(value, &cli->lines);
    else if (option->bit == CLI_SINCE)
        r = when_parse(value, when_now(), &cli->since_usec);
    else if (option->bit == CLI_RECORD)
        cli->record = value;
    else if (option->bit == CLI_SORT)
        cli->sort = value;
    else if (option->bit == CLI_SOURCE)
        r = sysinfo_source_parse(value, &cli->source);
    else if (span)
        r = timespan_parse(value, span);
    if (r >= 0 && (option->bit & NOT_ZERO) && *span == 0)
        r = -EINVAL;
    return r < 0 ? usage_error_value(option, value) : CLI_EXIT_OK;
}

/* Tables for getopt_long(). letters: room for three characters per option and a NUL. */
static void make_tables(struct option *longs, char *letters)
{
    for (size_t i = 0; i < ELEMENTSOF(cli_options); i++) {
        const CliOption *option = &cli_options[i];

        longs[i] = (struct option){
            .name = option->name,
            .has_arg = option->value ? required_argument : no_argument,
            .val = OPTION_VALUE_BASE + (int)i,
        };
        if (option->letter)
            *letters++ = option->letter;
        if (option->letter && option->value)
            *letters++ = ':';
    }
    *letters = '\0';
}

static const CliOption *option_of_value(int value)
{
    if (value >= OPTION_VALUE_BASE)
        return &cli_options[value - OPTION_VALUE_BASE];
    for (size_t i = 0; i < ELEMENTSOF(cli_options); i++)
        if (cli_options[i].letter == value)
            return &cli_options[i];
    return NULL;
}

/* What getopt did not like: a word nobody knows, or a known one without its value. */
static int usage_error_getopt(char *const *argv)
{
    const CliOption *known = optopt > 0 ? option_of_value(optopt) : NULL;
    const char letter[] = {'-', (char)optopt, '\0'};
    bool is_letter = optopt > 0 && optopt < OPTION_VALUE_BASE;

    if (known && known->value && !strchr(argv[optind - 1], '=')) {
        log_error("--%s needs a value: --%s=%s", known->name, known->name, known->value);
        return CLI_EXIT_USAGE;
    }
    return usage_error_option(is_letter ? letter : argv[optind - 1]);
}

/* Fills options and moves the other words to argv[*ret_first...], as GNU getopt does. */
static int parse_options(int argc, char *argv[], Cli *cli, int *ret_first)
{
    struct option longs[ELEMENTSOF(cli_options) + 1] = {0};
    char letters[ELEMENTSOF(cli_options) * 2 + 2] = ":";
    int c, r;

    make_tables(longs, letters + 1);
    optind = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, letters, longs, NULL)) >= 0) {
        const CliOption *option = c == '?' || c == ':' ? NULL : option_of_value(c);

        if (!option)
            return usage_error_getopt(argv);
        r = take_option(cli, option, optarg);
        if (r != CLI_EXIT_OK)
            return r;
    }

    *ret_first = optind;
    return CLI_EXIT_OK;
}

static int check_usage(const Verb *verb, CliOptions options, unsigned n_args)
{
    if ((options & CLI_USER) && (options & CLI_SYSTEM)) {
        log_error("--user and --system exclude each other");
        return CLI_EXIT_USAGE;
    }
    for (size_t i = 0; i < ELEMENTSOF(cli_options); i++)
        if ((options & cli_options[i].bit) & ~(verb->options | OPTIONS_OF_ALL)) {
            log_error("\"%s\" takes no --%s", verb->name, cli_options[i].name);
            return CLI_EXIT_USAGE;
        }
    if (n_args < verb->min_args || n_args > verb->max_args) {
        log_error("%s; usage: phoenix %s%s%s",
                  n_args < verb->min_args ? "something is missing" : "too many arguments",
                  verb->name, *verb->args ? " " : "", verb->args);
        return CLI_EXIT_USAGE;
    }
    return CLI_EXIT_OK;
}

static void add_option_line(Text *t, const CliOption *option)
{
    char word[32];

    if (option->value)
        (void)snprintf(word, sizeof(word), "%s=%s", option->name, option->value);
    else
        (void)snprintf(word, sizeof(word), "%s", option->name);
    text_addf(t, "  --%-12s %s", word, option->help);
    if (option->letter)
        text_addf(t, " (-%c)", option->letter);
    text_add_char(t, '\n');
}

static void add_heading(Text *t, const Screen *screen, const char *heading)
{
    text_add_char(t, '\n');
    screen_add_colored(t, screen, COLOR_BOLD, heading);
    text_add_char(t, '\n');
}

void cli_add_help(Text *t, const Screen *screen)
{
    text_add(t, "phoenix VERB [OPTION...] [ARG...]\n\n");
    screen_add_wrapped(t, screen, 0,
                       "Checks and explains the service specs below /etc/phoenix.d and "
                       "~/.config/phoenix.d, puts them in place, and starts, stops and shows their "
                       "services.");
    add_heading(t, screen, "Verbs");
    for (const Verb *v = cli_verbs; v->name; v++)
        if (v->help) {
            int width = (int)(29 - strlen(v->name));

            text_addf(t, "  %s %-*s %s\n", v->name, width, v->args, v->help);
        }
    add_heading(t, screen, "Options of all verbs");
    for (size_t i = 0; i < ELEMENTSOF(cli_options); i++)
        if (cli_options[i].bit & OPTIONS_OF_ALL)
            add_option_line(t, &cli_options[i]);
    text_add(t, "\nExit status: 0 good, 1 errors found or failed, 2 wrong usage, 3 not "
                "possible, 4 no such\nservice. \"phoenix VERB --help\" says more; phoenix(1), "
                "phoenix-spec(5).\n");
}

void cli_add_verb_help(Text *t, const Screen *screen, const Verb *verb)
{
    text_addf(t, "phoenix %s [OPTION...]%s%s\n\n", verb->name, *verb->args ? " " : "", verb->args);
    screen_add_wrapped(t, screen, 0, verb->about);
    add_heading(t, screen, "Options");
    for (size_t i = 0; i < ELEMENTSOF(cli_options); i++)
        if (cli_options[i].bit & (verb->options | OPTIONS_OF_ALL) & ~CLI_VERSION)
            add_option_line(t, &cli_options[i]);
}

int cli_print(const Text *t)
{
    if (t->error < 0)
        return t->error;
    if (t->size > 0)
        (void)fwrite(t->data, 1, t->size, stdout);
    return CLI_EXIT_OK;
}

static int print_help(const Cli *cli, const Verb *verb)
{
    _cleanup_text_ Text t = {0};

    if (verb)
        cli_add_verb_help(&t, &cli->screen, verb);
    else
        cli_add_help(&t, &cli->screen);
    return cli_print(&t);
}

static int print_version(void)
{
    return printf("phoenix %s\n", PHOENIX_VERSION) < 0 ? -EIO : CLI_EXIT_OK;
}

static void finish_options(Cli *cli)
{
    CliOptions options = cli->options;
    bool user = (options & CLI_USER) || (!(options & CLI_SYSTEM) && geteuid() != 0);

    cli->scope = user ? SPEC_SCOPE_USER : SPEC_SCOPE_SYSTEM;
    cli->screen = screen_of_stdout();
    if (options & CLI_NO_COLOR)
        cli->screen.color = false;
}

static int run(int argc, char *argv[])
{
    const Verb *verb = NULL;
    int first = 0, r;
    Cli cli = {0};

    r = parse_options(argc, argv, &cli, &first);
    if (r != CLI_EXIT_OK)
        return r;
    finish_options(&cli);

    if (first < argc) {
        verb = cli_verb_find(argv[first]);
        if (!verb)
            return usage_error_verb(argv[first]);
    }
    if (cli.options & CLI_VERSION)
        return print_version();
    if (cli.options & CLI_HELP)
        return print_help(&cli, verb);
    if (!verb) {
        log_error("a verb is missing; see \"phoenix --help\"");
        return CLI_EXIT_USAGE;
    }

    r = check_usage(verb, cli.options, (unsigned)(argc - first - 1));
    return r != CLI_EXIT_OK ? r : verb->run(&cli, argv + first + 1);
}

int cli_main(int argc, char *argv[])
{
    int r = run(argc, argv);

    if (fflush(stdout) != 0 && errno != EPIPE && r >= 0)
        r = -errno;
    else if (ferror(stdout) && r >= 0)
        r = -EIO;
    if (r < 0) {
        log_error("%s", strerror(-r));
        return CLI_EXIT_FAILED;
    }
    return r;
}
