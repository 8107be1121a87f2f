/* SPDX-License-Identifier: MIT */
/*
 * libcurl's multi-socket interface driven by sd-event: one timer and one I/O source per socket, for
 * the checks and the notifications. Transfers are fresh connections; nothing is kept alive.
 */
#pragma once

#include <curl/curl.h>
#include <systemd/sd-event.h>

#include "supervisor/probe/probe.h"

typedef void (*curl_done_t)(CURL *easy, CURLcode result, void *userdata);

/* Starts a transfer; the handle stays the caller's, who must not free it before `done` or
 * curl_loop_cancel(). CURLOPT_PRIVATE is taken. `done` is called from the event loop. */
int curl_loop_start(CurlLoop *loop, CURL *easy, curl_done_t done, void *userdata);
void curl_loop_cancel(CurlLoop *loop, CURL *easy);

/* Handles are lent: there are as many as transfers at one time, not as many as checks. A lent one
 * has libcurl's defaults. Giving one back cancels its transfer; NULL is fine. */
int curl_loop_take(CurlLoop *loop, CURL **ret);
void curl_loop_give(CurlLoop *loop, CURL *easy);
