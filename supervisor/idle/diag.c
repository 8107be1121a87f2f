/* SPDX-License-Identifier: MIT */

/*
 * See diag.h. libmnl would do the outer half of this, but exists as a shared library only, which
 * costs more memory per service than all of phoenix-idle.
 */

#include "diag.h"

#include <assert.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#define STATE(name) (1U << (name))
/* Listening sockets are no connections, and those in TIME_WAIT and SYN_RECV belong to nobody. */
#define TCP_STATES                                                                                 \
    (STATE(TCP_ESTABLISHED) | STATE(TCP_FIN_WAIT1) | STATE(TCP_FIN_WAIT2) |                        \
     STATE(TCP_CLOSE_WAIT) | STATE(TCP_LAST_ACK) | STATE(TCP_CLOSING))

struct tcp_request {
    struct nlmsghdr header;
    struct inet_diag_req_v2 body;
};

struct unix_request {
    struct nlmsghdr header;
    struct unix_diag_req body;
};

_Static_assert(sizeof(struct tcp_request) <= DIAG_REQUEST_SIZE, "room for a request");
_Static_assert(sizeof(struct unix_request) <= DIAG_REQUEST_SIZE, "room for a request");

static struct nlmsghdr dump_header(size_t size)
{
    return (struct nlmsghdr){
        .nlmsg_len = (uint32_t)size,
        .nlmsg_type = SOCK_DIAG_BY_FAMILY,
        .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
    };
}

static uint32_t tcp_states(enum diag_kind kind)
{
    return kind == DIAG_LISTENERS ? STATE(TCP_LISTEN) : TCP_STATES;
}

static uint32_t unix_states(enum diag_kind kind)
{
    return STATE(TCP_LISTEN) | (kind == DIAG_LISTENERS ? 0 : STATE(TCP_ESTABLISHED));
}

size_t diag_request_tcp(void *buf, enum diag_kind kind, int family, uint16_t port)
{
    const struct tcp_request request = {
        .header = dump_header(sizeof(request)),
        .body =
            {
                .sdiag_family = (uint8_t)family,
                .sdiag_protocol = IPPROTO_TCP,
                .idiag_states = tcp_states(kind),
                .id.idiag_sport = htons(port),
                .id.idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE},
            },
    };

    memcpy(buf, &request, sizeof(request));
    return sizeof(request);
}

size_t diag_request_unix(void *buf, enum diag_kind kind)
{
    const struct unix_request request = {
        .header = dump_header(sizeof(request)),
        .body =
            {
                .sdiag_family = AF_UNIX,
                .udiag_states = unix_states(kind),
                .udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_RQLEN,
                .udiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE},
            },
    };

    memcpy(buf, &request, sizeof(request));
    return sizeof(request);
}

static bool read_tcp(const void *body, size_t size, struct diag_socket *ret)
{
    struct inet_diag_msg message;

    if (size < sizeof(message))
        return false;
    memcpy(&message, body, sizeof(message));
    *ret = (struct diag_socket){
        .family = message.idiag_family,
        .state = message.idiag_state,
        .inode = message.idiag_inode,
        .port = ntohs(message.id.idiag_sport),
        .peer_port = ntohs(message.id.idiag_dport),
        .waiting = message.idiag_state == TCP_LISTEN ? message.idiag_rqueue : 0,
    };
    memcpy(ret->address, message.id.idiag_src, sizeof(ret->address));
    memcpy(ret->peer, message.id.idiag_dst, sizeof(ret->peer));
    return true;
}

static void take_attribute(const struct rtattr *attribute, const void *value, size_t size,
                           struct diag_socket *socket)
{
    struct unix_diag_rqlen queue;
    struct unix_diag_vfs file;

    if (attribute->rta_type == UNIX_DIAG_RQLEN && size >= sizeof(queue)) {
        memcpy(&queue, value, sizeof(queue));
        socket->waiting = socket->state == TCP_LISTEN ? queue.udiag_rqueue : 0;
    }
    if (attribute->rta_type == UNIX_DIAG_NAME && size > 0 && size <= sizeof(socket->name)) {
        memcpy(socket->name, value, size);
        socket->name_size = size;
        /* The kernel may count the NUL that ends a path. */
        if (socket->name[0] != '\0')
            socket->name_size = strnlen(socket->name, size);
    }
    if (attribute->rta_type == UNIX_DIAG_VFS && size >= sizeof(file)) {
        memcpy(&file, value, sizeof(file));
        socket->has_file = true;
        socket->file_inode = file.udiag_vfs_ino;
        socket->file_device = file.udiag_vfs_dev;
    }
}

static bool read_unix(const char *body, size_t size, struct diag_socket *ret)
{
    struct unix_diag_msg message;
    struct rtattr attribute;
    size_t at = NLMSG_ALIGN(sizeof(message));

    if (size < sizeof(message))
        return false;
    memcpy(&message, body, sizeof(message));
    *ret = (struct diag_socket){
        .family = message.udiag_family,
        .state = message.udiag_state,
        .inode = message.udiag_ino,
    };
    while (at < size && size - at >= sizeof(attribute)) {
        memcpy(&attribute, body + at, sizeof(attribute));
        if (attribute.rta_len < RTA_LENGTH(0) || attribute.rta_len > size - at)
            return false;
        take_attribute(&attribute, body + at + RTA_LENGTH(0), attribute.rta_len - RTA_LENGTH(0),
                       ret);
        at += RTA_ALIGN(attribute.rta_len);
    }
    return true;
}

/* Every answer begins with the family. */
static bool read_socket(const char *body, size_t size, struct diag_socket *ret)
{
    uint8_t family = size > 0 ? (uint8_t)body[0] : AF_UNSPEC;

    if (family == AF_INET || family == AF_INET6)
        return read_tcp(body, size, ret);
    return family == AF_UNIX && read_unix(body, size, ret);
}

/* NLMSG_ERROR, and the NLMSG_DONE of a kernel that tells how the dump went. */
static int read_errno(const char *body, size_t size)
{
    int32_t error = 0;

    if (size >= sizeof(error))
        memcpy(&error, body, sizeof(error));
    return error < 0 && error >= -4095 ? error : -EBADMSG;
}

int diag_next(const void *packet, size_t size, size_t *offset, struct diag_socket *ret)
{
    struct nlmsghdr header;

    assert(packet && offset && ret);
    while (*offset < size && size - *offset >= sizeof(header)) {
        const char *message = (const char *)packet + *offset, *body = message + NLMSG_HDRLEN;
        memcpy(&header, message, sizeof(header));
        if (header.nlmsg_len < NLMSG_HDRLEN || header.nlmsg_len > size - *offset)
            return -EBADMSG;
        size_t n = header.nlmsg_len - NLMSG_HDRLEN;
        *offset += NLMSG_ALIGN(header.nlmsg_len);
        if (header.nlmsg_type == NLMSG_DONE)
            return n >= sizeof(int32_t) && read_errno(body, n) != -EBADMSG ? read_errno(body, n)
                                                                           : -ENODATA;
        if (header.nlmsg_type == NLMSG_ERROR)
            return read_errno(body, n);
        if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY) {
            struct diag_socket socket;
            if (read_socket(body, n, &socket)) {
                *ret = socket;
                return 1;
            }
        }
    }
    return 0;
}

bool diag_is_use(const struct diag_socket *socket)
{
    if (socket->state == TCP_LISTEN)
        return socket->waiting > 0;
    return socket->state == TCP_ESTABLISHED || socket->state == TCP_CLOSE_WAIT ||
           socket->inode != 0;
}
