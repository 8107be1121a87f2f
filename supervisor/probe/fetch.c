/* SPDX-License-Identifier: MIT */
/* One libcurl transfer of a check; see fetch.h. */
#include "supervisor/probe/fetch.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

struct curl_slist *fetch_headers(struct curl_slist *nodes, char *const *headers, size_t n)
{
    for (size_t i = 0; i < n; i++)
        nodes[i] = (struct curl_slist){headers[i], i + 1 < n ? &nodes[i + 1] : NULL};
    return n > 0 ? nodes : NULL;
}

void fetch_init(Fetch *fetch, Probe *probe, const FetchUser *user)
{
    *fetch = (Fetch){.probe = probe, .user = user, .route = route_of(probe->spec->host), .fd = -1};
}

void fetch_stop(Fetch *fetch)
{
    /* Resets the handle, so that nothing in it points here any more. */
    curl_loop_give(fetch->probe->context->curl, fetch->easy);
    fetch->easy = NULL;
    if (fetch->fd >= 0)
        close(fetch->fd);
    fetch->fd = -1;
}

/* A local socket is there already, and there is only one. */
static curl_socket_t on_open_socket(void *userdata, curlsocktype purpose,
                                    struct curl_sockaddr *address)
{
    Fetch *fetch = userdata;
    int fd = fetch->route.local ? TAKE_FD(fetch->fd) : route_socket(fetch->probe, address->family);

    if (fd < 0 && !fetch->route.local)
        fetch->open_error = fd;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

static bool refused(const Fetch *fetch, CURLcode code)
{
    long error = 0;

    fetch->api->easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &error);
    return code == CURLE_COULDNT_CONNECT && error == ECONNREFUSED;
}

static void on_done(CURL *easy, CURLcode code, void *userdata)
{
    Fetch *fetch = userdata;

    if (fetch->route.either && !fetch->tried_other && refused(fetch, code)) {
        fetch->tried_other = true;
        fetch->route.family = AF_INET6;
        fetch_stop(fetch);
        fetch_start(fetch);
        return;
    }
    fetch->user->done(fetch, code);
}

/* Name and address part ways for local checks: the name stays in the Host header and is what the
 * certificate must say; the connection goes to the loopback address of the socket's family. */
static void set_local(Fetch *fetch, CURL *easy)
{
    snprintf(fetch->connect_to, sizeof(fetch->connect_to),
             "::%s:", fetch->route.family == AF_INET6 ? "[::1]" : "127.0.0.1");
    fetch->connect_list = (struct curl_slist){.data = fetch->connect_to};
    fetch->api->easy_setopt(easy, CURLOPT_CONNECT_TO, &fetch->connect_list);
}

/* Options whose values are literals and numbers only fail without memory, or with a libcurl that
 * was built without the feature; the transfer itself shows both. */
static void set_common(Fetch *fetch, CURL *easy)
{
    fetch->api->easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->error);
    fetch->api->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    fetch->api->easy_setopt(easy, CURLOPT_PROXY, "");
    fetch->api->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    fetch->api->easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    fetch->api->easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    fetch->api->easy_setopt(easy, CURLOPT_USERAGENT, "phoenix-probe/" PHOENIX_VERSION);
    fetch->api->easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    fetch->api->easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch);
    /* Two services are both called localhost: what one said must not be taken for the other. */
    fetch->api->easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
#if LIBCURL_VERSION_NUM >= 0x075700
    /* A name server that hangs must not hang us when the check is given up. */
    fetch->api->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
    if (fetch->route.local)
        set_local(fetch, easy);
}

static int begin(Fetch *fetch)
{
    CurlLoop *curl = fetch->probe->context->curl;

    fetch->error[0] = '\0';
    int r = curl_loop_api(curl, &fetch->api);
    if (r >= 0)
        r = curl_loop_take(curl, &fetch->easy);
    if (r < 0)
        return r;
    set_common(fetch, fetch->easy);
    r = fetch->user->prepare(fetch, fetch->easy);
    if (r < 0)
        return r;
    return curl_loop_start(curl, fetch->easy, on_done, fetch);
}

void fetch_end_void(Probe *probe, int error)
{
    if (error == -ELIBACC)
        probe_end(probe, PROBE_VOID, 0, "not checked: %s", curl_loop_missing(probe->context->curl));
    else
        probe_end_void(probe, error);
}

static void begin_or_end(Fetch *fetch)
{
    int r = begin(fetch);

    if (r < 0)
        fetch_end_void(fetch->probe, r);
}

static void on_socket(void *userdata, int fd)
{
    Fetch *fetch = userdata;

    /* No IPv6 there: then it stays at what 127.0.0.1 said. */
    if (fd < 0 && fetch->tried_other)
        probe_end_errno(fetch->probe, ECONNREFUSED);
    else if (fd < 0)
        probe_end_void(fetch->probe, fd);
    else {
        fetch->fd = fd;
        begin_or_end(fetch);
    }
}

void fetch_start(Fetch *fetch)
{
    assert(!fetch->easy);

    if (fetch->route.local)
        route_open(fetch->probe, fetch->route.family, on_socket, fetch);
    else
        begin_or_end(fetch);
}

/* What libcurl wrote down, else what it calls the error, as it stands inside a sentence. */
static void fail_in_its_words(Fetch *fetch, CURLcode code)
{
    const char *words = fetch->error[0] ? fetch->error : fetch->api->easy_strerror(code);
    bool acronym = words[0] && isupper((unsigned char)words[1]);

    probe_end(fetch->probe, PROBE_FAIL, 0, "%c%s",
              acronym ? words[0] : tolower((unsigned char)words[0]), words[0] ? words + 1 : "");
}

/* The system's word for it when there is one. */
static void fail_connection(Fetch *fetch, CURLcode code)
{
    long error = 0;

    fetch->api->easy_getinfo(fetch->easy, CURLINFO_OS_ERRNO, &error);
    if (error > 0)
        probe_end_errno(fetch->probe, (int)error);
    else
        fail_in_its_words(fetch, code);
}

void fetch_fail(Fetch *fetch, CURLcode code)
{
    if (code == CURLE_OUT_OF_MEMORY)
        probe_end_void(fetch->probe, -ENOMEM);
    else if (code == CURLE_COULDNT_CONNECT && probe_error_is_ours(fetch->open_error))
        probe_end_void(fetch->probe, fetch->open_error);
    else if (code == CURLE_COULDNT_CONNECT || code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR)
        fail_connection(fetch, code);
    else if (code == CURLE_COULDNT_RESOLVE_HOST)
        probe_end(fetch->probe, PROBE_FAIL, 0, "host name not found");
    else if (code == CURLE_GOT_NOTHING)
        probe_end(fetch->probe, PROBE_FAIL, 0, "connection closed without an answer");
    else if (code == CURLE_PARTIAL_FILE)
        probe_end(fetch->probe, PROBE_FAIL, 0, "connection closed inside the answer");
    else if (code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_WEIRD_SERVER_REPLY)
        probe_end(fetch->probe, PROBE_FAIL, 0, "the answer is not HTTP");
    else
        fail_in_its_words(fetch, code);
}

static bool name_found(const Fetch *fetch)
{
    curl_off_t usec = 0;

    fetch->api->easy_getinfo(fetch->easy, CURLINFO_NAMELOOKUP_TIME_T, &usec);
    return usec > 0;
}

void fetch_late(Fetch *fetch, const char *what)
{
    /* Before there is a transfer, the lease is waited for, and not the service. */
    if (!fetch->easy)
        probe_end_void(fetch->probe, -ETIMEDOUT);
    else if (!fetch->route.local && !name_found(fetch))
        probe_end_late(fetch->probe, "host name not found");
    else
        probe_end_late(fetch->probe, what);
}
