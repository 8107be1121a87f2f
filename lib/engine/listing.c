/* SPDX-License-Identifier: MIT */
/* Cuts the array into its containers, behind listing.h; what is in one is container.h's. */
#include "engine/listing.h"

#include <errno.h>
#include <string.h>

#include "engine/container.h"

void engine_listing_done(EngineListing *listing)
{
    text_done(&listing->container);
}

static int end_container(EngineListing *listing)
{
    EngineContainer container = {0};

    int r = engine_container_read(listing->container.data, listing->container.size, &container);
    text_truncate(&listing->container, 0);
    if (r == 0)
        r = listing->add(&container, listing->userdata);
    engine_container_done(&container);
    return r > 0 ? 0 : r; /* one that makes no sense is left out */
}

/* Whether this byte, of a container, is its last. */
static bool is_last(EngineListing *listing, char c)
{
    if (listing->in_string) {
        listing->in_string = listing->escaped || c != '"';
        listing->escaped = c == '\\' && !listing->escaped;
        return false;
    }
    if (c == '"')
        listing->in_string = true;
    else if (c == '{' || c == '[')
        listing->depth++;
    else if (c == '}' || c == ']')
        listing->depth--;
    return listing->depth == 0;
}

/* Takes bytes of a container, up to its end if that is there. */
static int feed_container(EngineListing *listing, const char *data, size_t n, size_t *ret_taken)
{
    size_t taken = 0;
    bool last = false;

    while (taken < n && !last)
        last = is_last(listing, data[taken++]);
    if (taken > ENGINE_CONTAINER_MAX - listing->container.size)
        return -EMSGSIZE;
    int r = text_add_n(&listing->container, data, taken);
    *ret_taken = taken;
    if (r < 0 || !last)
        return r;
    listing->state = LISTING_AFTER;
    return end_container(listing);
}

/* A byte between containers. */
static int feed_between(EngineListing *listing, char c)
{
    bool first = listing->state == LISTING_FIRST;

    if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
        return 0;
    if (listing->state == LISTING_BEGIN && c == '[')
        listing->state = LISTING_FIRST;
    else if ((first || listing->state == LISTING_NEXT) && c == '{')
        listing->state = LISTING_CONTAINER;
    else if (listing->state == LISTING_AFTER && c == ',')
        listing->state = LISTING_NEXT;
    else if ((first || listing->state == LISTING_AFTER) && c == ']')
        listing->state = LISTING_END;
    else
        return -EBADMSG;
    return 0;
}

int engine_listing_feed(EngineListing *listing, const char *data, size_t n)
{
    int r = 0;

    if (n > ENGINE_LISTING_MAX - listing->size)
        return -EMSGSIZE;
    listing->size += n;
    for (size_t i = 0; r >= 0 && i < n;) {
        size_t taken = 1;
        if (listing->state != LISTING_CONTAINER)
            r = feed_between(listing, data[i]);
        /* Its "{" belongs to it. */
        if (r >= 0 && listing->state == LISTING_CONTAINER)
            r = feed_container(listing, data + i, n - i, &taken);
        i += taken;
    }
    return r;
}

int engine_listing_end(const EngineListing *listing)
{
    return listing->state == LISTING_END ? 0 : -EBADMSG;
}
