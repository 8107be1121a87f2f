/* SPDX-License-Identifier: MIT */

/* One libmicrohttpd within the event loop: the listening sockets that it serves, and when it is to
 * run. There are two, as one of them speaks either plain HTTP or TLS. */

#pragma once

#include <microhttpd.h>
#include <stdbool.h>
#include <systemd/sd-event.h>

typedef struct Server Server;

typedef struct Endpoint {
    Server *server;
    struct MHD_Daemon *daemon; /* NULL: nobody listens for it */
    bool tls;
    sd_event_source *epoll_source, *timer, *more;
    sd_event_source **listeners;
    size_t n_listeners;
} Endpoint;

/* Serves these listening sockets, which stay the caller's; with tls with the certificate and the
 * key of the server's options. -EIO: libmicrohttpd cannot, and has said why in the log. */
int endpoint_start(Endpoint *endpoint, Server *server, bool tls, const int *fds, size_t n_fds);

/* Lets it work, when it is started. */
void endpoint_run(Endpoint *endpoint);

/* Takes no more connections; those that there are go on. */
void endpoint_close(Endpoint *endpoint);
/* Ends all of them. */
void endpoint_stop(Endpoint *endpoint);
