/* SPDX-License-Identifier: MIT */

/* The input is a path, a newline and a text. Positions lie inside the text; and where jansson, an
 * independent reader, takes the text for JSON, every value of it is found under its path, and a
 * duplicate key is found exactly when jansson complains about one. */

#include <errno.h>
#include <jansson.h>

#include "base/macros.h"
#include "base/text.h"
#include "fuzz.h"
#include "spec/position.h"

/* jansson's own limit, and enough steps to keep one run short. */
#define PLACES_MAX 200U

typedef struct Input {
    const char *text;
    size_t size;
    unsigned places; /* looked at so far */
} Input;

static void check_inside(const Input *in, const Position *p)
{
    Position end;

    position_of_offset(in->text, in->size, SIZE_MAX, &end);
    REQUIRE(p->line >= 1 && p->line <= end.line);
    REQUIRE(p->column >= 1 && p->column <= in->size + 1);
    REQUIRE(p->line < end.line || p->column <= end.column);
}

static int find(const Input *in, const char *path, bool key)
{
    Position p;
    int r = position_find(in->text, in->size, path, key, &p);

    REQUIRE(r == 0 || r == -ENOENT || r == -EBADMSG || r == -EINVAL);
    if (r == 0)
        check_inside(in, &p);
    return r;
}

static void check_all(Input *in, json_t *value, const Text *path);

static void check_below(Input *in, json_t *value, const Text *path, const char *key, size_t index)
{
    _cleanup_text_ Text sub = {0};

    text_add_n(&sub, path->data, path->size);
    if (key)
        path_add_key(&sub, key);
    else
        path_add_index(&sub, index);
    REQUIRE(find(in, sub.data, true) == 0);
    check_all(in, value, &sub);
}

static void check_all(Input *in, json_t *value, const Text *path)
{
    const char *key;
    json_t *below;
    size_t i;

    if (in->places++ >= PLACES_MAX)
        return;
    REQUIRE(find(in, path->size > 0 ? path->data : "", false) == 0);
    json_object_foreach(value, key, below) check_below(in, below, path, key, 0);
    json_array_foreach(value, i, below) check_below(in, below, path, NULL, i);
}

/* True when the text is JSON without a key that stands twice. */
static bool check_duplicates(const Input *in, json_t *json)
{
    _cleanup_free_ char *path = NULL;
    Position first, second;
    json_t *strict;
    int r;

    r = position_find_duplicate(in->text, in->size, &path, &first, &second);
    REQUIRE(r == 0 || r == 1 || r == -EBADMSG);
    if (r == 1) {
        check_inside(in, &first);
        check_inside(in, &second);
        REQUIRE(first.line < second.line ||
                (first.line == second.line && first.column < second.column));
        REQUIRE(find(in, path, true) != -EINVAL);
    }
    if (!json)
        return false;
    strict = json_loadb(in->text, in->size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    REQUIRE(r == (strict ? 0 : 1));
    json_decref(strict);
    return r == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *newline = size > 0 ? memchr(data, '\n', size) : NULL;
    size_t path_size = newline ? (size_t)(newline - data) : 0;
    _cleanup_free_ char *path = fuzz_string(data, path_size), *text = NULL;
    Text top = {0};
    Input in = {0};
    json_t *json;

    if (!newline)
        return 0;
    /* A copy without a NUL behind it. */
    in.size = size - path_size - 1;
    text = malloc(MAX(in.size, (size_t)1));
    REQUIRE(text);
    memcpy(text, newline + 1, in.size);
    in.text = text;

    find(&in, path, false);
    find(&in, path, true);
    /* jansson 2.14 passes over a NUL that follows a number; that is not JSON. */
    json = memchr(in.text, 0, in.size) ? NULL : json_loadb(in.text, in.size, JSON_DECODE_ANY, NULL);
    /* Of a key that stands twice, jansson keeps the last value and we point at the first. */
    if (check_duplicates(&in, json))
        check_all(&in, json, &top);
    json_decref(json);
    return 0;
}
