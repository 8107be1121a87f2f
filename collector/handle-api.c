/* SPDX-License-Identifier: MIT */

/* Answers for the page: hosts, services, events. Each is one short query. */

#include <errno.h>

#include "collector/clocks.h"
#include "collector/server-internal.h"

#define EVENTS     100
#define EVENTS_MAX 1000

static enum MHD_Result answer_read(Request *request, int r, Text *t)
{
    if (r >= 0)
        return request_answer(request, 200, NULL, t);
    text_done(t);
    return request_fail_reading(request, r);
}

enum MHD_Result get_hosts(Request *request)
{
    Text t = {0};
    int r = reader_add_hosts(request->server->reader, clock_usec(CLOCK_REALTIME), &t);

    return answer_read(request, r, &t);
}

enum MHD_Result get_services(Request *request)
{
    Text t = {0};
    int r = reader_add_services(request->server->reader, request_param(request, "host"),
                                clock_usec(CLOCK_REALTIME), &t);

    return answer_read(request, r, &t);
}

enum MHD_Result get_events(Request *request)
{
    uint64_t now = clock_usec(CLOCK_REALTIME);
    enum MHD_Result result;
    Text t = {0};
    EventsQuery query = {
        .host = request_param(request, "host"),
        .service = request_param(request, "service"),
        .event = request_param(request, "event"),
        .span = {0, INT64_MAX},
        .before_id = INT64_MAX,
        .limit = EVENTS,
    };

    if (request_time(request, "since", now, &query.span.since_usec, &result) != 0 ||
        request_time(request, "until", now, &query.span.until_usec, &result) != 0 ||
        request_number(request, "before", 1, INT64_MAX, &query.before_id, &result) != 0 ||
        request_number(request, "limit", 1, EVENTS_MAX, &query.limit, &result) != 0)
        return result;
    int r = reader_add_events(request->server->reader, &query, &t);
    return answer_read(request, r, &t);
}
