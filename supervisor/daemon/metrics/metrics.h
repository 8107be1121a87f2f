/* SPDX-License-Identifier: MIT */
/*
 * OpenMetrics 1.0 of the supervisor and its services, and the sockets it is served on.
 */
#pragma once

#include <systemd/sd-event.h>

#include "base/text.h"
#include "supervisor/daemon/view.h"

/* Appends the whole exposition, with # EOF. */
int metrics_write(Manager *manager, Text *text);

typedef struct MetricsServer MetricsServer;

/* Serves GET /metrics on listening sockets from systemd (unix or TCP), which it then owns:
 * HTTP/1.1, one request per connection, at most 16 connections, 4 KiB of request, 5 seconds. */
int metrics_server_new(sd_event *event, Manager *manager, const int *fds, size_t n_fds,
                       MetricsServer **ret);
/* For tests: how long a connection may take, instead of 5 seconds. */
void metrics_server_set_timeout(MetricsServer *server, uint64_t usec);
MetricsServer *metrics_server_free(MetricsServer *server);
