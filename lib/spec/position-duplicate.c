/* SPDX-License-Identifier: MIT */

/* Keys that an object has twice: one pass that keeps no tree, only the keys of the objects that are
 * open at the moment, and compares those of each object as it closes. */

#include <assert.h>
#include <errno.h>

#include "spec/position-internal.h"

#define DEPTH_MAX 2048U

/* A key of an open object. */
typedef struct Key {
    size_t at;    /* its opening quote in the text */
    size_t start; /* its decoded bytes in Search.bytes */
    size_t n;
} Key;

/* An open object or array. */
typedef struct Level {
    bool is_object;
    size_t index;      /* of an array: of the current element */
    size_t first_key;  /* of an object: in Search.keys, ... */
    size_t first_byte; /* ... and in Search.bytes */
} Level;

/* The keys of all open objects are one stack, outer objects first, and so are their bytes. */
typedef struct Search {
    JsonScan scan;
    Level levels[DEPTH_MAX];
    size_t depth;
    Key *keys;
    size_t n_keys, allocated;
    Text bytes;
    Key first, second; /* the pair that was found */
} Search;

static void search_free(Search **s)
{
    if (!*s)
        return;
    free((*s)->keys);
    text_done(&(*s)->bytes);
    free(*s);
}

static int search_open(Search *s, bool is_object)
{
    if (s->depth >= DEPTH_MAX)
        return -EBADMSG;
    s->scan.at++;
    s->levels[s->depth++] = (Level){
        .is_object = is_object,
        .first_key = s->n_keys,
        .first_byte = s->bytes.size,
    };
    return 0;
}

/* Reads `"key":` of the innermost object onto the stack. */
static int search_key(Search *s)
{
    Key key = {.start = s->bytes.size};
    JsonRaw raw;
    int r;

    (void)json_scan_peek(&s->scan);
    key.at = s->scan.at;
    r = json_scan_string(&s->scan, &raw);
    if (r < 0)
        return r;
    r = json_decode_string(raw, &s->bytes);
    if (r < 0)
        return r;
    if (!json_scan_skip(&s->scan, ':'))
        return -EBADMSG;

    if (s->n_keys >= s->allocated) {
        size_t allocated = MAX(s->allocated * 2, (size_t)64);
        Key *grown = reallocarray(s->keys, allocated, sizeof(Key));

        if (!grown)
            return -ENOMEM;
        s->keys = grown;
        s->allocated = allocated;
    }
    key.n = s->bytes.size - key.start;
    s->keys[s->n_keys++] = key;
    return 0;
}

/* By length and bytes, equal ones by their place in the text. */
static int compare_keys(const void *a, const void *b, void *bytes)
{
    const Key *x = a, *y = b;
    int r;

    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    r = x->n > 0 ? memcmp((char *)bytes + x->start, (char *)bytes + y->start, x->n) : 0;
    if (r != 0)
        return r;
    return x->at < y->at ? -1 : x->at > y->at;
}

static bool same_key(const Search *s, const Key *a, const Key *b)
{
    return a->n == b->n &&
           (a->n == 0 || memcmp(s->bytes.data + a->start, s->bytes.data + b->start, a->n) == 0);
}

/* Compares the keys of the innermost object; true and the pair whose second key comes first. */
static bool search_compare(Search *s)
{
    size_t start = s->levels[s->depth - 1].first_key;
    const Key *best = NULL;

    if (s->n_keys - start < 2)
        return false;
    qsort_r(s->keys + start, s->n_keys - start, sizeof(Key), compare_keys, s->bytes.data);
    for (size_t i = start + 1; i < s->n_keys; i++)
        if (same_key(s, &s->keys[i - 1], &s->keys[i]) && (!best || s->keys[i].at < best->at))
            best = &s->keys[i];
    if (!best)
        return false;
    s->first = best[-1];
    s->second = *best;
    return true;
}

/* Leaves the innermost object or array; true, and does not, when its keys are not unique. */
static bool search_close(Search *s)
{
    const Level *level = &s->levels[s->depth - 1];

    s->scan.at++;
    if (level->is_object) {
        if (search_compare(s))
            return true;
        text_truncate(&s->bytes, level->first_byte);
        s->n_keys = level->first_key;
    }
    s->depth--;
    return false;
}

/* After a value: goes to the next one, closing what ends here. 0: at a value, or at the end of the
 * text's only value (depth 0); 1: found a pair. */
static int search_next(Search *s)
{
    while (s->depth > 0) {
        Level *level = &s->levels[s->depth - 1];
        char c = json_scan_peek(&s->scan);

        if (c == ',') {
            s->scan.at++;
            level->index++;
            return level->is_object ? search_key(s) : 0;
        }
        if (c != (level->is_object ? '}' : ']'))
            return -EBADMSG;
        if (search_close(s))
            return 1;
    }
    return 0;
}

static int search_run(Search *s)
{
    int r;

    do {
        char c = json_scan_peek(&s->scan);

        if (c == '{' || c == '[') {
            r = search_open(s, c == '{');
            if (r < 0)
                return r;
            if (json_scan_peek(&s->scan) != (c == '{' ? '}' : ']')) {
                r = c == '{' ? search_key(s) : 0;
                if (r < 0)
                    return r;
                continue;
            }
        } else {
            r = json_scan_scalar(&s->scan);
            if (r < 0)
                return r;
        }
        r = search_next(s);
        if (r != 0)
            return r;
    } while (s->depth > 0);

    (void)json_scan_peek(&s->scan);
    return s->scan.at < s->scan.size ? -EBADMSG : 0;
}

/* The way to the pair, which is in the innermost object. The keys of outer objects are those on top
 * of the stack when the next level was opened. */
static int search_path(const Search *s, char **ret)
{
    _cleanup_text_ Text path = {0};

    for (size_t i = 0; i + 1 < s->depth; i++) {
        const Key *outer;

        if (!s->levels[i].is_object) {
            path_add_index(&path, s->levels[i].index);
            continue;
        }
        outer = &s->keys[s->levels[i + 1].first_key - 1];
        path_add_raw_key(&path, (JsonRaw){s->bytes.data + outer->start, outer->n});
    }
    path_add_raw_key(&path, (JsonRaw){s->bytes.data + s->second.start, s->second.n});
    return text_take(&path, ret);
}

int position_find_duplicate(const char *text, size_t size, char **ret_path, Position *ret_first,
                            Position *ret_second)
{
    _cleanup_(search_free) Search *s = NULL;
    int r;

    assert(text || size == 0);

    s = calloc(1, sizeof(Search));
    if (!s)
        return -ENOMEM;
    s->scan = (JsonScan){text, size, 0};

    r = search_run(s);
    if (r <= 0)
        return r;
    if (ret_path) {
        r = search_path(s, ret_path);
        if (r < 0)
            return r;
    }
    if (ret_first)
        position_of_offset(text, size, s->first.at, ret_first);
    if (ret_second)
        position_of_offset(text, size, s->second.at, ret_second);
    return 1;
}
