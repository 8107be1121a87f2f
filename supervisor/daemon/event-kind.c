/* SPDX-License-Identifier: MIT */
/*
 * What kinds of events there are: their words, MESSAGE_IDs and priorities, and how each is told to
 * people. The IDs are explained in units/phoenix.catalog.in and never change.
 */
#include "supervisor/daemon/event-internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <syslog.h>

#include "base/timespan.h"

typedef struct Kind {
    const char *word;
    int priority;
    sd_id128_t message_id;
    const char *phrase; /* after the name of the service */
} Kind;

static const Kind kinds[_EVENT_KIND_MAX] = {
    [EVENT_STARTING] = {"starting", LOG_INFO,
                        SD_ID128_MAKE(ca, 9b, d3, 0d, 2a, ec, 42, ee, be, 8b, 65, 7d, 1d, d3, ec,
                                      82),
                        "is starting"},
    [EVENT_HEALTHY] = {"healthy", LOG_INFO,
                       SD_ID128_MAKE(f1, 72, 1c, c2, 72, df, 46, e0, a4, 0d, f5, b5, 3a, 57, 92,
                                     a5),
                       "is healthy"},
    [EVENT_FAILING] = {"failing", LOG_WARNING,
                       SD_ID128_MAKE(b4, 6f, d1, 86, d8, 10, 4d, ee, b3, fc, 4a, f2, 0b, d5, d4,
                                     69),
                       "is failing"},
    [EVENT_UNHEALTHY] = {"unhealthy", LOG_ERR,
                         SD_ID128_MAKE(5e, 39, 1b, 3d, fb, dd, 4a, 76, 80, f3, 0e, 58, 84, 5d, ed,
                                       ac),
                         "is unhealthy"},
    [EVENT_RECOVERED] = {"recovered", LOG_NOTICE,
                         SD_ID128_MAKE(dc, a7, fc, c1, e7, 79, 40, fe, a9, e3, a7, 3e, ed, 53, db,
                                       cc),
                         "is healthy again"},
    [EVENT_START_FAILED] = {"start-failed", LOG_ERR,
                            SD_ID128_MAKE(90, 14, fa, 08, 25, 39, 42, ca, b2, 52, 7d, 2b, 44, 71,
                                          69, c7),
                            "did not become healthy"},
    [EVENT_RESTARTED] = {"restarted", LOG_WARNING,
                         SD_ID128_MAKE(c6, b6, 9d, f3, f5, 7e, 4c, f8, b8, 5d, f3, 5e, 5e, 27, 41,
                                       a6),
                         "has been restarted"},
    [EVENT_STOPPED] = {"stopped", LOG_INFO,
                       SD_ID128_MAKE(f6, 30, 6c, c3, b0, 75, 48, 6b, bb, 21, a9, 15, bb, fa, e9,
                                     b2),
                       "has stopped"},
    [EVENT_HELD] = {"held", LOG_ERR,
                    SD_ID128_MAKE(de, af, d8, 71, eb, b9, 4a, 41, b4, 04, 6c, 36, 24, a9, 18, 82),
                    "is held"},
    [EVENT_RELEASED] = {"released", LOG_NOTICE,
                        SD_ID128_MAKE(ec, ec, e6, f5, 30, a3, 4a, 14, 8c, 10, 30, da, d0, 8a, 94,
                                      7f),
                        "is no longer held"},
    [EVENT_READY] = {"ready", LOG_INFO,
                     SD_ID128_MAKE(36, 4f, c8, fc, ec, 9f, 4e, e0, bf, 28, bc, 56, ca, d6, 56, 55),
                     "is ready"},
    [EVENT_NOT_READY] = {"not-ready", LOG_WARNING,
                         SD_ID128_MAKE(88, d3, 5c, 4f, 85, b3, 47, 95, ba, 5b, 62, a5, bb, cb, c7,
                                       15),
                         "is not ready"},
    [EVENT_DEMAND_STARTED] = {"demand-started", LOG_INFO,
                              SD_ID128_MAKE(5b, 0e, 7c, 41, 9d, 36, 4f, 2a, a8, c3, 1f, 64, e7, 90,
                                            2b, d5),
                              "was started by a connection"},
    [EVENT_IDLE_STOPPED] = {"idle-stopped", LOG_INFO,
                            SD_ID128_MAKE(c8, 17, 2f, e4, 06, 5a, 4d, 93, b1, 7e, d2, 49, 3c, 58,
                                          af, 60),
                            "was idle and has stopped"},
    [EVENT_FROZEN] = {"frozen", LOG_INFO,
                      SD_ID128_MAKE(33, ab, 4b, 7d, 5e, 13, 40, d8, b3, 5b, d7, 09, b3, 7e, ed, 52),
                      "is frozen"},
    [EVENT_THAWED] = {"thawed", LOG_INFO,
                      SD_ID128_MAKE(d3, ff, b7, 72, 1b, 89, 4c, 18, a8, e3, c8, 4e, 5f, 20, 2a, 93),
                      "is thawed"},
    [EVENT_MAINTENANCE_ON] = {"maintenance-on", LOG_NOTICE,
                              SD_ID128_MAKE(31, 6d, ef, 36, b6, ef, 42, 0a, b0, 82, 81, 75, c6, 3f,
                                            f3, 5e),
                              "is under maintenance"},
    [EVENT_MAINTENANCE_OFF] = {"maintenance-off", LOG_NOTICE,
                               SD_ID128_MAKE(2d, dd, ac, e7, 20, 58, 4a, c3, 83, 95, 17, fa, d3, dd,
                                             24, a8),
                               "is no longer under maintenance"},
    [EVENT_REAPED] = {"reaped", LOG_NOTICE,
                      SD_ID128_MAKE(91, ce, 8c, 76, 11, 19, 4c, 5f, b0, 6b, ad, 8e, 4e, 4f, ea, 82),
                      "has stopped a container"},
    [EVENT_REAP_FAILED] = {"reap-failed", LOG_WARNING,
                           SD_ID128_MAKE(f8, bf, d6, 58, ec, 15, 4f, ed, a0, 16, 55, 26, 29, 2f, 0b,
                                         74),
                           "could not stop a container"},
    [EVENT_REAP_DUE] = {"reap-due", LOG_NOTICE,
                        SD_ID128_MAKE(1b, f2, 3a, ce, a3, 97, 43, 4e, 91, 56, e2, a5, 60, 25, b3,
                                      c3),
                        "would stop a container"},
    [EVENT_BRAKE_ON] = {"brake-on", LOG_ERR,
                        SD_ID128_MAKE(bc, f1, b7, 74, 69, 5e, 47, ed, b5, 84, 1c, bb, 42, 0e, 3a,
                                      f4),
                        "verdicts are held back"},
    [EVENT_BRAKE_OFF] = {"brake-off", LOG_NOTICE,
                         SD_ID128_MAKE(ac, 4d, 46, f5, f8, 8c, 4f, 4f, 85, 85, 10, 8b, 18, 24, 46,
                                       b4),
                         "verdicts count again"},
    [EVENT_SUPERVISOR_UP] = {"supervisor-up", LOG_INFO,
                             SD_ID128_MAKE(40, 5d, e3, ce, 91, 6a, 4a, 1a, 37, 9c, c4, 09, be, f2,
                                           0e, 5a),
                             "supervision has started"},
    [EVENT_DEGRADED] = {"degraded", LOG_WARNING,
                        SD_ID128_MAKE(f1, 8f, e0, 71, 6e, c2, 4b, 96, 82, 3d, 6e, 97, ba, 95, ed,
                                      c3),
                        "supervision is degraded"},
    [EVENT_RESTORED] = {"restored", LOG_NOTICE,
                        SD_ID128_MAKE(87, 72, 42, 48, 87, 66, 42, a6, 9e, fc, a2, ed, df, 62, 58,
                                      6c),
                        "supervision is complete again"},
    [EVENT_COLLECTOR_AWAY] = {"collector-away", LOG_WARNING,
                              SD_ID128_MAKE(54, de, 1e, af, 04, 2c, 49, cf, 85, fa, 72, 62, da, 71,
                                            b3, 5f),
                              "the collector does not take what is posted to it"},
    [EVENT_COLLECTOR_BACK] = {"collector-back", LOG_NOTICE,
                              SD_ID128_MAKE(a3, 79, 2d, dc, 75, 31, 4b, 62, b2, d2, 07, 0e, 21, 97,
                                            21, 9c),
                              "the collector takes what is posted to it again"},
    [EVENT_BATCH_REFUSED] = {"batch-refused", LOG_ERR,
                             SD_ID128_MAKE(f0, bc, 97, 87, 5a, 02, 4d, 7e, bb, 3d, 98, 84, 71, 6e,
                                           e3, 07),
                             "the collector has refused a batch, which is put aside"},
};

const char *event_kind_word(EventKind kind)
{
    assert(kind >= 0 && kind < _EVENT_KIND_MAX);
    return kinds[kind].word;
}

int event_kind_from_word(const char *word)
{
    for (int kind = 0; word && kind < _EVENT_KIND_MAX; kind++)
        if (streq(kinds[kind].word, word))
            return kind;
    return -EINVAL;
}

sd_id128_t event_kind_message_id(EventKind kind)
{
    assert(kind >= 0 && kind < _EVENT_KIND_MAX);
    return kinds[kind].message_id;
}

int event_kind_priority(EventKind kind)
{
    assert(kind >= 0 && kind < _EVENT_KIND_MAX);
    return kinds[kind].priority;
}

/* Control characters of all kinds, also the 8-bit ones that some terminals obey. */
static bool is_control(const char *s, size_t n)
{
    unsigned char c = (unsigned char)s[0];

    return c < ' ' || c == 0x7f || (n == 2 && c == 0xc2 && (unsigned char)s[1] < 0xa0);
}

void event_add_line(Text *text, const char *s)
{
    size_t left = strlen(s), n;

    for (; left > 0; s += n, left -= n) {
        n = utf8_char(s, left);
        if (n == 0) {
            text_add(text, "?");
            n = 1;
        } else if (is_control(s, n))
            text_add(text, " ");
        else
            text_add_n(text, s, n);
    }
}

/* As precise as people care for: milliseconds below 10 s, else seconds. */
static void add_span(Text *text, uint64_t usec)
{
    uint64_t step = usec < 10 * USEC_PER_SEC ? USEC_PER_MSEC : USEC_PER_SEC;
    uint64_t rounded = usec < USEC_PER_MSEC ? usec : usec - usec % step;
    _cleanup_free_ char *span = timespan_format(rounded);

    text_add(text, span ? span : "a while");
}

/* Other kinds may carry the counts of a check that they are not about. */
static bool is_counted(EventKind kind)
{
    return kind == EVENT_FAILING || kind == EVENT_UNHEALTHY || kind == EVENT_START_FAILED ||
           kind == EVENT_NOT_READY;
}

static void add_reason(Text *text, const Event *event)
{
    if (event->reason && event->reason[0]) {
        text_add(text, ": ");
        event_add_line(text, event->reason);
    } else if (event->kind == EVENT_HELD && event->restarts > 0) {
        text_addf(text, ": restarted %" PRIu32 " times", event->restarts);
    }
    if (event->retries > 0 && is_counted(event->kind))
        text_addf(text, ", %" PRIu32 " of %" PRIu32, event->failures, event->retries);
}

static void add_delay(Text *text, const Event *event)
{
    const char *what;

    if (event->delay_usec == UINT64_MAX)
        return;
    switch (event->kind) {
    case EVENT_UNHEALTHY:
    case EVENT_START_FAILED:
    case EVENT_STOPPED:
        what = "; next start in ";
        break;
    case EVENT_HELD:
        what = ", next try in ";
        break;
    case EVENT_MAINTENANCE_ON:
    case EVENT_BRAKE_ON:
        what = ", for ";
        break;
    default:
        return;
    }
    text_add(text, what);
    add_span(text, event->delay_usec);
}

static void describe(const Event *event, Text *text)
{
    if (event->service) {
        event_add_line(text, event->service);
        text_add(text, " ");
    }
    text_add(text, kinds[event->kind].phrase);
    if (event->kind == EVENT_RESTARTED && event->restarts > 0)
        text_addf(text, " (restart %" PRIu32 ")", event->restarts);
    add_reason(text, event);
    add_delay(text, event);
}

/* How much of s fits into size bytes, without half a character at the end. */
static size_t fitting(const char *s, size_t length, size_t size)
{
    size_t n = MIN(length, size);

    while (n > 0 && n < length && ((unsigned char)s[n] & 0xc0) == 0x80)
        n--;
    return n;
}

void event_describe(const Event *event, char *buf, size_t size)
{
    _cleanup_text_ Text text = {0};
    const char *line;
    size_t n;

    assert(event && event->kind >= 0 && event->kind < _EVENT_KIND_MAX);
    assert(buf && size > 0);

    describe(event, &text);
    line = text.error < 0 ? kinds[event->kind].phrase : text.data;
    n = fitting(line, strlen(line), size - 1);
    memcpy(buf, line, n);
    buf[n] = '\0';
}
