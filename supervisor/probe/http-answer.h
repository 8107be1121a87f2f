/* SPDX-License-Identifier: MIT */
/*
 * An HTTP answer as it comes in: what the status line says, and whether the body holds a text. It
 * takes so much and no more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define HTTP_BODY_MAX   ((size_t)64 * 1024)
#define HTTP_HEADER_MAX ((size_t)64 * 1024)

typedef struct HttpAnswer {
    const char *wanted; /* text that the body must hold, or NULL */
    unsigned status;    /* 503; 0 until it is known, and set by who reads the answer */
    char phrase[48];    /* "Service Unavailable", clean */
    size_t header_size, body_size;
    Text body;     /* only when something is wanted */
    bool found;    /* the wanted text was seen */
    bool enough;   /* stopped on purpose: nothing that follows matters */
    bool too_long; /* the header goes on and on */
    bool no_memory;
} HttpAnswer;

void http_answer_init(HttpAnswer *answer, const char *wanted);
void http_answer_done(HttpAnswer *answer);

/* So many bytes of a header, or of what is as good as one. False: stop. */
bool http_answer_count(HttpAnswer *answer, size_t n);
/* One line of the header, which may be the status line. False: stop. */
bool http_answer_header(HttpAnswer *answer, const char *line, size_t n);
/* A piece of the body. False: stop. */
bool http_answer_body(HttpAnswer *answer, const char *data, size_t n);

/* Whether a status is in a list of codes and ranges: "200", "200-299". */
bool http_status_accepted(char *const *accepted, unsigned status);
