/* SPDX-License-Identifier: MIT */

/* A time span that is accepted is written in a form that reads back as the same. */

#include "base/macros.h"
#include "base/timespan.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *s = fuzz_string(data, size), *canonical = NULL, *again = NULL;
    uint64_t usec, reread;

    if (timespan_parse(s, &usec) < 0)
        return 0;

    canonical = timespan_format(usec);
    REQUIRE(canonical);
    REQUIRE(timespan_parse(canonical, &reread) == 0);
    REQUIRE(reread == usec);
    again = timespan_format(reread);
    REQUIRE(again && streq(again, canonical));
    return 0;
}
