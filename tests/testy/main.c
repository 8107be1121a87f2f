/* SPDX-License-Identifier: MIT */

/*
 * phoenix-testy: the unreliable service of the tests and demos. It is what a supervised program is
 * to the outside (HTTP, sd_notify, signals) and goes wrong on command. Static, so that it is the
 * only file in its image.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl.h"
#include "options.h"
#include "service.h"
#include "util.h"

static void print_inputs(const struct options *options, int argc, char *argv[])
{
    for (int i = 0; options->print_args && i < argc; i++) {
        printf("argv[%d]: ", i);
        print_c_quoted(stdout, argv[i]);
        putchar('\n');
    }
    for (size_t i = 0; i < options->n_print_env; i++) {
        const char *value = getenv(options->print_env[i]);

        printf("env %s: ", options->print_env[i]);
        if (value)
            print_c_quoted(stdout, value);
        else
            fputs("unset", stdout);
        putchar('\n');
    }
    fflush(stdout);
}

int main(int argc, char *argv[])
{
    struct options options;

    if (argc > 1 && strcmp(argv[1], "ctl") == 0)
        return ctl_run(argc - 1, argv + 1);

    /* getopt_long() moves the operands to the end; what is printed is what was given. */
    char **given = malloc(sizeof(*given) * ((size_t)argc + 1));
    if (!given)
        return EXIT_FAILURE;
    memcpy(given, argv, sizeof(*given) * ((size_t)argc + 1));
    int r = options_parse(argc, argv, &options);
    if (r == 0)
        print_inputs(&options, argc, given);
    free(given);
    if (r != 0)
        return r > 0 ? EXIT_SUCCESS : 2;
    return service_run(&options);
}
