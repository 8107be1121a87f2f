/* SPDX-License-Identifier: MIT */
/*
 * One plain HTTP exchange of a check, on a connection of its own: the request goes out with the
 * connection, the answer is read as it comes, one piece in each turn of the event loop. This is
 * what most checks do each few seconds, so it takes as few system calls as there can be, and no
 * memory but what the answer's text needs that is looked for.
 */
#pragma once

#include "supervisor/probe/dial.h"
#include "supervisor/probe/http-parser.h"

typedef struct HttpPlain HttpPlain;

/* The answer is there: status and header, and as much of the body as matters. Ends the check, or
 * stops this and goes on otherwise. */
typedef void (*http_plain_done_t)(HttpPlain *plain);

struct HttpPlain {
    Dial dial; /* first */
    HttpParser parser;
    const char *request;
    size_t n_sent;
    http_plain_done_t done;
};

/* Begins; it may end the check at once. The host has a family (route.h). The request, which the
 * caller keeps, is a text; the answer is initialised, and filled. Without an answer the check ends
 * here. */
void http_plain_start(HttpPlain *plain, Probe *probe, const char *request, HttpAnswer *answer,
                      http_plain_done_t done);
/* Takes one that was not started (zeroed). */
void http_plain_stop(HttpPlain *plain);
/* The time is over. */
void http_plain_late(HttpPlain *plain);
