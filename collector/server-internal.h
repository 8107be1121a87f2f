/* SPDX-License-Identifier: MIT */

/* What the parts of the server share: the server, its connections, a request and its answer. */

#pragma once

#include <microhttpd.h>
#include <stdatomic.h>

#include "base/text.h"
#include "collector/endpoint.h"
#include "collector/hub.h"
#include "collector/rates.h"
#include "collector/reader.h"
#include "collector/server.h"

#define ADDRESS_SIZE 64

/* One connection. */
typedef struct Client {
    struct Client *next, **back; /* in the list of the server */
    int fd;
    char address[ADDRESS_SIZE]; /* "local" of a unix socket */
    bool is_local;
    bool answering;      /* its request is complete */
    uint64_t since_usec; /* CLOCK_MONOTONIC: its start, or the end of the request before */
} Client;

typedef struct ServerStats {
    uint64_t requests, connections, turned_away, overdue, rate_limited, too_large, overloaded;
    uint64_t answers[6]; /* by the first digit of the status */
    uint64_t clients, streams, body_bytes;
} ServerStats;

typedef struct Request Request;

struct Server {
    sd_event *event;
    const ServerOptions *options;
    Endpoint plain, secure;
    sd_event_source *sweep, *done_source, *painted_source, *live, *beat;
    int done_fd, painted_fd;
    char *db_path, *own_host;
    Writer *writer;
    Painter *painter;
    Reader *reader;
    Hub *hub;
    Rates *rates;
    Client *clients;
    Request *streams;    /* that wait for something to come */
    unsigned generation; /* of the database that readers have open */
    bool stopping;
    /* live pictures */
    bool live_painting;
    char *live_host;
    char *last_host; /* has posted its last, and is not drawn yet */
    uint64_t live_span_usec, live_until_usec;
    ServerStats stats;
};

typedef struct Route {
    const char *path;
    const char *allow;
    enum MHD_Result (*get)(Request *request);
    enum MHD_Result (*post)(Request *request);
    const char *const *params; /* that it knows, ends with NULL */
} Route;

struct Request {
    Server *server;
    struct MHD_Connection *connection;
    Client *client;
    const char *url;
    const Route *route;
    bool is_post, suspended;
    unsigned refuse_status; /* decided before the body had come; 0: none */
    Text refuse_body;
    uint64_t retry_after_sec;
    /* a post */
    char *body;
    size_t body_size, body_allocated;
    PostJob job;
    bool job_waiting, job_done;
    /* pictures */
    PaintJob *paint;
    bool paint_waiting, paint_done;
    const char *paint_file; /* to be served when it is painted */
    /* a stream */
    Request *next_stream, **back_stream;
    uint64_t stream_id, beat_due_usec;
    Text stream_text;
    size_t stream_sent;
    bool is_stream;
};

extern const Route server_routes[];

/* What libmicrohttpd calls; userdata is the server. */
enum MHD_Result server_on_request(void *userdata, struct MHD_Connection *connection,
                                  const char *url, const char *method, const char *version,
                                  const char *data, size_t *size, void **context);
void server_on_completed(void *userdata, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code);
void server_on_connection(void *userdata, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code);

/* Waits until request_wake(): the handler is called again then. */
void request_suspend(Request *request);
void request_wake(Request *request);

/* An answer; the text is taken. content_type NULL: JSON. */
enum MHD_Result request_answer(Request *request, unsigned status, const char *content_type,
                               Text *body);
/* {"error": "..."} */
enum MHD_Result request_fail(Request *request, unsigned status, const char *format, ...)
    _printf_(3, 4);
/* Adds what each answer has, queues and releases it. */
enum MHD_Result request_queue(Request *request, unsigned status, struct MHD_Response *response);
/* The answer for what a reader returned: 503, or damage reported. */
enum MHD_Result request_fail_reading(Request *request, int error);

/* A parameter, or NULL. */
const char *request_param(Request *request, const char *name);
/* Parameters that have a form: 0 (also when missing: *ret stays as it is), or 1 when it is wrong
 * and *ret_result is the answer. */
int request_time(Request *request, const char *name, uint64_t now_usec, uint64_t *ret_usec,
                 enum MHD_Result *ret_result);
int request_span(Request *request, const char *name, uint64_t *ret_usec,
                 enum MHD_Result *ret_result);
int request_number(Request *request, const char *name, uint64_t min, uint64_t max, uint64_t *ret,
                   enum MHD_Result *ret_result);

/* Handlers, one file for each group. */
enum MHD_Result post_logs(Request *request);
enum MHD_Result get_logs(Request *request);
enum MHD_Result get_hosts(Request *request);
enum MHD_Result get_services(Request *request);
enum MHD_Result get_series(Request *request);
enum MHD_Result get_events(Request *request);
enum MHD_Result get_stream(Request *request);
enum MHD_Result get_generate_graphs(Request *request);
enum MHD_Result get_show_graphs(Request *request);
enum MHD_Result get_graph(Request *request);
enum MHD_Result get_health(Request *request);
enum MHD_Result get_metrics(Request *request);
enum MHD_Result get_page(Request *request);

/* Life of the handlers' own things. */
void post_done_jobs(Server *server);
void graphs_done_jobs(Server *server);
/* Draws what a host has sent until its end. Takes the host. */
void graphs_draw_last(Server *server, char *host);
int graphs_start(Server *server);
void stream_publish(Server *server, const Announcement *list);
void stream_beat(Server *server, uint64_t now_usec);
void stream_end(Request *request);

/* The body comes in: 0, or it is too much and the request is refused. */
void post_take(Request *request, const char *data, size_t size);
/* What can be decided by the head alone. */
void post_check_head(Request *request);
void request_refuse(Request *request, unsigned status, const char *format, ...) _printf_(3, 4);

/* Whether posts can be stored; if not, *ret_why is a literal or the text of an errno. */
bool server_is_healthy(Server *server, const char **ret_why);
