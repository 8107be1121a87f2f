/* SPDX-License-Identifier: MIT */
/*
 * Any text as a time. What is accepted lies within the bounds, and its canonical form means the
 * same.
 */
#include <errno.h>
#include <stdint.h>

#include "collector/rfc3339.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *s = fuzz_string(data, size), text[RFC3339_SIZE];
    uint64_t usec, again;

    int r = rfc3339_parse(s, &usec);
    REQUIRE(r == 0 || r == -EINVAL || r == -ERANGE);
    if (r == 0) {
        rfc3339_format(usec, text);
        /* An offset may lead into the year that is no more accepted by its name. */
        if (strncmp(text, "2200", 4) != 0)
            REQUIRE(rfc3339_parse(text, &again) == 0 && again == usec);
    }
    free(s);
    return 0;
}
