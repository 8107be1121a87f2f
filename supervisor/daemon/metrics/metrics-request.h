/* SPDX-License-Identifier: MIT */
/*
 * What a request for the metrics means, and the head of the answer. Pure: bytes in, bytes out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define METRICS_REQUEST_MAX 4096

typedef enum MetricsAnswer {
    METRICS_ANSWER_NOT_YET, /* the request is not whole */
    METRICS_ANSWER_OK,      /* 200, also to a HEAD */
    METRICS_ANSWER_BAD,     /* 400 */
    METRICS_ANSWER_NOT_FOUND,
    METRICS_ANSWER_METHOD,  /* 405 */
    METRICS_ANSWER_TIMEOUT, /* 408 */
    METRICS_ANSWER_LARGE,   /* 431 */
    METRICS_ANSWER_FAILED,  /* 500 */
    METRICS_ANSWER_BUSY,    /* 503 */
    _METRICS_ANSWER_MAX,
} MetricsAnswer;

/* Looks at the first `size` bytes of a connection, at most METRICS_REQUEST_MAX. What follows the
 * head (a body, a second request) is not looked at. */
MetricsAnswer metrics_request_parse(const char *data, size_t size);

/* A HEAD, whose answer has no body. */
bool metrics_request_is_head(const char *data, size_t size);

/* Appends the status line and the header fields, and as body of what is not OK a line of text,
 * unless it is the answer to a HEAD. `body_size` is for OK. Returns 0 or -ENOMEM. */
int metrics_answer_head(MetricsAnswer answer, bool to_head, size_t body_size, Text *text);
