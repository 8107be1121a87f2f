/* SPDX-License-Identifier: MIT */
/* One POST through libcurl; see http-post.h. */
#include "supervisor/daemon/http-post.h"

#include <assert.h>
#include <errno.h>

#include "base/macros.h"
#include "base/text.h"
#include "supervisor/probe/curl-loop.h"

#define UNIX_PREFIX     "unix:"
#define CONNECT_TIMEOUT 5000L /* msec */
#define N_HEADERS       4U

struct HttpPost {
    CurlLoop *curl;
    const CurlApi *api;
    CURL *easy;
    char *url, *key, *token; /* the last two as headers */
    struct curl_slist headers[N_HEADERS];
    size_t n_headers;
    Text answer;
    size_t answer_max;
    http_post_done_t done;
    void *userdata;
};

HttpPost *http_post_free(HttpPost *post)
{
    if (!post)
        return NULL;
    curl_loop_give(post->curl, post->easy);
    text_done(&post->answer);
    free(post->url);
    free(post->key);
    if (post->token)
        explicit_bzero(post->token, strlen(post->token));
    free(post->token);
    free(post);
    return NULL;
}

static void http_post_freep(HttpPost **post)
{
    http_post_free(*post);
}

/* An answer that does not end is cut off. */
static size_t on_data(char *data, size_t one, size_t n, void *userdata)
{
    HttpPost *post = userdata;
    size_t room = post->answer_max - post->answer.size;

    text_add_n(&post->answer, data, MIN(n, room));
    return n > room ? 0 : n;
}

/* The address itself is wrong. */
static bool is_hopeless(CURLcode result)
{
    return result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL;
}

static void on_done(CURL *easy, CURLcode result, void *userdata)
{
    const curl_off_t day = (curl_off_t)(USEC_PER_DAY / USEC_PER_SEC);
    HttpPost *post = userdata;
    curl_off_t wait_seconds = 0;
    HttpPostAnswer answer = {.error = "no answer", .text = "", .hopeless = is_hopeless(result)};

    (void)post->api->easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer.status);
    (void)post->api->easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait_seconds);
    if (answer.status < 200)
        answer.status = 0;
    if (result != CURLE_OK)
        answer.error = post->api->easy_strerror(result);
    if (post->answer.error == 0 && post->answer.size > 0) {
        answer.text = post->answer.data;
        answer.size = post->answer.size;
    }
    if (wait_seconds > 0)
        answer.wait_usec = (uint64_t)MIN(wait_seconds, day) * USEC_PER_SEC;
    post->done(&answer, post->userdata);
}

/* libcurl only reads them. */
static void add_header(HttpPost *post, const char *line)
{
    size_t n = post->n_headers++;

    assert(n < N_HEADERS);
    post->headers[n].data = (char *)line;
    if (n > 0)
        post->headers[n - 1].next = &post->headers[n];
}

static int make_headers(HttpPost *post, const HttpPostRequest *request)
{
    post->key = text_printf("Idempotency-Key: %s", request->key);
    if (!post->key)
        return -ENOMEM;
    add_header(post, post->key);
    add_header(post, "Content-Type: application/json");
    add_header(post, "Expect:"); /* no waiting for a "100 Continue" */
    if (!request->token)
        return 0;
    post->token = text_printf("Authorization: Bearer %s", request->token);
    if (!post->token)
        return -ENOMEM;
    add_header(post, post->token);
    return 0;
}

static bool is_unix(const char *url)
{
    return strncmp(url, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
}

static int make_url(HttpPost *post, const HttpPostRequest *request)
{
    const char *base = is_unix(request->url) ? "http://localhost" : request->url;
    const char *path = request->path ? request->path : "";
    size_t n = strlen(base);

    while (*path && n > 0 && base[n - 1] == '/')
        n--;
    post->url = text_printf("%.*s%s", (int)n, base, path);
    return post->url ? 0 : -ENOMEM;
}

/* Writes the options until the first that is refused. */
#define SET(option, value)                                                                         \
    do {                                                                                           \
        if (post->api->easy_setopt(post->easy, (option), (value)) != CURLE_OK)                     \
            return -EINVAL;                                                                        \
    } while (0)

static int set_bounds(HttpPost *post, const HttpPostRequest *request)
{
    long fresh = request->keep ? 0L : 1L;

    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_TIMEOUT_MS, (long)(request->timeout_usec / USEC_PER_MSEC));
    SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_FRESH_CONNECT, fresh);
    SET(CURLOPT_FORBID_REUSE, fresh);
    if (request->ca)
        SET(CURLOPT_CAINFO, request->ca);
    return 0;
}

static int set_request(HttpPost *post, const HttpPostRequest *request)
{
    SET(CURLOPT_URL, post->url);
    if (is_unix(request->url))
        SET(CURLOPT_UNIX_SOCKET_PATH, request->url + strlen(UNIX_PREFIX));
    SET(CURLOPT_USERAGENT, "phoenixd/" PHOENIX_VERSION);
    SET(CURLOPT_HTTPHEADER, post->headers);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
    SET(request->body_stays ? CURLOPT_POSTFIELDS : CURLOPT_COPYPOSTFIELDS, request->body);
    SET(CURLOPT_WRITEFUNCTION, on_data);
    SET(CURLOPT_WRITEDATA, post);
    return 0;
}

int http_post_new(CurlLoop *curl, const HttpPostRequest *request, http_post_done_t done,
                  void *userdata, HttpPost **ret)
{
    _cleanup_(http_post_freep) HttpPost *post = NULL;
    int r;

    assert(curl && request && request->url && request->key && request->body && done && ret);

    post = calloc(1, sizeof(HttpPost));
    if (!post)
        return -ENOMEM;
    post->curl = curl;
    post->answer_max = request->answer_max;
    post->done = done;
    post->userdata = userdata;
    r = curl_loop_api(curl, &post->api);
    if (r >= 0)
        r = curl_loop_take(curl, &post->easy);
    if (r >= 0)
        r = make_url(post, request);
    if (r >= 0)
        r = make_headers(post, request);
    if (r >= 0)
        r = set_bounds(post, request);
    if (r >= 0)
        r = set_request(post, request);
    if (r >= 0)
        r = curl_loop_start(curl, post->easy, on_done, post);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(post);
    return 0;
}
