/* SPDX-License-Identifier: MIT */
/*
 * For the tests of notify-queue.h: a queue in a folder of its own, with a clock of the test's own,
 * and short words for what is done with it. They include <cmocka.h> before it.
 */
#pragma once

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/macros.h"
#include "supervisor/daemon/notify/notify-queue.h"

#define T0   (1000 * USEC_PER_SEC)
#define REAL UINT64_C(1700000000000000)

typedef struct Fixture {
    char base[64], folder[80];
    NotifyQueue *queue;
    NotifyRules rules;
    uint64_t now, realtime;
} Fixture;

static inline void open_queue(Fixture *f)
{
    assert_int_equal(notify_queue_new(f->folder, &f->rules, &f->queue), 0);
}

/* What a kill -9 leaves: nothing in memory, everything on disk as it is. */
static inline void reopen(Fixture *f)
{
    f->queue = notify_queue_free(f->queue);
    open_queue(f);
}

static inline int setup(void **state)
{
    Fixture *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    strcpy(f->base, "/tmp/test-notify-queue-XXXXXX");
    assert_non_null(mkdtemp(f->base));
    snprintf(f->folder, sizeof(f->folder), "%s/state/notify", f->base);
    f->rules = notify_rules;
    f->now = T0;
    f->realtime = REAL;
    open_queue(f);
    *state = f;
    return 0;
}

static inline int teardown(void **state)
{
    Fixture *f = *state;

    notify_queue_free(f->queue);
    dir_remove_tree(f->base);
    free(f);
    return 0;
}

static inline void add(Fixture *f, const char *service, NotifyKind kind, bool url, bool exec)
{
    Notification *n;

    f->realtime++;
    assert_int_equal(notification_new(service, kind, f->realtime,
                                      json_pack("{s:s}", "reason", "it is broken"), &n),
                     0);
    n->to[NOTIFY_TO_URL].wanted = url;
    n->to[NOTIFY_TO_EXEC].wanted = exec;
    notify_queue_add(f->queue, n);
}

static inline Notification *next(Fixture *f, uint64_t *ret_due)
{
    NotifyTarget target;
    uint64_t due = 0;
    Notification *n = notify_queue_next(f->queue, f->now, &target, &due);

    if (n)
        assert_int_equal(target, NOTIFY_TO_URL);
    if (ret_due)
        *ret_due = due;
    return n;
}

static inline bool done(Fixture *f, Notification *n, NotifyTarget target, NotifyVerdict verdict)
{
    return notify_queue_done(f->queue, n, target,
                             &(NotifyResult){.verdict = verdict,
                                             .now_usec = f->now,
                                             .realtime_usec = f->realtime,
                                             .random = USEC_PER_SEC / 10});
}

static inline NotifyQueueState state_of(Fixture *f)
{
    NotifyQueueState state;

    notify_queue_state(f->queue, &state);
    return state;
}

/* Files of this ending. */
static inline size_t n_files(Fixture *f, const char *suffix)
{
    _cleanup_closedir_ DIR *dir = opendir(f->folder);
    struct dirent *de;
    size_t n = 0;

    assert_non_null(dir);
    while ((de = readdir(dir))) {
        size_t length = strlen(de->d_name);

        if (length >= strlen(suffix) && streq(de->d_name + length - strlen(suffix), suffix) &&
            !streq(de->d_name, ".") && !streq(de->d_name, ".."))
            n++;
    }
    return n;
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
