/* SPDX-License-Identifier: MIT */
/*
 * libcurl's multi-socket interface driven by sd-event: one timer and one I/O source per socket, for
 * the checks and the notifications that need it. Transfers are fresh connections; nothing is kept
 * alive. The library is loaded, and its part of the loop made, when the first one takes a handle.
 */
#pragma once

#include <systemd/sd-event.h>

#include "supervisor/probe/curl-api.h"
#include "supervisor/probe/probe.h"

typedef void (*curl_done_t)(CURL *easy, CURLcode result, void *userdata);

/* Starts a transfer; the handle stays the caller's, who must not free it before `done` or
 * curl_loop_cancel(). CURLOPT_PRIVATE is taken. `done` is called from the event loop. */
int curl_loop_start(CurlLoop *loop, CURL *easy, curl_done_t done, void *userdata);
void curl_loop_cancel(CurlLoop *loop, CURL *easy);

/* Handles are lent: there are as many as transfers at one time, not as many as checks. A lent one
 * has libcurl's defaults. Giving one back cancels its transfer; NULL is fine. Taking one gives
 * -ENOMEM, or -ELIBACC when there is no library; it is looked for again the next time. */
int curl_loop_take(CurlLoop *loop, CURL **ret);
void curl_loop_give(CurlLoop *loop, CURL *easy);

/* Loads the library as curl_loop_take() does. The table lives as long as the loop. */
int curl_loop_api(CurlLoop *loop, const CurlApi **ret);
/* Why the library could not be loaded; NULL when that has not happened. */
const char *curl_loop_missing(const CurlLoop *loop);

/* With another library than CURL_SONAME, for tests. The name is borrowed. */
int curl_loop_new_with(sd_event *event, const char *soname, CurlLoop **ret);
