/* SPDX-License-Identifier: MIT */
/*
 * libcurl's multi handle on an event loop. libcurl says which sockets it waits for and when it
 * wants to be called, and gets told; finished transfers are handed out after each call, never from
 * inside one. libcurl must not be told of an error in its callbacks (it gives the whole multi
 * handle up then), so a socket that cannot be watched fails its own transfer a moment later.
 */
#include "supervisor/probe/curl-loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "base/macros.h"

/* Idle handles kept for the next transfers. A burst of them leaves no more behind. */
#define IDLE_MAX 2

typedef struct Transfer Transfer;
struct Transfer {
    CURL *easy;
    curl_done_t done;
    void *userdata;
    bool unwatched; /* a socket of it could not be watched */
    Transfer *next, *previous;
};

struct CurlLoop {
    sd_event *event;
    const char *soname;
    char *missing; /* why there is no library */
    CurlApi api;
    CURLM *multi;           /* NULL until the library is loaded */
    sd_event_source *timer; /* libcurl's time-outs */
    sd_event_source *soon;  /* "call me at once", and transfers that failed in a callback */
    Transfer *transfers;
    CURL *idle[IDLE_MAX];
    size_t n_idle;
};

typedef struct Watch {
    CurlLoop *loop;
    sd_event_source *source;
    uint32_t events;
} Watch;

static void unlink_transfer(CurlLoop *loop, Transfer *transfer)
{
    if (transfer->previous)
        transfer->previous->next = transfer->next;
    else
        loop->transfers = transfer->next;
    if (transfer->next)
        transfer->next->previous = transfer->previous;
}

/* The transfer is out of libcurl and forgotten before its owner hears of it. */
static void finish(CurlLoop *loop, Transfer *transfer, CURLcode result)
{
    Transfer copy = *transfer;

    loop->api.multi_remove_handle(loop->multi, copy.easy);
    loop->api.easy_setopt(copy.easy, CURLOPT_PRIVATE, NULL);
    unlink_transfer(loop, transfer);
    free(transfer);
    copy.done(copy.easy, result, copy.userdata);
}

static void finish_unwatched(CurlLoop *loop)
{
    Transfer *transfer = loop->transfers;

    while (transfer) {
        if (!transfer->unwatched) {
            transfer = transfer->next;
            continue;
        }
        finish(loop, transfer, CURLE_OUT_OF_MEMORY);
        transfer = loop->transfers; /* the callee may have ended others */
    }
}

static Transfer *transfer_of(const CurlLoop *loop, CURL *easy)
{
    char *transfer = NULL;

    loop->api.easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
    return (Transfer *)(void *)transfer;
}

static void finish_done(CurlLoop *loop)
{
    CURLMsg *message;
    int left;

    while ((message = loop->api.multi_info_read(loop->multi, &left))) {
        Transfer *transfer = transfer_of(loop, message->easy_handle);

        if (message->msg == CURLMSG_DONE && transfer)
            finish(loop, transfer, message->data.result);
    }
}

static void act(CurlLoop *loop, curl_socket_t fd, int bits)
{
    int running;

    loop->api.multi_socket_action(loop->multi, fd, bits, &running);
    finish_done(loop);
}

static int on_soon(sd_event_source *source, void *userdata)
{
    CurlLoop *loop = userdata;

    finish_unwatched(loop);
    act(loop, CURL_SOCKET_TIMEOUT, 0);
    return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    act(userdata, CURL_SOCKET_TIMEOUT, 0);
    return 0;
}

/* Never CURL_CSELECT_ERR: libcurl would end the transfer without asking the socket why. When it
 * looks for itself it finds the error. */
static int on_socket(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    Watch *watch = userdata;
    uint32_t ready = revents & (EPOLLERR | EPOLLHUP) ? watch->events : revents;

    act(watch->loop, fd,
        (ready & EPOLLIN ? CURL_CSELECT_IN : 0) | (ready & EPOLLOUT ? CURL_CSELECT_OUT : 0));
    return 0;
}

static void watch_free(Watch *watch)
{
    sd_event_source_disable_unref(watch->source);
    free(watch);
}

static int watch_new(CurlLoop *loop, int fd, uint32_t events, Watch **ret)
{
    Watch *watch = calloc(1, sizeof(*watch));

    if (!watch)
        return -ENOMEM;
    watch->loop = loop;
    watch->events = events;
    int r = sd_event_add_io(loop->event, &watch->source, fd, events, on_socket, watch);
    if (r < 0) {
        free(watch);
        return r;
    }
    sd_event_source_set_description(watch->source, "curl-socket");
    *ret = watch;
    return 0;
}

static int watch_change(Watch *watch, uint32_t events)
{
    if (events == watch->events)
        return 0;
    watch->events = events;
    /* Without an event asked for, a hang-up would be told again and again. */
    int r = sd_event_source_set_enabled(watch->source, events ? SD_EVENT_ON : SD_EVENT_OFF);
    return r < 0 || !events ? r : sd_event_source_set_io_events(watch->source, events);
}

static int set_watch(CurlLoop *loop, curl_socket_t fd, uint32_t events, Watch *watch)
{
    if (watch)
        return watch_change(watch, events);
    if (events == 0)
        return 0;
    int r = watch_new(loop, fd, events, &watch);
    if (r >= 0)
        loop->api.multi_assign(loop->multi, fd, watch);
    return r;
}

static void wake(CurlLoop *loop)
{
    sd_event_source_set_enabled(loop->soon, SD_EVENT_ONESHOT);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socketp)
{
    CurlLoop *loop = userdata;

    if (what == CURL_POLL_REMOVE) {
        if (socketp) {
            loop->api.multi_assign(loop->multi, fd, NULL);
            watch_free(socketp);
        }
        return 0;
    }
    uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0U) |
                      (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0U);
    Transfer *transfer = transfer_of(loop, easy);
    if (set_watch(loop, fd, events, socketp) < 0 && transfer) {
        transfer->unwatched = true;
        wake(loop);
    }
    return 0;
}

static int on_curl_timer(CURLM *multi, long timeout_msec, void *userdata)
{
    CurlLoop *loop = userdata;

    sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
    if (timeout_msec == 0)
        wake(loop);
    else if (timeout_msec > 0) {
        sd_event_source_set_time_relative(loop->timer, (uint64_t)timeout_msec * USEC_PER_MSEC);
        sd_event_source_set_enabled(loop->timer, SD_EVENT_ONESHOT);
    }
    return 0;
}

static int add_sources(CurlLoop *loop)
{
    int r = sd_event_add_time(loop->event, &loop->timer, CLOCK_MONOTONIC, 0, USEC_PER_MSEC,
                              on_timer, loop);

    if (r >= 0)
        r = sd_event_add_defer(loop->event, &loop->soon, on_soon, loop);
    if (r >= 0)
        r = sd_event_source_set_enabled(loop->timer, SD_EVENT_OFF);
    if (r >= 0)
        r = sd_event_source_set_enabled(loop->soon, SD_EVENT_OFF);
    if (r < 0)
        return r;
    sd_event_source_set_description(loop->timer, "curl-timer");
    sd_event_source_set_description(loop->soon, "curl-soon");
    return 0;
}

int curl_loop_new_with(sd_event *event, const char *soname, CurlLoop **ret)
{
    assert(event && soname && ret);

    CurlLoop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return -ENOMEM;
    loop->event = sd_event_ref(event);
    loop->soname = soname;
    *ret = loop;
    return 0;
}

int curl_loop_new(sd_event *event, CurlLoop **ret)
{
    return curl_loop_new_with(event, CURL_SONAME, ret);
}

/* Back to a loop without library. */
static void unload(CurlLoop *loop)
{
    while (loop->n_idle > 0)
        loop->api.easy_cleanup(loop->idle[--loop->n_idle]);
    if (loop->multi)
        loop->api.multi_cleanup(loop->multi);
    loop->multi = NULL;
    loop->timer = sd_event_source_disable_unref(loop->timer);
    loop->soon = sd_event_source_disable_unref(loop->soon);
    curl_api_unload(&loop->api);
}

static int load(CurlLoop *loop)
{
    free(loop->missing);
    loop->missing = NULL;
    int r = curl_api_load(&loop->api, loop->soname, &loop->missing);
    if (r < 0)
        return r;
    loop->multi = loop->api.multi_init();
    r = loop->multi ? add_sources(loop) : -ENOMEM;
    if (r < 0) {
        unload(loop);
        return r;
    }
    loop->api.multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    loop->api.multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
    loop->api.multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
    loop->api.multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
    loop->api.multi_setopt(loop->multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    return 0;
}

CurlLoop *curl_loop_free(CurlLoop *loop)
{
    if (!loop)
        return NULL;
    while (loop->transfers)
        curl_loop_cancel(loop, loop->transfers->easy);
    unload(loop);
    sd_event_unref(loop->event);
    free(loop->missing);
    free(loop);
    return NULL;
}

int curl_loop_api(CurlLoop *loop, const CurlApi **ret)
{
    int r = loop->multi ? 0 : load(loop);

    if (r < 0)
        return r;
    *ret = &loop->api;
    return 0;
}

const char *curl_loop_missing(const CurlLoop *loop)
{
    return loop->missing;
}

int curl_loop_start(CurlLoop *loop, CURL *easy, curl_done_t done, void *userdata)
{
    assert(loop && easy && done);
    assert(!transfer_of(loop, easy));

    Transfer *transfer = calloc(1, sizeof(*transfer));
    if (!transfer)
        return -ENOMEM;
    *transfer =
        (Transfer){.easy = easy, .done = done, .userdata = userdata, .next = loop->transfers};
    loop->api.easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    CURLMcode code = loop->api.multi_add_handle(loop->multi, easy);
    if (code != CURLM_OK) {
        loop->api.easy_setopt(easy, CURLOPT_PRIVATE, NULL);
        free(transfer);
        return code == CURLM_OUT_OF_MEMORY ? -ENOMEM : -EINVAL;
    }
    if (transfer->next)
        transfer->next->previous = transfer;
    loop->transfers = transfer;
    return 0;
}

void curl_loop_cancel(CurlLoop *loop, CURL *easy)
{
    Transfer *transfer = transfer_of(loop, easy);

    if (!transfer)
        return;
    loop->api.multi_remove_handle(loop->multi, easy);
    loop->api.easy_setopt(easy, CURLOPT_PRIVATE, NULL);
    unlink_transfer(loop, transfer);
    free(transfer);
}

int curl_loop_take(CurlLoop *loop, CURL **ret)
{
    const CurlApi *api;
    int r = curl_loop_api(loop, &api);

    if (r < 0)
        return r;
    CURL *easy = loop->n_idle > 0 ? loop->idle[--loop->n_idle] : api->easy_init();
    if (!easy)
        return -ENOMEM;
    *ret = easy;
    return 0;
}

void curl_loop_give(CurlLoop *loop, CURL *easy)
{
    if (!easy)
        return;
    curl_loop_cancel(loop, easy);
    if (loop->n_idle == IDLE_MAX) {
        loop->api.easy_cleanup(easy);
        return;
    }
    loop->api.easy_reset(easy);
    loop->idle[loop->n_idle++] = easy;
}
