/* SPDX-License-Identifier: MIT */
/*
 * fake-leases SOCKET CGROUP COUNT PREFIX: one process that is the lease of COUNT services
 * PREFIX00000..., for more services than this machine could start. phoenixd looks at the cgroup a
 * process is in when its connection is taken, so for each service the process makes
 * CGROUP/phoenix@NAME.service, moves into it, connects, says HELLO and waits for WELCOME. Then it
 * says "ready" on stdout and reads what the connections bring; after the end of its input it closes
 * them and removes the cgroups. Run as root.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervisor/lease/protocol.h"

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void enter_cgroup(const char *folder)
{
    char path[4096];

    snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, "0", 1) != 1)
        die(path);
    close(fd);
}

static void own_network(struct lease_hello *hello)
{
    struct stat st;

    if (stat("/proc/self/ns/net", &st) < 0)
        die("/proc/self/ns/net");
    hello->netns_dev = st.st_dev;
    hello->netns_ino = st.st_ino;
}

static int take_lease(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct lease_hello hello = {.role = LEASE_ROLE_SERVICE, .phase = LEASE_PHASE_WAITING};
    _Alignas(uint64_t) char packet[LEASE_MESSAGE_MAX];
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        die(socket_path);
    lease_header_init(&hello.header, LEASE_HELLO, sizeof(hello));
    own_network(&hello);
    if (send(fd, &hello, sizeof(hello), MSG_NOSIGNAL) < 0)
        die("send");
    if (recv(fd, packet, sizeof(packet), 0) < (ssize_t)sizeof(struct lease_header))
        die("no welcome");
    return fd;
}

static int take_leases(const char *socket_path, const char *cgroup, int count, const char *prefix)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    char folder[4000];

    for (int i = 0; i < count; i++) {
        struct epoll_event event = {.events = EPOLLIN};
        snprintf(folder, sizeof(folder), "%s/phoenix@%s%05d.service", cgroup, prefix, i);
        if (mkdir(folder, 0755) < 0 && errno != EEXIST)
            die(folder);
        enter_cgroup(folder);
        event.data.fd = take_lease(socket_path);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, event.data.fd, &event) < 0)
            die("epoll_ctl");
    }
    return epoll;
}

static void read_packets(int epoll)
{
    _Alignas(uint64_t) char packet[LEASE_MESSAGE_MAX];
    struct epoll_event events[64];
    int n = epoll_wait(epoll, events, 64, 0);

    for (int i = 0; i < n; i++)
        if (recv(events[i].data.fd, packet, sizeof(packet), MSG_DONTWAIT) <= 0)
            epoll_ctl(epoll, EPOLL_CTL_DEL, events[i].data.fd, NULL);
}

int main(int argc, char *argv[])
{
    char folder[4000];

    if (argc != 5) {
        fprintf(stderr, "usage: fake-leases SOCKET CGROUP COUNT PREFIX\n");
        return 2;
    }
    int count = atoi(argv[3]), epoll = take_leases(argv[1], argv[2], count, argv[4]);
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd fds[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = epoll, .events = POLLIN}};
        if (poll(fds, 2, -1) > 0 && fds[0].revents)
            break;
        read_packets(epoll);
    }
    enter_cgroup(argv[2]);
    for (int i = 0; i < count; i++) {
        snprintf(folder, sizeof(folder), "%s/phoenix@%s%05d.service", argv[2], argv[4], i);
        rmdir(folder);
    }
    return 0;
}
