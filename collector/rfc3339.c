/* SPDX-License-Identifier: MIT */

/* RFC 3339, without the C library's calendar: that one knows a time zone and takes what it likes.
 */

#include "collector/rfc3339.h"

#include <errno.h>
#include <stdbool.h>

#include "base/macros.h"

#define YEAR_MIN 1970
#define YEAR_MAX 2199

/* Exactly n digits. */
static bool take_number(const char **s, int n, int *ret)
{
    int value = 0;

    for (int i = 0; i < n; i++) {
        char c = (*s)[i];
        if (c < '0' || c > '9')
            return false;
        value = value * 10 + (c - '0');
    }
    *s += n;
    *ret = value;
    return true;
}

static bool take_char(const char **s, const char *any)
{
    if (**s == '\0' || !strchr(any, **s))
        return false;
    (*s)++;
    return true;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    return month == 2 && is_leap(year) ? 29 : days[month - 1];
}

static int64_t days_before_year(int year)
{
    int64_t y = year - 1;

    return y * 365 + y / 4 - y / 100 + y / 400;
}

static int64_t days_since_1970(int year, int month, int day)
{
    int64_t days = days_before_year(year) - days_before_year(1970);

    for (int m = 1; m < month; m++)
        days += days_in(year, m);
    return days + day - 1;
}

static bool take_date(const char **s, int64_t *ret_days, int *ret_year)
{
    int year, month, day;

    if (!take_number(s, 4, &year) || !take_char(s, "-") || !take_number(s, 2, &month) ||
        !take_char(s, "-") || !take_number(s, 2, &day))
        return false;
    if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return false;
    *ret_days = days_since_1970(year, month, day);
    *ret_year = year;
    return true;
}

static bool take_time(const char **s, int64_t *ret_seconds)
{
    int hour, minute, second;

    if (!take_number(s, 2, &hour) || !take_char(s, ":") || !take_number(s, 2, &minute) ||
        !take_char(s, ":") || !take_number(s, 2, &second))
        return false;
    *ret_seconds = hour * 3600 + minute * 60 + second;
    return hour < 24 && minute < 60 && second <= 60;
}

static bool take_fraction(const char **s, int64_t *ret_usec)
{
    int64_t usec = 0, unit = 100000;
    int n = 0;

    *ret_usec = 0;
    if (!take_char(s, "."))
        return true;
    for (; **s >= '0' && **s <= '9'; (*s)++, n++, unit /= 10)
        usec += (**s - '0') * unit;
    *ret_usec = usec;
    return n >= 1 && n <= 9;
}

static bool take_offset(const char **s, int64_t *ret_seconds)
{
    int sign = **s == '-' ? -1 : 1, hours, minutes;

    *ret_seconds = 0;
    if (take_char(s, "Zz"))
        return true;
    if (!take_char(s, "+-") || !take_number(s, 2, &hours) || !take_char(s, ":") ||
        !take_number(s, 2, &minutes))
        return false;
    *ret_seconds = sign * (hours * 3600 + minutes * 60);
    return hours < 24 && minutes < 60;
}

int rfc3339_parse(const char *s, uint64_t *ret_usec)
{
    int64_t days, seconds, usec, offset;
    int year;

    if (!take_date(&s, &days, &year) || !take_char(&s, "Tt ") || !take_time(&s, &seconds) ||
        !take_fraction(&s, &usec) || !take_offset(&s, &offset) || *s != '\0')
        return -EINVAL;
    seconds += days * 86400 - offset;
    if (year < YEAR_MIN || year > YEAR_MAX || seconds < 0)
        return -ERANGE;
    *ret_usec = (uint64_t)seconds * USEC_PER_SEC + (uint64_t)usec;
    return 0;
}

void rfc3339_format(uint64_t usec, char ret[RFC3339_SIZE])
{
    const uint64_t end = UINT64_C(253402300799) * USEC_PER_SEC; /* 9999-12-31T23:59:59Z */
    uint64_t seconds = MIN(usec, end) / USEC_PER_SEC, fraction = MIN(usec, end) % USEC_PER_SEC;
    int64_t days = (int64_t)(seconds / 86400), second = (int64_t)(seconds % 86400);
    int year = 1970 + (int)(days / 366), month = 1;

    while (days_since_1970(year + 1, 1, 1) <= days)
        year++;
    days -= days_since_1970(year, 1, 1);
    for (; days >= days_in(year, month); month++)
        days -= days_in(year, month);
    (void)snprintf(ret, RFC3339_SIZE, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ",
                   (unsigned)year % 10000U, (unsigned)month % 100U, (unsigned)(days + 1) % 100U,
                   (unsigned)(second / 3600) % 100U, (unsigned)(second / 60 % 60),
                   (unsigned)(second % 60), (unsigned)fraction);
}
