/* SPDX-License-Identifier: MIT */
/*
 * The spool on a real disk, and on one that fails: the linker hands the writing of files to this
 * test (--wrap).
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/poster/spool-file.h"
#include "supervisor/daemon/poster/spool.h"

#define NOW UINT64_C(1700000000000000)

static int disk_error; /* what writing fails with */

int __real_file_write_atomic(int dirfd, const char *name, const char *data, size_t size,
                             mode_t mode, bool sync);
int __wrap_file_write_atomic(int dirfd, const char *name, const char *data, size_t size,
                             mode_t mode, bool sync);

int __wrap_file_write_atomic(int dirfd, const char *name, const char *data, size_t size,
                             mode_t mode, bool sync)
{
    if (disk_error < 0)
        return disk_error;
    return __real_file_write_atomic(dirfd, name, data, size, mode, sync);
}

typedef struct Fixture {
    char base[64], folder[128];
    SpoolRules rules;
    Spool *spool;
} Fixture;

static void again(Fixture *f)
{
    spool_free(f->spool);
    assert_int_equal(spool_new(f->folder, &f->rules, &f->spool), 0);
}

static int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    disk_error = 0;
    strcpy(f->base, "/tmp/test-spool-XXXXXX");
    assert_non_null(mkdtemp(f->base));
    snprintf(f->folder, sizeof(f->folder), "%s/collector/central", f->base);
    f->rules = (SpoolRules){.size_max = 1024 * 1024, .age_usec = USEC_PER_DAY, .memory_max = 65536};
    again(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    Fixture *f = *state;

    spool_free(f->spool);
    assert_int_equal(dir_remove_tree(f->base), 0);
    free(f);
    return 0;
}

static SpoolState state_of(const Fixture *f)
{
    SpoolState state;

    spool_state(f->spool, &state);
    return state;
}

/* Made then, and added now. */
static void add_at(Fixture *f, const char *body, uint64_t now_usec)
{
    char key[SPOOL_KEY_SIZE];

    spool_next_key(f->spool, now_usec, key);
    assert_int_equal(spool_add(f->spool, key, body, strlen(body), NOW), 0);
}

static void add(Fixture *f, const char *body)
{
    add_at(f, body, NOW);
}

/* The oldest is this one; it stays taken. */
static void assert_next(Fixture *f, const char *body)
{
    _cleanup_free_ char *got = NULL;
    char key[SPOOL_KEY_SIZE];
    size_t size;

    assert_int_equal(spool_take(f->spool, NOW, key, &got, &size), 1);
    assert_string_equal(got, body);
    assert_int_equal(size, strlen(body));
}

static void assert_none(Fixture *f)
{
    char key[SPOOL_KEY_SIZE], *got;
    size_t size;

    assert_int_equal(spool_take(f->spool, NOW, key, &got, &size), 0);
}

static size_t count_files(const Fixture *f, const char *suffix)
{
    _cleanup_closedir_ DIR *dir = opendir(f->folder);
    struct dirent *entry;
    size_t n = 0;

    while (dir && (entry = readdir(dir))) {
        const char *end = entry->d_name + MIN(strlen(entry->d_name), (size_t)SPOOL_KEY_SIZE - 1);
        n += streq(end, suffix);
    }
    return n;
}

static char *path_of_oldest(Fixture *f)
{
    _cleanup_free_ char *got = NULL;
    char key[SPOOL_KEY_SIZE];
    size_t size;

    assert_int_equal(spool_take(f->spool, NOW, key, &got, &size), 1);
    spool_settle(f->spool, SPOOL_LATER);
    return text_printf("%s/%s.json", f->folder, key);
}

static void test_order(void **state)
{
    Fixture *f = *state;

    assert_none(f);
    add(f, "one");
    add(f, "two");
    assert_next(f, "one");
    spool_settle(f->spool, SPOOL_LATER);
    assert_next(f, "one");
    spool_settle(f->spool, SPOOL_STORED);
    assert_next(f, "two");
    spool_settle(f->spool, SPOOL_STORED);
    assert_none(f);
    assert_int_equal(state_of(f).size, 0);
    assert_int_equal(count_files(f, ".json"), 0);
    assert_int_equal(state_of(f).dropped, 0);
}

/* A clock that jumps back changes neither the order nor makes a key twice. */
static void test_keys(void **state)
{
    Fixture *f = *state;
    char before[SPOOL_KEY_SIZE] = "", key[SPOOL_KEY_SIZE];

    for (uint64_t i = 0; i < 1000; i++) {
        spool_next_key(f->spool, NOW - i * USEC_PER_HOUR, key);
        assert_true(strcmp(before, key) < 0);
        memcpy(before, key, sizeof(key));
    }
    add(f, "late");
    again(f);
    add_at(f, "early", NOW - USEC_PER_YEAR);
    assert_next(f, "late");
}

static void test_survives(void **state)
{
    Fixture *f = *state;
    _cleanup_free_ char *leftover = text_printf("%s/.#1234", f->folder);

    add(f, "one");
    add(f, "two");
    assert_int_equal(file_write_atomic(AT_FDCWD, leftover, "x", 1, 0600, false), 0);
    again(f);
    assert_int_equal(state_of(f).n, 2);
    assert_int_equal(state_of(f).size, 2 * 4096);
    assert_int_equal(access(leftover, F_OK), -1);
    assert_next(f, "one");
    again(f); /* it was taken, and is there again */
    assert_next(f, "one");
}

static void test_bounded_by_size(void **state)
{
    Fixture *f = *state;
    char body[16];

    f->rules.size_max = 4 * 4096;
    again(f);
    for (int i = 0; i < 10; i++) {
        snprintf(body, sizeof(body), "%i", i);
        add(f, body);
        assert_true(state_of(f).size <= f->rules.size_max);
    }
    assert_int_equal(state_of(f).n, 4);
    assert_int_equal(state_of(f).dropped, 6);
    assert_int_equal(count_files(f, ".json"), 4);
    assert_next(f, "6");
    /* What is under way stays, and the next ones go. */
    add(f, "10");
    add(f, "11");
    assert_next(f, "6");
    spool_settle(f->spool, SPOOL_STORED);
    assert_next(f, "9");
    assert_int_equal(state_of(f).dropped, 8);
}

static void test_too_large(void **state)
{
    Fixture *f = *state;
    size_t size = f->rules.size_max + 1;
    _cleanup_free_ char *body = malloc(size);
    char key[SPOOL_KEY_SIZE];

    memset(body, 'x', size);
    add(f, "small");
    spool_next_key(f->spool, NOW, key);
    assert_int_equal(spool_add(f->spool, key, body, size, NOW), -ENOBUFS);
    assert_int_equal(state_of(f).dropped, 1);
    assert_next(f, "small"); /* nothing else had to go for it */
}

static void test_bounded_by_age(void **state)
{
    Fixture *f = *state;

    add_at(f, "old", NOW - USEC_PER_DAY - USEC_PER_SEC);
    assert_int_equal(state_of(f).n, 1);
    add_at(f, "young", NOW - USEC_PER_DAY + USEC_PER_SEC);
    add_at(f, "of the future", NOW + USEC_PER_YEAR);
    assert_next(f, "young");
    spool_settle(f->spool, SPOOL_STORED);
    assert_next(f, "of the future");
    assert_int_equal(state_of(f).dropped, 1);
}

static void test_refused(void **state)
{
    Fixture *f = *state;

    for (int i = 0; i < 20; i++) {
        add(f, "bad");
        assert_next(f, "bad");
        spool_settle(f->spool, SPOOL_REFUSED);
    }
    assert_int_equal(state_of(f).refused, 20);
    assert_int_equal(count_files(f, ".json.refused"), 16);
    assert_int_equal(count_files(f, ".json"), 0);
    again(f);
    assert_none(f);
}

/* Each kind of damage costs that batch and no other. */
static void test_damaged(void **state)
{
    static const char *const contents[] = {"", "phoenix-batch 1 3 0\nabc", "{}",
                                           "phoenix-batch 2 3 0123456789abcdef\nabc"};
    Fixture *f = *state;

    for (size_t i = 0; i < ELEMENTSOF(contents); i++) {
        add(f, "first");
        add(f, "second");
        _cleanup_free_ char *path = path_of_oldest(f);
        assert_int_equal(
            __real_file_write_atomic(AT_FDCWD, path, contents[i], strlen(contents[i]), 0600, false),
            0);
        again(f);
        assert_next(f, "second");
        spool_settle(f->spool, SPOOL_STORED);
        assert_int_equal(state_of(f).dropped, 1);
        assert_int_equal(count_files(f, ".json.bad"), i + 1);
    }
}

/* A flipped bit anywhere in the file is noticed. */
static void test_every_bit_counts(void **state)
{
    static const char body[] = "{\"host\": \"h\"}";
    _cleanup_free_ char *text = NULL, *got = NULL;
    size_t size, got_size;

    assert_int_equal(spool_file_make(body, sizeof(body) - 1, &text, &size), 0);
    for (size_t i = 0; i < 8 * size; i++) {
        text[i / 8] ^= (char)(1 << i % 8);
        assert_int_equal(spool_file_read(text, size, &got, &got_size), -EBADMSG);
        text[i / 8] ^= (char)(1 << i % 8);
    }
    for (size_t i = 0; i < size; i++)
        assert_int_equal(spool_file_read(text, i, &got, &got_size), -EBADMSG);
    assert_int_equal(spool_file_read(text, size, &got, &got_size), 0);
    assert_string_equal(got, body);
}

static void test_strangers(void **state)
{
    Fixture *f = *state;
    static const char *const names[] = {"x.json", "0123456789abcdef-0123456789abcdef",
                                        "0123456789abcdef-0123456789abcdef.json2",
                                        "0123456789ABCDEF-0123456789abcdef.json"};
    size_t n = 0;

    for (size_t i = 0; i < ELEMENTSOF(names); i++) {
        _cleanup_free_ char *path = text_printf("%s/%s", f->folder, names[i]);
        assert_int_equal(file_write_atomic(AT_FDCWD, path, "x", 1, 0600, false), 0);
        n++;
    }
    again(f);
    assert_none(f);
    assert_int_equal(n, ELEMENTSOF(names));
    for (size_t i = 0; i < ELEMENTSOF(names); i++) {
        _cleanup_free_ char *path = text_printf("%s/%s", f->folder, names[i]);
        assert_int_equal(access(path, F_OK), 0);
    }
}

static void test_full_disk(void **state)
{
    Fixture *f = *state;

    add(f, "one");
    disk_error = -ENOSPC;
    add(f, "two");
    add(f, "three");
    assert_int_equal(state_of(f).disk_error, -ENOSPC);
    assert_int_equal(state_of(f).n_memory, 2);
    assert_next(f, "one");
    spool_settle(f->spool, SPOOL_STORED);
    assert_next(f, "two");
    spool_settle(f->spool, SPOOL_STORED);
    disk_error = 0;
    add(f, "four");
    assert_int_equal(state_of(f).disk_error, 0);
    assert_int_equal(state_of(f).n_memory, 0);
    again(f);
    assert_next(f, "three");
    spool_settle(f->spool, SPOOL_STORED);
    assert_next(f, "four");
}

static void test_memory_is_bounded(void **state)
{
    Fixture *f = *state;
    _cleanup_free_ char *body = calloc(1, 20001);

    memset(body, 'x', 20000);
    add(f, "on disk");
    disk_error = -EIO;
    for (int i = 0; i < 10; i++)
        add(f, body);
    assert_int_equal(state_of(f).n_memory, 3); /* of 64 KiB */
    assert_int_equal(state_of(f).dropped, 7);
    assert_next(f, "on disk");
}

static void test_folder_removed(void **state)
{
    Fixture *f = *state;

    add(f, "one");
    assert_int_equal(dir_remove_tree(f->folder), 0);
    add(f, "two");
    assert_int_equal(state_of(f).disk_error, 0);
    assert_next(f, "two");
    assert_int_equal(state_of(f).dropped, 1);
}

static void test_no_folder(void **state)
{
    Fixture *f = *state;

    snprintf(f->folder, sizeof(f->folder), "/proc/nonexistent");
    again(f);
    assert_true(state_of(f).disk_error < 0);
    add(f, "one");
    assert_next(f, "one");
    spool_settle(f->spool, SPOOL_STORED);
    assert_none(f);
}

/* Killed at any time: what is there is whole, and nothing that was said to be there is missing. */
static void test_kill(void **state)
{
    Fixture *f = *state;
    size_t n_before = 0;

    /* However fast the disk is: what the child drops for want of space is not counted here. */
    f->rules.size_max = (uint64_t)1024 * 1024 * 1024;
    again(f);
    for (int round = 0; round < 20; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t pid = fork();
        if (pid == 0) {
            for (;;) {
                add(f, "a batch that is a little longer than nothing");
                if (write(ends[1], "x", 1) < 0)
                    _exit(1);
            }
        }
        close(ends[1]);
        char c;
        assert_int_equal(read(ends[0], &c, 1), 1);
        usleep((useconds_t)(round * 137));
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        size_t n_said = 1;
        while (read(ends[0], &c, 1) == 1)
            n_said++;
        close(ends[0]);
        again(f);
        assert_true(state_of(f).n + state_of(f).dropped >= n_before + n_said);
        assert_true(state_of(f).n <= n_before + n_said + 1);
        n_before = state_of(f).n;
    }
    for (size_t i = 0; i < n_before; i++) {
        assert_next(f, "a batch that is a little longer than nothing");
        spool_settle(f->spool, SPOOL_STORED);
    }
    assert_none(f);
    assert_int_equal(state_of(f).dropped, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_order),           TEST(test_keys),      TEST(test_survives),
        TEST(test_bounded_by_size), TEST(test_too_large), TEST(test_bounded_by_age),
        TEST(test_refused),         TEST(test_damaged),   cmocka_unit_test(test_every_bit_counts),
        TEST(test_strangers),       TEST(test_full_disk), TEST(test_memory_is_bounded),
        TEST(test_folder_removed),  TEST(test_no_folder), TEST(test_kill),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
