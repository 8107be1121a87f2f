/* SPDX-License-Identifier: MIT */

/* JSON text by its structure; see json-scan.h. Besides skipping it knows one thing by heart: what
 * the escapes of a string stand for. */

#include "spec/json-scan.h"

#include <errno.h>
#include <stdint.h>

#define BLANKS " \t\r\n"

char json_scan_peek(JsonScan *scan)
{
    while (scan->at < scan->size && scan->text[scan->at] && strchr(BLANKS, scan->text[scan->at]))
        scan->at++;
    return scan->at < scan->size ? scan->text[scan->at] : '\0';
}

bool json_scan_skip(JsonScan *scan, char c)
{
    if (json_scan_peek(scan) != c || scan->at >= scan->size)
        return false;
    scan->at++;
    return true;
}

int json_scan_string(JsonScan *scan, JsonRaw *ret)
{
    size_t start;

    if (!json_scan_skip(scan, '"'))
        return -EBADMSG;
    for (start = scan->at; scan->at < scan->size; scan->at++) {
        if (scan->text[scan->at] == '\\')
            scan->at++;
        else if (scan->text[scan->at] == '"') {
            *ret = (JsonRaw){scan->text + start, scan->at - start};
            scan->at++;
            return 0;
        }
    }
    scan->at = scan->size;
    return -EBADMSG;
}

/* Skips a number, true, false or null, or anything else that looks like a word. */
static int json_scan_word(JsonScan *scan)
{
    size_t start = scan->at;

    while (scan->at < scan->size && scan->text[scan->at] &&
           !strchr(BLANKS "{}[],:\"", scan->text[scan->at]))
        scan->at++;
    return scan->at > start ? 0 : -EBADMSG;
}

int json_scan_scalar(JsonScan *scan)
{
    JsonRaw ignored;

    return json_scan_peek(scan) == '"' ? json_scan_string(scan, &ignored) : json_scan_word(scan);
}

/* Skips a value. Brackets are counted, not matched: the aim is its end, not its faults. */
int json_scan_value(JsonScan *scan)
{
    size_t depth = 0;
    int r;

    do {
        switch (json_scan_peek(scan)) {
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
            r = json_scan_scalar(scan);
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
static int decode_hex(JsonRaw *raw, uint32_t *ret)
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
    *raw = (JsonRaw){raw->s + 4, raw->n - 4};
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
static int decode_unicode(JsonRaw *raw, Text *t)
{
    uint32_t c, low;
    int r;

    r = decode_hex(raw, &c);
    if (r < 0)
        return r;
    if (c >= 0xD800 && c <= 0xDBFF) {
        if (raw->n < 6 || raw->s[0] != '\\' || raw->s[1] != 'u')
            return -EBADMSG;
        *raw = (JsonRaw){raw->s + 2, raw->n - 2};
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
static int decode_escape(JsonRaw *raw, Text *t)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *found;
    char c;

    if (raw->n == 0)
        return -EBADMSG;
    c = raw->s[0];
    *raw = (JsonRaw){raw->s + 1, raw->n - 1};
    if (c == 'u')
        return decode_unicode(raw, t);

    found = c ? strchr(from, c) : NULL;
    if (!found)
        return -EBADMSG;
    return text_add_char(t, to[found - from]);
}

int json_decode_string(JsonRaw raw, Text *t)
{
    while (raw.n > 0) {
        const char *backslash = memchr(raw.s, '\\', raw.n);
        size_t plain = backslash ? (size_t)(backslash - raw.s) : raw.n;
        int r;

        text_add_n(t, raw.s, plain);
        raw = (JsonRaw){raw.s + plain, raw.n - plain};
        if (raw.n == 0)
            break;
        raw = (JsonRaw){raw.s + 1, raw.n - 1};
        r = decode_escape(&raw, t);
        if (r < 0)
            return r;
    }
    return t->error;
}
