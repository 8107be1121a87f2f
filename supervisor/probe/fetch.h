/* SPDX-License-Identifier: MIT */
/*
 * One libcurl transfer of a check: over the right network, on a connection of its own, with a
 * handle lent for the time it takes. What is asked and what the answer means is the kind's.
 */
#pragma once

#include "supervisor/probe/curl-loop.h"
#include "supervisor/probe/probe-internal.h"
#include "supervisor/probe/route.h"

typedef struct Fetch Fetch;

typedef struct FetchUser {
    /* Sets URL and request on a handle that has all that is common. 0 or -ENOMEM. */
    int (*prepare)(Fetch *fetch, CURL *easy);
    /* The transfer is over; the handle can be asked for details. Ends the check (fetch_fail() for
     * what went wrong on the way), or begins again. */
    void (*done)(Fetch *fetch, CURLcode code);
} FetchUser;

/* A list of headers as libcurl takes it, in `n` nodes of the caller's; it only reads them. */
struct curl_slist *fetch_headers(struct curl_slist *nodes, char *const *headers, size_t n);

struct Fetch {
    Probe *probe;
    const FetchUser *user;
    Route route;
    const CurlApi *api; /* with the handle */
    CURL *easy;
    int fd;           /* a local socket that libcurl has not taken yet, or -1 */
    int open_error;   /* why there was no socket */
    bool tried_other; /* the other loopback address was tried after a refusal */
    char error[CURL_ERROR_SIZE];
    char connect_to[16]; /* where a local name is to be found */
    struct curl_slist connect_list;
};

void fetch_init(Fetch *fetch, Probe *probe, const FetchUser *user);
/* Begins a transfer. It may end the check at once. */
void fetch_start(Fetch *fetch);
/* Ends what is under way; takes one that was not started. */
void fetch_stop(Fetch *fetch);
/* Ends the check as one that could not be begun; -ELIBACC: for want of libcurl. */
void fetch_end_void(Probe *probe, int error);
/* Says why there is no answer. */
void fetch_fail(Fetch *fetch, CURLcode code);
/* The time is over. */
void fetch_late(Fetch *fetch, const char *what);
