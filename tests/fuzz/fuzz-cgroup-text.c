/* SPDX-License-Identifier: MIT */

/* Any bytes as a path of a cgroup, as a line of cpu.stat and as io.stat: what is found lies within
 * the input, and is what the input says. */

#include "fuzz.h"
#include "kmod/text.h"

static bool id_digit(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static void check_container(const char *path, size_t n)
{
    struct phoenix_container_ref ref, again;

    if (!phoenix_container_of(path, n, &ref))
        return;
    REQUIRE(ref.id_offset >= strlen("docker-"));
    REQUIRE(ref.id_offset + PHOENIX_ID_LENGTH <= ref.cgroup_len && ref.cgroup_len <= n);
    REQUIRE(ref.cgroup_len == n || path[ref.cgroup_len] == '/');
    for (size_t i = 0; i < PHOENIX_ID_LENGTH; i++)
        REQUIRE(id_digit(path[ref.id_offset + i]));
    /* The container's own cgroup belongs to itself, and what is above it to none. */
    REQUIRE(phoenix_container_of(path, ref.cgroup_len, &again));
    REQUIRE(again.id_offset == ref.id_offset && again.cgroup_len == ref.cgroup_len);
    REQUIRE(!phoenix_container_of(path, ref.cgroup_len - 1, &again));
}

static void check_values(const char *text, size_t n)
{
    struct phoenix_io sum, twice;
    uint64_t value, found;
    char *line = malloc(n + sizeof("key \n")), *both = malloc(2 * n + 1);
    size_t length;

    REQUIRE(line && both);
    length = (size_t)sprintf(line, "key ");
    memcpy(line + length, text, n);
    if (phoenix_number(text, n, &value) && !memchr(text, '\n', n)) {
        REQUIRE(phoenix_stat_value(line, length + n, "key", &found));
        REQUIRE(found == value);
    }
    phoenix_stat_value(text, n, "usage_usec", &found);

    /* Two halves with a newline between them are a sum, too. */
    memcpy(both, text, n);
    both[n] = '\n';
    memcpy(both + n + 1, text, n);
    phoenix_io_stat_sum(text, n, &sum);
    phoenix_io_stat_sum(both, 2 * n + 1, &twice);
    REQUIRE(twice.rbytes == (sum.rbytes > UINT64_MAX / 2 ? UINT64_MAX : 2 * sum.rbytes));
    REQUIRE(twice.wios == (sum.wios > UINT64_MAX / 2 ? UINT64_MAX : 2 * sum.wios));
    free(line);
    free(both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *input = malloc(size > 0 ? size : 1);

    REQUIRE(input);
    if (size > 0)
        memcpy(input, data, size);
    check_container(input, size);
    check_values(input, size);
    free(input);
    return 0;
}
