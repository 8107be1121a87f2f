/* SPDX-License-Identifier: MIT */

/* A cron schedule becomes one or two expressions that the calendar check accepts, or is refused
 * with a reason; what is translated also looks like cron. */

#include <errno.h>

#include "base/strv.h"
#include "fuzz.h"
#include "spec/calendar.h"
#include "spec/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *s = fuzz_string(data, size), *reason = NULL;
    _cleanup_strv_free_ char **calendars = NULL;
    int r;

    r = cron_to_calendar(s, &calendars, &reason);
    if (r < 0) {
        REQUIRE(r == -EINVAL);
        REQUIRE(reason && *reason);
        REQUIRE(!calendars);
        return 0;
    }
    REQUIRE(!reason);
    REQUIRE(cron_looks_like(s));
    REQUIRE(strv_length(calendars) == 1 || strv_length(calendars) == 2);
    STRV_FOREACH (p, calendars) {
        REQUIRE(calendar_check(*p, NULL) == 0);
        REQUIRE(!cron_looks_like(*p));
    }
    return 0;
}
