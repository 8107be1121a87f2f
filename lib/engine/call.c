/* SPDX-License-Identifier: MIT */
/*
 * The request and its answer, behind call.h.
 *
 * Paths without a version mean the server's own, and what is read of the answer has been in all of
 * them; a version in the path would have to be one that each server still has, and Docker drops old
 * ones.
 */
#include "engine/call.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "engine/listing.h"

#define HEAD_MAX  (16U * 1024U)
#define PIECE_MAX (64U * 1024U)

static const char request[] = "GET /containers/json HTTP/1.0\r\n"
                              "Host: localhost\r\n"
                              "Accept: application/json\r\n"
                              "User-Agent: phoenix\r\n"
                              "\r\n";

struct EngineCall {
    int fd;
    Text head; /* of the answer */
    bool in_body;
    unsigned status;
    EngineListing listing;
};

EngineCall *engine_call_free(EngineCall *call)
{
    if (!call)
        return NULL;
    cleanup_close(&call->fd);
    text_done(&call->head);
    engine_listing_done(&call->listing);
    free(call);
    return NULL;
}

static void engine_call_freep(EngineCall **call)
{
    engine_call_free(*call);
}

/* What a stranger listens at is no engine of ours. */
static int check_peer(int fd)
{
    struct ucred peer;
    socklen_t size = sizeof(peer);

    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
        return -errno;
    return peer.uid == 0 || peer.uid == geteuid() ? 0 : -EPERM;
}

static int dial(const char *path, int *ret)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    _cleanup_close_ int fd = -1;

    if (strlen(path) >= sizeof(address.sun_path))
        return -ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    /* -EAGAIN: so many wait there already that nobody can be in a hurry to serve them. */
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return -errno;
    int r = check_peer(fd);
    if (r < 0)
        return r;
    *ret = TAKE_FD(fd);
    return 0;
}

/* A new socket has room for it. */
static int ask(int fd)
{
    ssize_t n = send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL);

    if (n < 0)
        return -errno;
    return (size_t)n == sizeof(request) - 1 ? 0 : -EIO;
}

int engine_call_new(const char *path, engine_container_t add, void *userdata, EngineCall **ret)
{
    _cleanup_(engine_call_freep) EngineCall *call = NULL;

    assert(path && add && ret);

    call = calloc(1, sizeof(EngineCall));
    if (!call)
        return -ENOMEM;
    call->fd = -1;
    call->listing = (EngineListing){.add = add, .userdata = userdata};
    int r = dial(path, &call->fd);
    if (r >= 0)
        r = ask(call->fd);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(call);
    return 0;
}

int engine_call_fd(const EngineCall *call)
{
    return call->fd;
}

unsigned engine_call_status(const EngineCall *call)
{
    return call->status;
}

static bool is_encoded(const char *head)
{
    static const char name[] = "Transfer-Encoding:";

    for (const char *line = head; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncasecmp(line, name, sizeof(name) - 1) == 0)
            return true;
    }
    return false;
}

/* "HTTP/1.0 200 OK", and nothing in what follows that HTTP/1.0 does not have. */
static int read_head(EngineCall *call)
{
    char version, blank;

    if (sscanf(call->head.data, "HTTP/1.%c%c%3u", &version, &blank, &call->status) != 3 ||
        blank != ' ') {
        call->status = 0;
        return -EPROTO;
    }
    return call->status == 200 && !is_encoded(call->head.data) ? 0 : -EPROTO;
}

/* Takes what is of the head; the rest begins at *ret_body. */
static int feed_head(EngineCall *call, const char *data, size_t n, size_t *ret_body)
{
    size_t before = call->head.size;

    if (text_add_n(&call->head, data, n) < 0)
        return -ENOMEM;
    const char *end = memmem(call->head.data, call->head.size, "\r\n\r\n", 4);
    if (!end)
        return call->head.size > HEAD_MAX ? -EPROTO : 0;
    *ret_body = (size_t)(end + 4 - call->head.data) - before;
    text_truncate(&call->head, (size_t)(end - call->head.data));
    call->in_body = true;
    return strlen(call->head.data) == call->head.size ? read_head(call) : -EPROTO;
}

static int feed(EngineCall *call, const char *data, size_t n)
{
    size_t body = 0;

    if (!call->in_body) {
        body = n;
        int r = feed_head(call, data, n, &body);
        if (r < 0)
            return r;
    }
    return engine_listing_feed(&call->listing, data + body, n - body);
}

int engine_call_step(EngineCall *call)
{
    char data[PIECE_MAX];
    ssize_t n = recv(call->fd, data, sizeof(data), 0);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (n > 0)
        return feed(call, data, (size_t)n);
    if (!call->in_body)
        return -EPROTO;
    int r = engine_listing_end(&call->listing);
    return r < 0 ? r : 1;
}

char *engine_call_describe(int error, unsigned status)
{
    switch (error) {
    case -EPROTO:
        return status > 0 && status != 200 ? text_printf("its answer is HTTP status %u", status)
                                           : text_printf("its answer is none that an engine gives");
    case -EBADMSG:
        return text_printf("its list of containers makes no sense or is cut off");
    case -EMSGSIZE:
        return text_printf("its list of containers is too large");
    case -ETIMEDOUT:
        return text_printf("it has not answered in time");
    case -EPERM:
        return text_printf("it belongs to another user");
    default:
        return text_printf("%s", strerror(-error));
    }
}

static uint64_t now_usec(void)
{
    struct timespec ts = {0};

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

static int wait_until(int fd, uint64_t deadline_usec)
{
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    uint64_t now = now_usec();

    if (now >= deadline_usec)
        return -ETIMEDOUT;
    int r = poll(&pollfd, 1, (int)((deadline_usec - now) / USEC_PER_MSEC) + 1);
    return r < 0 && errno != EINTR ? -errno : 0;
}

int engine_call_wait(const char *path, uint64_t timeout_usec, engine_container_t add,
                     void *userdata, unsigned *ret_status)
{
    _cleanup_(engine_call_freep) EngineCall *call = NULL;
    uint64_t deadline_usec = now_usec() + timeout_usec;

    int r = engine_call_new(path, add, userdata, &call);
    while (r == 0) {
        r = wait_until(engine_call_fd(call), deadline_usec);
        if (r >= 0)
            r = engine_call_step(call);
    }
    if (ret_status)
        *ret_status = call ? engine_call_status(call) : 0;
    return MIN(r, 0);
}
