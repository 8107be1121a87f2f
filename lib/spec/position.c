/* SPDX-License-Identifier: MIT */

/* Two passes over JSON text that keep no tree: one follows a path and skips everything else, one
 * holds the keys of the objects that are open at the moment and compares them as each one closes.
 * Both look only at the structure; whether a number is a number is the parser's business. */

#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include "spec/position.h"

#define DEPTH_MAX     2048U
#define BLANKS        " \t\r\n"
#define PATH_SPECIALS ".[]\"'\\"

typedef struct Scan {
    const char *text;
    size_t size, at;
} Scan;

/* A run of bytes in a text: of a string, what is between its quotes. */
typedef struct Raw {
    const char *s;
    size_t n;
} Raw;

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

/* Skips blanks and looks at the next character; 0 at the end of the text. */
static char scan_peek(Scan *scan)
{
    while (scan->at < scan->size && scan->text[scan->at] && strchr(BLANKS, scan->text[scan->at]))
        scan->at++;
    return scan->at < scan->size ? scan->text[scan->at] : '\0';
}

/* Skips blanks and this character, if it is the next one. */
static bool scan_skip(Scan *scan, char c)
{
    if (scan_peek(scan) != c || scan->at >= scan->size)
        return false;
    scan->at++;
    return true;
}

/* Skips a string, whose opening quote comes next. */
static int scan_string(Scan *scan, Raw *ret)
{
    size_t start;

    if (!scan_skip(scan, '"'))
        return -EBADMSG;
    for (start = scan->at; scan->at < scan->size; scan->at++) {
        if (scan->text[scan->at] == '\\')
            scan->at++;
        else if (scan->text[scan->at] == '"') {
            *ret = (Raw){scan->text + start, scan->at - start};
            scan->at++;
            return 0;
        }
    }
    scan->at = scan->size;
    return -EBADMSG;
}

/* Skips a number, true, false or null, or anything else that looks like a word. */
static int scan_word(Scan *scan)
{
    size_t start = scan->at;

    while (scan->at < scan->size && scan->text[scan->at] &&
           !strchr(BLANKS "{}[],:\"", scan->text[scan->at]))
        scan->at++;
    return scan->at > start ? 0 : -EBADMSG;
}

static int scan_scalar(Scan *scan)
{
    Raw ignored;

    return scan_peek(scan) == '"' ? scan_string(scan, &ignored) : scan_word(scan);
}

/* Skips a value. Brackets are counted, not matched: the aim is its end, not its faults. */
static int scan_value(Scan *scan)
{
    size_t depth = 0;
    int r;

    do {
        switch (scan_peek(scan)) {
        case '{':
        case '[':
            depth++;
            scan->at++;
            break;
        case '}':
        case ']':
            if (depth == 0)
                return -EBADMSG;
            depth--;
            scan->at++;
            break;
        case ',':
        case ':':
            if (depth == 0)
                return -EBADMSG;
            scan->at++;
            break;
        default:
            r = scan_scalar(scan);
            if (r < 0)
                return r;
        }
    } while (depth > 0);
    return 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -EBADMSG;
}

/* The four digits after "\u". */
static int decode_hex(Raw *raw, uint32_t *ret)
{
    uint32_t c = 0;

    if (raw->n < 4)
        return -EBADMSG;
    for (size_t i = 0; i < 4; i++) {
        int digit = hex_digit(raw->s[i]);

        if (digit < 0)
            return digit;
        c = c << 4 | (uint32_t)digit;
    }
    *raw = (Raw){raw->s + 4, raw->n - 4};
    *ret = c;
    return 0;
}

static void add_utf8(Text *t, uint32_t c)
{
    static const unsigned char leads[] = {0x00, 0xC0, 0xE0, 0xF0};
    size_t more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;

    text_add_char(t, (char)(leads[more] | c >> 6 * more));
    while (more-- > 0)
        text_add_char(t, (char)(0x80 | (c >> 6 * more & 0x3F)));
}

/* What comes after "\u": one character, or a surrogate pair. */
static int decode_unicode(Raw *raw, Text *t)
{
    uint32_t c, low;
    int r;

    r = decode_hex(raw, &c);
    if (r < 0)
        return r;
    if (c >= 0xD800 && c <= 0xDBFF) {
        if (raw->n < 6 || raw->s[0] != '\\' || raw->s[1] != 'u')
            return -EBADMSG;
        *raw = (Raw){raw->s + 2, raw->n - 2};
        r = decode_hex(raw, &low);
        if (r < 0)
            return r;
        if (low < 0xDC00 || low > 0xDFFF)
            return -EBADMSG;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    } else if (c >= 0xDC00 && c <= 0xDFFF)
        return -EBADMSG;
    add_utf8(t, c);
    return 0;
}

/* What comes after a backslash. */
static int decode_escape(Raw *raw, Text *t)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found;
    char c;

    if (raw->n == 0)
        return -EBADMSG;
    c = raw->s[0];
    *raw = (Raw){raw->s + 1, raw->n - 1};
    if (c == 'u')
        return decode_unicode(raw, t);

    found = c ? strchr(from, c) : NULL;
    if (!found)
        return -EBADMSG;
    return text_add_char(t, to[found - from]);
}

/* Appends the string that stands between the quotes (RFC 8259, section 7). */
static int decode_string(Raw raw, Text *t)
{
    while (raw.n > 0) {
        const char *backslash = memchr(raw.s, '\\', raw.n);
        size_t plain = backslash ? (size_t)(backslash - raw.s) : raw.n;
        int r;

        text_add_n(t, raw.s, plain);
        raw = (Raw){raw.s + plain, raw.n - plain};
        if (raw.n == 0)
            break;
        raw = (Raw){raw.s + 1, raw.n - 1};
        r = decode_escape(&raw, t);
        if (r < 0)
            return r;
    }
    return t->error;
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
    Scan scan = {*path, strlen(*path), 0};
    Raw raw;
    int r;

    r = scan_string(&scan, &raw);
    if (r >= 0)
        r = decode_string(raw, &ret->key);
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

static int raw_equal(Raw raw, const Text *key)
{
    _cleanup_text_ Text decoded = {0};
    int r;

    if (!memchr(raw.s, '\\', raw.n))
        return raw.n == key->size && (raw.n == 0 || memcmp(raw.s, key->data, raw.n) == 0);

    r = decode_string(raw, &decoded);
    if (r < 0)
        return r;
    return decoded.size == key->size &&
           (key->size == 0 || memcmp(decoded.data, key->data, key->size) == 0);
}

/* Goes from before an object to before the value of this key. */
static int enter_object(Scan *scan, const Text *key, size_t *ret_key_at)
{
    int r;

    if (!scan_skip(scan, '{'))
        return -ENOENT;
    if (scan_skip(scan, '}'))
        return -ENOENT;
    do {
        size_t key_at;
        Raw raw;
        int found;

        (void)scan_peek(scan);
        key_at = scan->at;
        r = scan_string(scan, &raw);
        if (r < 0)
            return r;
        found = raw_equal(raw, key);
        if (found < 0)
            return found;
        if (!scan_skip(scan, ':'))
            return -EBADMSG;
        if (found) {
            *ret_key_at = key_at;
            return 0;
        }
        r = scan_value(scan);
        if (r < 0)
            return r;
    } while (scan_skip(scan, ','));
    return scan_skip(scan, '}') ? -ENOENT : -EBADMSG;
}

/* Goes from before an array to before its element of this index. */
static int enter_array(Scan *scan, size_t index)
{
    int r;

    if (!scan_skip(scan, '['))
        return -ENOENT;
    if (scan_skip(scan, ']'))
        return -ENOENT;
    do {
        if (index-- == 0)
            return 0;
        r = scan_value(scan);
        if (r < 0)
            return r;
    } while (scan_skip(scan, ','));
    return scan_skip(scan, ']') ? -ENOENT : -EBADMSG;
}

int position_find(const char *text, size_t size, const char *path, bool key, Position *ret)
{
    Scan scan = {text, size, 0};
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
        if (!scan_peek(&scan) || strchr("]}:,", scan_peek(&scan)))
            return -EBADMSG;
        key_at = scan.at;
    }
    position_of_offset(text, size, key_at, ret);
    return 0;
}

static int add_key(Text *path, Raw key)
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

    return add_key(path, (Raw){key, strlen(key)});
}

int path_add_index(Text *path, size_t index)
{
    return text_addf(path, "[%zu]", index);
}

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
    Scan scan;
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
    Raw raw;
    int r;

    (void)scan_peek(&s->scan);
    key.at = s->scan.at;
    r = scan_string(&s->scan, &raw);
    if (r < 0)
        return r;
    r = decode_string(raw, &s->bytes);
    if (r < 0)
        return r;
    if (!scan_skip(&s->scan, ':'))
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
        char c = scan_peek(&s->scan);

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
        char c = scan_peek(&s->scan);

        if (c == '{' || c == '[') {
            r = search_open(s, c == '{');
            if (r < 0)
                return r;
            if (scan_peek(&s->scan) != (c == '{' ? '}' : ']')) {
                r = c == '{' ? search_key(s) : 0;
                if (r < 0)
                    return r;
                continue;
            }
        } else {
            r = scan_scalar(&s->scan);
            if (r < 0)
                return r;
        }
        r = search_next(s);
        if (r != 0)
            return r;
    } while (s->depth > 0);

    (void)scan_peek(&s->scan);
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
        add_key(&path, (Raw){s->bytes.data + outer->start, outer->n});
    }
    add_key(&path, (Raw){s->bytes.data + s->second.start, s->second.n});
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
    s->scan = (Scan){text, size, 0};

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
