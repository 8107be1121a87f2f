/* SPDX-License-Identifier: MIT */

/* Files, time and processes, for tests that have no other program around. */

#include <fcntl.h>
#include <inttypes.h>
#include <time.h>
#include <sys/wait.h>

#include "guest.h"

void test_fail(const char *file, int line, const char *what)
{
    printf("# %s:%d: does not hold: %s (%s)\n", file, line, what, strerror(errno));
    fflush(stdout);
    _exit(1);
}

void test_fail_numbers(const char *file, int line, const char *what, int64_t a, int64_t b)
{
    printf("# %s:%d: does not hold: %s: %" PRId64 ", %" PRId64 "\n", file, line, what, a, b);
    fflush(stdout);
    _exit(1);
}

void test_fail_strings(const char *file, int line, const char *what, const char *a, const char *b)
{
    printf("# %s:%d: %s is \"%s\", not \"%s\"\n", file, line, what, a ? a : "(null)",
           b ? b : "(null)");
    fflush(stdout);
    _exit(1);
}

unsigned setting(const char *name, unsigned otherwise)
{
    const char *value = getenv(name);

    return value ? (unsigned)strtoul(value, NULL, 10) : otherwise;
}

char *file_text(const char *path, size_t *ret_size)
{
    size_t size = 0, room = 65536;
    char *text = malloc(room);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    if (fd < 0)
        printf("# %s\n", path);
    REQUIRE(fd >= 0 && text);
    while ((n = read(fd, text + size, room - size - 1)) > 0) {
        size += (size_t)n;
        if (size + 1 < room)
            continue;
        room *= 2;
        text = realloc(text, room);
        REQUIRE(text);
    }
    REQUIRE(n == 0);
    close(fd);
    text[size] = '\0';
    if (ret_size)
        *ret_size = size;
    return text;
}

void file_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    bool written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (!written)
        printf("# writing \"%s\" to %s\n", text, path);
    REQUIRE(written);
    close(fd);
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

uint64_t file_value(const char *path, const char *key)
{
    char *text = file_text(path, NULL), *saved = NULL;
    uint64_t value;

    for (char *line = strtok_r(text, "\n", &saved); line; line = strtok_r(NULL, "\n", &saved))
        if (strncmp(line, key, strlen(key)) == 0 && line[strlen(key)] == ' ') {
            value = strtoull(line + strlen(key), NULL, 10);
            free(text);
            return value;
        }
    printf("# no %s in %s\n", key, path);
    test_fail(__FILE__, __LINE__, "the key is there");
}

uint64_t now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void sleep_msec(unsigned msec)
{
    nanosleep(&(struct timespec){.tv_sec = msec / 1000, .tv_nsec = (long)(msec % 1000) * 1000000},
              NULL);
}

int in_child(int (*function)(void *argument), void *argument)
{
    pid_t pid;
    int status;

    fflush(stdout);
    pid = fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        int r = function(argument);

        fflush(stdout);
        _exit(r);
    }
    REQUIRE(waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}
