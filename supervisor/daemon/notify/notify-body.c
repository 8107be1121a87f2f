/* SPDX-License-Identifier: MIT */
/*
 * What a notification says. The event's texts come from services, so none is used as it is.
 */
#include "supervisor/daemon/notify/notify-body.h"

#include <assert.h>
#include <errno.h>
#include <time.h>

#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/event-internal.h"

#define BODY_VERSION 1
#define MESSAGE_MAX  512U
#define N_PROBES_MAX 16U
#define N_SAMPLES    5U

/* Cleaned, and never longer than what a reason may be. */
static json_t *clean(const char *s)
{
    _cleanup_text_ Text text = {0};

    event_add_line(&text, s ? s : "");
    text_shorten(&text, MESSAGE_MAX);
    return text.error < 0 ? NULL : json_stringn(text.size > 0 ? text.data : "", text.size);
}

/* RFC 3339 in UTC; null when it is none. */
static json_t *when(uint64_t realtime_usec)
{
    time_t seconds = (time_t)(realtime_usec / USEC_PER_SEC);
    char date[32], text[48];
    struct tm tm;

    if (realtime_usec == 0 || realtime_usec >= 10000 * USEC_PER_YEAR || !gmtime_r(&seconds, &tm) ||
        strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
        return json_null();
    snprintf(text, sizeof(text), "%s.%06uZ", date, (unsigned)(realtime_usec % USEC_PER_SEC));
    return json_string(text);
}

/* ---- checks ---- */

static const char *outcome_word(ProbeOutcome outcome)
{
    switch (outcome) {
    case PROBE_PASS:
        return "pass";
    case PROBE_FAIL:
        return "fail";
    default:
        return "void";
    }
}

static json_t *sample_to_json(const ProbeSample *sample)
{
    return json_pack("{s:o, s:s, s:I, s:o}", "time", when(sample->realtime_usec), "outcome",
                     outcome_word(sample->outcome), "latency_usec",
                     (json_int_t)MIN(sample->latency_usec, (uint64_t)INT64_MAX), "reason",
                     clean(sample->reason));
}

/* The last samples, oldest first. */
static json_t *samples_to_json(const ProbeView *view)
{
    size_t n = MIN(history_count(view->history), (size_t)N_SAMPLES);
    json_t *array = json_array();

    for (size_t back = n; array && back-- > 0;) {
        ProbeSample sample;

        history_get(view->history, back, &sample);
        if (json_array_append_new(array, sample_to_json(&sample)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *probe_to_json(const ProbeView *view)
{
    return json_pack("{s:o, s:s, s:b, s:s, s:i, s:i, s:o}", "label", clean(view->label), "type",
                     view->type, "readiness", (int)view->readiness, "verdict", view->verdict,
                     "failures", (int)view->failures, "retries", (int)view->retries, "samples",
                     samples_to_json(view));
}

static json_t *probes_to_json(Manager *manager, int service)
{
    ServiceView view = {0};
    json_t *array = json_array();

    if (service < 0)
        return array;
    manager_view_service(manager, (size_t)service, &view);
    for (size_t i = 0; array && i < MIN(view.n_probes, (size_t)N_PROBES_MAX); i++) {
        ProbeView probe = {0};

        manager_view_probe(manager, (size_t)service, i, &probe);
        if (json_array_append_new(array, probe_to_json(&probe)) < 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

/* ---- facts ---- */

json_t *notify_facts(const Event *event, NotifyKind kind, const char *host, Manager *manager)
{
    char message[MESSAGE_MAX];

    assert(event && event->service);

    event_describe(event, message, sizeof(message));
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:I, s:o}", "event", notify_kind_word(kind),
        "service", clean(event->service), "unit", clean(event->unit), "host", clean(host), "state",
        health_state_word(event->after), "state_before", health_state_word(event->before), "reason",
        clean(event->reason), "message", clean(message), "time", when(event->realtime_usec),
        "restarts", (json_int_t)event->restarts, "probes",
        probes_to_json(manager, manager_find_service(manager, event->service)));
}

const char *notify_fact(const Notification *notification, const char *key)
{
    const char *text = json_string_value(json_object_get(notification->facts, key));

    return text ? text : "";
}

/* ---- the object ---- */

/* The facts in the middle, so that a reader sees first what this is, and last the long part. */
static json_t *assemble(const Notification *notification, json_t *log)
{
    json_t *body, *facts;

    body = json_pack("{s:i, s:s, s:I}", "version", BODY_VERSION, "id", notification->id, "count",
                     (json_int_t)notification->count);
    facts = json_deep_copy(notification->facts);
    if (!body || !facts || json_object_update(body, facts) < 0 ||
        json_object_set_new(body, "log", log ? json_incref(log) : json_array()) < 0) {
        json_decref(body);
        body = NULL;
    }
    json_decref(facts);
    return body;
}

/* Makes it smaller. Returns false when there is nothing more to leave out. */
static bool leave_out(json_t *body)
{
    json_t *log = json_object_get(body, "log"), *probes = json_object_get(body, "probes");

    if (json_array_size(log) > 0)
        return json_array_remove(log, 0) == 0;
    if (json_array_size(probes) > 0)
        return json_array_clear(probes) == 0;
    return false;
}

static int dump(json_t *body, size_t max, char **ret)
{
    do {
        _cleanup_free_ char *text = json_dumps(body, JSON_COMPACT);

        if (!text)
            return -ENOMEM;
        if (strlen(text) <= max) {
            *ret = TAKE_PTR(text);
            return 0;
        }
    } while (leave_out(body));
    return -EFBIG;
}

int notify_body(const Notification *notification, json_t *log, size_t max, char **ret)
{
    json_t *body;
    int r;

    assert(notification && ret);

    body = assemble(notification, log);
    r = body ? dump(body, max, ret) : -ENOMEM;
    json_decref(body);
    json_decref(log);
    return r;
}

json_t *notify_line(uint64_t realtime_usec, const char *message, size_t size)
{
    _cleanup_free_ char *copy = strndup(message, size);
    _cleanup_text_ Text text = {0};

    if (!copy)
        return NULL;
    event_add_line(&text, copy);
    if (text.error < 0)
        return NULL;
    return json_pack("{s:o, s:s#}", "time", when(realtime_usec), "message",
                     text.size > 0 ? text.data : "", (int)text.size);
}
