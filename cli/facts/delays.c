/* SPDX-License-Identifier: MIT */

/* Restart delays. The arithmetic is systemd's own, in the same floating type, so that the numbers
 * are those that will be waited. */

#include "cli/facts/delays.h"

#include <inttypes.h>
#include <math.h>

#include "base/timespan.h"

#define SHOWN_MAX   8U /* a series up to this long is written whole */
#define SHOWN_FIRST 4U

uint64_t delays_nth(const Delays *delays, unsigned n)
{
    long double ratio;

    if (n <= 1 || delays->steps == 0 || delays->first_usec == 0 ||
        delays->max_usec == USEC_INFINITY || delays->first_usec >= delays->max_usec)
        return delays->first_usec;
    if (n > delays->steps)
        return delays->max_usec;

    ratio = (long double)delays->max_usec / (long double)delays->first_usec;
    return (uint64_t)((long double)delays->first_usec *
                      powl(ratio, (long double)(n - 1) / delays->steps));
}

static uint64_t rounded(uint64_t usec)
{
    uint64_t unit = 1;

    if (usec == USEC_INFINITY)
        return usec;
    if (usec >= 10 * USEC_PER_MINUTE)
        unit = USEC_PER_MINUTE;
    else if (usec >= 10 * USEC_PER_SEC)
        unit = USEC_PER_SEC;
    else if (usec >= USEC_PER_SEC)
        unit = 100 * USEC_PER_MSEC;
    else if (usec >= USEC_PER_MSEC)
        unit = USEC_PER_MSEC;
    return (usec + unit / 2) / unit * unit;
}

static void add_rounded(Text *t, uint64_t usec)
{
    uint64_t shown = rounded(usec);
    _cleanup_free_ char *span = NULL;

    /* timespan_format() is exact: "1s 300ms". Tenths of a second read better. */
    if (shown >= USEC_PER_SEC && shown < USEC_PER_MINUTE && shown % USEC_PER_SEC != 0) {
        text_addf(t, "%" PRIu64 ".%" PRIu64 "s", shown / USEC_PER_SEC,
                  shown % USEC_PER_SEC / (100 * USEC_PER_MSEC));
        return;
    }
    span = timespan_format(shown);
    text_add(t, span ? span : "?");
}

static const char *ordinal(unsigned n)
{
    if (n % 100 >= 11 && n % 100 <= 13)
        return "th";
    switch (n % 10) {
    case 1:
        return "st";
    case 2:
        return "nd";
    case 3:
        return "rd";
    default:
        return "th";
    }
}

void delays_add(Text *t, const Delays *delays)
{
    unsigned last = delays->steps + 1, shown;

    if (delays_nth(delays, last) == delays->first_usec) {
        add_rounded(t, delays->first_usec);
        return;
    }

    shown = last <= SHOWN_MAX ? last - 1 : SHOWN_FIRST;
    for (unsigned n = 1; n <= shown; n++) {
        add_rounded(t, delays_nth(delays, n));
        text_add(t, ", ");
    }
    if (shown < last - 1)
        text_add(t, "... ");
    add_rounded(t, delays->max_usec);
    text_addf(t, " from the %u%s restart on", last, ordinal(last));
}

/* The value of the last "key=value" line, or NULL; *ret_length is without the line's end. */
static const char *setting_find(const char *unit, const char *key, size_t *ret_length)
{
    const char *found = NULL;
    size_t n = strlen(key);

    for (const char *line = unit; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, key, n) != 0 || line[n] != '=')
            continue;
        found = line + n + 1;
        *ret_length = strcspn(found, "\n");
    }
    return found;
}

void unit_text_span(const char *unit, const char *key, uint64_t *usec)
{
    _cleanup_free_ char *copy = NULL;
    size_t length = 0;
    const char *value = setting_find(unit, key, &length);

    copy = value ? strndup(value, length) : NULL;
    if (copy)
        (void)timespan_parse(copy, usec);
}

void delays_of_unit(const char *unit, Delays *ret)
{
    Delays delays = {.first_usec = 100 * USEC_PER_MSEC, .max_usec = USEC_INFINITY};
    size_t length = 0;
    const char *steps = setting_find(unit, "RestartSteps", &length);

    unit_text_span(unit, "RestartSec", &delays.first_usec);
    unit_text_span(unit, "RestartMaxDelaySec", &delays.max_usec);
    if (steps) {
        unsigned long n = strtoul(steps, NULL, 10);

        delays.steps = n < 1000 ? (unsigned)n : 1000;
    }
    *ret = delays;
}
