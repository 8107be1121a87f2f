/* SPDX-License-Identifier: MIT */
/* The counters that outlive phoenixd: what is taken over, what is repaired, what is refused. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/macros.h"
#include "supervisor/daemon/checkpoint.h"
#include "supervisor/policy/state.h"
#include "supervisor/probe/test-descriptors.h"

#define SLOTS_MAX 20000 /* as checkpoint.h promises */

/* The memory begins with three numbers: a magic one, the size of a slot, the count of slots. */
enum { MAGIC, SLOT_SIZE, N_SLOTS, N_NUMBERS };

/* Another descriptor of the checkpoint's memory, as systemd keeps one. */
static int stored(void)
{
    _cleanup_closedir_ DIR *dir = opendir("/proc/self/fd");
    char path[300], target[64];

    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);
        target[MAX(n, (ssize_t)0)] = '\0';
        if (strncmp(target, "/memfd:phoenixd-checkpoint", 26) != 0)
            continue;
        snprintf(path, sizeof(path), "/proc/self/fd/%s", e->d_name);
        return open(path, O_RDWR | O_CLOEXEC);
    }
    fail_msg("the checkpoint has no memory");
    return -1;
}

static uint64_t *map_numbers(int fd)
{
    uint64_t *numbers =
        mmap(NULL, N_NUMBERS * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    assert_true(numbers != MAP_FAILED);
    return numbers;
}

static void set_number(int fd, size_t which, uint64_t value)
{
    uint64_t *numbers = map_numbers(fd);

    numbers[which] = value;
    munmap(numbers, N_NUMBERS * sizeof(uint64_t));
}

static void write_slot(int fd, size_t i, const CheckpointSlot *slot)
{
    off_t at = (off_t)(N_NUMBERS * sizeof(uint64_t) + i * sizeof(*slot));

    assert_int_equal(pwrite(fd, slot, sizeof(*slot), at), sizeof(*slot));
}

static Checkpoint *begin(void)
{
    Checkpoint *checkpoint = NULL;

    assert_int_equal(checkpoint_new(-1, &checkpoint), 0);
    return checkpoint;
}

/* One service "web" that was counted, its supervisor killed: the descriptor that is left. */
static int leave_one(void)
{
    Checkpoint *checkpoint = begin();
    CheckpointSlot *slot = checkpoint_get(checkpoint, "web");

    slot->state = HEALTH_FAILING;
    slot->lease_pid = 4711;
    slot->was_unhealthy = 1;
    slot->checks[0] = (CheckpointCheck){
        .label_hash = 99,
        .counter = {.verdict = VERDICT_FAILING, .failures = 2, .passed_once = true},
    };
    int fd = stored();
    assert_true(fd >= 0);
    checkpoint_free(checkpoint);
    return fd;
}

static Checkpoint *take_over(int fd)
{
    Checkpoint *checkpoint = NULL;

    assert_int_equal(checkpoint_new(fd, &checkpoint), 0);
    return checkpoint;
}

static void assert_begun_anew(int fd)
{
    Checkpoint *checkpoint = take_over(fd);
    const CheckpointSlot *slot = checkpoint_get(checkpoint, "web");

    assert_int_equal(slot->lease_pid, 0);
    assert_int_equal(slot->state, HEALTH_STOPPED);
    assert_int_equal(slot->checks[0].label_hash, 0);
    checkpoint_free(checkpoint);
}

static void test_survives(void **state)
{
    Checkpoint *checkpoint = take_over(leave_one());
    const CheckpointSlot *slot = checkpoint_get(checkpoint, "web");

    assert_string_equal(slot->name, "web");
    assert_int_equal(slot->state, HEALTH_FAILING);
    assert_int_equal(slot->lease_pid, 4711);
    assert_int_equal(slot->was_unhealthy, 1);
    assert_int_equal(slot->checks[0].label_hash, 99);
    assert_int_equal(slot->checks[0].counter.failures, 2);
    assert_true(slot->checks[0].counter.passed_once);
    checkpoint_free(checkpoint);
}

static void test_demand_survives(void **state)
{
    Checkpoint *checkpoint = begin();
    CheckpointSlot *slot = checkpoint_get(checkpoint, "web");
    CheckpointDemand *demand = checkpoint_demand(checkpoint, slot);

    assert_int_equal(demand->record.starts, 0);
    demand->record.starts = 7;
    demand->left_usec = 12345;
    int fd = stored();
    checkpoint_free(checkpoint);

    checkpoint = take_over(fd);
    slot = checkpoint_get(checkpoint, "web");
    demand = checkpoint_demand(checkpoint, slot);
    assert_int_equal(demand->record.starts, 7);
    assert_int_equal(demand->left_usec, 12345);
    /* Nothing of it is left for the next one that gets the slot. */
    checkpoint_release(checkpoint, slot);
    assert_ptr_equal(checkpoint_get(checkpoint, "db"), slot);
    assert_ptr_equal(checkpoint_demand(checkpoint, slot), demand);
    assert_int_equal(demand->record.starts, 0);
    assert_int_equal(demand->left_usec, 0);
    checkpoint_free(checkpoint);
}

/* What the next supervisor counts is seen by the one after it: it is the same memory. */
static void test_survives_again_and_again(void **state)
{
    int fd = leave_one();

    for (int i = 0; i < 3; i++) {
        Checkpoint *checkpoint = take_over(fd);
        CheckpointSlot *slot = checkpoint_get(checkpoint, "web");
        assert_int_equal(slot->checks[0].counter.failures, 2 + i);
        slot->checks[0].counter.failures++;
        fd = stored();
        checkpoint_free(checkpoint);
    }
    close(fd);
}

static void test_torn_state_is_stopped(void **state)
{
    const int32_t bad[] = {-1, _HEALTH_STATE_MAX, INT32_MIN, INT32_MAX};

    for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
        int fd = leave_one();
        CheckpointSlot slot = {.name = "web", .state = bad[i], .lease_pid = 7};
        write_slot(fd, 0, &slot);
        Checkpoint *checkpoint = take_over(fd);
        assert_int_equal(checkpoint_get(checkpoint, "web")->state, HEALTH_STOPPED);
        assert_int_equal(checkpoint_get(checkpoint, "web")->lease_pid, 7);
        checkpoint_free(checkpoint);
    }
}

/* A bool that is neither is no bool: it must not even be read as one. */
static void test_torn_counter_begins_anew(void **state)
{
    int fd = leave_one();
    CheckpointSlot slot = {.name = "web"};

    for (size_t i = 0; i < CHECKPOINT_CHECKS; i++)
        slot.checks[i] = (CheckpointCheck){.label_hash = i + 1, .counter.failures = 9};
    slot.checks[0].counter.verdict = (Verdict)(VERDICT_EXHAUSTED + 1);
    memset(&slot.checks[1].counter.passed_once, 0x55, 1);
    memset(&slot.checks[2].counter.verdict, 0xff, sizeof(Verdict));
    memset(&slot.record.maintenance, 0x55, 1);
    write_slot(fd, 0, &slot);

    Checkpoint *checkpoint = take_over(fd);
    const CheckpointSlot *got = checkpoint_get(checkpoint, "web");
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(got->checks[i].label_hash, 0);
        assert_int_equal(got->checks[i].counter.failures, 0);
        assert_int_equal(got->checks[i].counter.verdict, VERDICT_UNKNOWN);
        assert_false(got->checks[i].counter.passed_once);
    }
    assert_false(got->record.maintenance);
    assert_int_equal(got->checks[3].label_hash, 4);
    assert_int_equal(got->checks[3].counter.failures, 9);
    checkpoint_free(checkpoint);
}

static void test_name_without_end(void **state)
{
    int fd = leave_one();
    CheckpointSlot slot = {.state = HEALTH_HEALTHY};
    char name[sizeof(slot.name)];

    memset(slot.name, 'a', sizeof(slot.name));
    write_slot(fd, 0, &slot);
    memset(name, 'a', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    Checkpoint *checkpoint = take_over(fd);
    assert_int_equal(checkpoint_get(checkpoint, name)->state, HEALTH_HEALTHY);
    checkpoint_free(checkpoint);
}

static void test_garbage_is_survived(void **state)
{
    int fd = leave_one();
    CheckpointSlot slot;

    for (size_t i = 0; i < 64; i++) {
        for (size_t j = 0; j < sizeof(slot); j++)
            ((unsigned char *)&slot)[j] = (unsigned char)(i * 31 + j * 7 + (j >> 3));
        write_slot(fd, i, &slot);
    }
    set_number(fd, N_SLOTS, 64);
    Checkpoint *checkpoint = take_over(fd);
    CheckpointSlot *web = checkpoint_get(checkpoint, "web");
    assert_non_null(web);
    assert_int_equal(web->state, HEALTH_STOPPED);
    checkpoint_free(checkpoint);
}

static void test_foreign_headers_are_refused(void **state)
{
    size_t before = open_descriptors();
    int fd = leave_one();

    set_number(fd, MAGIC, 1);
    assert_begun_anew(fd);
    fd = leave_one();
    set_number(fd, SLOT_SIZE, sizeof(CheckpointSlot) + 8);
    assert_begun_anew(fd);
    fd = leave_one();
    set_number(fd, N_SLOTS, SLOTS_MAX + 1);
    assert_begun_anew(fd);
    fd = leave_one();
    set_number(fd, N_SLOTS, UINT64_MAX);
    assert_begun_anew(fd);
    assert_int_equal(open_descriptors(), before);
}

/* Reading behind the end of a file that shrinks is a SIGBUS: without seals it is not mapped. */
static void test_memory_that_could_shrink_is_refused(void **state)
{
    struct stat st;
    int fd = leave_one(), open_fd = memfd_create("loose", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CheckpointSlot slot = {.name = "web", .lease_pid = 7};
    uint64_t numbers[N_NUMBERS];

    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(pread(fd, numbers, sizeof(numbers), 0), sizeof(numbers));
    assert_int_equal(ftruncate(open_fd, st.st_size), 0);
    assert_int_equal(pwrite(open_fd, numbers, sizeof(numbers), 0), sizeof(numbers));
    write_slot(open_fd, 0, &slot);
    assert_begun_anew(open_fd);
    close(fd);
}

static void test_what_is_no_memory_is_refused(void **state)
{
    size_t before = open_descriptors();
    int small = memfd_create("small", MFD_CLOEXEC | MFD_ALLOW_SEALING), p[2];

    assert_int_equal(ftruncate(small, 4096), 0);
    assert_begun_anew(small);
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_begun_anew(p[0]);
    close(p[1]);
    assert_begun_anew(open("/dev/null", O_RDWR | O_CLOEXEC));
    assert_begun_anew(open("/dev/null", O_RDONLY | O_CLOEXEC));
    assert_int_equal(open_descriptors(), before);
}

static void test_slots_are_used_again(void **state)
{
    Checkpoint *checkpoint = begin();
    CheckpointSlot *a = checkpoint_get(checkpoint, "a"), *b = checkpoint_get(checkpoint, "b");

    assert_ptr_not_equal(a, b);
    assert_ptr_equal(checkpoint_get(checkpoint, "a"), a);
    a->lease_pid = 5;
    checkpoint_release(checkpoint, a);
    assert_ptr_equal(checkpoint_get(checkpoint, "c"), a);
    assert_int_equal(a->lease_pid, 0);
    assert_string_equal(a->name, "c");
    assert_ptr_not_equal(checkpoint_get(checkpoint, "a"), a);
    checkpoint_release(checkpoint, NULL);
    checkpoint_free(checkpoint);
}

static void test_long_names(void **state)
{
    char name[sizeof(((CheckpointSlot *)0)->name) + 1];
    Checkpoint *checkpoint = begin();

    memset(name, 'x', sizeof(name));
    name[sizeof(name) - 1] = '\0';
    assert_null(checkpoint_get(checkpoint, name));
    name[sizeof(name) - 2] = '\0';
    assert_string_equal(checkpoint_get(checkpoint, name)->name, name);
    checkpoint_free(checkpoint);
}

/* Names that come and go, against a plain list of who has which slot; and at times another
 * supervisor takes over. */
static void test_many_names(void **state)
{
    enum { NAMES = 300 };
    CheckpointSlot *slots[NAMES] = {0};
    Checkpoint *checkpoint = begin();
    uint32_t random = 1;
    char name[32];

    for (unsigned i = 0; i < 20000; i++) {
        random = random * 1664525 + 1013904223;
        unsigned which = (random >> 8) % NAMES;
        snprintf(name, sizeof(name), "service-%u", which);
        if (slots[which] && random >> 30 == 0) {
            checkpoint_release(checkpoint, TAKE_PTR(slots[which]));
            continue;
        }
        CheckpointSlot *slot = checkpoint_get(checkpoint, name);
        assert_string_equal(slot->name, name);
        assert_int_equal(slot->lease_pid, slots[which] ? which + 1 : 0);
        assert_true(!slots[which] || slot == slots[which]);
        slot->lease_pid = (int32_t)which + 1;
        slots[which] = slot;
        if (i % 5000 == 4999) {
            int fd = stored();
            checkpoint_free(checkpoint);
            checkpoint = take_over(fd);
            for (unsigned j = 0; j < NAMES; j++) {
                snprintf(name, sizeof(name), "service-%u", j);
                if (slots[j])
                    slots[j] = checkpoint_get(checkpoint, name);
                assert_true(!slots[j] || slots[j]->lease_pid == (int32_t)j + 1);
            }
        }
    }
    checkpoint_free(checkpoint);
}

/* Only a broken memory has a name twice: it must not be given to two services. */
static void test_a_name_twice(void **state)
{
    int fd = leave_one();
    CheckpointSlot slot = {.name = "web", .lease_pid = 7};

    write_slot(fd, 1, &slot);
    set_number(fd, N_SLOTS, 2);
    Checkpoint *checkpoint = take_over(fd);
    CheckpointSlot *web = checkpoint_get(checkpoint, "web");
    assert_int_equal(web->lease_pid, 4711);
    CheckpointSlot *db = checkpoint_get(checkpoint, "db");
    assert_ptr_equal(db, web + 1);
    assert_int_equal(db->lease_pid, 0);
    checkpoint_free(checkpoint);
}

static void test_full(void **state)
{
    Checkpoint *checkpoint = begin();
    char name[32];

    for (size_t i = 0; i < SLOTS_MAX; i++) {
        snprintf(name, sizeof(name), "s%zu", i);
        assert_non_null(checkpoint_get(checkpoint, name));
    }
    assert_null(checkpoint_get(checkpoint, "one-more"));
    assert_non_null(checkpoint_get(checkpoint, "s19999"));
    checkpoint_release(checkpoint, checkpoint_get(checkpoint, "s777"));
    assert_string_equal(checkpoint_get(checkpoint, "one-more")->name, "one-more");
    assert_null(checkpoint_get(checkpoint, "s777"));
    checkpoint_free(checkpoint);
}

static void test_free_takes_nothing(void **state)
{
    assert_null(checkpoint_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_survives),
        cmocka_unit_test(test_survives_again_and_again),
        cmocka_unit_test(test_demand_survives),
        cmocka_unit_test(test_torn_state_is_stopped),
        cmocka_unit_test(test_torn_counter_begins_anew),
        cmocka_unit_test(test_name_without_end),
        cmocka_unit_test(test_garbage_is_survived),
        cmocka_unit_test(test_foreign_headers_are_refused),
        cmocka_unit_test(test_memory_that_could_shrink_is_refused),
        cmocka_unit_test(test_what_is_no_memory_is_refused),
        cmocka_unit_test(test_slots_are_used_again),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_a_name_twice),
        cmocka_unit_test(test_full),
        cmocka_unit_test(test_free_takes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
