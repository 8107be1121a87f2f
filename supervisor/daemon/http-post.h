/* SPDX-License-Identifier: MIT */
/*
 * One POST of JSON to a web server, over libcurl: bounded in time and in the size of the answer, no
 * redirects, the server's certificate verified. Knows nothing of what is posted; notifications and
 * batches for collectors are. Addresses may be secrets, so nothing of them comes back.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "supervisor/probe/probe.h"

typedef struct HttpPost HttpPost;

/* All of it is copied, but for the body when it is said to stay. */
typedef struct HttpPostRequest {
    const char *url;   /* http, https; or "unix:/PATH", a socket where the path is asked for */
    const char *path;  /* put behind the address, or NULL */
    const char *key;   /* Idempotency-Key */
    const char *token; /* Authorization: Bearer, or NULL */
    const char *ca;    /* file with the certificates that are trusted instead of the system's */
    const char *body;
    size_t body_size;
    bool body_stays; /* until http_post_free() */
    bool keep;       /* the connection may be used again, and be one that was used before */
    uint64_t timeout_usec;
    size_t answer_max; /* an answer with more than this is cut off there */
} HttpPostRequest;

typedef struct HttpPostAnswer {
    long status;        /* 0: none came */
    bool hopeless;      /* the address itself is wrong */
    const char *error;  /* why none came: "Couldn't connect to server" */
    uint64_t wait_usec; /* Retry-After, at most a day; 0 without */
    const char *text;   /* the body, with a NUL behind; what fits into answer_max */
    size_t size;
} HttpPostAnswer;

/* Called from the event loop; must free the post. */
typedef void (*http_post_done_t)(const HttpPostAnswer *answer, void *userdata);

/* -EINVAL: never with this address, or this file of certificates; -ELIBACC: there is no libcurl,
 * see curl_loop_missing(); -ENOMEM. */
int http_post_new(CurlLoop *curl, const HttpPostRequest *request, http_post_done_t done,
                  void *userdata, HttpPost **ret);
/* Ends it when it is under way. */
HttpPost *http_post_free(HttpPost *post);
