/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The command line of phoenix-testy.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEFAULT_PORT         8080
#define DEFAULT_CONTROL_FILE "/tmp/phoenix-crash"
#define PRINT_ENV_MAX        32

struct options {
    const char *name;
    const char *address;      /* NULL: any, IPv6 and IPv4 */
    const char *unix_path;    /* NULL, a path, or "@name" */
    const char *control_file; /* "" for none */
    const char *body;         /* NULL for the usual text */
    const char *print_env[PRINT_ENV_MAX];
    size_t n_print_env;
    int port;    /* -1: not given */
    int oneshot; /* exit code, or -1 */
    uint64_t slow_start_usec;
    uint64_t beat_usec; /* with beat_auto: not yet known; 0: never */
    bool beat_auto;
    bool no_http;
    bool no_ready;
    bool log_beats;
    bool print_args;
    bool ignore_sigterm;
    bool catch_abort;
};

/* Returns 0 to go on, 1 when all is done (--help, --version), -EINVAL after it has said what is
 * wrong. */
int options_parse(int argc, char *argv[], struct options *ret);
