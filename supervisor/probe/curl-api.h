/* SPDX-License-Identifier: MIT */
/*
 * libcurl, loaded when it is needed for the first time. It brings a dozen libraries and several MiB
 * of their pages with it, and most machines have no check and no webhook that needs it: plain HTTP
 * to a service is spoken without it (http-plain.h).
 *
 * The table holds what is used of it, under the name that it has there without "curl_".
 */
#pragma once

#include <curl/curl.h>

typedef struct CurlApi {
    void *library; /* NULL: not loaded */
    typeof(&curl_global_init) global_init;
    typeof(&curl_global_cleanup) global_cleanup;
    typeof(&curl_free) free;
    typeof(&curl_getdate) getdate;
    typeof(&curl_easy_init) easy_init;
    typeof(&curl_easy_cleanup) easy_cleanup;
    typeof(&curl_easy_reset) easy_reset;
    typeof(&curl_easy_setopt) easy_setopt;
    typeof(&curl_easy_getinfo) easy_getinfo;
    typeof(&curl_easy_strerror) easy_strerror;
    typeof(&curl_multi_init) multi_init;
    typeof(&curl_multi_cleanup) multi_cleanup;
    typeof(&curl_multi_setopt) multi_setopt;
    typeof(&curl_multi_add_handle) multi_add_handle;
    typeof(&curl_multi_remove_handle) multi_remove_handle;
    typeof(&curl_multi_assign) multi_assign;
    typeof(&curl_multi_socket_action) multi_socket_action;
    typeof(&curl_multi_info_read) multi_info_read;
    typeof(&curl_url) url;
    typeof(&curl_url_cleanup) url_cleanup;
    typeof(&curl_url_set) url_set;
    typeof(&curl_url_get) url_get;
} CurlApi;

/* What is loaded. */
#define CURL_SONAME "libcurl.so.4"

/* Fills the table of an empty one. -ELIBACC when the library cannot be loaded, with the reason,
 * which the caller frees ("libcurl.so.4 cannot be loaded: ..."); -ENOMEM. */
int curl_api_load(CurlApi *api, const char *soname, char **ret_why);
/* Takes one that was not loaded. */
void curl_api_unload(CurlApi *api);
