/* SPDX-License-Identifier: MIT */

/* phoenix-once: its rules as functions, and the program itself (the first argument) in a state
 * directory of its own. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "once.h"
#include "stamp.h"

struct fixture {
    const char *program;
    char folder[64];
    char output[4096]; /* what the last run said on stderr */
};

static int setup(void **state)
{
    struct fixture *f = *state;

    strcpy(f->folder, "/tmp/phoenix-test-once-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    assert_int_equal(setenv("STATE_DIRECTORY", f->folder, 1), 0);
    assert_int_equal(chdir(f->folder), 0);
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char command[128];

    assert_int_equal(chdir("/"), 0);
    snprintf(command, sizeof(command), "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
    return 0;
}

static pid_t start(const struct fixture *f, int error_fd, char *const args[])
{
    char *argv[16] = {"phoenix-once"};

    for (size_t i = 0; args[i]; i++)
        argv[i + 1] = args[i];
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(error_fd, STDERR_FILENO);
        execv(f->program, argv);
        _exit(99);
    }
    return pid;
}

static int finish(pid_t pid)
{
    int status;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int run(struct fixture *f, char *const args[])
{
    int fds[2];
    size_t length = 0;
    ssize_t n;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = start(f, fds[1], args);
    close(fds[1]);
    while ((n = read(fds[0], f->output + length, sizeof(f->output) - 1 - length)) > 0)
        length += (size_t)n;
    f->output[length] = '\0';
    close(fds[0]);
    return finish(pid);
}

#define RUN(f, ...) run((f), (char *[]){__VA_ARGS__, NULL})

static off_t size_of(const char *name)
{
    struct stat st;

    return stat(name, &st) < 0 ? -1 : st.st_size;
}

static void test_names(void **state)
{
    assert_true(once_name_is_valid("migrate-2.0_b"));
    assert_true(
        once_name_is_valid("a234567890123456789012345678901234567890123456789012345678901234"));
    assert_false(
        once_name_is_valid("a2345678901234567890123456789012345678901234567890123456789012345"));
    assert_false(once_name_is_valid(""));
    assert_false(once_name_is_valid("../x"));
    assert_false(once_name_is_valid("a b"));
    assert_false(once_name_is_valid("a\n"));
    assert_false(once_name_is_valid("\xc3\xa4"));
}

static void test_directory(void **state)
{
    char path[16];

    assert_int_equal(once_state_directory("/a/b:/c", path, sizeof(path)), 0);
    assert_string_equal(path, "/a/b");
    assert_int_equal(once_state_directory(NULL, path, sizeof(path)), -ENOENT);
    assert_int_equal(once_state_directory("", path, sizeof(path)), -ENOENT);
    assert_int_equal(once_state_directory(":/a", path, sizeof(path)), -ENOENT);
    assert_int_equal(once_state_directory("a", path, sizeof(path)), -EINVAL);
    assert_int_equal(once_state_directory("/123456789012345", path, sizeof(path)), -ENAMETOOLONG);
}

static void test_stamp_text(void **state)
{
    char *argv[] = {"/bin/x", "a \"b\"\n", "", "\\", NULL};
    char date[32];

    char *text = once_stamp_text(1700000000, argv);
    assert_string_equal(
        text, "date=2023-11-14T22:13:20Z\nargv=\"/bin/x\" \"a \\\"b\\\"\\x0a\" \"\" \"\\\\\"\n");
    assert_true(once_stamp_date(text, date, sizeof(date)));
    assert_string_equal(date, "2023-11-14T22:13:20Z");
    free(text);

    assert_false(once_stamp_date("", date, sizeof(date)));
    assert_false(once_stamp_date("date=", date, sizeof(date)));
    assert_false(once_stamp_date("date=\x1b[31m\n", date, sizeof(date)));
    assert_false(once_stamp_date("date=2023", date, sizeof(date)));
    assert_false(once_stamp_date("date=00000000000000000000000000000000000\n", date, sizeof(date)));
}

static void test_runs_once(void **state)
{
    struct fixture *f = *state;
    char text[256];

    assert_int_equal(RUN(f, "--name", "x", "--", "sh", "-c", "echo run >> log"), 0);
    assert_string_equal(f->output, "");
    assert_int_equal(RUN(f, "--name", "x", "--", "sh", "-c", "echo run >> log"), 0);
    assert_non_null(strstr(f->output, "<7>once: x ran on 20"));
    assert_int_equal(size_of("log"), 4);
    assert_int_equal(size_of(".once-x.tmp"), -1);

    int directory = stamp_open_directory(f->folder);
    assert_int_equal(stamp_read(directory, "x", text, sizeof(text)), 1);
    assert_non_null(strstr(text, "\nargv=\"sh\" \"-c\" \"echo run >> log\"\n"));
    assert_int_equal(stamp_read(directory, "y", text, sizeof(text)), 0);
    close(directory);

    /* Another hook is another matter; so is a stamp that somebody made by hand. */
    assert_int_equal(RUN(f, "--name", "y", "--", "sh", "-c", "echo run >> log"), 0);
    assert_int_equal(size_of("log"), 8);
    close(open("once-z", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    assert_int_equal(RUN(f, "--name", "z", "--", "sh", "-c", "echo run >> log"), 0);
    assert_int_equal(size_of("log"), 8);
}

static void test_failure_is_tried_again(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(RUN(f, "--name", "x", "--", "sh", "-c", "exit 7"), 7);
    assert_non_null(strstr(f->output, "<4>once: x: sh ended with 7"));
    assert_int_equal(size_of("once-x"), -1);
    assert_int_equal(RUN(f, "--name", "x", "--", "sh", "-c", "kill -9 $$"), 128 + SIGKILL);
    assert_non_null(strstr(f->output, "signal 9"));
    assert_int_equal(size_of("once-x"), -1);
    assert_int_equal(RUN(f, "--name", "x", "--", "true"), 0);
    assert_true(size_of("once-x") > 0);
}

static void test_errors(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(RUN(f, "--name", "x", "--", "/no/such/command"), 127);
    assert_non_null(strstr(f->output, "<3>once: x: cannot run /no/such/command: No such file"));
    assert_int_equal(RUN(f, "--name", "x", "--", "/etc/passwd"), 126);
    assert_int_equal(RUN(f, "--name", "../x", "--", "true"), 125);
    assert_non_null(strstr(f->output, "--name ../x"));
    assert_int_equal(RUN(f, "--name", "x"), 125);
    assert_non_null(strstr(f->output, "no command"));
    assert_int_equal(RUN(f, "true"), 125);
    assert_int_equal(RUN(f, "--nonsense"), 125);
    assert_int_equal(size_of("once-x"), -1);

    setenv("STATE_DIRECTORY", "/no/such/directory", 1);
    assert_int_equal(RUN(f, "--name", "x", "--", "true"), 125);
    assert_non_null(strstr(f->output, "/no/such/directory: No such file"));
    unsetenv("STATE_DIRECTORY");
    assert_int_equal(RUN(f, "--name", "x", "--", "true"), 125);
    assert_non_null(strstr(f->output, "STATE_DIRECTORY is not set"));
}

/* Two starts at a time: the first is held in its command by a fifo, the second must not begin
 * before it is done. */
static void test_two_at_a_time(void **state)
{
    struct fixture *f = *state;
    char *args[] = {
        "--name", "x", "--", "sh", "-c", "echo run >> log; echo > begun; read line < go", NULL};
    char byte;

    assert_int_equal(mkfifo("begun", 0600), 0);
    assert_int_equal(mkfifo("go", 0600), 0);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pid_t first = start(f, null, args);
    int begun = open("begun", O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(begun, &byte, 1), 1);
    /* The lock is really held while the command runs; the second start can only wait for it. */
    int lock = open(".once-x.lock", O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), -1);
    assert_int_equal(errno, EWOULDBLOCK);
    close(lock);
    pid_t second = start(f, null, args);
    assert_int_equal(size_of("log"), 4);
    int go = open("go", O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(go, "\n", 1), 1);
    close(go);
    assert_int_equal(finish(first), 0);
    assert_int_equal(finish(second), 0);
    assert_int_equal(size_of("log"), 4);
    close(begun);
    close(null);
}

static void test_signal_is_handed_on(void **state)
{
    struct fixture *f = *state;
    char *args[] = {
        "--name", "x",  "--",
        "sh",     "-c", "trap 'exit 33' TERM; echo > begun; while :; do read line < never; done",
        NULL};
    char byte;

    assert_int_equal(mkfifo("begun", 0600), 0);
    assert_int_equal(mkfifo("never", 0600), 0);
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    pid_t pid = start(f, null, args);
    int begun = open("begun", O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(begun, &byte, 1), 1);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(finish(pid), 33);
    assert_int_equal(size_of("once-x"), -1);
    close(begun);
    close(null);
}

/* A command that leaves a daemon behind must not leave the lock with it. */
static void test_lock_is_not_inherited(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(mkfifo("hold", 0600), 0);
    int hold = open("hold", O_RDWR | O_CLOEXEC);
    assert_int_equal(
        RUN(f, "--name", "x", "--", "sh", "-c", "(read line < hold) >&- 2>&- & exit 3"), 3);
    assert_int_equal(RUN(f, "--name", "x", "--", "true"), 0);
    assert_int_equal(write(hold, "\n", 1), 1);
    close(hold);
}

int main(int argc, char *argv[])
{
    struct fixture fixture = {};
    char program[4096];

    if (argc < 2 || !realpath(argv[1], program)) {
        fprintf(stderr, "usage: test-once PHOENIX-ONCE\n");
        return 1;
    }
    fixture.program = program;
#define WITH_FOLDER(test)                                                                          \
    {                                                                                              \
#test, test, setup, teardown, &fixture                                                     \
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_directory),
        cmocka_unit_test(test_stamp_text),
        WITH_FOLDER(test_runs_once),
        WITH_FOLDER(test_failure_is_tried_again),
        WITH_FOLDER(test_errors),
        WITH_FOLDER(test_two_at_a_time),
        WITH_FOLDER(test_signal_is_handed_on),
        WITH_FOLDER(test_lock_is_not_inherited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
