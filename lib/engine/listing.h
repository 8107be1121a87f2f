/* SPDX-License-Identifier: MIT */
/*
 * Reads the answer to GET /containers/json as it comes, in pieces of any size: the containers of
 * the array one after the other, so that no more than one of them is held. No I/O.
 */
#pragma once

#include "base/text.h"
#include "engine/engine.h"

typedef struct EngineListing {
    engine_container_t add;
    void *userdata;

    enum {
        LISTING_BEGIN,     /* before the array */
        LISTING_FIRST,     /* behind "[" */
        LISTING_CONTAINER, /* inside of one */
        LISTING_AFTER,     /* behind one */
        LISTING_NEXT,      /* behind "," */
        LISTING_END,       /* behind "]" */
    } state;
    Text container; /* what there is of it yet */
    size_t depth, size;
    bool in_string, escaped;
} EngineListing;

/* Initialise with add and userdata. */
void engine_listing_done(EngineListing *listing);

/* The next n bytes. -EBADMSG: this is no array of objects; -EMSGSIZE: it is too large; or what add
 * returned. After a failure nothing more may be fed. */
int engine_listing_feed(EngineListing *listing, const char *data, size_t n);

/* Nothing more comes: 0, or -EBADMSG when it cannot be all. */
int engine_listing_end(const EngineListing *listing);
