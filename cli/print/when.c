/* SPDX-License-Identifier: MIT */

/* Times in words. Spans of a spec are exact and belong to base/timespan.h; these are rounded. */

#include "cli/print/when.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <time.h>

#include "base/timespan.h"

uint64_t when_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

typedef struct Scale {
    uint64_t usec;
    const char *one, *many; /* appended to the number */
} Scale;

/* Each step also names the next smaller one, where that still matters. */
static void add_span(Text *t, uint64_t usec)
{
    static const Scale scales[] = {
        {USEC_PER_YEAR, " year", " years"}, {USEC_PER_MONTH, " month", " months"},
        {USEC_PER_WEEK, " week", " weeks"}, {USEC_PER_DAY, " day", " days"},
        {USEC_PER_HOUR, "h", "h"},          {USEC_PER_MINUTE, "min", "min"},
        {USEC_PER_SEC, "s", "s"},
    };
    static const size_t n = ELEMENTSOF(scales);
    size_t i = 0;

    while (i + 1 < n && usec < scales[i].usec)
        i++;

    text_addf(t, "%" PRIu64 "%s", usec / scales[i].usec,
              usec / scales[i].usec == 1 ? scales[i].one : scales[i].many);

    /* Beside minutes, seconds are noise; beside days and hours the next unit is not. */
    if (i + 2 < n && usec % scales[i].usec >= scales[i + 1].usec) {
        uint64_t rest = usec % scales[i].usec / scales[i + 1].usec;

        text_addf(t, " %" PRIu64 "%s", rest, rest == 1 ? scales[i + 1].one : scales[i + 1].many);
    }
}

void when_add_relative(Text *t, uint64_t now_usec, uint64_t when_usec)
{
    bool past = when_usec <= now_usec;
    uint64_t usec = past ? now_usec - when_usec : when_usec - now_usec;

    if (usec < USEC_PER_SEC) {
        text_add(t, past ? "just now" : "now");
        return;
    }
    if (!past)
        text_add(t, "in ");
    add_span(t, usec);
    if (past)
        text_add(t, " ago");
}

void when_add_local(Text *t, uint64_t when_usec)
{
    time_t seconds = (time_t)(when_usec / USEC_PER_SEC);
    char buffer[64];
    struct tm tm;

    if (!localtime_r(&seconds, &tm) || strftime(buffer, sizeof(buffer), "%a %F %T %Z", &tm) == 0)
        text_addf(t, "@%" PRIu64, when_usec / USEC_PER_SEC);
    else
        text_add(t, buffer);
}

void when_add_clock(Text *t, uint64_t when_usec)
{
    time_t seconds = (time_t)(when_usec / USEC_PER_SEC);
    char buffer[16];
    struct tm tm;

    if (localtime_r(&seconds, &tm) && strftime(buffer, sizeof(buffer), "%T", &tm) > 0)
        text_add(t, buffer);
}

void when_add_rfc3339(Text *t, uint64_t when_usec)
{
    time_t seconds = (time_t)(when_usec / USEC_PER_SEC);
    char buffer[64];
    struct tm tm;

    if (!gmtime_r(&seconds, &tm) || strftime(buffer, sizeof(buffer), "%FT%T", &tm) == 0)
        return;
    text_addf(t, "%s.%06" PRIu64 "Z", buffer, when_usec % USEC_PER_SEC);
}

void when_add_span(Text *t, uint64_t usec)
{
    if (usec >= USEC_PER_SEC)
        add_span(t, usec);
    else if (usec > 0 && usec < USEC_PER_MSEC)
        text_addf(t, "%" PRIu64 "us", usec);
    else if (usec >= 10 * USEC_PER_MSEC || usec % USEC_PER_MSEC == 0)
        text_addf(t, "%" PRIu64 "ms", usec / USEC_PER_MSEC);
    else
        text_addf(t, "%" PRIu64 ".%" PRIu64 "ms", usec / USEC_PER_MSEC, usec % USEC_PER_MSEC / 100);
}

/* Midnight, local time, so many days ago. */
static int parse_day(uint64_t now_usec, int days_ago, uint64_t *ret_usec)
{
    time_t seconds = (time_t)(now_usec / USEC_PER_SEC);
    struct tm tm;

    if (!localtime_r(&seconds, &tm))
        return -EINVAL;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    tm.tm_mday -= days_ago;
    tm.tm_isdst = -1;
    seconds = mktime(&tm);
    if (seconds < 0)
        return -EINVAL;
    *ret_usec = (uint64_t)seconds * USEC_PER_SEC;
    return 0;
}

static int parse_date(const char *s, uint64_t *ret_usec)
{
    static const char *const formats[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d", "@%s"};

    for (size_t i = 0; i < ELEMENTSOF(formats); i++) {
        struct tm tm = {.tm_isdst = -1};
        const char *end = strptime(s, formats[i], &tm);
        time_t seconds;

        if (!end || *end != '\0')
            continue;
        tm.tm_isdst = -1;
        seconds = mktime(&tm);
        if (seconds < 0)
            return -EINVAL;
        *ret_usec = (uint64_t)seconds * USEC_PER_SEC;
        return 0;
    }
    return -EINVAL;
}

static int parse_ago(const char *s, uint64_t now_usec, uint64_t *ret_usec)
{
    size_t n = strlen(s), suffix = strlen(" ago");
    _cleanup_free_ char *span = NULL;
    uint64_t usec;
    int r;

    if (*s == '-') {
        s++;
        n--;
    }
    if (n > suffix && streq(s + n - suffix, " ago"))
        n -= suffix;
    span = strndup(s, n);
    if (!span)
        return -ENOMEM;
    r = timespan_parse(span, &usec);
    if (r < 0)
        return r;
    *ret_usec = usec < now_usec ? now_usec - usec : 0;
    return 0;
}

int when_parse(const char *s, uint64_t now_usec, uint64_t *ret_usec)
{
    if (streq(s, "now")) {
        *ret_usec = now_usec;
        return 0;
    }
    if (streq(s, "today"))
        return parse_day(now_usec, 0, ret_usec);
    if (streq(s, "yesterday"))
        return parse_day(now_usec, 1, ret_usec);
    if (parse_date(s, ret_usec) >= 0)
        return 0;
    return parse_ago(s, now_usec, ret_usec);
}
