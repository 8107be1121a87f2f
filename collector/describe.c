/* SPDX-License-Identifier: MIT */

/* Samples, services and events as JSON. */

#include "collector/describe.h"

#include <math.h>

#include "collector/rfc3339.h"

void describe_name(Text *t, const char *name)
{
    if (t->size > 0 && t->data[t->size - 1] != '{')
        text_add(t, ", ");
    text_addf(t, "\"%s\": ", name);
}

void describe_add_number(Text *t, double value)
{
    if (isfinite(value))
        text_addf(t, "%.15g", value);
    else
        text_add(t, "null");
}

void describe_string(Text *t, const char *name, const char *value)
{
    describe_name(t, name);
    if (value)
        text_add_json_string(t, value, strlen(value));
    else
        text_add(t, "null");
}

void describe_number(Text *t, const char *name, double value)
{
    describe_name(t, name);
    describe_add_number(t, value);
}

void describe_time(Text *t, const char *name, uint64_t usec)
{
    char when[RFC3339_SIZE];

    rfc3339_format(usec, when);
    describe_string(t, name, when);
}

void describe_bool(Text *t, const char *name, int value)
{
    describe_name(t, name);
    text_add(t, value < 0 ? "null" : value ? "true" : "false");
}

void describe_service(Text *t, const char *host, uint64_t time_usec, const ServiceValues *service)
{
    text_add_char(t, '{');
    if (host)
        describe_string(t, "host", host);
    describe_string(t, "name", service->name);
    describe_time(t, "time", time_usec);
    describe_string(t, "state", service->state);
    describe_bool(t, "ready", service->ready);
    describe_number(t, "restarts", service->restarts);
    describe_number(t, "beats", service->beats);
    describe_number(t, "beats_per_minute", service->beats_per_minute);
    describe_number(t, "latency_usec", service->latency_usec);
    describe_number(t, "cpu_percent", service->cpu_percent);
    describe_number(t, "memory_bytes", service->memory_bytes);
    describe_string(t, "reason", service->reason);
    text_add_char(t, '}');
}

static void add_class(Text *t, ContainerClass class, const ClassValues *v)
{
    text_add_char(t, '{');
    describe_string(t, "class", container_class_word(class));
    describe_number(t, "containers", (double)v->containers);
    describe_number(t, "cpu_percent", v->cpu_percent);
    describe_number(t, "memory_percent", v->memory_percent);
    describe_number(t, "memory_mb", v->memory_mb);
    describe_number(t, "disk_write_kb", v->disk_write_kb);
    describe_number(t, "disk_read_kb", v->disk_read_kb);
    describe_number(t, "io_write_ops", v->io_write_ops);
    describe_number(t, "io_read_ops", v->io_read_ops);
    text_add_char(t, '}');
}

void describe_sample(Text *t, const char *host, const Sample *sample)
{
    text_add_char(t, '{');
    describe_string(t, "host", host);
    describe_time(t, "time", sample->time_usec);
    describe_number(t, "cpu_percent", sample->system.cpu_percent);
    describe_number(t, "memory_used_mb", sample->system.memory_used_mb);
    describe_number(t, "memory_free_mb", sample->system.memory_free_mb);
    describe_number(t, "memory_total_mb", sample->system.memory_total_mb);
    describe_name(t, "classes");
    text_add_char(t, '[');
    for (int i = 0, n = 0; i < _CLASS_MAX; i++) {
        if (sample->classes[i].containers == 0)
            continue;
        text_add(t, n++ > 0 ? ", " : "");
        add_class(t, (ContainerClass)i, &sample->classes[i]);
    }
    text_add_char(t, ']');
    describe_name(t, "services");
    text_add_char(t, '[');
    for (size_t i = 0; i < sample->n_services; i++) {
        text_add(t, i > 0 ? ", " : "");
        describe_service(t, NULL, sample->time_usec, &sample->services[i]);
    }
    text_add(t, "]}");
}

void describe_event(Text *t, const char *host, int64_t id, const SampleEvent *event)
{
    text_add_char(t, '{');
    describe_number(t, "id", (double)id);
    describe_time(t, "time", event->time_usec);
    describe_string(t, "host", host);
    describe_string(t, "service", event->service);
    describe_string(t, "event", event->event);
    describe_string(t, "state", event->state);
    describe_string(t, "reason", event->reason);
    describe_string(t, "message", event->message);
    text_add_char(t, '}');
}
