/* SPDX-License-Identifier: MIT */

/* Tests of running a program: what it says, how it ends, and that nothing of it stays. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/macros.h"
#include "base/process.h"

#define LIMIT_USEC  (60 * USEC_PER_SEC)
#define LIMIT_BYTES ((size_t)1024 * 1024)

typedef struct Result {
    int status;
    char *out, *err;
} Result;

static void result_done(Result *result)
{
    free(result->out);
    free(result->err);
}

#define _cleanup_result_ _cleanup_(result_done)

static Result shell(const char *script, const char *input, uint64_t timeout_usec, size_t max)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)script, NULL};
    Result result = {0};

    result.status = process_run(argv, NULL, input, timeout_usec, max, &result.out, &result.err);
    /* No child is left, whatever the outcome. */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return result;
}

static void test_output(void **state)
{
    _cleanup_result_ Result r =
        shell("echo out; echo err >&2; exit 3", NULL, LIMIT_USEC, LIMIT_BYTES);

    assert_int_equal(r.status, 3);
    assert_string_equal(r.out, "out\n");
    assert_string_equal(r.err, "err\n");
}

static void test_silence(void **state)
{
    _cleanup_result_ Result r = shell(":", NULL, USEC_INFINITY, 0);

    assert_int_equal(r.status, 0);
    assert_string_equal(r.out, "");
    assert_string_equal(r.err, "");
}

static void test_input(void **state)
{
    _cleanup_result_ Result r = shell("cat", "line 1\nline 2", LIMIT_USEC, LIMIT_BYTES);
    _cleanup_result_ Result none = shell("cat", NULL, LIMIT_USEC, LIMIT_BYTES);
    _cleanup_result_ Result unread = shell("exit 0", "nobody reads this", LIMIT_USEC, LIMIT_BYTES);

    assert_int_equal(r.status, 0);
    assert_string_equal(r.out, "line 1\nline 2");
    assert_string_equal(none.out, "");
    assert_int_equal(unread.status, 0);
}

static void test_much_on_both_streams(void **state)
{
    _cleanup_result_ Result r = shell("i=0; while [ $i -lt 4000 ]; do"
                                      " echo 0123456789012345678901234567890123456789;"
                                      " echo 0123456789012345678901234567890123456789 >&2;"
                                      " i=$((i+1)); done",
                                      NULL, LIMIT_USEC, LIMIT_BYTES);

    assert_int_equal(r.status, 0);
    assert_int_equal(strlen(r.out), 4000 * 41);
    assert_int_equal(strlen(r.err), 4000 * 41);
}

static void test_signal(void **state)
{
    _cleanup_result_ Result r = shell("kill -TERM $$", NULL, LIMIT_USEC, LIMIT_BYTES);

    assert_int_equal(r.status, 128 + SIGTERM);
}

static void test_signals_are_default(void **state)
{
    Result r;
    sigset_t set, old;

    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, &old);
    r = shell("kill -TERM $$; exit 1", NULL, LIMIT_USEC, LIMIT_BYTES);
    assert_int_equal(r.status, 128 + SIGTERM);
    result_done(&r);
    r = shell("kill -PIPE $$; exit 1", NULL, LIMIT_USEC, LIMIT_BYTES);
    assert_int_equal(r.status, 128 + SIGPIPE);
    result_done(&r);
    sigprocmask(SIG_SETMASK, &old, NULL);
    signal(SIGPIPE, SIG_DFL);
}

static void test_timeout(void **state)
{
    _cleanup_result_ Result r =
        shell("trap '' TERM; echo x; sleep 100; sleep 100", NULL, 100 * USEC_PER_MSEC, LIMIT_BYTES);

    assert_int_equal(r.status, -ETIMEDOUT);
    assert_null(r.out);
    assert_null(r.err);
}

static void test_too_much_output(void **state)
{
    _cleanup_result_ Result out = shell("while :; do echo y; done", NULL, LIMIT_USEC, 1000);
    _cleanup_result_ Result err = shell("while :; do echo y >&2; done", NULL, LIMIT_USEC, 1000);
    _cleanup_result_ Result exact = shell("printf 12345", NULL, LIMIT_USEC, 5);
    _cleanup_result_ Result over = shell("printf 12345", NULL, LIMIT_USEC, 4);

    assert_int_equal(out.status, -EFBIG);
    assert_int_equal(err.status, -EFBIG);
    assert_int_equal(exact.status, 0);
    assert_string_equal(exact.out, "12345");
    assert_int_equal(over.status, -EFBIG);
}

static void test_background_helper_is_not_waited_for(void **state)
{
    time_t start = time(NULL);
    _cleanup_result_ Result r = shell("sleep 30 & echo done", NULL, LIMIT_USEC, LIMIT_BYTES);

    assert_int_equal(r.status, 0);
    assert_string_equal(r.out, "done\n");
    assert_true(time(NULL) - start < 20);
}

static void test_not_executable(void **state)
{
    char *const missing[] = {(char *)"/nonexistent/program", NULL};
    char *const unknown[] = {(char *)"phoenix-no-such-program", NULL};
    char *const folder[] = {(char *)"/etc", NULL};
    char *out = NULL;

    assert_int_equal(process_run(missing, NULL, NULL, LIMIT_USEC, 10, &out, NULL), -ENOENT);
    assert_int_equal(process_run(unknown, NULL, NULL, LIMIT_USEC, 10, &out, NULL), -ENOENT);
    assert_int_equal(process_run(folder, NULL, NULL, LIMIT_USEC, 10, &out, NULL), -EACCES);
    assert_null(out);
}

static void test_environment(void **state)
{
    char *const argv[] = {(char *)"/usr/bin/env", NULL};
    char *const envp[] = {(char *)"A=1", (char *)"B=x y", NULL};
    _cleanup_free_ char *out = NULL;

    assert_int_equal(process_run(argv, envp, NULL, LIMIT_USEC, LIMIT_BYTES, &out, NULL), 0);
    assert_string_equal(out, "A=1\nB=x y\n");
}

static void test_unwanted_streams(void **state)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"echo o; echo e >&2", NULL};
    _cleanup_free_ char *err = NULL;

    assert_int_equal(process_run(argv, NULL, NULL, LIMIT_USEC, 2, NULL, &err), 0);
    assert_string_equal(err, "e\n");
    assert_int_equal(process_run(argv, NULL, NULL, LIMIT_USEC, 0, NULL, NULL), 0);
}

/* With 0, 1 and 2 free, pipes land on the very numbers that the child needs. */
static void test_closed_stdio(void **state)
{
    int saved[3];
    Result r;

    for (int i = 0; i < 3; i++)
        saved[i] = dup(i);
    for (int i = 0; i < 3; i++)
        close(i);
    r = shell("cat; echo err >&2", "in", LIMIT_USEC, LIMIT_BYTES);
    for (int i = 0; i < 3; i++) {
        dup2(saved[i], i);
        close(saved[i]);
    }
    assert_int_equal(r.status, 0);
    assert_string_equal(r.out, "in");
    assert_string_equal(r.err, "err\n");
    result_done(&r);
}

/* Our open descriptors, or those of them above 2 that a child inherits. */
static unsigned count_fds(bool inherited)
{
    unsigned n = 0;

    for (int fd = 0; fd < 1024; fd++) {
        int flags = fcntl(fd, F_GETFD);

        if (flags >= 0 && !(inherited && (fd <= STDERR_FILENO || flags & FD_CLOEXEC)))
            n++;
    }
    return n;
}

static void test_no_descriptor_leaks(void **state)
{
    unsigned before = count_fds(false), inherited = count_fds(true);
    _cleanup_result_ Result good = shell("ls /proc/self/fd | wc -l", "in", LIMIT_USEC, LIMIT_BYTES);
    _cleanup_result_ Result slow = shell("sleep 100", "in", 10 * USEC_PER_MSEC, LIMIT_BYTES);
    _cleanup_result_ Result over = shell("echo 12345", NULL, LIMIT_USEC, 2);

    assert_int_equal(count_fds(false), before);
    assert_int_equal(slow.status, -ETIMEDOUT);
    assert_int_equal(over.status, -EFBIG);
    /* 0, 1, 2 and the folder itself: nothing of ours reaches the child. */
    assert_int_equal(strtoul(good.out, NULL, 10), 4 + inherited);
}

/* What a program tells through a FIFO of that name cancels it. */
static int run_cancelled(const char *name, const char *script, uint64_t grace_usec)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)script, (char *)name, NULL};
    _cleanup_close_ int fd = -1;
    char *out = NULL;
    int r;

    assert_int_equal(mkfifo(name, 0600), 0);
    fd = open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    assert_true(fd >= 0);
    r = process_run_until(fd, argv, USEC_INFINITY, grace_usec, LIMIT_BYTES, &out, NULL);
    assert_null(out);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return r;
}

static void test_cancelled(void **state)
{
    char folder[] = "/tmp/test-process-XXXXXX", fifo[64], tidied[64];

    assert_non_null(mkdtemp(folder));
    assert_true(snprintf(fifo, sizeof(fifo), "%s/fifo", folder) > 0);
    assert_true(snprintf(tidied, sizeof(tidied), "%s/fifo.tidied", folder) > 0);

    assert_int_equal(run_cancelled(fifo, "echo now >$0; sleep 1000", 0), -ECANCELED);
    assert_int_equal(unlink(fifo), 0);

    /* It may tidy up, and say much meanwhile. */
    assert_int_equal(run_cancelled(fifo,
                                   "trap 'seq 100000; echo >$0.tidied; exit' TERM; echo now >$0;"
                                   " while :; do sleep 0.01; done",
                                   LIMIT_USEC),
                     -ECANCELED);
    assert_int_equal(unlink(fifo), 0);
    assert_int_equal(unlink(tidied), 0);

    /* But not for ever. */
    assert_int_equal(run_cancelled(fifo, "trap '' TERM; echo now >$0; sleep 1000; sleep 1000",
                                   100 * USEC_PER_MSEC),
                     -ECANCELED);
    assert_int_equal(unlink(fifo), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_timeout_of_what_may_tidy_up(void **state)
{
    char *const argv[] = {(char *)"sh", (char *)"-c", (char *)"trap '' TERM; sleep 100; sleep 100",
                          NULL};
    char *out = NULL;

    assert_int_equal(process_run_until(-1, argv, 100 * USEC_PER_MSEC, 100 * USEC_PER_MSEC,
                                       LIMIT_BYTES, &out, NULL),
                     -ETIMEDOUT);
    assert_null(out);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_input),
        cmocka_unit_test(test_much_on_both_streams),
        cmocka_unit_test(test_signal),
        cmocka_unit_test(test_signals_are_default),
        cmocka_unit_test(test_timeout),
        cmocka_unit_test(test_too_much_output),
        cmocka_unit_test(test_background_helper_is_not_waited_for),
        cmocka_unit_test(test_not_executable),
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_unwanted_streams),
        cmocka_unit_test(test_closed_stdio),
        cmocka_unit_test(test_cancelled),
        cmocka_unit_test(test_timeout_of_what_may_tidy_up),
        cmocka_unit_test(test_no_descriptor_leaks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
