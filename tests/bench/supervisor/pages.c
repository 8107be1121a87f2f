/* SPDX-License-Identifier: MIT */
/*
 * pages BASE COUNT: the other side of the checks that the benchmark makes. One process answers on
 * COUNT ports of 127.0.0.1 from BASE, each request with 200 and a short page, so that thousands of
 * services need no thousands of servers. It counts what it was asked: "GET /count" gives the
 * number of connections so far, without itself. A connection is closed by us after the answer, and
 * a client that only connects (a tcp check) counts too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS      64
#define REQUEST_MAX 2048

static uint64_t n_connections;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_on(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        die("bind");
    if (listen(fd, 4096) < 0)
        die("listen");
    return fd;
}

/* What is watched is told apart by the lowest bit: a listener has it, a connection has not. */
static void watch(int epoll, int fd, uint64_t data)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("epoll_ctl");
}

static void take_connections(int epoll, int listener)
{
    int fd;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        n_connections++;
        watch(epoll, fd, (uint64_t)fd << 1);
    }
    if (errno != EAGAIN && errno != ECONNABORTED && errno != EMFILE)
        die("accept");
}

static void answer(int fd)
{
    char request[REQUEST_MAX + 1], page[32] = "ok\n", text[160];
    ssize_t n = recv(fd, request, REQUEST_MAX, 0);

    if (n > 0) {
        request[n] = '\0';
        if (strncmp(request, "GET /count", strlen("GET /count")) == 0)
            snprintf(page, sizeof(page), "%llu\n", (unsigned long long)--n_connections);
        n = snprintf(text, sizeof(text),
                     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\n"
                     "Connection: close\r\n\r\n%s",
                     strlen(page), page);
        if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
            fprintf(stderr, "a client did not take its page\n");
    }
    close(fd);
}

int main(int argc, char *argv[])
{
    struct epoll_event events[EVENTS];
    int base = argc == 3 ? atoi(argv[1]) : 0, count = argc == 3 ? atoi(argv[2]) : 0;
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (base < 1 || count < 1 || base + count > 65536) {
        fprintf(stderr, "usage: pages BASE COUNT\n");
        return 2;
    }
    for (int i = 0; i < count; i++) {
        int fd = listen_on((uint16_t)(base + i));
        watch(epoll, fd, (uint64_t)fd << 1 | 1);
    }
    for (;;) {
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            int fd = (int)(events[i].data.u64 >> 1);
            if (events[i].data.u64 & 1)
                take_connections(epoll, fd);
            else
                answer(fd);
        }
    }
}
