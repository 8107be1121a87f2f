/* SPDX-License-Identifier: MIT */
/*
 * Who is let in, how many, and under which name systemd keeps each connection. The peers are in a
 * table by the name of their unit: one that comes or goes costs the same among ten as among ten
 * thousand.
 */
#include "supervisor/daemon/lease-server.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "base/macros.h"
#include "supervisor/daemon/source.h"

/* As many as phoenixd.service lets systemd keep. */
#define PEERS_MAX 20000
/* Descriptors that are kept for everything else: checks, the bus, files. */
#define RESERVED_FDS 32
/* A service has one lease and at most one gate; the rest is for one that is just reconnecting. */
#define PEERS_OF_UNIT_MAX 4
/* Accepted in one go before others get their turn. */
#define ACCEPT_BATCH 32
#define STARVED_USEC (1 * USEC_PER_SEC)

#define BUCKETS_MIN 64 /* powers of two */

struct LeaseServer {
    sd_event *event;
    sd_event_source *io, *rest;
    int fd;
    bool user, starved;
    const LeaseServerHandlers *handlers;
    void *userdata;
    LeasePeers *peers;
    LeasePeer **buckets; /* chained by LeaseSlot.next */
    size_t n_buckets, n_peers, peers_max;
    uint64_t last_number, n_refused;
};

/* The store's answer to a failure is no failure of ours: without it, a restart of phoenixd costs
 * the leases a reconnect. */
static void store(LeasePeer *peer, bool keep)
{
    char state[128];
    int fd = lease_peer_fd(peer);
    uint64_t number = lease_peer_slot(peer)->number;

    if (keep) {
        snprintf(state, sizeof(state), "FDSTORE=1\nFDNAME=" LEASE_STORE_PREFIX "%" PRIu64, number);
        (void)sd_pid_notify_with_fds(0, false, state, &fd, 1);
    } else {
        snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=" LEASE_STORE_PREFIX "%" PRIu64,
                 number);
        (void)sd_notify(false, state);
    }
}

/* ---- the table of peers ---- */

/* FNV-1a. Names that meet in a bucket on purpose cost their owner's own supervisor a little time.
 */
static LeasePeer **bucket_of(LeasePeer **buckets, size_t n_buckets, const char *unit)
{
    uint32_t hash = UINT32_C(2166136261);

    for (const char *p = unit; *p; p++)
        hash = (hash ^ (unsigned char)*p) * UINT32_C(16777619);
    return &buckets[hash & (n_buckets - 1)];
}

static size_t count_of_unit(const LeaseServer *server, const char *unit)
{
    size_t n = 0;

    for (LeasePeer *peer = *bucket_of(server->buckets, server->n_buckets, unit); peer;
         peer = lease_peer_slot(peer)->next)
        n += streq(lease_peer_identity(peer)->unit, unit);
    return n;
}

static void link_peer(LeasePeer **buckets, size_t n_buckets, LeasePeer *peer)
{
    LeasePeer **bucket = bucket_of(buckets, n_buckets, lease_peer_identity(peer)->unit);

    lease_peer_slot(peer)->next = *bucket;
    *bucket = peer;
}

static void unlink_peer(LeaseServer *server, LeasePeer *peer)
{
    LeasePeer **p = bucket_of(server->buckets, server->n_buckets, lease_peer_identity(peer)->unit);

    while (*p != peer) {
        assert(*p); /* it is one of ours */
        p = &lease_peer_slot(*p)->next;
    }
    *p = lease_peer_slot(peer)->next;
}

static LeasePeer *pop_peer(LeasePeer **bucket)
{
    LeasePeer *peer = *bucket;

    if (peer)
        *bucket = lease_peer_slot(peer)->next;
    return peer;
}

/* As many buckets as peers. Without memory for more the table is a slower one, that is all. */
static void grow(LeaseServer *server)
{
    if (server->n_peers < server->n_buckets)
        return;
    size_t n = server->n_buckets * 2;
    LeasePeer **buckets = calloc(n, sizeof(LeasePeer *));
    if (!buckets)
        return;
    for (size_t i = 0; i < server->n_buckets; i++)
        for (LeasePeer *peer; (peer = pop_peer(&server->buckets[i]));)
            link_peer(buckets, n, peer);
    free(server->buckets);
    server->buckets = buckets;
    server->n_buckets = n;
}

/* ---- who comes and goes ---- */

/* Takes the descriptor. A number of 0 means a new one, which systemd does not have yet. */
static int add_peer(LeaseServer *server, int fd, uint64_t number, LeasePeer **ret)
{
    _cleanup_close_ int owned = fd;
    char unit[IDENTITY_UNIT_MAX];
    Identity identity;
    LeasePeer *peer;
    int r = identity_of_peer(fd, server->user, unit, &identity);

    if (r < 0)
        return r;
    if (server->n_peers >= server->peers_max || count_of_unit(server, unit) >= PEERS_OF_UNIT_MAX)
        return -EUSERS;
    r = lease_peer_new(server->peers, TAKE_FD(owned), &identity, &peer);
    if (r < 0)
        return r;
    grow(server);
    link_peer(server->buckets, server->n_buckets, peer);
    server->n_peers++;
    lease_peer_slot(peer)->number = number ? number : server->last_number + 1;
    server->last_number = MAX(server->last_number, lease_peer_slot(peer)->number);
    if (number == 0)
        store(peer, true);
    *ret = peer;
    return 0;
}

int lease_server_adopt(LeaseServer *server, int fd, const char *name)
{
    uint64_t number = strtoull(name + strlen(LEASE_STORE_PREFIX), NULL, 10);
    LeasePeer *peer;
    int r = -EINVAL;

    if (number > 0)
        r = add_peer(server, fd, number, &peer);
    else
        close(fd);

    if (r < 0) {
        char state[128];
        snprintf(state, sizeof(state), "FDSTOREREMOVE=1\nFDNAME=%s", name);
        (void)sd_notify(false, state);
        return r;
    }
    return lease_peer_say(peer, LEASE_RESUME);
}

void lease_server_drop(LeaseServer *server, LeasePeer *peer)
{
    store(peer, false);
    unlink_peer(server, peer);
    server->n_peers--;
    lease_peer_free(peer);
}

static int on_rested(sd_event_source *source, uint64_t usec, void *userdata)
{
    LeaseServer *server = userdata;

    sd_event_source_set_enabled(server->io, SD_EVENT_ON);
    return 0;
}

/* Without descriptors the queue would wake us for ever: rest, and let the leases hold meanwhile. */
static void rest(LeaseServer *server, int error)
{
    if (!server->starved)
        server->handlers->starved(error, server->userdata);
    server->starved = true;
    sd_event_source_set_time_relative(server->rest, STARVED_USEC);
    sd_event_source_set_enabled(server->rest, SD_EVENT_ONESHOT);
    sd_event_source_set_enabled(server->io, SD_EVENT_OFF);
}

/* A lease that is not accepted waits, and holds its service meanwhile. */
static int accept_one(LeaseServer *server)
{
    if (server->n_peers >= server->peers_max)
        return -EMFILE;
    int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    LeasePeer *peer;

    if (fd < 0)
        return -errno;
    int r = add_peer(server, fd, 0, &peer);
    if (r < 0) {
        server->n_refused++;
        log_debug("A connection to the lease socket was refused: %s", strerror(-r));
    } else if (server->starved) {
        server->starved = false;
        server->handlers->starved(0, server->userdata);
    }
    return 0;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    LeaseServer *server = userdata;

    for (size_t i = 0; i < ACCEPT_BATCH; i++) {
        int r = accept_one(server);
        if (r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -ENOMEM) {
            rest(server, r);
            return 0;
        }
        if (r == -EAGAIN)
            return 0;
    }
    return 0;
}

static size_t find_peers_max(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur <= 2 * RESERVED_FDS)
        return RESERVED_FDS;
    return MIN((size_t)limit.rlim_cur - RESERVED_FDS, (size_t)PEERS_MAX);
}

int lease_server_new(sd_event *event, int fd, bool user, const LeaseServerHandlers *handlers,
                     void *userdata, LeaseServer **ret)
{
    LeaseServer *server = calloc(1, sizeof(*server));
    int r;

    if (!server) {
        close(fd);
        return -ENOMEM;
    }
    *server = (LeaseServer){.fd = fd,
                            .user = user,
                            .handlers = handlers,
                            .userdata = userdata,
                            .n_buckets = BUCKETS_MIN,
                            .peers_max = find_peers_max()};
    server->event = sd_event_ref(event);
    /* Numbers that are not used for names in the store yet, also after a restart. */
    server->last_number = loop_now(event, CLOCK_REALTIME);
    server->buckets = calloc(server->n_buckets, sizeof(LeasePeer *));
    r = !server->buckets ? -ENOMEM : fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
    if (r >= 0)
        r = lease_peers_new(event, &handlers->peer, userdata, &server->peers);
    if (r >= 0)
        r = sd_event_add_io(event, &server->io, fd, EPOLLIN, on_io, server);
    /* There are no descriptors to make it with when it is needed. */
    if (r >= 0)
        r = sd_event_add_time(event, &server->rest, CLOCK_MONOTONIC, 0, 0, on_rested, server);
    if (r >= 0)
        r = sd_event_source_set_enabled(server->rest, SD_EVENT_OFF);
    if (r < 0) {
        lease_server_free(server);
        return r;
    }
    source_set(server->rest, "lease-accept-rest", PRIORITY_ACCEPT);
    source_set(server->io, "lease-accept", PRIORITY_ACCEPT);
    *ret = server;
    return 0;
}

LeaseServer *lease_server_free(LeaseServer *server)
{
    if (!server)
        return NULL;
    /* systemd keeps the connections: the next phoenixd goes on with them. */
    for (size_t i = 0; server->buckets && i < server->n_buckets; i++)
        for (LeasePeer *peer; (peer = pop_peer(&server->buckets[i]));)
            lease_peer_free(peer);
    free(server->buckets);
    lease_peers_free(server->peers);
    sd_event_source_disable_unref(server->io);
    sd_event_source_disable_unref(server->rest);
    close(server->fd);
    sd_event_unref(server->event);
    free(server);
    return NULL;
}

size_t lease_server_n_peers(const LeaseServer *server)
{
    return server->n_peers;
}

uint64_t lease_server_n_refused(const LeaseServer *server)
{
    return server->n_refused;
}
