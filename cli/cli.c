/* SPDX-License-Identifier: MIT */

/* From argv to a verb's handler. Options may stand anywhere; each verb says which it takes, and a
 * word that is nothing we know gets the nearest one that is. */

#include <assert.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/nearest.h"
#include "cli.h"

typedef struct CliOption {
    const char *name;
    CliOptions bit;
    const char *help;
} CliOption;

static const CliOption cli_options[] = {
    {"user", CLI_USER, "The specs of the user's service manager (default unless root)"},
    {"system", CLI_SYSTEM, "The specs of the system's service manager (default for root)"},
    {"json", CLI_JSON, "Print JSON"},
    {"no-color", CLI_NO_COLOR, "No colours, as with NO_COLOR=1 in the environment"},
    {"strict", CLI_STRICT, "Exit with 1 for warnings too"},
    {"units", CLI_UNITS, "The units that would be generated (default)"},
    {"plan", CLI_PLAN, "The resolved plan"},
    {"spec", CLI_SPEC, "The spec file"},
    {"all", CLI_ALL, "Also what is not generated here, with the reason"},
    {"help", CLI_HELP, "Show help"},
    {"version", CLI_VERSION, "Show the version"},
};

#define OPTIONS_OF_ALL (CLI_HELP | CLI_VERSION | CLI_USER | CLI_SYSTEM | CLI_JSON | CLI_NO_COLOR)

/* getopt returns these instead of characters, so that none is one. */
#define OPTION_VALUE_BASE 0x1000

static const char *option_nearest(const char *word)
{
    const char *names[ELEMENTSOF(cli_options) + 1] = {0};

    for (size_t i = 0; i < ELEMENTSOF(cli_options); i++)
        names[i] = cli_options[i].name;
    return nearest(word, names);
}

static const char *verb_nearest(const char *word)
{
    const char *names[32] = {0};
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

/* Fills options and moves the other words to argv[*ret_first...], as GNU getopt does. */
static int parse_options(int argc, char *argv[], CliOptions *ret_options, int *ret_first)
{
    struct option longs[ELEMENTSOF(cli_options) + 1] = {0};
    unsigned options = 0;
    int c;

    for (size_t i = 0; i < ELEMENTSOF(cli_options); i++)
        longs[i] = (struct option){
            .name = cli_options[i].name,
            .val = OPTION_VALUE_BASE + (int)i,
        };

    optind = 0;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "h", longs, NULL)) >= 0) {
        if (c == '?') {
            const char letter[] = {'-', (char)optopt, '\0'};
            bool is_letter = optopt > 0 && optopt < OPTION_VALUE_BASE;

            return usage_error_option(is_letter ? letter : argv[optind - 1]);
        }
        if (c == 'h')
            options |= CLI_HELP;
        else
            options |= cli_options[c - OPTION_VALUE_BASE].bit;
    }

    *ret_options = (CliOptions)options;
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
    text_addf(t, "  --%-12s %s\n", option->name, option->help);
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
                       "~/.config/phoenix.d, and shows how their services are.");
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
    text_add(t, "\nExit status: 0 good, 1 errors found or no such spec, 2 wrong usage, "
                "3 not possible.\n\"phoenix VERB --help\" says more; phoenix(1), "
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

static Cli cli_of_options(CliOptions options)
{
    Cli cli = {.options = options, .screen = screen_of_stdout()};
    bool user = (options & CLI_USER) || (!(options & CLI_SYSTEM) && geteuid() != 0);

    cli.scope = user ? SPEC_SCOPE_USER : SPEC_SCOPE_SYSTEM;
    if (options & CLI_NO_COLOR)
        cli.screen.color = false;
    return cli;
}

static int run(int argc, char *argv[])
{
    CliOptions options = 0;
    const Verb *verb = NULL;
    int first = 0, r;
    Cli cli;

    r = parse_options(argc, argv, &options, &first);
    if (r != CLI_EXIT_OK)
        return r;
    cli = cli_of_options(options);

    if (first < argc) {
        verb = cli_verb_find(argv[first]);
        if (!verb)
            return usage_error_verb(argv[first]);
    }
    if (options & CLI_VERSION)
        return print_version();
    if (options & CLI_HELP)
        return print_help(&cli, verb);
    if (!verb) {
        log_error("a verb is missing; see \"phoenix --help\"");
        return CLI_EXIT_USAGE;
    }

    r = check_usage(verb, options, (unsigned)(argc - first - 1));
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
