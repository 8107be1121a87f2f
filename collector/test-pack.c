/* SPDX-License-Identifier: MIT */

/* Packing: what comes back is what went in, byte for byte, or it is said that it is not. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/text.h"
#include "collector/pack.h"

typedef struct Both {
    Packer *packer;
    Unpacker *unpacker;
} Both;

static int setup(void **state)
{
    Both *both = calloc(1, sizeof(*both));

    assert_non_null(both);
    assert_int_equal(packer_new(&both->packer), 0);
    assert_int_equal(unpacker_new(&both->unpacker), 0);
    *state = both;
    return 0;
}

static int teardown(void **state)
{
    Both *both = *state;

    packer_free(both->packer);
    unpacker_free(both->unpacker);
    free(both);
    return 0;
}

/* The size that it was packed to; 0: it was not. */
static size_t there_and_back(Both *both, const char *text, size_t size)
{
    const void *packed;
    const char *again;
    size_t n, m;

    if (packer_pack(both->packer, text, size, &packed, &n) == 0)
        return 0;
    assert_true(n > 0 && n < size);
    assert_int_equal(unpacker_unpack(both->unpacker, packed, n, &again, &m), 0);
    assert_int_equal(m, size);
    assert_memory_equal(again, text, size);
    return n;
}

static void add_container(Text *t, unsigned i)
{
    text_addf(t,
              "%s{\"PID\":%u,\"Name\":\"stress\",\"ContainerID\":\"%012x\",\"Cmdline\":\"stress "
              "--io 1 \",\"MemoryUsage_percent\":0.%02u,\"MemoryUsage_MB\":%u,\"CPUUsage_percent\":"
              "%u.5,\"DiskUse_MB\":0,\"Write_KBytes\":%u,\"Read_KBytes\":0,\"IOReadOps\":%u,"
              "\"IOWriteOps\":20830}",
              i > 0 ? "," : "", 50000 + i, i * 2654435761U, i % 100, i % 977, i % 100, i * 37,
              i * 101);
}

static void make_entry(Text *t, unsigned containers)
{
    text_add(t, "{\"timestamp\":\"2026-11-23T18:20:00Z\",\"sysinfo\":{\"Memory\":{"
                "\"Total_Memory_MB\":31874,\"Free_Memory_MB\":17817},\"Docker_Containers\":[");
    for (unsigned i = 0; i < containers; i++)
        add_container(t, i);
    text_add(t, "]}}");
    assert_int_equal(t->error, 0);
}

static void test_entries_become_small(void **state)
{
    const unsigned containers[] = {1, 8, 1000};

    for (size_t i = 0; i < ELEMENTSOF(containers); i++) {
        _cleanup_text_ Text t = {0};
        make_entry(&t, containers[i]);
        size_t n = there_and_back(*state, t.data, t.size);
        assert_true(n > 0 && n < t.size / 3);
    }
}

static void test_what_would_not_be_smaller(void **state)
{
    char noise[1000];
    uint32_t x = 1;

    for (size_t i = 0; i < sizeof(noise); i++) {
        x = x * 1664525 + 1013904223;
        noise[i] = (char)(x >> 24);
    }
    assert_int_equal(there_and_back(*state, noise, sizeof(noise)), 0);
    assert_int_equal(there_and_back(*state, "{", 1), 0);
    assert_int_equal(there_and_back(*state, "", 0), 0);
}

static void test_every_size(void **state)
{
    _cleanup_text_ Text t = {0};

    make_entry(&t, 20);
    for (size_t size = 1; size <= t.size; size++)
        (void)there_and_back(*state, t.data, size);
}

/* Each bit that is turned is noticed: the text is another one, or none. */
static void test_damage(void **state)
{
    Both *both = *state;
    _cleanup_free_ unsigned char *copy = NULL;
    _cleanup_text_ Text t = {0};
    const void *packed;
    const char *again;
    size_t n, m;

    make_entry(&t, 3);
    assert_int_equal(packer_pack(both->packer, t.data, t.size, &packed, &n), 1);
    copy = malloc(n);
    assert_non_null(copy);
    memcpy(copy, packed, n);
    for (size_t i = 0; i < n * 8; i++) {
        copy[i / 8] ^= (unsigned char)(1U << (i % 8));
        int r = unpacker_unpack(both->unpacker, copy, n, &again, &m);
        /* Some bits of the head mean nothing. */
        if (r == 0)
            assert_true(m == t.size && memcmp(again, t.data, m) == 0);
        else
            assert_true(r == -EUCLEAN || r == -ENOMEM);
        copy[i / 8] ^= (unsigned char)(1U << (i % 8));
    }
    for (size_t cut = 0; cut < n; cut++)
        assert_int_equal(unpacker_unpack(both->unpacker, copy, cut, &again, &m), -EUCLEAN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_entries_become_small, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_would_not_be_smaller, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
