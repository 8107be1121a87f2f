/* SPDX-License-Identifier: MIT */

/* GET /api/v1/series: one, as parameters name it, or several over the same time, as a JSON array
 * does. */

#include <jansson.h>

#include "collector/clocks.h"
#include "collector/server-internal.h"

#define STEPS       300 /* of a span, when no step is given */
#define SERIES_SPAN USEC_PER_HOUR
#define SERIES_MAX  64 /* in one request */

/* Why a series cannot be asked for so; what was found is cut. */
typedef struct Complaint {
    const char *member, *accepted;
    const char *found; /* NULL: it has to be there */
} Complaint;

static int complain(Complaint *ret, const char *member, const char *found, const char *accepted)
{
    *ret = (Complaint){.member = member, .found = found, .accepted = accepted};
    return 1;
}

static int set_kind(SeriesQuery *query, const char *of, Complaint *complaint)
{
    static const char *const words[] = {
        [SERIES_SYSTEM] = "system", [SERIES_CLASS] = "class", [SERIES_SERVICE] = "service"};

    _Static_assert(ELEMENTSOF(words) == _SERIES_KIND_MAX, "a word for each kind");
    for (int i = 0; of && i < _SERIES_KIND_MAX; i++) {
        if (streq(of, words[i])) {
            query->of = (SeriesKind)i;
            return 0;
        }
    }
    return complain(complaint, "of", of ? of : "", "\"system\", \"class\" or \"service\"");
}

/* The strings have to live as long as the query. 0, or 1 and the complaint. */
static int set_subject(SeriesQuery *query, const char *of, const char *host, const char *name,
                       Complaint *complaint)
{
    if (set_kind(query, of, complaint) != 0)
        return 1;
    query->host = host;
    query->name = name;
    query->class = -1;
    if (!host)
        return complain(complaint, "host", NULL, NULL);
    if (query->of == SERIES_SERVICE && !name)
        return complain(complaint, "name", NULL, NULL);
    if (query->of != SERIES_CLASS || !name)
        return 0;
    query->class = container_class_from_word(name);
    return query->class >= 0 ? 0
                             : complain(complaint, "name", name,
                                        "\"cpu\", \"ram\", \"io\", \"disk\" or \"other\"");
}

/* prefix: where it stands in the list. */
static enum MHD_Result answer_complaint(Request *request, const char *prefix, const Complaint *c)
{
    if (!c->found)
        return request_fail(request, 400, "%s%s: has to be there", prefix, c->member);
    return request_fail(request, 400, "%s%s: found \"%.64s\", accepted is %s", prefix, c->member,
                        c->found, c->accepted);
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
    return request_span(request, "step", &query->step_usec, ret);
}

/* What reader_add_series() returned, once the text is complete. */
static enum MHD_Result answer_read(Request *request, int r, Text *t)
{
    if (r == 0) {
        text_add_char(t, '\n');
        return request_answer(request, 200, NULL, t);
    }
    text_done(t);
    if (r < 0)
        return request_fail_reading(request, r);
    return request_fail(request, 400, "step: that would be more than %d rows", SERIES_ROWS_MAX);
}

static enum MHD_Result get_one(Request *request, SeriesQuery *query)
{
    Complaint complaint;
    Text t = {0};

    if (set_subject(query, request_param(request, "of"), request_param(request, "host"),
                    request_param(request, "name"), &complaint) != 0)
        return answer_complaint(request, "", &complaint);
    return answer_read(request, reader_add_series(request->server->reader, query, &t), &t);
}

/* 0 and the text goes on, or 1 and *ret is the answer. */
static int add_item(Request *request, SeriesQuery *query, size_t i, const json_t *item, Text *t,
                    enum MHD_Result *ret)
{
    const char *of = NULL, *host = NULL, *name = NULL;
    Complaint complaint;
    char prefix[32];

    (void)snprintf(prefix, sizeof(prefix), "series/%zu/", i);
    if (json_unpack((json_t *)(uintptr_t)item, "{s:s, s?s, s?s !}", "of", &of, "host", &host,
                    "name", &name) < 0) {
        *ret = request_fail(
            request, 400, "series/%zu: accepted is an object of the strings of, host and name", i);
        return 1;
    }
    if (set_subject(query, of, host, name, &complaint) != 0) {
        *ret = answer_complaint(request, prefix, &complaint);
        return 1;
    }
    text_add(t, i > 0 ? ",\n" : "");
    int r = reader_add_series(request->server->reader, query, t);
    if (r == 0)
        return 0;
    *ret = answer_read(request, r, t);
    return 1;
}

static enum MHD_Result add_items(Request *request, SeriesQuery *query, const json_t *list)
{
    enum MHD_Result result;
    const json_t *item;
    Text t = {0};
    size_t i;

    text_add(&t, "{\"series\": [");
    json_array_foreach((json_t *)(uintptr_t)list, i, item)
    {
        if (add_item(request, query, i, item, &t, &result) != 0) {
            text_done(&t);
            return result;
        }
    }
    text_add(&t, "]}");
    return answer_read(request, 0, &t);
}

static enum MHD_Result get_list(Request *request, SeriesQuery *query, const char *text)
{
    enum MHD_Result result;
    json_t *list;

    if (request_param(request, "of") || request_param(request, "host") ||
        request_param(request, "name"))
        return request_fail(request, 400, "series: stands for of, host and name");
    list = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > SERIES_MAX)
        result = request_fail(request, 400, "series: accepted is a JSON array of 1 to %d objects",
                              SERIES_MAX);
    else
        result = add_items(request, query, list);
    json_decref(list);
    return result;
}

enum MHD_Result get_series(Request *request)
{
    const char *list = request_param(request, "series");
    enum MHD_Result result;
    SeriesQuery query = {0};

    if (read_time_range(request, &query, &result) != 0)
        return result;
    return list ? get_list(request, &query, list) : get_one(request, &query);
}
