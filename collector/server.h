/* SPDX-License-Identifier: MIT */

/* HTTP: connections from the sockets that systemd passed, requests within their limits, answers.
 * libmicrohttpd runs inside the program's one event loop; what takes long is done by the writer and
 * the painter, and the request waits suspended. */

#pragma once

#include <systemd/sd-event.h>

#include "collector/listen.h"
#include "collector/painter.h"
#include "collector/writer.h"

typedef struct ServerOptions {
    size_t max_body;      /* bytes of one post */
    unsigned rate, burst; /* posts a second of one address */
    unsigned max_clients;
    uint64_t request_usec; /* in which a request has to be complete */
    const char *page;      /* folder of the page's files */
    const char *graphs;    /* folder of the pictures */
    const char *token;     /* for posts; NULL: none is needed */
    /* PEM, for what comes from other machines; NULL: plain HTTP */
    const char *tls_cert, *tls_key;
    bool without_token, without_tls; /* for other machines, too */
    char *const *names;              /* more host names that requests may be for */
} ServerOptions;

typedef struct Server Server;

/* Everything passed in has to live as long; the sockets stay the caller's. */
int server_new(sd_event *event, const ServerOptions *options, const Listen *listen, Store *store,
               const WriterOptions *writer, Server **ret);
/* Stores what waits and answers it, as far as that goes without waiting for clients. */
Server *server_free(Server *server);
