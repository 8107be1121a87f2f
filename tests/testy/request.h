/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Reads an HTTP/1.x request head (RFC 9112), as much of it as this server needs. Pure: text in,
 * struct out.
 */

#include <stdbool.h>
#include <stddef.h>

#define REQUEST_PATH_MAX 1024

struct request {
    bool is_head;
    char path[REQUEST_PATH_MAX];  /* decoded, without the query */
    char query[REQUEST_PATH_MAX]; /* decoded, "" when there is none */
};

/* Returns 1 when the head is complete, 0 when more has to be read, -EINVAL for what is no request,
 * -ENAMETOOLONG for a path that is too long, -EOPNOTSUPP for a method other than GET, HEAD and
 * POST. */
int request_parse(const char *text, size_t length, struct request *ret);
