/* SPDX-License-Identifier: MIT */

/* Any bytes as a command line: what is made of them is a JSON string that jansson accepts, without
 * a control character in it, in any room, and valid UTF-8 comes back as it was. The first byte says
 * how large the room is. */

#include <jansson.h>

#include "base/text.h"
#include "fuzz.h"
#include "kmod/text.h"

static void check_string(const char *escaped, size_t n, const char *original, size_t original_size)
{
    char *quoted = malloc(n + 3);
    json_t *value;

    REQUIRE(quoted);
    snprintf(quoted, n + 3, "\"%s\"", escaped);
    for (size_t i = 0; i < n; i++)
        REQUIRE((unsigned char)escaped[i] >= ' ' && escaped[i] != 0x7f);
    value = json_loadb(quoted, n + 2, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    REQUIRE(value && json_is_string(value));
    if (original && utf8_valid(original, original_size)) {
        REQUIRE(json_string_length(value) == original_size);
        REQUIRE(memcmp(json_string_value(value), original, original_size) == 0);
    }
    json_decref(value);
    free(quoted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t room = 1 + (size > 0 ? data[0] : 0), n = size > 0 ? size - 1 : 0, needed;
    char *input = malloc(n > 0 ? n : 1), *small = malloc(room), *whole;

    REQUIRE(input && small);
    if (n > 0)
        memcpy(input, data + 1, n);
    needed = phoenix_json_escape(NULL, 0, input, n);
    whole = malloc(needed + 1);
    REQUIRE(whole);
    REQUIRE(phoenix_json_escape(whole, needed + 1, input, n) == needed);
    REQUIRE(strlen(whole) == needed);
    check_string(whole, needed, input, n);

    REQUIRE(phoenix_json_escape(small, room, input, n) == needed);
    REQUIRE(strnlen(small, room) < room);
    REQUIRE(strncmp(small, whole, strlen(small)) == 0);
    REQUIRE(needed >= room || strlen(small) == needed);
    check_string(small, strlen(small), NULL, 0);
    free(input);
    free(small);
    free(whole);
    return 0;
}
