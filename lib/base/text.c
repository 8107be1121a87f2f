/* SPDX-License-Identifier: MIT */

/* The growable string. Room is doubled, so building a text of n bytes costs O(n); every function
 * ends in text_add_n(), which is the only one that touches the buffer besides text_addv(). */

#include <assert.h>
#include <errno.h>
#include <stdint.h>

#include "base/text.h"

void text_done(Text *t)
{
    if (!t)
        return;

    free(t->data);
    *t = (Text){0};
}

/* Makes room for n more bytes and the NUL. */
static int text_reserve(Text *t, size_t n)
{
    size_t need, allocated;
    char *data;

    if (t->error < 0)
        return t->error;
    if (n >= SIZE_MAX / 4 - t->size)
        return t->error = -EOVERFLOW;

    need = t->size + n + 1;
    if (need <= t->allocated)
        return 0;

    allocated = MAX(t->allocated * 2, (size_t)64);
    allocated = MAX(allocated, need);
    data = realloc(t->data, allocated);
    if (!data)
        return t->error = -ENOMEM;
    t->data = data;
    t->allocated = allocated;
    return 0;
}

int text_add_n(Text *t, const char *s, size_t n)
{
    int r;

    assert(t);
    assert(s || n == 0);

    r = text_reserve(t, n);
    if (r < 0)
        return r;

    if (n > 0)
        memcpy(t->data + t->size, s, n);
    t->size += n;
    t->data[t->size] = '\0';
    return 0;
}

int text_add(Text *t, const char *s)
{
    assert(s);

    return text_add_n(t, s, strlen(s));
}

int text_add_char(Text *t, char c)
{
    return text_add_n(t, &c, 1);
}

int text_addv(Text *t, const char *format, va_list ap)
{
    va_list again;
    int n, r;

    assert(t);
    assert(format);

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n < 0)
        return t->error = t->error < 0 ? t->error : -EOVERFLOW;

    r = text_reserve(t, (size_t)n);
    if (r < 0)
        return r;

    vsnprintf(t->data + t->size, (size_t)n + 1, format, ap);
    t->size += (size_t)n;
    return 0;
}

int text_addf(Text *t, const char *format, ...)
{
    va_list ap;
    int r;

    va_start(ap, format);
    r = text_addv(t, format, ap);
    va_end(ap);
    return r;
}

void text_truncate(Text *t, size_t size)
{
    assert(t);
    assert(size <= t->size);

    t->size = size;
    if (t->data)
        t->data[size] = '\0';
}

void text_shorten(Text *t, size_t max)
{
    assert(t);

    if (t->size <= max)
        return;
    /* Bytes 10xxxxxx continue a character. */
    while (max > 0 && ((unsigned char)t->data[max] & 0xC0) == 0x80)
        max--;
    text_truncate(t, max);
    text_add(t, "...");
}

int text_take(Text *t, char **ret)
{
    int r;

    assert(t);
    assert(ret);

    /* Room for the NUL of a text that nothing was added to. */
    r = text_add_n(t, NULL, 0);
    if (r < 0)
        return r;

    *ret = TAKE_PTR(t->data);
    text_done(t);
    return 0;
}

char *text_printf(const char *format, ...)
{
    va_list ap;
    char *s = NULL;
    int n;

    assert(format);

    va_start(ap, format);
    n = vasprintf(&s, format, ap);
    va_end(ap);
    return n < 0 ? NULL : s;
}

/* The short escape of a byte (RFC 8259, section 7), or 0. */
static char json_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
        return c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

int text_add_json_string(Text *t, const char *s, size_t n)
{
    assert(t);
    assert(s || n == 0);

    text_add_char(t, '"');
    for (size_t i = 0, step; i < n; i += step) {
        char escape = json_escape(s[i]);
        size_t length = utf8_char(s + i, n - i);

        step = MAX(length, (size_t)1);
        if (length == 0)
            text_add(t, "\xEF\xBF\xBD"); /* U+FFFD */
        else if (escape)
            text_add_n(t, (const char[]){'\\', escape}, 2);
        else if ((unsigned char)s[i] < 0x20)
            text_addf(t, "\\u%04x", (unsigned)s[i]);
        else
            text_add_n(t, s + i, length);
    }
    return text_add_char(t, '"');
}

size_t utf8_char(const char *s, size_t n)
{
    /* For each length: the bits that say so in the first byte, and the smallest character that
     * needs it (a smaller one in this length is an overlong form). */
    static const struct {
        unsigned char mask, lead;
        uint32_t first;
    } forms[] = {
        {0x80, 0x00, 0x0},
        {0xE0, 0xC0, 0x80},
        {0xF0, 0xE0, 0x800},
        {0xF8, 0xF0, 0x10000},
    };
    unsigned char lead;

    if (n == 0)
        return 0;

    lead = (unsigned char)s[0];
    for (size_t i = 0; i < ELEMENTSOF(forms); i++) {
        uint32_t c = lead & (unsigned char)~forms[i].mask;

        if ((lead & forms[i].mask) != forms[i].lead)
            continue;
        if (i >= n)
            return 0;
        for (size_t k = 1; k <= i; k++) {
            unsigned char next = (unsigned char)s[k];

            if ((next & 0xC0) != 0x80)
                return 0;
            c = c << 6 | (next & 0x3F);
        }
        if (c < forms[i].first || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
            return 0;
        return i + 1;
    }
    return 0;
}

bool utf8_valid(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t length = utf8_char(s + i, n - i);

        if (length == 0)
            return false;
        i += length;
    }
    return true;
}
