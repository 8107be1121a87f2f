/* SPDX-License-Identifier: MIT */
/*
 * floor http|tcp PORT COUNT, floor exec COUNT PROGRAM [ARGUMENT...]: what a check costs when
 * nothing but the check is done, one after the other, in one process: connect to 127.0.0.1 (and GET
 * a page, to its end), or start a program and wait for it. Prints the CPU of itself and of its
 * children in microseconds per check. No supervisor can be below that.
 */
#include <arpa/inet.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int connected(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        die("connect");
    return fd;
}

static void check_tcp(int port)
{
    close(connected(port));
}

static void check_http(int port)
{
    static const char request[] =
        "GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    static const char wanted[] = "HTTP/1.1 200 ";
    char page[4096];
    size_t size = 0;
    ssize_t n;
    int fd = connected(port);

    if (send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
        die("send");
    while (size < sizeof(page) && (n = recv(fd, page + size, sizeof(page) - size, 0)) > 0)
        size += (size_t)n;
    if (size < sizeof(wanted) || memcmp(page, wanted, sizeof(wanted) - 1) != 0) {
        fprintf(stderr, "the page is not 200\n");
        exit(1);
    }
    close(fd);
}

static void check_exec(char *argv[])
{
    int status;
    pid_t pid;

    if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0)
        die(argv[0]);
    if (waitpid(pid, &status, 0) != pid || status != 0) {
        fprintf(stderr, "%s has failed\n", argv[0]);
        exit(1);
    }
}

static double cpu_usec(void)
{
    double sum = 0;

    for (int i = 0; i < 2; i++) {
        struct rusage usage;
        getrusage(i == 0 ? RUSAGE_SELF : RUSAGE_CHILDREN, &usage);
        sum += (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
    }
    return sum;
}

int main(int argc, char *argv[])
{
    if (argc < 4) {
        fprintf(stderr, "usage: floor http|tcp PORT COUNT\n       floor exec COUNT PROGRAM...\n");
        return 2;
    }
    int exec = strcmp(argv[1], "exec") == 0, http = strcmp(argv[1], "http") == 0;
    int count = atoi(argv[exec ? 2 : 3]), port = exec ? 0 : atoi(argv[2]);
    double before = cpu_usec();

    for (int i = 0; i < count; i++) {
        if (exec)
            check_exec(argv + 3);
        else if (http)
            check_http(port);
        else
            check_tcp(port);
    }
    printf("%.2f\n", (cpu_usec() - before) / count);
    return 0;
}
