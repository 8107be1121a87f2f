/* SPDX-License-Identifier: MIT */

/* The command line of phoenix-collector. */

#pragma once

#include "collector/server.h"

typedef struct Options {
    char *state; /* folder */
    char *graphs, *token, **names;
    const char *tls_cert_path, *tls_key_path; /* when they are no credentials */
    char *tls_cert, *tls_key;                 /* PEM */
    ServerOptions server;
    WriterOptions writer;
    char **listen; /* addresses, for a start by hand */
} Options;

void options_done(Options *options);
#define _cleanup_options_ _cleanup_(options_done)

/* 1: go on; 0: help or version was printed; negative errno, and it was said on standard error. */
int options_parse(int argc, char *argv[], Options *ret);
