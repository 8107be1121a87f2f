/* SPDX-License-Identifier: MIT */

/* Answers for the page: hosts, services, series, events. Each is one short query. */

#include <errno.h>

#include "collector/clocks.h"
#include "collector/server-internal.h"

#define STEPS       300 /* of a span, when no step is given */
#define EVENTS      100
#define EVENTS_MAX  1000
#define SERIES_SPAN USEC_PER_HOUR

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

static int read_kind(Request *request, SeriesQuery *query, enum MHD_Result *ret)
{
    static const char *const words[] = {
        [SERIES_SYSTEM] = "system", [SERIES_CLASS] = "class", [SERIES_SERVICE] = "service"};
    const char *of = request_param(request, "of");

    _Static_assert(ELEMENTSOF(words) == _SERIES_KIND_MAX, "a word for each kind");
    for (int i = 0; of && i < _SERIES_KIND_MAX; i++) {
        if (streq(of, words[i])) {
            query->of = (SeriesKind)i;
            return 0;
        }
    }
    *ret = request_fail(request, 400,
                        "of: found \"%.64s\", accepted is \"system\", \"class\" or \"service\"",
                        of ? of : "");
    return 1;
}

static int read_subject(Request *request, SeriesQuery *query, enum MHD_Result *ret)
{
    query->host = request_param(request, "host");
    query->name = request_param(request, "name");
    query->class = -1;
    if (!query->host) {
        *ret = request_fail(request, 400, "host: has to be there");
        return 1;
    }
    if (query->of == SERIES_SERVICE && !query->name) {
        *ret = request_fail(request, 400, "name: of a service has to be there");
        return 1;
    }
    if (query->of != SERIES_CLASS || !query->name)
        return 0;
    query->class = container_class_from_word(query->name);
    if (query->class >= 0)
        return 0;
    *ret = request_fail(
        request, 400,
        "name: found \"%.64s\", accepted is \"cpu\", \"ram\", \"io\", \"disk\" or \"other\"",
        query->name);
    return 1;
}

static int read_time_range(Request *request, SeriesQuery *query, enum MHD_Result *ret)
{
    uint64_t now = clock_usec(CLOCK_REALTIME);
    Span *span = &query->span;

    *span = (Span){now - SERIES_SPAN, now};
    if (request_time(request, "since", now, &span->since_usec, ret) != 0 ||
        request_time(request, "until", now, &span->until_usec, ret) != 0)
        return 1;
    if (span->since_usec >= span->until_usec) {
        *ret = request_fail(request, 400, "since: has to be before until");
        return 1;
    }
    /* The default step is a round number of seconds. */
    uint64_t step = (span->until_usec - span->since_usec) / STEPS / USEC_PER_SEC * USEC_PER_SEC;
    query->step_usec = MAX(step, USEC_PER_SEC);
    if (request_span(request, "step", &query->step_usec, ret) != 0)
        return 1;
    return 0;
}

enum MHD_Result get_series(Request *request)
{
    enum MHD_Result result;
    SeriesQuery query = {0};
    Text t = {0};

    if (read_kind(request, &query, &result) != 0 || read_subject(request, &query, &result) != 0 ||
        read_time_range(request, &query, &result) != 0)
        return result;
    int r = reader_add_series(request->server->reader, &query, &t);
    if (r <= 0)
        return answer_read(request, r, &t);
    text_done(&t);
    return request_fail(request, 400, "step: that would be more than %d rows", SERIES_ROWS_MAX);
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
