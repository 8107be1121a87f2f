/* SPDX-License-Identifier: MIT */

/* Reading and writing byte sizes and percentages, in integers only: a double cannot hold all sizes,
 * and reads the point by the locale. */

#include <assert.h>
#include <errno.h>

#include "base/macros.h"
#include "base/size.h"
#include "base/text.h"

#define BLANKS " \t"
#define DIGITS "0123456789"

static const char unit_letters[] = "KMGTPE";

/* The power of two that the suffix stands for; -EINVAL for an unknown one. */
static int read_suffix(const char *s)
{
    const char *letter;

    if (streq(s, "") || streq(s, "B"))
        return 0;

    letter = strchr(unit_letters, s[0]);
    if (!letter || (s[1] && !streq(s + 1, "iB")))
        return -EINVAL;
    return 10 * ((int)(letter - unit_letters) + 1);
}

static int read_number(const char *digits, size_t n, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digits[i] - '0'), &value))
            return -ERANGE;
    *ret = value;
    return 0;
}

/* floor(0.digits * 2^shift), by long multiplication: doubling the decimal fraction yields one bit
 * at a time, its carry. Digits beyond 60 cannot change a result of at most 60 bits. */
static uint64_t fraction_bytes(const char *digits, size_t n, int shift)
{
    char work[60];
    uint64_t bytes = 0;

    n = MIN(n, sizeof(work));
    memcpy(work, digits, n);
    for (int bit = 0; bit < shift; bit++) {
        int carry = 0;

        for (size_t i = n; i > 0; i--) {
            int doubled = (work[i - 1] - '0') * 2 + carry;

            carry = doubled >= 10;
            work[i - 1] = (char)('0' + doubled % 10);
        }
        bytes = bytes << 1 | (unsigned)carry;
    }
    return bytes;
}

int size_parse(const char *s, uint64_t *ret_bytes)
{
    const char *fraction = "";
    size_t n_whole, n_fraction = 0;
    uint64_t whole;
    int shift, r;

    assert(s);
    assert(ret_bytes);

    s += strspn(s, BLANKS);
    n_whole = strspn(s, DIGITS);
    if (n_whole == 0)
        return -EINVAL;
    r = read_number(s, n_whole, &whole);
    s += n_whole;
    if (*s == '.') {
        fraction = s + 1;
        n_fraction = strspn(fraction, DIGITS);
        s = fraction + n_fraction;
        if (n_fraction == 0)
            return -EINVAL;
    }
    shift = read_suffix(s + strspn(s, BLANKS));
    if (shift < 0 || (shift == 0 && n_fraction > 0))
        return -EINVAL;
    if (r < 0 || whole > UINT64_MAX >> shift)
        return -ERANGE;
    *ret_bytes = (whole << shift) + fraction_bytes(fraction, n_fraction, shift);
    return 0;
}

char *size_format(uint64_t bytes)
{
    int unit = -1;

    while (bytes > 0 && bytes % 1024 == 0 && unit < (int)sizeof(unit_letters) - 2) {
        bytes /= 1024;
        unit++;
    }
    return text_printf("%ju%.1s", (uintmax_t)bytes, unit < 0 ? "" : unit_letters + unit);
}

int percent_parse(const char *s, uint32_t *ret_permyriad)
{
    size_t n_whole, n_fraction = 0;
    uint64_t whole, fraction = 0;
    int r;

    assert(s);
    assert(ret_permyriad);

    n_whole = strspn(s, DIGITS);
    if (n_whole == 0)
        return -EINVAL;
    r = read_number(s, n_whole, &whole);
    s += n_whole;
    if (*s == '.') {
        n_fraction = strspn(s + 1, DIGITS);
        if (n_fraction < 1 || n_fraction > 2)
            return -EINVAL;
        read_number(s + 1, n_fraction, &fraction);
        if (n_fraction == 1)
            fraction *= 10;
        s += 1 + n_fraction;
    }
    if (!streq(s, "%"))
        return -EINVAL;
    if (r < 0 || whole > (UINT32_MAX - fraction) / 100)
        return -ERANGE;
    *ret_permyriad = (uint32_t)(whole * 100 + fraction);
    return 0;
}
