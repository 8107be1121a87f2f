/* SPDX-License-Identifier: MIT */
#include "supervisor/daemon/lease-peer.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/macros.h"
#include "base/strv.h"
#include "supervisor/daemon/source.h"

/* More than any service has checks that could be under way at once. */
#define REQUESTS_MAX 256

/* An answer that takes longer than the request's own timeout and this is given up. */
#define ANSWER_SLACK_USEC USEC_PER_SEC

typedef struct PeerRequest PeerRequest;
struct PeerRequest {
    LeasePeer *peer;
    PeerRequest *next;
    uint32_t id;
    enum lease_op op;
    door_done_t done;
    void *userdata;
    sd_event_source *timer;
};

/* A lease says HELLO once and answers what it is asked: a thousand a second is no lease. */
#define MESSAGES_PER_SECOND_MAX 1000

struct LeasePeer {
    sd_event *event;
    sd_event_source *io;
    sd_event_source *close; /* deferred, so that nobody is freed under his own feet */
    const char *why;
    int fd;
    Identity identity;
    const LeasePeerHandlers *handlers;
    void *userdata, *tag;
    PeerRequest *requests;
    size_t n_requests;
    uint32_t last_id;
    uint64_t second_usec; /* CLOCK_MONOTONIC: when the current second began */
    uint32_t n_messages;  /* in it */
};

static void request_free(PeerRequest *request)
{
    PeerRequest **p = &request->peer->requests;

    while (*p != request)
        p = &(*p)->next;
    *p = request->next;
    request->peer->n_requests--;
    sd_event_source_disable_unref(request->timer);
    free(request);
}

static PeerRequest *find_request(LeasePeer *peer, uint32_t id)
{
    for (PeerRequest *r = peer->requests; r; r = r->next)
        if (r->id == id)
            return r;
    return NULL;
}

static void answer_request(PeerRequest *request, DoorAnswer *answer)
{
    door_done_t done = request->done;
    void *userdata = request->userdata;

    request_free(request);
    done(answer, userdata);
    if (answer->fd >= 0)
        close(answer->fd);
}

static void fail_all(LeasePeer *peer)
{
    while (peer->requests)
        answer_request(peer->requests, &(DoorAnswer){.error = -ENOTCONN, .fd = -1, .text = ""});
}

static int on_close(sd_event_source *source, void *userdata)
{
    LeasePeer *peer = userdata;

    fail_all(peer);
    peer->handlers->gone(peer, peer->why, peer->userdata);
    return 0;
}

/* Ends the connection from the loop, once. */
static int close_soon(LeasePeer *peer, int error, const char *why)
{
    if (peer->close)
        return error;
    peer->why = why;
    sd_event_source_set_enabled(peer->io, SD_EVENT_OFF);
    if (sd_event_add_defer(peer->event, &peer->close, on_close, peer) >= 0) {
        source_set(peer->close, "lease-close", PRIORITY_LEASE);
    }
    return error;
}

static int send_packet(LeasePeer *peer, const void *packet, size_t size)
{
    if (peer->close)
        return -ENOTCONN;
    if (send(peer->fd, packet, size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return 0;
    int error = -errno;
    return close_soon(peer, error,
                      error == -EAGAIN ? "the lease does not read" : "the connection is broken");
}

int lease_peer_say(LeasePeer *peer, enum lease_type type)
{
    struct lease_header header;

    lease_header_init(&header, type, sizeof(header));
    return send_packet(peer, &header, sizeof(header));
}

/* A packet is built where it is sent from: nothing is allocated between a check and its pet. */
typedef union Packet {
    struct lease_header header;
    struct lease_text text;
    struct lease_trigger trigger;
    struct lease_request request;
    char bytes[LEASE_MESSAGE_MAX];
} Packet;

int lease_peer_say_text(LeasePeer *peer, enum lease_type type, const char *text)
{
    Packet packet = {0};
    size_t size = lease_add_text(&packet, sizeof(packet.text), text, strlen(text));

    lease_header_init(&packet.header, type, size);
    return send_packet(peer, &packet, size);
}

int lease_peer_end_payload(LeasePeer *peer, enum lease_type type, uint64_t grace_usec,
                           const char *reason)
{
    Packet packet = {0};

    packet.trigger.grace_usec = grace_usec;
    size_t size = lease_add_text(&packet, sizeof(packet.trigger), reason, strlen(reason));
    lease_header_init(&packet.header, type, size);
    return send_packet(peer, &packet, size);
}

/* The words of a command, each with its NUL. Returns 0 and the size of the packet, -E2BIG. */
static int add_words(Packet *packet, char *const *argv, size_t *ret_size)
{
    size_t size = sizeof(packet->request);

    STRV_FOREACH (word, (char **)argv) {
        size_t n = strlen(*word) + 1;
        if (n > sizeof(packet->bytes) - size)
            return -E2BIG;
        memcpy(packet->bytes + size, *word, n);
        size += n;
    }
    *ret_size = size;
    return 0;
}

static int build_request(const DoorRequest *request, uint32_t id, Packet *packet, size_t *ret_size)
{
    size_t size = sizeof(packet->request);

    memset(&packet->request, 0, sizeof(packet->request));
    packet->request.id = id;
    packet->request.op = request->op;
    packet->request.timeout_usec = request->timeout_usec;
    packet->request.domain = request->op == LEASE_OP_SOCKET ? (uint32_t)request->domain : 0;
    if (request->op == LEASE_OP_EXEC) {
        int r = add_words(packet, request->argv, &size);
        if (r < 0)
            return r;
    } else if (request->op == LEASE_OP_CONNECT || request->op == LEASE_OP_STAT) {
        size_t n = strlen(request->path);
        if (n > sizeof(packet->bytes) - size)
            return -ENAMETOOLONG;
        memcpy(packet->bytes + size, request->path, n);
        size += n;
    }
    lease_header_init(&packet->header, LEASE_REQUEST, size);
    *ret_size = size;
    return 0;
}

static int on_request_timeout(sd_event_source *source, uint64_t usec, void *userdata)
{
    PeerRequest *request = userdata;
    struct lease_cancel cancel = {.id = request->id};

    lease_header_init(&cancel.header, LEASE_CANCEL, sizeof(cancel));
    (void)send_packet(request->peer, &cancel, sizeof(cancel));
    answer_request(request, &(DoorAnswer){.error = -ETIMEDOUT, .fd = -1, .text = ""});
    return 0;
}

static PeerRequest *request_new(LeasePeer *peer, const DoorRequest *request, door_done_t done,
                                void *userdata)
{
    PeerRequest *new = calloc(1, sizeof(*new));

    if (!new)
        return NULL;
    if (sd_event_add_time_relative(peer->event, &new->timer, CLOCK_MONOTONIC,
                                   request->timeout_usec + ANSWER_SLACK_USEC, 0, on_request_timeout,
                                   new) < 0) {
        free(new);
        return NULL;
    }
    source_set(new->timer, "lease-answer-timeout", PRIORITY_LEASE);
    *new = (PeerRequest){.peer = peer,
                         .next = peer->requests,
                         .op = request->op,
                         .done = done,
                         .userdata = userdata,
                         .timer = new->timer};
    peer->requests = new;
    peer->n_requests++;
    return new;
}

int lease_peer_request(LeasePeer *peer, const DoorRequest *request, door_done_t done,
                       void *userdata, uint32_t *ret_id)
{
    Packet packet;
    size_t size;
    int r;

    if (peer->close)
        return -ENOTCONN;
    if (peer->n_requests >= REQUESTS_MAX)
        return -EBUSY;
    r = build_request(request, peer->last_id + 1, &packet, &size);
    if (r < 0)
        return r;
    PeerRequest *new = request_new(peer, request, done, userdata);
    if (!new)
        return -ENOMEM;
    new->id = ++peer->last_id;
    r = send_packet(peer, &packet, size);
    if (r < 0) {
        request_free(new);
        return r;
    }
    *ret_id = new->id;
    return 0;
}

void lease_peer_cancel(LeasePeer *peer, uint32_t id)
{
    PeerRequest *request = find_request(peer, id);
    struct lease_cancel cancel = {.id = id};

    if (!request)
        return;
    request_free(request);
    lease_header_init(&cancel.header, LEASE_CANCEL, sizeof(cancel));
    (void)send_packet(peer, &cancel, sizeof(cancel));
}

/* Texts are a service's own words: one clean line of them. */
static void clean_text(const char *text, size_t n, char *buf, size_t size)
{
    n = MIN(n, size - 1);
    for (size_t i = 0; i < n; i++)
        buf[i] = (unsigned char)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
    buf[n] = '\0';
    while (n > 0 && buf[n - 1] == ' ')
        buf[--n] = '\0';
}

static bool answer_is_complete(const PeerRequest *request, const struct lease_answer *answer,
                               int fd)
{
    bool wants_fd = request->op == LEASE_OP_SOCKET || request->op == LEASE_OP_CONNECT;

    return answer->error < 0 || !wants_fd || fd >= 0;
}

static void handle_answer(LeasePeer *peer, const struct lease_message *message, int fd)
{
    char text[LEASE_TEXT_MAX + 1];
    PeerRequest *request = find_request(peer, message->answer->id);
    DoorAnswer answer = {
        .error = message->answer->error < 0 ? message->answer->error : 0,
        .fd = fd,
        .exit_code = message->answer->exit_code,
        .elapsed_usec = message->answer->elapsed_usec,
        .mtime_usec = message->answer->mtime_usec,
        .text = text,
    };

    if (!request) { /* cancelled meanwhile */
        if (fd >= 0)
            close(fd);
        return;
    }
    clean_text(message->text, message->text_size, text, sizeof(text));
    if (!answer_is_complete(request, message->answer, fd))
        answer.error = -EBADMSG;
    answer_request(request, &answer);
}

/* Takes the descriptor of a packet and closes all that should not be there. */
static int take_descriptor(struct msghdr *header)
{
    int fd = -1;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int one;
            memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
            if (fd < 0)
                fd = one;
            else
                close(one);
        }
    }
    return fd;
}

static void handle_packet(LeasePeer *peer, const void *packet, size_t size, int fd)
{
    struct lease_message message;

    if (lease_parse(packet, size, LEASE_END_SUPERVISOR, &message) < 0) {
        if (fd >= 0)
            close(fd);
        close_soon(peer, -EBADMSG, "the lease broke the protocol");
    } else if (message.type == LEASE_ANSWER) {
        handle_answer(peer, &message, fd);
    } else {
        if (fd >= 0)
            close(fd);
        peer->handlers->hello(peer, message.hello, peer->userdata);
    }
}

static bool is_flood(LeasePeer *peer)
{
    uint64_t now = loop_now(peer->event, CLOCK_MONOTONIC);

    if (now >= peer->second_usec + USEC_PER_SEC) {
        peer->second_usec = now;
        peer->n_messages = 0;
    }
    return ++peer->n_messages > MESSAGES_PER_SECOND_MAX;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    LeasePeer *peer = userdata;
    _Alignas(uint64_t) char packet[LEASE_MESSAGE_MAX];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
    struct iovec iov = {.iov_base = packet, .iov_len = sizeof(packet)};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        close_soon(peer, -ENOTCONN, n == 0 ? "the lease has ended" : "the connection is broken");
        return 0;
    }
    int passed = take_descriptor(&header);
    if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || is_flood(peer)) {
        if (passed >= 0)
            close(passed);
        close_soon(peer, -EBADMSG, "the lease broke the protocol");
        return 0;
    }
    handle_packet(peer, packet, (size_t)n, passed);
    return 0;
}

int lease_peer_new(sd_event *event, int fd, const Identity *identity,
                   const LeasePeerHandlers *handlers, void *userdata, LeasePeer **ret)
{
    LeasePeer *peer = calloc(1, sizeof(*peer));
    int r;

    if (!peer) {
        close(fd);
        return -ENOMEM;
    }
    *peer =
        (LeasePeer){.fd = fd, .identity = *identity, .handlers = handlers, .userdata = userdata};
    peer->event = sd_event_ref(event);
    r = sd_event_add_io(event, &peer->io, fd, EPOLLIN, on_io, peer);
    if (r < 0) {
        lease_peer_free(peer);
        return r;
    }
    source_set(peer->io, "lease", PRIORITY_LEASE);
    *ret = peer;
    return 0;
}

LeasePeer *lease_peer_free(LeasePeer *peer)
{
    if (!peer)
        return NULL;
    fail_all(peer);
    sd_event_source_disable_unref(peer->close);
    sd_event_source_disable_unref(peer->io);
    close(peer->fd);
    sd_event_unref(peer->event);
    free(peer);
    return NULL;
}

const Identity *lease_peer_identity(const LeasePeer *peer)
{
    return &peer->identity;
}

int lease_peer_fd(const LeasePeer *peer)
{
    return peer->fd;
}

void lease_peer_set_tag(LeasePeer *peer, void *tag)
{
    peer->tag = tag;
}

void *lease_peer_tag(const LeasePeer *peer)
{
    return peer->tag;
}
