/* SPDX-License-Identifier: MIT */

/* Which requests there are. */

#include "collector/server-internal.h"

static const char *const none[] = {NULL};
static const char *const log_params[] = {"since", "until", "host", "limit", "format", "with", NULL};
static const char *const graph_params[] = {"host", "since", NULL};
static const char *const picture_params[] = {"t", NULL}; /* so that browsers fetch it again */
static const char *const service_params[] = {"host", NULL};
static const char *const series_params[] = {"of",    "host",  "name", "series",
                                            "since", "until", "step", NULL};
static const char *const event_params[] = {"host",  "service", "event",  "since",
                                           "until", "limit",   "before", NULL};

#define GET "GET, HEAD"

const Route server_routes[] = {
    {"/logs", GET ", POST", get_logs, post_logs, log_params},
    {"/generate_graphs", GET, get_generate_graphs, NULL, graph_params},
    {"/show_graphs", GET, get_show_graphs, NULL, graph_params},
    {"/" GRAPH_SYSTEM, GET, get_graph, NULL, picture_params},
    {"/" GRAPH_CONTAINERS, GET, get_graph, NULL, picture_params},
    {"/api/v1/hosts", GET, get_hosts, NULL, none},
    {"/api/v1/services", GET, get_services, NULL, service_params},
    {"/api/v1/series", GET, get_series, NULL, series_params},
    {"/api/v1/events", GET, get_events, NULL, event_params},
    {"/api/v1/stream", GET, get_stream, NULL, none},
    {"/health", GET, get_health, NULL, none},
    {"/metrics", GET, get_metrics, NULL, none},
    /* Everything else is a file of the page, or not there. */
    {NULL, GET, get_page, NULL, none},
};
