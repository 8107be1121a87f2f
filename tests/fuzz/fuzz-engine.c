/* SPDX-License-Identifier: MIT */
/* What an engine lists: whatever it is and however it is cut, the same containers come of it. The
 * first byte says how large the pieces are. */
#include "engine/book.h"
#include "engine/listing.h"
#include "fuzz.h"

static int read_all(const char *json, size_t n, size_t piece, EngineBookListing *ret)
{
    EngineListing listing = {.add = engine_book_collect, .userdata = ret};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i += piece)
        r = engine_listing_feed(&listing, json + i, MIN(piece, n - i));
    if (r >= 0)
        r = engine_listing_end(&listing);
    engine_listing_done(&listing);
    return r;
}

static void check(const EngineContainer *container)
{
    REQUIRE(strlen(container->id) == ENGINE_ID_LENGTH);
    REQUIRE(!strchr(container->name, '/'));
    for (size_t i = 0; i < container->n_labels; i++)
        REQUIRE(strchr(container->labels[i].key, '=') ||
                engine_container_has_label(container, container->labels[i].key));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    EngineBookListing whole = {0}, pieces = {0};
    _cleanup_engine_book_ EngineBook book = {0};

    if (size == 0)
        return 0;
    const char *json = (const char *)data + 1;
    int r = read_all(json, size - 1, size, &whole);
    REQUIRE(read_all(json, size - 1, 1U + data[0], &pieces) == r);
    REQUIRE(whole.n == pieces.n);
    for (size_t i = 0; i < whole.n; i++)
        check(&whole.items[i]);
    REQUIRE(engine_book_replace(&book, ENGINE_PODMAN, &whole) == 0);
    for (size_t i = 0; i < pieces.n; i++)
        (void)engine_book_find(&book, pieces.items[i].id);
    engine_book_listing_done(&pieces);
    return 0;
}
