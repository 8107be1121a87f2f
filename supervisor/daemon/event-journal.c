/* SPDX-License-Identifier: MIT */
/*
 * An event as an entry of the journal, in the protocol that journald documents for those without
 * its library (https://systemd.io/JOURNAL_NATIVE_PROTOCOL/). sd_journal_sendv() would wait for a
 * journald that hangs, and the supervisor must not hang with it.
 */
#include "supervisor/daemon/event-internal.h"

#include <inttypes.h>

#define MESSAGE_MAX 1024
#define VALUE_MAX   512 /* of other fields */

/* Every value is one line, so the simple form of the protocol will do. */
static void add_field(Text *entry, const char *field, const char *value)
{
    _cleanup_text_ Text line = {0};

    if (!value || !value[0])
        return;
    event_add_line(&line, value);
    text_shorten(&line, VALUE_MAX);
    text_addf(entry, "%s=%s\n", field, line.error < 0 ? "" : line.data);
}

static void add_number(Text *entry, const char *field, uint64_t value)
{
    text_addf(entry, "%s=%" PRIu64 "\n", field, value);
}

static void add_message(Text *entry, const Event *event)
{
    char message[MESSAGE_MAX];
    sd_id128_t id = event_kind_message_id(event->kind);

    event_describe(event, message, sizeof(message));
    text_addf(entry, "MESSAGE=%s\nMESSAGE_ID=" SD_ID128_FORMAT_STR "\n", message,
              SD_ID128_FORMAT_VAL(id));
    add_number(entry, "PRIORITY", (uint64_t)event_kind_priority(event->kind));
    add_field(entry, "SYSLOG_IDENTIFIER", "phoenixd");
    add_field(entry, "PHOENIX_EVENT", event_kind_word(event->kind));
}

static void add_service(Text *entry, const Event *event, bool user)
{
    add_field(entry, "PHOENIX_SERVICE", event->service);
    add_field(entry, "PHOENIX_STATE", health_state_word(event->after));
    add_field(entry, "PHOENIX_STATE_BEFORE", health_state_word(event->before));
    add_field(entry, user ? "OBJECT_SYSTEMD_USER_UNIT" : "OBJECT_SYSTEMD_UNIT", event->unit);
}

static void add_details(Text *entry, const Event *event)
{
    add_field(entry, "PHOENIX_REASON", event->reason);
    add_field(entry, "PHOENIX_PROBE", event->probe);
    if (event->retries > 0) {
        add_number(entry, "PHOENIX_FAILURES", event->failures);
        add_number(entry, "PHOENIX_RETRIES", event->retries);
    }
    if (event->latency_usec != UINT64_MAX)
        add_number(entry, "PHOENIX_LATENCY_USEC", event->latency_usec);
    if (event->delay_usec != UINT64_MAX)
        add_number(entry, "PHOENIX_DELAY_USEC", event->delay_usec);
    if (event->restarts > 0)
        add_number(entry, "PHOENIX_RESTARTS", event->restarts);
}

/* In place of a service there is a policy; what it is about is a unit of somebody else. */
static void add_reap(Text *entry, const Event *event, bool user)
{
    const EventReap *reap = event->reap;

    add_field(entry, "PHOENIX_SERVICE", event->service);
    add_field(entry, "PHOENIX_POLICY", event->service);
    add_field(entry, user ? "OBJECT_SYSTEMD_USER_UNIT" : "OBJECT_SYSTEMD_UNIT", event->unit);
    add_field(entry, "PHOENIX_UNIT", event->unit);
    add_field(entry, "PHOENIX_CLASS", reap->class);
    add_number(entry, "PHOENIX_RANK", reap->rank);
    add_field(entry, "PHOENIX_CAUSE", reap->cause);
    add_field(entry, "PHOENIX_RESULT", reap->result);
    add_field(entry, "PHOENIX_CONTAINER", reap->id);
    add_field(entry, "PHOENIX_CONTAINER_NAME", reap->name);
    add_number(entry, "PHOENIX_PID", (uint64_t)reap->pid);
    add_number(entry, "PHOENIX_MEMORY_BYTES", reap->memory_bytes);
    add_number(entry, "PHOENIX_READ_BYTES", reap->read_bytes);
    add_number(entry, "PHOENIX_WRITTEN_BYTES", reap->written_bytes);
    text_addf(entry, "PHOENIX_CPU_PERCENT=%.2f\n", reap->cpu_percent);
}

int event_journal_entry(const Event *event, bool user, Text *text)
{
    add_message(text, event);
    if (event->reap)
        add_reap(text, event, user);
    else if (event->service)
        add_service(text, event, user);
    add_details(text, event);
    return text->error;
}
