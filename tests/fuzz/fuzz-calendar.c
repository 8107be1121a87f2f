/* SPDX-License-Identifier: MIT */

/* The calendar check gives a short reason exactly when it refuses, and its answer does not change
 * with what does not count: letter case of all but the time zone, and blanks between the parts. */

#include <ctype.h>
#include <errno.h>

#include "base/macros.h"
#include "base/text.h"
#include "fuzz.h"
#include "spec/calendar.h"
#include "spec/cron.h"

/* Doubles the first blank that stands between two parts. */
static char *widen(const char *s)
{
    const char *blank = strchr(s, ' ');

    if (!blank)
        return text_printf("%s", s);
    return text_printf("%.*s %s", (int)(blank - s), s, blank);
}

/* Whether the last word could be a time zone: where blanks and case do count. */
static bool has_word_at_end(const char *s)
{
    const char *blank = strrchr(s, ' ');

    return blank && isalpha((unsigned char)blank[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *s = fuzz_string(data, size), *reason = NULL, *wide = NULL;
    int r;

    r = calendar_check(s, &reason);
    REQUIRE(r == 0 || r == -EINVAL);
    REQUIRE((r == 0) == !reason);
    REQUIRE(!reason || (*reason && strlen(reason) < 1000));
    if (r < 0)
        return 0;

    REQUIRE(!cron_looks_like(s));
    if (has_word_at_end(s))
        return 0;
    wide = widen(s);
    REQUIRE(wide);
    REQUIRE(calendar_check(wide, NULL) == 0);
    for (char *c = s; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    REQUIRE(calendar_check(s, NULL) == 0);
    return 0;
}
