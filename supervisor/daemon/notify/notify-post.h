/* SPDX-License-Identifier: MIT */
/*
 * One POST of a notification: 10 s at most, no redirects, the server's certificate verified, of the
 * answer only the status counts. Knows nothing of queues.
 */
#pragma once

#include "supervisor/daemon/notify/notify-policy.h"
#include "supervisor/probe/probe.h"

typedef struct NotifyPost NotifyPost;

typedef struct NotifyAnswer {
    NotifyVerdict verdict;
    uint64_t wait_usec; /* as the server asks with Retry-After, else 0 */
    const char *what;   /* "HTTP 404", "Couldn't connect to server"; nothing of the address */
} NotifyAnswer;

/* Called from the event loop; must free the post. */
typedef void (*notify_post_done_t)(const NotifyAnswer *answer, void *userdata);

/* The id becomes the header Idempotency-Key. The body is copied. -EINVAL: never with this address;
 * -ELIBACC: there is no libcurl, see curl_loop_missing(); -ENOMEM. */
int notify_post_new(CurlLoop *curl, const char *url, const char *id, const char *body,
                    notify_post_done_t done, void *userdata, NotifyPost **ret);
/* Ends it when it is under way. */
NotifyPost *notify_post_free(NotifyPost *post);
