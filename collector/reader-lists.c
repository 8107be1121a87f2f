/* SPDX-License-Identifier: MIT */

/* Lists: hosts and services with their newest values, and events. */

#include <errno.h>
#include <math.h>

#include "collector/describe.h"
#include "collector/reader-internal.h"

static int add_newest_system(Reader *reader, int64_t host, Text *t)
{
    int r = db_bind(reader->db, READ_HOST_SYSTEM, "i", host);

    if (r == 0)
        r = db_step(reader->db, READ_HOST_SYSTEM);
    if (r < 0)
        return r;
    describe_number(t, "cpu_percent", r > 0 ? reader_real(reader, READ_HOST_SYSTEM, 0) : NAN);
    describe_number(t, "memory_total_mb", r > 0 ? reader_real(reader, READ_HOST_SYSTEM, 1) : NAN);
    describe_number(t, "memory_used_mb", r > 0 ? reader_real(reader, READ_HOST_SYSTEM, 2) : NAN);
    describe_number(t, "memory_free_mb", r > 0 ? reader_real(reader, READ_HOST_SYSTEM, 3) : NAN);
    if (r > 0)
        db_reset(reader->db, READ_HOST_SYSTEM);
    return 0;
}

static int add_newest_classes(Reader *reader, int64_t host, Text *t)
{
    double containers[_CLASS_MAX] = {0};
    int r = db_bind(reader->db, READ_HOST_CLASSES, "i", host);

    while (r >= 0 && (r = db_step(reader->db, READ_HOST_CLASSES)) > 0) {
        uint64_t class = reader_usec(reader, READ_HOST_CLASSES, 0);
        if (class < _CLASS_MAX)
            containers[class] = reader_real(reader, READ_HOST_CLASSES, 1);
    }
    describe_name(t, "containers");
    text_add_char(t, '{');
    for (int i = 0; i < _CLASS_MAX; i++)
        describe_number(t, container_class_word((ContainerClass)i), containers[i]);
    text_add_char(t, '}');
    return r;
}

static int add_host(Reader *reader, Text *t)
{
    int64_t id = (int64_t)reader_usec(reader, READ_HOSTS, 0);
    int r;

    text_add_char(t, '{');
    describe_string(t, "name", reader_text(reader, READ_HOSTS, 1));
    describe_time(t, "first", reader_usec(reader, READ_HOSTS, 2));
    describe_time(t, "last", reader_usec(reader, READ_HOSTS, 3));
    r = add_newest_system(reader, id, t);
    if (r == 0)
        r = add_newest_classes(reader, id, t);
    describe_number(t, "services", reader_real(reader, READ_HOSTS, 4));
    text_add_char(t, '}');
    return r;
}

int reader_add_hosts(Reader *reader, uint64_t now_usec, Text *t)
{
    int r = reader_ready(reader);

    text_add_char(t, '{');
    describe_time(t, "now", now_usec);
    describe_name(t, "hosts");
    text_add_char(t, '[');
    if (r == 0)
        r = db_bind(reader->db, READ_HOSTS, "");
    for (int i = 0; r >= 0 && (r = db_step(reader->db, READ_HOSTS)) > 0; i++) {
        text_add(t, i > 0 ? ",\n " : "");
        r = add_host(reader, t);
    }
    text_add(t, "]}\n");
    return reader_end(reader, r);
}

int reader_add_services(Reader *reader, const char *host, uint64_t now_usec, Text *t)
{
    int r = reader_ready(reader);

    text_add_char(t, '{');
    describe_time(t, "now", now_usec);
    describe_name(t, "services");
    text_add_char(t, '[');
    if (r == 0)
        r = db_bind(reader->db, READ_SERVICES, "s", host);
    for (int i = 0; r >= 0 && (r = db_step(reader->db, READ_SERVICES)) > 0; i++) {
        double ready = reader_real(reader, READ_SERVICES, 4);
        ServiceValues service = {
            .name = reader_text(reader, READ_SERVICES, 1),
            .state = reader_text(reader, READ_SERVICES, 3),
            .ready = isnan(ready) ? -1 : ready != 0,
            .restarts = reader_real(reader, READ_SERVICES, 5),
            .beats = reader_real(reader, READ_SERVICES, 6),
            .beats_per_minute = reader_real(reader, READ_SERVICES, 7),
            .latency_usec = reader_real(reader, READ_SERVICES, 8),
            .cpu_percent = reader_real(reader, READ_SERVICES, 9),
            .memory_bytes = reader_real(reader, READ_SERVICES, 10),
            .reason = reader_text(reader, READ_SERVICES, 11),
        };
        text_add(t, i > 0 ? ",\n " : "");
        describe_service(t, reader_text(reader, READ_SERVICES, 0),
                         reader_usec(reader, READ_SERVICES, 2), &service);
    }
    text_add(t, "]}\n");
    return reader_end(reader, r);
}

static void add_event(Reader *reader, Text *t)
{
    SampleEvent event = {
        .time_usec = reader_usec(reader, READ_EVENTS, 1),
        .service = reader_text(reader, READ_EVENTS, 3),
        .event = reader_text(reader, READ_EVENTS, 4),
        .state = reader_text(reader, READ_EVENTS, 5),
        .reason = reader_text(reader, READ_EVENTS, 6),
        .message = reader_text(reader, READ_EVENTS, 7),
    };

    describe_event(t, reader_text(reader, READ_EVENTS, 2),
                   (int64_t)reader_usec(reader, READ_EVENTS, 0), &event);
}

int reader_add_events(Reader *reader, const EventsQuery *query, Text *t)
{
    const uint64_t max = INT64_MAX;
    uint64_t n = 0;
    int r = reader_ready(reader);

    text_add_char(t, '{');
    describe_name(t, "events");
    text_add_char(t, '[');
    if (r == 0)
        r = db_bind(reader->db, READ_EVENTS, "iiiisss", (int64_t)MIN(query->span.since_usec, max),
                    (int64_t)MIN(query->span.until_usec, max), (int64_t)MIN(query->before_id, max),
                    (int64_t)query->limit + 1, query->host, query->service, query->event);
    for (; r >= 0 && (r = db_step(reader->db, READ_EVENTS)) > 0; n++) {
        if (n == query->limit) {
            db_reset(reader->db, READ_EVENTS);
            break;
        }
        text_add(t, n > 0 ? ",\n " : "");
        add_event(reader, t);
    }
    text_addf(t, "], \"more\": %s}\n", r > 0 ? "true" : "false");
    return reader_end(reader, MIN(r, 0));
}
