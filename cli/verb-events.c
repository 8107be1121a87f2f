/* SPDX-License-Identifier: MIT */

/* phoenix events: what phoenixd has seen and done, one line each, out of the journal. */

#include <errno.h>
#include <inttypes.h>

#include "cli.h"
#include "json.h"
#include "log-line.h"
#include "log-print.h"
#include "specs.h"

#define SERVICE_WIDTH 16
#define EVENT_WIDTH   15

static Color event_color(const char *event)
{
    static const char *const good[] = {"healthy", "recovered", "ready", "restored", "brake-off"};
    static const char *const bad[] = {"unhealthy", "held", "start-failed", "degraded", "brake-on"};

    for (size_t i = 0; i < ELEMENTSOF(good); i++)
        if (streq(event, good[i]))
            return COLOR_GREEN;
    for (size_t i = 0; i < ELEMENTSOF(bad); i++)
        if (streq(event, bad[i]))
            return COLOR_RED;
    return streq(event, "failing") || streq(event, "restarted") || streq(event, "not-ready")
               ? COLOR_YELLOW
               : COLOR_NONE;
}

/* A cleaned word, filled up to the width of its column. */
static void add_word(Text *t, const Screen *screen, Color color, const char *word, size_t width)
{
    _cleanup_text_ Text clean = {0};
    size_t length;

    screen_add_clean(&clean, word && *word ? word : "-");
    if (clean.error < 0)
        return;
    length = screen_length(clean.data);
    screen_add_colored(t, screen, color, clean.data);
    text_addf(t, "%*s", length < width ? (int)(width - length) : 0, "");
    text_add_char(t, ' ');
}

static int add_line(Text *t, const Screen *screen, Journal *journal)
{
    _cleanup_free_ char *event = NULL, *service = NULL, *message = NULL;
    uint64_t when_usec;
    int r;

    r = journal_time(journal, &when_usec);
    if (r >= 0)
        r = journal_get(journal, "PHOENIX_EVENT", &event);
    if (r >= 0)
        r = journal_get(journal, "PHOENIX_SERVICE", &service);
    if (r >= 0)
        r = journal_get(journal, "MESSAGE", &message);
    if (r < 0)
        return r;

    log_line_add_time(t, when_usec);
    text_add_char(t, ' ');
    add_word(t, screen, COLOR_NONE, service, SERVICE_WIDTH);
    add_word(t, screen, event ? event_color(event) : COLOR_NONE, event, EVENT_WIDTH);
    screen_add_clean(t, message ? message : "");
    text_add_char(t, '\n');
    return t->error;
}

typedef struct EventField {
    const char *field, *name;
    bool number;
} EventField;

static const EventField event_fields[] = {
    {"PHOENIX_EVENT", "event", false},
    {"PHOENIX_SERVICE", "service", false},
    {"PHOENIX_STATE_BEFORE", "state_before", false},
    {"PHOENIX_STATE", "state", false},
    {"PHOENIX_REASON", "reason", false},
    {"PHOENIX_PROBE", "probe", false},
    {"PHOENIX_FAILURES", "failures", true},
    {"PHOENIX_RETRIES", "retries", true},
    {"PHOENIX_LATENCY_USEC", "latency_usec", true},
    {"PHOENIX_DELAY_USEC", "delay_usec", true},
    {"PHOENIX_RESTARTS", "restarts", true},
    {"MESSAGE", "message", false},
};

/* A number only when it is one: the field is text that somebody wrote. */
static void add_value(Text *t, const EventField *field, const char *value)
{
    char *end = NULL;
    unsigned long long n = 0;

    errno = 0;
    if (field->number && *value >= '0' && *value <= '9')
        n = strtoull(value, &end, 10);
    if (end && *end == '\0' && errno == 0)
        json_add_number(t, field->name, n);
    else
        json_add_string(t, field->name, value);
}

static int add_json(Text *t, Journal *journal)
{
    uint64_t when_usec;
    int r;

    r = journal_time(journal, &when_usec);
    if (r < 0)
        return r;
    text_add_char(t, '{');
    json_add_time(t, "time", when_usec);
    for (size_t i = 0; i < ELEMENTSOF(event_fields); i++) {
        _cleanup_free_ char *value = NULL;

        r = journal_get(journal, event_fields[i].field, &value);
        if (r < 0)
            return r;
        if (value)
            add_value(t, &event_fields[i], value);
    }
    text_add(t, "}\n");
    return t->error;
}

static int add_event(const Cli *cli, Journal *journal, Text *t)
{
    return cli->options & CLI_JSON ? add_json(t, journal) : add_line(t, &cli->screen, journal);
}

int verb_events(const Cli *cli, char *const *args)
{
    static const LogPrinter printer = {journal_match_events, add_event};
    _cleanup_free_ char *name = args[0] ? specs_name_of_arg(args[0]) : NULL;
    size_t n;

    if (args[0] && !name)
        return -ENOMEM;
    return log_print(cli, &printer, name, &n);
}
