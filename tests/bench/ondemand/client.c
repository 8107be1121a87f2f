/* SPDX-License-Identifier: MIT */
/*
 * client first ADDRESS: one request, with the time until the first byte of its answer. Whoever is
 * refused, or thrown out without an answer, tries again 10 ms later, and the time goes on.
 * Prints "CONNECTED FIRST REFUSED LOST STARTED LISTENED": when the first attempt began and the
 * first byte came, how often it was refused or lost, and what the service (web.c) said; times are
 * of CLOCK_MONOTONIC, in microseconds.
 *
 * client load ADDRESS SECONDS CONNECTIONS keep|new: as many requests as go through, on CONNECTIONS
 * at a time, which are kept or new for each request. Prints "REQUESTS USEC P50 P99 MAX", the latter
 * in microseconds per request, connecting included. Any error ends it.
 *
 * ADDRESS is an IPv4 address and a port, A:N, or the path of a unix socket.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define RETRY_NSEC      10000000
#define PATIENCE_USEC   UINT64_C(60000000)
#define CONNECTIONS_MAX 256
#define SAMPLES_MAX     4000000

static const char request_once[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
static const char request_keep[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

static struct sockaddr_storage address;
static socklen_t address_size;

struct connection {
    int fd;
    size_t received;
    uint64_t began_usec;
};

static struct load {
    const char *request;
    size_t request_size, answer_size;
    bool keep;
    int epoll;
    uint64_t end_usec;
    size_t n;
    struct connection connections[CONNECTIONS_MAX];
    uint32_t samples[SAMPLES_MAX];
} load;

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

static void parse_address(const char *text)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&address;
    struct sockaddr_in *in = (struct sockaddr_in *)&address;
    const char *colon = strrchr(text, ':');
    char host[INET_ADDRSTRLEN] = "";

    if (text[0] == '/' && strlen(text) < sizeof(un->sun_path)) {
        un->sun_family = AF_UNIX;
        strcpy(un->sun_path, text);
        address_size = sizeof(*un);
        return;
    }
    if (colon && (size_t)(colon - text) < sizeof(host))
        memcpy(host, text, (size_t)(colon - text));
    in->sin_family = AF_INET;
    if (inet_pton(AF_INET, host, &in->sin_addr) != 1) {
        fprintf(stderr, "%s: not an address\n", text);
        exit(2);
    }
    in->sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    address_size = sizeof(*in);
}

/* ---- the first byte ---- */

/* Returns the size of the answer, when the first byte of it came in *ret_usec; 0 when there was
 * none, -1 when nobody listened. */
static ssize_t ask(char *answer, size_t size, uint64_t *ret_usec)
{
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t received = 0;
    ssize_t n;

    if (fd < 0)
        die("socket");
    if (connect(fd, (struct sockaddr *)&address, address_size) < 0) {
        close(fd);
        return -1;
    }
    if (send(fd, request_once, sizeof(request_once) - 1, MSG_NOSIGNAL) > 0)
        while (received < size && (n = recv(fd, answer + received, size - received, 0)) > 0) {
            if (received == 0)
                *ret_usec = now_usec();
            received += (size_t)n;
        }
    close(fd);
    return (ssize_t)received;
}

static int first(void)
{
    uint64_t began_usec = now_usec(), first_usec = 0;
    unsigned refused = 0, lost = 0;
    char answer[4096];
    ssize_t n;

    while ((n = ask(answer, sizeof(answer) - 1, &first_usec)) <= 0) {
        n < 0 ? refused++ : lost++;
        if (now_usec() > began_usec + PATIENCE_USEC) {
            fprintf(stderr, "no answer: %u times refused, %u lost\n", refused, lost);
            return 1;
        }
        nanosleep(&(struct timespec){.tv_nsec = RETRY_NSEC}, NULL);
    }
    answer[n] = '\0';
    const char *body = strstr(answer, "\r\n\r\n");
    if (strncmp(answer, "HTTP/1.1 200 ", 13) != 0 || !body) {
        fprintf(stderr, "not the answer: %s\n", answer);
        return 1;
    }
    printf("%ju %ju %u %u %s", (uintmax_t)began_usec, (uintmax_t)first_usec, refused, lost,
           body + 4);
    return 0;
}

/* ---- many requests ---- */

static void send_request(struct connection *connection)
{
    connection->received = 0;
    if (send(connection->fd, load.request, load.request_size, MSG_NOSIGNAL) !=
        (ssize_t)load.request_size)
        die("send");
}

static void open_connection(struct connection *connection)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};

    connection->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0 ||
        connect(connection->fd, (struct sockaddr *)&address, address_size) < 0)
        die("connect");
    if (epoll_ctl(load.epoll, EPOLL_CTL_ADD, connection->fd, &event) < 0)
        die("epoll_ctl");
}

static void begin(struct connection *connection)
{
    connection->began_usec = now_usec();
    if (!load.keep)
        open_connection(connection);
    send_request(connection);
}

/* All answers are of the same size, which the first one tells. */
static size_t answer_size_of(const char *text)
{
    const char *length = strstr(text, "Content-Length: "), *body = strstr(text, "\r\n\r\n");

    if (!length || !body) {
        fprintf(stderr, "not the answer: %s\n", text);
        exit(1);
    }
    return (size_t)(body + 4 - text) + strtoul(length + 16, NULL, 10);
}

static void receive(struct connection *connection)
{
    char buffer[4096];
    ssize_t n = recv(connection->fd, buffer, sizeof(buffer) - 1, 0);

    if (n <= 0) {
        fprintf(stderr, "a connection ended without an answer: %s\n", n < 0 ? strerror(errno) : "");
        exit(1);
    }
    buffer[n] = '\0';
    if (load.answer_size == 0)
        load.answer_size = answer_size_of(buffer);
    connection->received += (size_t)n;
    if (connection->received < load.answer_size)
        return;
    uint64_t now = now_usec();
    if (load.n < SAMPLES_MAX)
        load.samples[load.n++] = (uint32_t)(now - connection->began_usec);
    if (!load.keep)
        close(connection->fd);
    if (now < load.end_usec)
        begin(connection);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

static int run_load(double seconds, size_t connections)
{
    struct epoll_event events[CONNECTIONS_MAX];
    uint64_t began_usec;

    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    for (size_t i = 0; load.keep && i < connections; i++)
        open_connection(&load.connections[i]);
    began_usec = now_usec();
    load.end_usec = began_usec + (uint64_t)(seconds * 1e6);
    for (size_t i = 0; i < connections; i++)
        begin(&load.connections[i]);
    while (now_usec() < load.end_usec) {
        int n = epoll_wait(load.epoll, events, CONNECTIONS_MAX, 1000);
        for (int i = 0; i < n; i++)
            receive(events[i].data.ptr);
    }
    uint64_t used_usec = now_usec() - began_usec;
    if (load.n == 0) {
        fprintf(stderr, "not one answer\n");
        return 1;
    }
    qsort(load.samples, load.n, sizeof(load.samples[0]), compare);
    printf("%zu %ju %u %u %u\n", load.n, (uintmax_t)used_usec, load.samples[load.n / 2],
           load.samples[load.n - 1 - load.n / 100], load.samples[load.n - 1]);
    return 0;
}

int main(int argc, char *argv[])
{
    if (argc == 3 && strcmp(argv[1], "first") == 0) {
        parse_address(argv[2]);
        return first();
    }
    if (argc != 6 || strcmp(argv[1], "load") != 0)
        return 2;
    parse_address(argv[2]);
    load.keep = strcmp(argv[5], "keep") == 0;
    load.request = load.keep ? request_keep : request_once;
    load.request_size = strlen(load.request);
    size_t connections = strtoul(argv[4], NULL, 10);
    if (connections == 0 || connections > CONNECTIONS_MAX)
        return 2;
    return run_load(strtod(argv[3], NULL), connections);
}
