/* SPDX-License-Identifier: MIT */
/* The words of a result; see reason.h. */
#include "supervisor/probe/reason.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/timespan.h"

/* A reason is cut to far less; what is formatted first need not be longer than this. */
#define FORMAT_MAX 1024

/* Length of the character at text, 0 when it is none or one that moves the cursor: ASCII and C1
 * controls, and the line and paragraph separators. */
static size_t printable(const char *text, size_t n)
{
    size_t length = utf8_char(text, n);
    unsigned char first = (unsigned char)text[0], second = length > 1 ? (unsigned char)text[1] : 0;

    if (length == 1 && (first < 0x20 || first == 0x7f))
        return 0;
    if (length == 2 && first == 0xc2 && second < 0xa0)
        return 0;
    /* U+2028, U+2029 and the marks that turn the direction of text. */
    if (length == 3 && first == 0xe2 && second == 0x80 && (unsigned char)text[2] >= 0xa8 &&
        (unsigned char)text[2] <= 0xae)
        return 0;
    return length;
}

/* Goes back to where "..." fits, at the border of a character. */
static void end_with_dots(char *dest, size_t size, size_t used)
{
    size_t keep = MIN(used, size - 4);

    while (keep > 0 && ((unsigned char)dest[keep] & 0xc0) == 0x80)
        keep--;
    memcpy(dest + keep, "...", 4);
}

void reason_clean(char *dest, size_t size, const char *text, size_t n)
{
    size_t used = 0;
    bool blank = false;

    assert(size >= 4);

    for (size_t i = 0; i < n;) {
        size_t length = printable(text + i, n - i);
        const char *source = text + i;

        i += MAX(utf8_char(source, n - i), (size_t)1);
        if (length == 0 && (unsigned char)*source >= 0x80) {
            source = "?";
            length = 1;
        }
        if (length == 0 || *source == ' ') {
            blank = used > 0;
            continue;
        }
        if (used + blank + length >= size) {
            dest[used] = '\0';
            end_with_dots(dest, size, used);
            return;
        }
        if (blank)
            dest[used++] = ' ';
        blank = false;
        memcpy(dest + used, source, length);
        used += length;
    }
    dest[used] = '\0';
}

void reason_format(char *dest, size_t size, const char *format, va_list ap)
{
    char text[FORMAT_MAX];
    int n = vsnprintf(text, sizeof(text), format, ap);

    reason_clean(dest, size, text, n < 0 ? 0 : MIN((size_t)n, sizeof(text) - 1));
}

const char *reason_errno(int error, char buffer[static REASON_WORDS_MAX])
{
    const char *words = strerrordesc_np(error < 0 ? -error : error);

    if (!words)
        snprintf(buffer, REASON_WORDS_MAX, "error %d", error < 0 ? -error : error);
    else
        snprintf(buffer, REASON_WORDS_MAX, "%c%s", tolower((unsigned char)words[0]), words + 1);
    return buffer;
}

const char *reason_span(uint64_t usec, char buffer[static REASON_WORDS_MAX])
{
    uint64_t step = usec < USEC_PER_MSEC       ? 1
                    : usec < USEC_PER_SEC      ? USEC_PER_MSEC
                    : usec < 10 * USEC_PER_SEC ? 100 * USEC_PER_MSEC
                    : usec < USEC_PER_HOUR     ? USEC_PER_SEC
                    : usec < 2 * USEC_PER_DAY  ? USEC_PER_MINUTE
                                               : USEC_PER_HOUR;
    _cleanup_free_ char *text = timespan_format(usec == USEC_INFINITY ? usec : usec / step * step);

    snprintf(buffer, REASON_WORDS_MAX, "%s", text ? text : "some time");
    return buffer;
}
