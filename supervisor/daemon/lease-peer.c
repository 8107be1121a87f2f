/* SPDX-License-Identifier: MIT */
/*
 * What is under way on the connection of a lease: requests and their time, the flood it could make,
 * its end. One that has nothing under way costs the block of its LeasePeer and nothing else, as a
 * manager may have thousands: what can be shared is in LeasePeers.
 */
#include "supervisor/daemon/lease-peer.h"

#include <assert.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/macros.h"
#include "base/strv.h"
#include "supervisor/daemon/source.h"
#include "supervisor/loop/ready.h"
#include "supervisor/loop/timers.h"
#include "supervisor/probe/reason.h"

/* More than any service has checks that could be under way at once. */
#define REQUESTS_MAX 256

/* An answer that takes longer than the request's own timeout and this is given up. */
#define ANSWER_SLACK_USEC USEC_PER_SEC
/* It need not be given up to the millisecond. */
#define TIMEOUT_SLACK_USEC (250 * USEC_PER_MSEC)

/* A lease says HELLO once and answers what it is asked: a thousand a second is no lease. */
#define MESSAGES_PER_SECOND_MAX 1000

/* Ended in one turn; after them the other event sources get theirs. */
#define CLOSE_BATCH 64

typedef struct PeerRequest PeerRequest;
struct PeerRequest {
    LeasePeer *peer;
    PeerRequest *next;
    uint32_t id;
    enum lease_op op;
    door_done_t done;
    void *userdata;
    Timer timer;
};

struct LeasePeers {
    sd_event *event;
    ReadySet *ready;
    Timers *timers;
    sd_event_source *close;            /* deferred, so that nobody is freed under his own feet */
    LeasePeer *closing, **closing_end; /* what it is for, in order */
    const LeasePeerHandlers *handlers;
    void *userdata;
    size_t n_peers;
};

struct LeasePeer {
    Ready ready;
    LeasePeers *peers;
    LeaseSlot slot;
    void *tag;
    PeerRequest *requests;
    const char *why;         /* it ends; NULL: it does not */
    LeasePeer *next, **link; /* among those that end; link: what points here, or NULL */
    uint64_t second_usec;    /* CLOCK_MONOTONIC: when the current second began */
    uint32_t n_messages;     /* in it */
    uint32_t n_requests, last_id;
    int fd;
    Identity identity; /* its unit points to: */
    char unit[];
};

#define PEER_OF(r)    ((LeasePeer *)((char *)(r)-offsetof(LeasePeer, ready)))
#define REQUEST_OF(t) ((PeerRequest *)((char *)(t)-offsetof(PeerRequest, timer)))

static void request_free(PeerRequest *request)
{
    PeerRequest **p = &request->peer->requests;

    while (*p != request)
        p = &(*p)->next;
    *p = request->next;
    request->peer->n_requests--;
    timer_done(request->peer->peers->timers, &request->timer);
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

/* ---- the end of a connection ---- */

static void unlink_closing(LeasePeer *peer)
{
    if (!peer->link)
        return;
    *peer->link = peer->next;
    if (peer->next)
        peer->next->link = peer->link;
    else
        peer->peers->closing_end = peer->link;
    peer->next = NULL;
    peer->link = NULL;
}

static int on_close(sd_event_source *source, void *userdata)
{
    LeasePeers *peers = userdata;
    LeasePeer *peer;

    for (size_t i = 0; i < CLOSE_BATCH && (peer = peers->closing); i++) {
        unlink_closing(peer);
        fail_all(peer);
        peers->handlers->gone(peer, peer->why, peers->userdata);
    }
    if (peers->closing)
        (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
    return 0;
}

/* Ends the connection from the loop, once. */
static int close_soon(LeasePeer *peer, int error, const char *why)
{
    LeasePeers *peers = peer->peers;

    if (peer->why)
        return error;
    peer->why = why;
    ready_remove(peers->ready, &peer->ready);
    peer->link = peers->closing_end;
    *peer->link = peer;
    peers->closing_end = &peer->next;
    (void)sd_event_source_set_enabled(peers->close, SD_EVENT_ONESHOT);
    return error;
}

/* ---- what is said ---- */

static int send_packet(LeasePeer *peer, const void *packet, size_t size)
{
    if (peer->why)
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

static void on_request_timeout(Timer *timer)
{
    PeerRequest *request = REQUEST_OF(timer);
    struct lease_cancel cancel = {.id = request->id};

    lease_header_init(&cancel.header, LEASE_CANCEL, sizeof(cancel));
    (void)send_packet(request->peer, &cancel, sizeof(cancel));
    answer_request(request, &(DoorAnswer){.error = -ETIMEDOUT, .fd = -1, .text = ""});
}

static PeerRequest *request_new(LeasePeer *peer, const DoorRequest *request, door_done_t done,
                                void *userdata)
{
    Timers *timers = peer->peers->timers;
    PeerRequest *new = malloc(sizeof(*new));

    if (!new)
        return NULL;
    *new = (PeerRequest){.peer = peer,
                         .next = peer->requests,
                         .op = request->op,
                         .done = done,
                         .userdata = userdata};
    if (timer_init(timers, &new->timer, on_request_timeout) < 0) {
        free(new);
        return NULL;
    }
    timer_arm(timers, &new->timer, request->timeout_usec + ANSWER_SLACK_USEC, TIMEOUT_SLACK_USEC);
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

    if (peer->why)
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

/* ---- what is heard ---- */

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
    /* A service's own words. */
    reason_clean(text, sizeof(text), message->text, message->text_size);
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

/* What came without a descriptor, or with one that it should not have. */
static void handle_word(LeasePeer *peer, const struct lease_message *message)
{
    const LeasePeerHandlers *handlers = peer->peers->handlers;
    void *userdata = peer->peers->userdata;

    if (message->type == LEASE_HELLO)
        handlers->hello(peer, message->hello, userdata);
    else if (handlers->frozen)
        handlers->frozen(peer, message->type == LEASE_FROZEN, userdata);
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
        handle_word(peer, &message);
    }
}

static bool is_flood(LeasePeer *peer)
{
    uint64_t now = loop_now(peer->peers->event, CLOCK_MONOTONIC);

    if (now >= peer->second_usec + USEC_PER_SEC) {
        peer->second_usec = now;
        peer->n_messages = 0;
    }
    return ++peer->n_messages > MESSAGES_PER_SECOND_MAX;
}

/* One packet: in the next turn the next one, after those of all others. */
static void on_packet(Ready *ready, uint32_t events)
{
    LeasePeer *peer = PEER_OF(ready);
    _Alignas(uint64_t) char packet[LEASE_MESSAGE_MAX];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
    struct iovec iov = {.iov_base = packet, .iov_len = sizeof(packet)};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control)};
    ssize_t n = recvmsg(peer->fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close_soon(peer, -ENOTCONN, n == 0 ? "the lease has ended" : "the connection is broken");
        return;
    }
    int passed = take_descriptor(&header);
    if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || is_flood(peer)) {
        if (passed >= 0)
            close(passed);
        close_soon(peer, -EBADMSG, "the lease broke the protocol");
        return;
    }
    handle_packet(peer, packet, (size_t)n, passed);
}

/* ---- peers ---- */

int lease_peers_new(sd_event *event, const LeasePeerHandlers *handlers, void *userdata,
                    LeasePeers **ret)
{
    assert(event && handlers && ret);

    LeasePeers *peers = calloc(1, sizeof(*peers));
    if (!peers)
        return -ENOMEM;
    *peers = (LeasePeers){.event = sd_event_ref(event), .handlers = handlers, .userdata = userdata};
    peers->closing_end = &peers->closing;
    int r = ready_set_new(event, "leases", PRIORITY_LEASE, &peers->ready);
    if (r >= 0)
        r = timers_new(event, "lease-answer-timeouts", PRIORITY_LEASE, &peers->timers);
    if (r >= 0)
        r = sd_event_add_defer(event, &peers->close, on_close, peers);
    if (r >= 0)
        r = sd_event_source_set_enabled(peers->close, SD_EVENT_OFF);
    if (r < 0) {
        lease_peers_free(peers);
        return r;
    }
    source_set(peers->close, "lease-close", PRIORITY_LEASE);
    *ret = peers;
    return 0;
}

LeasePeers *lease_peers_free(LeasePeers *peers)
{
    if (!peers)
        return NULL;
    assert(peers->n_peers == 0);
    ready_set_free(peers->ready);
    timers_free(peers->timers);
    sd_event_source_disable_unref(peers->close);
    sd_event_unref(peers->event);
    free(peers);
    return NULL;
}

int lease_peer_new(LeasePeers *peers, int fd, const Identity *identity, LeasePeer **ret)
{
    _cleanup_close_ int owned = fd;
    size_t size = strlen(identity->unit) + 1;

    LeasePeer *peer = calloc(1, sizeof(*peer) + size);
    if (!peer)
        return -ENOMEM;
    peer->peers = peers;
    memcpy(peer->unit, identity->unit, size);
    peer->identity = *identity;
    peer->identity.unit = peer->unit;
    int r = ready_add(peers->ready, &peer->ready, fd, EPOLLIN, on_packet);
    if (r < 0) {
        free(peer);
        return r;
    }
    peer->fd = TAKE_FD(owned);
    peers->n_peers++;
    *ret = peer;
    return 0;
}

LeasePeer *lease_peer_free(LeasePeer *peer)
{
    if (!peer)
        return NULL;
    if (!peer->why)
        peer->why = ""; /* who is told that it is over asks in vain */
    unlink_closing(peer);
    ready_remove(peer->peers->ready, &peer->ready);
    fail_all(peer);
    close(peer->fd);
    peer->peers->n_peers--;
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

LeaseSlot *lease_peer_slot(LeasePeer *peer)
{
    return &peer->slot;
}
