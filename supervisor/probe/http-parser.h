/* SPDX-License-Identifier: MIT */
/*
 * The bytes of an HTTP/1.0 or HTTP/1.1 answer, in whatever pieces they come (RFC 9112): where the
 * header and the body begin and end. What they say is kept in an HttpAnswer. It stops as soon as
 * nothing that follows can matter.
 *
 * Servers are believed nothing: headers of any number of interim answers, trailers and the
 * extensions of chunks together are HTTP_HEADER_MAX at most, a body HTTP_BODY_MAX. Bare line feeds
 * and folded lines are taken as they were meant; of two lengths that differ nobody knows which one
 * was.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/probe/http-answer.h"

typedef enum HttpProgress {
    HTTP_MORE,       /* the answer goes on */
    HTTP_COMPLETE,   /* all that matters is there */
    HTTP_NO_ANSWER,  /* closed before a single byte */
    HTTP_CUT_OFF,    /* closed inside the answer */
    HTTP_MALFORMED,  /* no HTTP */
    HTTP_BAD_CHUNKS, /* HTTP, but its chunks are not */
    HTTP_TOO_LONG,   /* the header goes on and on */
    HTTP_NO_MEMORY,
    _HTTP_PROGRESS_MAX,
} HttpProgress;

typedef enum HttpPart {
    HTTP_PART_STATUS,
    HTTP_PART_HEADER,
    HTTP_PART_SIZED, /* a body with a length */
    HTTP_PART_OPEN,  /* one that ends with the connection */
    HTTP_PART_CHUNK_SIZE,
    HTTP_PART_CHUNK_EXTENSION,
    HTTP_PART_CHUNK,
    HTTP_PART_CHUNK_END,
    HTTP_PART_TRAILER,
    _HTTP_PART_MAX,
} HttpPart;

typedef struct HttpParser {
    HttpAnswer *answer;
    char *const *accepted; /* status codes whose body matters */
    bool head;             /* it answers HEAD: no body, whatever the header says */
    bool sized, coded, chunked;
    HttpPart part;
    unsigned n_digits; /* of the size of a chunk */
    uint64_t left;     /* of the body, or of the chunk */
    Text line;         /* the beginning of one whose end has not come yet */
    Text location;     /* of a redirect */
} HttpParser;

/* The answer is initialised, and borrowed, as are the codes. */
void http_parser_init(HttpParser *parser, HttpAnswer *answer, char *const *accepted, bool head);
void http_parser_done(HttpParser *parser);

/* The next bytes. After anything but HTTP_MORE there is nothing more to be given. */
HttpProgress http_parser_feed(HttpParser *parser, const char *data, size_t n);
/* The connection was closed. */
HttpProgress http_parser_close(HttpParser *parser);

/* Where a redirect leads, as the server wrote it; NULL when it said nothing. */
const char *http_parser_location(const HttpParser *parser);
