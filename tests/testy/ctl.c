/* SPDX-License-Identifier: MIT */

/* The client side of phoenix-testy; see ctl.h. */

#include "ctl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "command.h"
#include "listener.h"
#include "util.h"

#define TIMEOUT_SEC 5
#define ANSWER_MAX  (256 * 1024)

enum {
    EXIT_OTHER_ANSWER = 1,
    EXIT_MISUSED = 2,
    EXIT_NO_ANSWER = 3,
};

struct where {
    int port;
    const char *unix_path;
    const char *control_file;
};

static int connect_to(int family, const void *address, socklen_t length)
{
    const struct timeval timeout = {.tv_sec = TIMEOUT_SEC};

    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
    if (connect(fd, address, length) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    return fd;
}

static int connect_where(const struct where *where)
{
    const struct sockaddr_in v4 = {.sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)where->port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                                    .sin6_port = htons((uint16_t)where->port),
                                    .sin6_addr = in6addr_loopback};
    struct sockaddr_un un;

    if (where->unix_path) {
        int length = unix_address(where->unix_path, &un);
        return length < 0 ? length : connect_to(AF_UNIX, &un, (socklen_t)length);
    }
    int fd = connect_to(AF_INET, &v4, sizeof(v4));
    return fd == -ECONNREFUSED ? connect_to(AF_INET6, &v6, sizeof(v6)) : fd;
}

/* Reads the answer to its end. Returns its length or a negative errno. */
static ssize_t receive(int fd, char *buf, size_t size)
{
    size_t length = 0;

    while (length < size - 1) {
        ssize_t n = recv(fd, buf + length, size - 1 - length, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? -ETIMEDOUT : -errno;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    buf[length] = '\0';
    return (ssize_t)length;
}

static int ask(const struct where *where, const char *target, char *buf, size_t size)
{
    char *request = NULL;

    int fd = connect_where(where);
    if (fd < 0)
        return fd;
    int length = asprintf(
        &request, "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", target);
    ssize_t r = length < 0 ? -ENOMEM : send(fd, request, (size_t)length, MSG_NOSIGNAL);
    if (r < 0)
        r = length < 0 ? r : -errno;
    else
        r = receive(fd, buf, size);
    if (length >= 0)
        free(request);
    close(fd);
    return (int)r;
}

static int ask_and_print(const struct where *where, const char *target)
{
    char *buf = malloc(ANSWER_MAX);

    int r = buf ? ask(where, target, buf, ANSWER_MAX) : -ENOMEM;
    if (r >= 0 && strncmp(buf, "HTTP/1.", 7) != 0)
        r = -EPROTO;
    if (r < 0) {
        fprintf(stderr, "phoenix-testy ctl: no answer: %s\n", strerror(-r));
        free(buf);
        return EXIT_NO_ANSWER;
    }
    const char *body = strstr(buf, "\r\n\r\n");
    fputs(body ? body + 4 : "", stdout);
    bool ok = strncmp(buf + 8, " 200", 4) == 0;
    if (!ok)
        fprintf(stderr, "phoenix-testy ctl: %.*s\n", (int)strcspn(buf, "\r\n"), buf);
    free(buf);
    return ok ? EXIT_SUCCESS : EXIT_OTHER_ANSWER;
}

/* Written under another name first, so that the file appears with its content. */
static int write_file(const char *path, const char *name, const char *argument)
{
    char *temporary = NULL;
    int r = 0;

    if (asprintf(&temporary, "%s.%d", path, getpid()) < 0)
        return -ENOMEM;
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0 || dprintf(fd, "%s %s\n", name, argument ? argument : "") < 0 ||
        rename(temporary, path) < 0)
        r = -errno;
    if (fd >= 0)
        close(fd);
    if (r < 0)
        (void)unlink(temporary);
    free(temporary);
    return r;
}

static int send_command(const struct where *where, const char *name, const char *argument)
{
    struct command command;
    char target[128];

    if (command_parse(name, argument, &command) < 0) {
        fprintf(stderr, "phoenix-testy ctl: not a command, or its argument is wrong: %s%s%s\n\n",
                name, argument ? " " : "", argument ? argument : "");
        command_print_help(stderr, "  ");
        return EXIT_MISUSED;
    }
    if (where->control_file) {
        int r = write_file(where->control_file, name, argument);
        if (r < 0)
            fprintf(stderr, "phoenix-testy ctl: cannot write %s: %s\n", where->control_file,
                    strerror(-r));
        return r < 0 ? EXIT_NO_ANSWER : EXIT_SUCCESS;
    }
    /* Both are known to be plain words by now. */
    snprintf(target, sizeof(target), "/control/%s%s%s", name, argument ? "?" : "",
             argument ? argument : "");
    return ask_and_print(where, target);
}

/* Returns 0 or -EINVAL. */
static int parse_where(int argc, char *argv[], struct where *ret)
{
    static const struct option options[] = {
        {"port", required_argument, NULL, 'p'},
        {"unix", required_argument, NULL, 'u'},
        {"control-file", required_argument, NULL, 'f'},
        {},
    };
    uint64_t port;
    int c;

    while ((c = getopt_long(argc, argv, "+", options, NULL)) >= 0)
        switch (c) {
        case 'p':
            if (parse_number(optarg, 65535, &port) < 0 || port == 0) {
                fprintf(stderr, "phoenix-testy ctl: --port: \"%s\" is no port\n", optarg);
                return -EINVAL;
            }
            ret->port = (int)port;
            break;
        case 'u':
            ret->unix_path = optarg;
            break;
        case 'f':
            ret->control_file = optarg;
            break;
        default:
            return -EINVAL;
        }
    return 0;
}

int ctl_run(int argc, char *argv[])
{
    struct where where = {.port = DEFAULT_PORT};

    if (parse_where(argc, argv, &where) < 0)
        return EXIT_MISUSED;
    int n = argc - optind;
    if (n < 1 || n > 2) {
        fprintf(stderr, "usage: phoenix-testy ctl [--port N|--unix PATH|--control-file PATH] "
                        "COMMAND [ARGUMENT]\n"
                        "       phoenix-testy ctl [--port N|--unix PATH] get PATH\n");
        return EXIT_MISUSED;
    }
    const char *name = argv[optind], *argument = n == 2 ? argv[optind + 1] : NULL;
    if (strcmp(name, "get") == 0)
        return ask_and_print(&where, argument ? argument : "/");
    return send_command(&where, name, argument);
}
