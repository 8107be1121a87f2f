/* SPDX-License-Identifier: MIT */

/* Lines and columns, and the way along a path through JSON text, which skips everything else. */

#include <assert.h>
#include <errno.h>

#include "spec/position-internal.h"

#define PATH_SPECIALS ".[]\"'\\"

void position_of_offset(const char *text, size_t size, size_t offset, Position *ret)
{
    Position p = {1, 1};
    const char *line = text, *at, *newline;

    assert(text || size == 0);
    assert(ret);

    at = text + MIN(offset, size);
    while (line < at && (newline = memchr(line, '\n', (size_t)(at - line)))) {
        line = newline + 1;
        p.line++;
    }
    /* Bytes 10xxxxxx continue a character. */
    for (; line < at; line++)
        p.column += ((unsigned char)*line & 0xC0) != 0x80;
    *ret = p;
}

/* One step of a path. */
typedef struct Step {
    bool is_index;
    size_t index;
    Text key;
} Step;

static void step_done(Step *step)
{
    text_done(&step->key);
}

static int step_parse_index(const char **path, Step *ret)
{
    const char *p = *path;
    size_t index = 0;

    for (; *p >= '0' && *p <= '9'; p++)
        if (__builtin_mul_overflow(index, 10U, &index) ||
            __builtin_add_overflow(index, (size_t)(*p - '0'), &index))
            return -ENOENT;
    if (p == *path || *p != ']')
        return -EINVAL;
    ret->is_index = true;
    ret->index = index;
    *path = p + 1;
    return 0;
}

/* A key as a JSON string, after its "[". */
static int step_parse_quoted(const char **path, Step *ret)
{
    JsonScan scan = {*path, strlen(*path), 0};
    JsonRaw raw;
    int r;

    r = json_scan_string(&scan, &raw);
    if (r >= 0)
        r = json_decode_string(raw, &ret->key);
    if (r >= 0 && (*path)[scan.at] != ']')
        r = -EINVAL;
    if (r < 0)
        return r == -EBADMSG ? -EINVAL : r;
    *path += scan.at + 1;
    return 0;
}

static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && c != 0x7F && !strchr(PATH_SPECIALS, c);
}

/* Takes the next step off the path, which is not empty. first: no "." in front of a key. */
static int step_parse(const char **path, bool first, Step *ret)
{
    const char *start;

    if (**path == '[') {
        ++*path;
        return **path == '"' ? step_parse_quoted(path, ret) : step_parse_index(path, ret);
    }
    if (!first && *(*path)++ != '.')
        return -EINVAL;
    for (start = *path; is_plain(**path); ++*path)
        ;
    if (*path == start)
        return -EINVAL;
    return text_add_n(&ret->key, start, (size_t)(*path - start));
}

static int raw_equal(JsonRaw raw, const Text *key)
{
    _cleanup_text_ Text decoded = {0};
    int r;

    if (!memchr(raw.s, '\\', raw.n))
        return raw.n == key->size && (raw.n == 0 || memcmp(raw.s, key->data, raw.n) == 0);

    r = json_decode_string(raw, &decoded);
    if (r < 0)
        return r;
    return decoded.size == key->size &&
           (key->size == 0 || memcmp(decoded.data, key->data, key->size) == 0);
}

/* Goes from before an object to before the value of this key. */
static int enter_object(JsonScan *scan, const Text *key, size_t *ret_key_at)
{
    int r;

    if (!json_scan_skip(scan, '{'))
        return -ENOENT;
    if (json_scan_skip(scan, '}'))
        return -ENOENT;
    do {
        size_t key_at;
        JsonRaw raw;
        int found;

        (void)json_scan_peek(scan);
        key_at = scan->at;
        r = json_scan_string(scan, &raw);
        if (r < 0)
            return r;
        found = raw_equal(raw, key);
        if (found < 0)
            return found;
        if (!json_scan_skip(scan, ':'))
            return -EBADMSG;
        if (found) {
            *ret_key_at = key_at;
            return 0;
        }
        r = json_scan_value(scan);
        if (r < 0)
            return r;
    } while (json_scan_skip(scan, ','));
    return json_scan_skip(scan, '}') ? -ENOENT : -EBADMSG;
}

/* Goes from before an array to before its element of this index. */
static int enter_array(JsonScan *scan, size_t index)
{
    int r;

    if (!json_scan_skip(scan, '['))
        return -ENOENT;
    if (json_scan_skip(scan, ']'))
        return -ENOENT;
    do {
        if (index-- == 0)
            return 0;
        r = json_scan_value(scan);
        if (r < 0)
            return r;
    } while (json_scan_skip(scan, ','));
    return json_scan_skip(scan, ']') ? -ENOENT : -EBADMSG;
}

int position_find(const char *text, size_t size, const char *path, bool key, Position *ret)
{
    JsonScan scan = {text, size, 0};
    size_t key_at = 0;
    bool has_key = false;
    int r;

    assert(text || size == 0);
    assert(path);
    assert(ret);

    for (bool first = true; *path; first = false) {
        _cleanup_(step_done) Step step = {0};

        r = step_parse(&path, first, &step);
        if (r < 0)
            return r;
        r = step.is_index ? enter_array(&scan, step.index)
                          : enter_object(&scan, &step.key, &key_at);
        if (r < 0)
            return r;
        has_key = !step.is_index;
    }
    /* A key's place is known even if no value follows. */
    if (!(key && has_key)) {
        key_at = 0;
        if (!json_scan_peek(&scan) || strchr("]}:,", json_scan_peek(&scan)))
            return -EBADMSG;
        key_at = scan.at;
    }
    position_of_offset(text, size, key_at, ret);
    return 0;
}

int path_add_raw_key(Text *path, JsonRaw key)
{
    bool plain = key.n > 0;

    for (size_t i = 0; i < key.n; i++)
        plain = plain && is_plain(key.s[i]);
    if (plain) {
        if (path->size > 0)
            text_add_char(path, '.');
        return text_add_n(path, key.s, key.n);
    }
    text_add_char(path, '[');
    text_add_json_string(path, key.s, key.n);
    return text_add_char(path, ']');
}

int path_add_key(Text *path, const char *key)
{
    assert(path);
    assert(key);

    return path_add_raw_key(path, (JsonRaw){key, strlen(key)});
}

int path_add_index(Text *path, size_t index)
{
    return text_addf(path, "[%zu]", index);
}
