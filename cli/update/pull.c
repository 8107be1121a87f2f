/* SPDX-License-Identifier: MIT */

/* The process that pulls and moves the tag back, and what is heard of it. */

#include "cli/update/pull.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"
#include "cli/update/podman.h"

/* An ID, or what Podman said. */
#define ANSWER_MAX 4096

typedef struct Pull {
    const char *reference, *keep, *name;
} Pull;

/* ---- in the process ---- */

/* One write, of less than a pipe takes at once: the reader gets all of it or nothing. */
static void answer(int fd, int result, const char *text)
{
    _cleanup_text_ Text t = {0};

    text_add_n(&t, (const char *)&result, sizeof(result));
    text_add(&t, text ? text : "");
    if (t.error >= 0)
        (void)!write(fd, t.data, MIN(t.size, (size_t)ANSWER_MAX));
}

/* Also after a pull that failed: it may have come to the end of its work and not of its life. */
static int work(const Pull *pull, int alive_fd, char **ret_id, char **ret_why)
{
    _cleanup_free_ char *why = NULL;
    int r, q = 0;

    r = podman_pull(pull->reference, alive_fd, ret_id, ret_why);
    if (pull->keep)
        q = podman_tag(pull->keep, pull->name, &why);
    if (r < 0 || q >= 0)
        return r;
    *ret_why = text_printf("%s names the new image, and cannot be moved back: %s", pull->name,
                           q == -ENOENT ? "the old one is gone"
                           : why        ? why
                                        : strerror(-q));
    return -EIO;
}

/* What is sent to the command, and to the terminal, is for the command to act on. */
_Noreturn static void child(const Pull *pull, int alive_fd, int answer_fd)
{
    _cleanup_free_ char *id = NULL, *why = NULL;
    int r;

    (void)setsid();
    (void)signal(SIGINT, SIG_IGN);
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(SIGHUP, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    r = work(pull, alive_fd, &id, &why);
    answer(answer_fd, r, r < 0 ? why : id);
    _exit(EXIT_SUCCESS);
}

/* ---- in the command ---- */

static int take_answer(const char *data, size_t size, char **ret_id, char **ret_why)
{
    int result;

    if (size < sizeof(result)) {
        *ret_why = strdup("it was ended before it was done");
        return -EIO;
    }
    memcpy(&result, data, sizeof(result));
    char *text = strndup(data + sizeof(result), size - sizeof(result));
    if (!text)
        return -ENOMEM;
    if (result >= 0) {
        *ret_id = text;
        return 0;
    }
    *ret_why = pull_reason(text);
    free(text);
    return result;
}

static int hear(int fd, pid_t pid, char **ret_id, char **ret_why)
{
    char data[ANSWER_MAX];
    size_t size = 0;
    ssize_t n;

    do {
        n = read(fd, data + size, sizeof(data) - size);
        size += (size_t)MAX(n, (ssize_t)0);
    } while ((n > 0 && size < sizeof(data)) || (n < 0 && errno == EINTR));
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    return take_answer(data, size, ret_id, ret_why);
}

int pull_image(const char *reference, const char *keep, const char *name, char **ret_id,
               char **ret_why)
{
    const Pull pull = {reference, keep, name};
    int alive[2], answers[2];
    pid_t pid;

    assert(!keep || name);
    if (pipe2(alive, O_CLOEXEC) < 0)
        return -errno;
    if (pipe2(answers, O_CLOEXEC) < 0) {
        int r = -errno;
        close(alive[0]);
        close(alive[1]);
        return r;
    }
    pid = fork();
    if (pid == 0) {
        close(alive[1]);
        close(answers[0]);
        child(&pull, alive[0], answers[1]);
    }
    int r = pid < 0 ? -errno : 0;
    close(alive[0]);
    close(answers[1]);
    if (pid > 0)
        r = hear(answers[0], pid, ret_id, ret_why);
    close(answers[0]);
    close(alive[1]);
    return r;
}
