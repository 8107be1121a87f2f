/* SPDX-License-Identifier: MIT */
/*
 * One POST of a notification. Addresses of webhooks are secrets as often as not, so nothing here
 * puts them into a message.
 */
#include "supervisor/daemon/notify/notify-post.h"

#include <assert.h>
#include <errno.h>

#include "base/macros.h"
#include "supervisor/daemon/http-post.h"

#define TIMEOUT_USEC    (10 * USEC_PER_SEC)
#define ANSWER_SIZE_MAX ((size_t)64 * 1024)

struct NotifyPost {
    HttpPost *post;
    notify_post_done_t done;
    void *userdata;
};

NotifyPost *notify_post_free(NotifyPost *post)
{
    if (!post)
        return NULL;
    http_post_free(post->post);
    free(post);
    return NULL;
}

static void on_done(const HttpPostAnswer *http, void *userdata)
{
    NotifyPost *post = userdata;
    NotifyAnswer answer = {.wait_usec = http->wait_usec};
    char what[32];

    /* A status is an answer, whatever happened to what came after it. */
    if (http->status > 0) {
        answer.verdict = notify_http_verdict(http->status);
        snprintf(what, sizeof(what), "HTTP %ld", http->status);
        answer.what = what;
    } else {
        answer.verdict = http->hopeless ? NOTIFY_REFUSED : NOTIFY_RETRY;
        answer.what = http->error;
    }
    post->done(&answer, post->userdata);
}

int notify_post_new(CurlLoop *curl, const char *url, const char *id, const char *body,
                    notify_post_done_t done, void *userdata, NotifyPost **ret)
{
    HttpPostRequest request = {
        .url = url,
        .key = id,
        .body = body,
        .body_size = strlen(body),
        .timeout_usec = TIMEOUT_USEC,
        .answer_max = ANSWER_SIZE_MAX,
    };
    NotifyPost *post;

    assert(curl && url && id && body && done && ret);

    post = calloc(1, sizeof(NotifyPost));
    if (!post)
        return -ENOMEM;
    post->done = done;
    post->userdata = userdata;
    int r = http_post_new(curl, &request, on_done, post, &post->post);
    if (r < 0) {
        free(post);
        return r;
    }
    *ret = post;
    return 0;
}
