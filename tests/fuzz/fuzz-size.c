/* SPDX-License-Identifier: MIT */

/* A size that is accepted is written in a form that reads back as the same, and every number has
 * such a form. Percentages come along, being read from the same place. */

#include "base/macros.h"
#include "base/size.h"
#include "base/text.h"
#include "fuzz.h"

static void check_round_trip(uint64_t bytes)
{
    _cleanup_free_ char *canonical = size_format(bytes);
    uint64_t reread;

    REQUIRE(canonical);
    REQUIRE(size_parse(canonical, &reread) == 0);
    REQUIRE(reread == bytes);
}

static void check_percent(const char *s)
{
    _cleanup_free_ char *canonical = NULL;
    uint32_t permyriad, reread;

    if (percent_parse(s, &permyriad) < 0)
        return;
    canonical = text_printf("%u.%02u%%", permyriad / 100, permyriad % 100);
    REQUIRE(canonical);
    REQUIRE(percent_parse(canonical, &reread) == 0);
    REQUIRE(reread == permyriad);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *s = fuzz_string(data, size);
    uint64_t bytes;

    if (size_parse(s, &bytes) == 0)
        check_round_trip(bytes);
    if (size >= sizeof(bytes)) {
        memcpy(&bytes, data, sizeof(bytes));
        check_round_trip(bytes);
    }
    check_percent(s);
    return 0;
}
