/* SPDX-License-Identifier: MIT */

/* Reading and writing time spans. Reading follows systemd's own parser in what it tolerates
 * ("+5s", ".5h", blanks between all parts), see tests/unit/test-timespan.c, which
 * compares the two. */

#include <assert.h>
#include <errno.h>
#include <stdbool.h>

#include "base/macros.h"
#include "base/text.h"
#include "base/timespan.h"

#define BLANKS " \t\n\r"
#define DIGITS "0123456789"

/* Where systemd's arithmetic ends, whatever the unit: the last whole year in 2^64 us. */
#define SPAN_LIMIT (584542 * USEC_PER_YEAR)

/* Where one name starts with another, the longer one comes first. */
static const struct {
    const char *name;
    uint64_t usec;
} units[] = {
    {"seconds", USEC_PER_SEC},
    {"second", USEC_PER_SEC},
    {"sec", USEC_PER_SEC},
    {"s", USEC_PER_SEC},
    {"minutes", USEC_PER_MINUTE},
    {"minute", USEC_PER_MINUTE},
    {"min", USEC_PER_MINUTE},
    {"months", USEC_PER_MONTH},
    {"month", USEC_PER_MONTH},
    {"M", USEC_PER_MONTH},
    {"msec", USEC_PER_MSEC},
    {"ms", USEC_PER_MSEC},
    {"m", USEC_PER_MINUTE},
    {"hours", USEC_PER_HOUR},
    {"hour", USEC_PER_HOUR},
    {"hr", USEC_PER_HOUR},
    {"h", USEC_PER_HOUR},
    {"days", USEC_PER_DAY},
    {"day", USEC_PER_DAY},
    {"d", USEC_PER_DAY},
    {"weeks", USEC_PER_WEEK},
    {"week", USEC_PER_WEEK},
    {"w", USEC_PER_WEEK},
    {"years", USEC_PER_YEAR},
    {"year", USEC_PER_YEAR},
    {"y", USEC_PER_YEAR},
    {"usec", 1},
    {"us", 1},
    {"\xC2\xB5s", 1}, /* U+00B5, micro sign */
    {"\xCE\xBCs", 1}, /* U+03BC, Greek small letter mu */
};

/* Skips a unit's name and returns its length in microseconds; seconds when there is none. */
static uint64_t read_unit(const char **s)
{
    for (size_t i = 0; i < ELEMENTSOF(units); i++) {
        size_t n = strlen(units[i].name);

        if (strncmp(*s, units[i].name, n) == 0) {
            *s += n;
            return units[i].usec;
        }
    }
    return USEC_PER_SEC;
}

static int add_scaled(uint64_t *sum, uint64_t n, uint64_t unit_usec)
{
    uint64_t usec;

    if (__builtin_mul_overflow(n, unit_usec, &usec) || __builtin_add_overflow(*sum, usec, sum))
        return -ERANGE;
    return 0;
}

/* The digits after the point, scaled; what is below a microsecond is cut off digit by digit. */
static uint64_t fraction_usec(const char *digits, size_t n, uint64_t unit_usec)
{
    uint64_t usec = 0, weight = unit_usec / 10;

    for (size_t i = 0; i < n && weight > 0; i++, weight /= 10)
        usec += (uint64_t)(digits[i] - '0') * weight;
    return usec;
}

static int read_whole(const char *digits, size_t n, uint64_t *ret)
{
    uint64_t value = 0;

    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digits[i] - '0'), &value))
            return -ERANGE;
    /* systemd reads the number as a signed one. */
    if (value > INT64_MAX)
        return -ERANGE;
    *ret = value;
    return 0;
}

/* One number with its unit. */
static int read_part(const char **s, uint64_t *sum)
{
    const char *p = *s, *whole, *fraction, *before_unit;
    size_t n_whole, n_fraction = 0;
    uint64_t value = 0, unit_usec;
    int r;

    if (*p == '-')
        return -ERANGE;
    p += *p == '+';
    whole = p;
    n_whole = strspn(whole, DIGITS);
    p = fraction = whole + n_whole;
    if (*p == '.') {
        fraction = p + 1;
        n_fraction = strspn(fraction, DIGITS);
        p = fraction + n_fraction;
    }
    if (n_fraction == 0 && (n_whole == 0 || p > whole + n_whole))
        return -EINVAL;

    before_unit = p;
    p += strspn(p, BLANKS);
    unit_usec = read_unit(&p);
    /* "1.2.3": without a unit or a blank between them it is one wrong number. */
    if (p == before_unit && *p != '\0')
        return -EINVAL;

    r = read_whole(whole, n_whole, &value);
    if (r >= 0)
        r = add_scaled(sum, value, unit_usec);
    if (r >= 0)
        r = add_scaled(sum, fraction_usec(fraction, n_fraction, unit_usec), 1);
    *s = p;
    return r;
}

int timespan_parse(const char *s, uint64_t *ret_usec)
{
    uint64_t sum = 0;
    bool any = false;
    int r;

    assert(s);
    assert(ret_usec);

    s += strspn(s, BLANKS);
    if (strncmp(s, "infinity", 8) == 0) {
        s += 8;
        if (s[strspn(s, BLANKS)] != '\0')
            return -EINVAL;
        *ret_usec = USEC_INFINITY;
        return 0;
    }
    for (; *s; s += strspn(s, BLANKS)) {
        r = read_part(&s, &sum);
        if (r < 0)
            return r;
        any = true;
    }
    if (!any)
        return -EINVAL;
    if (sum >= SPAN_LIMIT)
        return -ERANGE;
    *ret_usec = sum;
    return 0;
}

char *timespan_format(uint64_t usec)
{
    static const struct {
        const char *name;
        uint64_t usec;
        bool alone; /* only when nothing is left over: "400d" is clearer than "1y 1month 4d ..." */
    } forms[] = {
        {"y", USEC_PER_YEAR, true},
        {"month", USEC_PER_MONTH, true},
        {"w", USEC_PER_WEEK, true},
        {"d", USEC_PER_DAY, false},
        {"h", USEC_PER_HOUR, false},
        {"min", USEC_PER_MINUTE, false},
        {"s", USEC_PER_SEC, false},
        {"ms", USEC_PER_MSEC, false},
        {"us", 1, false},
    };
    _cleanup_text_ Text t = {0};
    char *s = NULL;

    if (usec == USEC_INFINITY)
        return strdup("infinity");
    if (usec == 0)
        return strdup("0");

    for (size_t i = 0; i < ELEMENTSOF(forms) && usec > 0; i++) {
        if (usec < forms[i].usec || (forms[i].alone && usec % forms[i].usec != 0))
            continue;
        text_addf(&t, "%s%ju%s", t.size > 0 ? " " : "", (uintmax_t)(usec / forms[i].usec),
                  forms[i].name);
        usec %= forms[i].usec;
    }
    return text_take(&t, &s) < 0 ? NULL : s;
}
