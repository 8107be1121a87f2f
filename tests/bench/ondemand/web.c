/* SPDX-License-Identifier: MIT */
/*
 * web [--port N | --unix PATH]: the service that the benchmark starts on demand; without an option
 * it takes the sockets of $LISTEN_FDS. It answers each request with two numbers, when it was
 * started and when it listened (CLOCK_MONOTONIC, microseconds), and keeps the connection if the
 * client does. One thread and nothing else, linked statically, so that what is measured is the way
 * to it. $LISTEN_PID is not looked at: in a container it is another process's.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define EVENTS          64
#define REQUEST_MAX     4096
#define LISTEN_FD_FIRST 3
#define BACKLOG         4096

static char answer[256];
static size_t answer_size;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_usec(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void listen_at(int fd, const struct sockaddr *address, socklen_t size)
{
    if (fd < 0 || bind(fd, address, size) < 0 || listen(fd, BACKLOG) < 0)
        die("listen");
}

static int listen_port(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)strtoul(port, NULL, 10))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    listen_at(fd, (struct sockaddr *)&address, sizeof(address));
    return fd;
}

static int listen_unix(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(address.sun_path)) {
        fprintf(stderr, "%s: too long\n", path);
        exit(2);
    }
    strcpy(address.sun_path, path);
    unlink(path);
    umask(0);
    listen_at(fd, (struct sockaddr *)&address, sizeof(address));
    return fd;
}

/* What is watched is told apart by the lowest bit: a listener has it, a connection has not. */
static void watch(int epoll, int fd, uint64_t data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static void watch_listener(int epoll, int fd)
{
    watch(epoll, fd, (uint64_t)(unsigned)fd << 1 | 1);
}

/* One at a time: an inherited socket may block. */
static void take_connection(int epoll, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0)
        watch(epoll, fd, (uint64_t)(unsigned)fd << 1);
}

/* A request comes in one piece, as the clients here send it. */
static void answer_connection(int fd)
{
    char request[REQUEST_MAX];
    ssize_t n = recv(fd, request, sizeof(request) - 1, 0);

    if (n > 0) {
        request[n] = '\0';
        if (send(fd, answer, answer_size, MSG_NOSIGNAL) == (ssize_t)answer_size &&
            !strstr(request, "Connection: close"))
            return;
    }
    close(fd);
}

static void listen_everywhere(int epoll, int argc, char *argv[])
{
    const char *inherited = getenv("LISTEN_FDS");

    if (argc == 3 && strcmp(argv[1], "--port") == 0)
        watch_listener(epoll, listen_port(argv[2]));
    else if (argc == 3 && strcmp(argv[1], "--unix") == 0)
        watch_listener(epoll, listen_unix(argv[2]));
    else if (argc == 1 && inherited)
        for (long i = 0; i < strtol(inherited, NULL, 10); i++)
            watch_listener(epoll, LISTEN_FD_FIRST + (int)i);
    else
        exit(2);
}

/* As PID 1 of a container it would not be ended by the signal alone. */
static void leave(int number)
{
    (void)number;
    _exit(0);
}

int main(int argc, char *argv[])
{
    uint64_t started_usec = now_usec();
    struct epoll_event events[EVENTS];
    char body[64];
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    signal(SIGTERM, leave);
    listen_everywhere(epoll, argc, argv);
    int n_body =
        snprintf(body, sizeof(body), "%ju %ju\n", (uintmax_t)started_usec, (uintmax_t)now_usec());
    answer_size = (size_t)snprintf(answer, sizeof(answer),
                                   "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n_body, body);
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.u64 & 1)
                take_connection(epoll, (int)(events[i].data.u64 >> 1));
            else
                answer_connection((int)(events[i].data.u64 >> 1));
        }
    }
}
