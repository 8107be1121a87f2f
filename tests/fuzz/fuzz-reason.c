/* SPDX-License-Identifier: MIT */

/* Any bytes that a service has sent, on their way into a reason: one clean line that fits, and to
 * clean it once more changes nothing. The first byte says how large the room is. */

#include "base/text.h"
#include "fuzz.h"
#include "supervisor/probe/reason.h"

static void check_clean(const char *s, size_t size)
{
    size_t n = strnlen(s, size);

    REQUIRE(n < size);
    REQUIRE(n == 0 || (s[0] != ' ' && s[n - 1] != ' '));
    for (size_t i = 0, c; i < n; i += c) {
        c = utf8_char(s + i, n - i);
        REQUIRE(c > 0);
        REQUIRE(c > 1 || ((unsigned char)s[i] >= ' ' && s[i] != 0x7f));
        REQUIRE(c != 2 || (unsigned char)s[i] != 0xc2 || (unsigned char)s[i + 1] >= 0xa0);
        REQUIRE(s[i] != ' ' || s[i + 1] != ' ');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = 4 + (size > 0 ? data[0] : 0), n = size > 0 ? size - 1 : 0;
    char *input = malloc(n > 0 ? n : 1), *once = malloc(room), *twice = malloc(room);

    REQUIRE(input && once && twice);
    if (n > 0)
        memcpy(input, data + 1, n);
    reason_clean(once, room, input, n);
    check_clean(once, room);
    reason_clean(twice, room, once, strlen(once));
    REQUIRE(strcmp(once, twice) == 0);
    free(input);
    free(once);
    free(twice);
    return 0;
}
