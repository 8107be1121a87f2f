/* SPDX-License-Identifier: MIT */
/*
 * One POST of a notification. Addresses of webhooks are secrets as often as not, so nothing here
 * puts them into a message.
 */
#include "supervisor/daemon/notify/notify-post.h"

#include <assert.h>
#include <errno.h>

#include "base/macros.h"
#include "supervisor/probe/curl-loop.h"

#define TIMEOUT_MS      10000L
#define ANSWER_SIZE_MAX ((size_t)64 * 1024)

struct NotifyPost {
    CurlLoop *curl;
    const CurlApi *api;
    CURL *easy;
    char key[sizeof("Idempotency-Key: ") + 64];
    struct curl_slist headers[3];
    size_t size; /* of the answer so far */
    notify_post_done_t done;
    void *userdata;
};

NotifyPost *notify_post_free(NotifyPost *post)
{
    if (!post)
        return NULL;
    curl_loop_give(post->curl, post->easy);
    free(post);
    return NULL;
}

static void notify_post_freep(NotifyPost **post)
{
    notify_post_free(*post);
}

/* The answer is not looked at; one that does not end is cut off. */
static size_t on_data(char *data, size_t one, size_t n, void *userdata)
{
    NotifyPost *post = userdata;

    post->size += n;
    return post->size > ANSWER_SIZE_MAX ? 0 : n;
}

/* The address itself is wrong. */
static bool is_hopeless(CURLcode result)
{
    return result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL;
}

static void on_done(CURL *easy, CURLcode result, void *userdata)
{
    NotifyPost *post = userdata;
    NotifyAnswer answer = {0};
    curl_off_t wait_seconds = 0;
    long status = 0;
    char what[32];

    (void)post->api->easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    (void)post->api->easy_getinfo(easy, CURLINFO_RETRY_AFTER, &wait_seconds);
    /* A status is an answer, whatever happened to what came after it. */
    if (status >= 200) {
        answer.verdict = notify_http_verdict(status);
        snprintf(what, sizeof(what), "HTTP %ld", status);
        answer.what = what;
    } else {
        answer.verdict = is_hopeless(result) ? NOTIFY_REFUSED : NOTIFY_RETRY;
        answer.what = result == CURLE_OK ? "no answer" : post->api->easy_strerror(result);
    }
    if (wait_seconds > 0)
        answer.wait_usec =
            (uint64_t)MIN(wait_seconds, (curl_off_t)(USEC_PER_DAY / USEC_PER_SEC)) * USEC_PER_SEC;
    post->done(&answer, post->userdata);
}

/* libcurl only reads them. */
static struct curl_slist *headers_of(NotifyPost *post, const char *id)
{
    snprintf(post->key, sizeof(post->key), "Idempotency-Key: %s", id);
    post->headers[0] = (struct curl_slist){post->key, &post->headers[1]};
    post->headers[1] =
        (struct curl_slist){(char *)"Content-Type: application/json", &post->headers[2]};
    /* No waiting for a "100 Continue". */
    post->headers[2] = (struct curl_slist){(char *)"Expect:", NULL};
    return post->headers;
}

static CURLcode set_bounds(NotifyPost *post)
{
    const CurlApi *api = post->api;
    CURL *easy = post->easy;
    CURLcode c;

    c = api->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    return c;
}

static CURLcode set_request(NotifyPost *post, const char *url, const char *id, const char *body)
{
    const CurlApi *api = post->api;
    CURL *easy = post->easy;
    CURLcode c;

    c = api->easy_setopt(easy, CURLOPT_URL, url);
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_USERAGENT, "phoenixd/" PHOENIX_VERSION);
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_HTTPHEADER, headers_of(post, id));
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, body);
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    if (c == CURLE_OK)
        c = api->easy_setopt(easy, CURLOPT_WRITEDATA, post);
    return c;
}

int notify_post_new(CurlLoop *curl, const char *url, const char *id, const char *body,
                    notify_post_done_t done, void *userdata, NotifyPost **ret)
{
    _cleanup_(notify_post_freep) NotifyPost *post = NULL;
    int r;

    assert(curl && url && id && body && done && ret);

    post = calloc(1, sizeof(NotifyPost));
    if (!post)
        return -ENOMEM;
    post->curl = curl;
    post->done = done;
    post->userdata = userdata;
    r = curl_loop_api(curl, &post->api);
    if (r >= 0)
        r = curl_loop_take(curl, &post->easy);
    if (r < 0)
        return r;
    if (set_bounds(post) != CURLE_OK || set_request(post, url, id, body) != CURLE_OK)
        return -EINVAL;
    r = curl_loop_start(curl, post->easy, on_done, post);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(post);
    return 0;
}
