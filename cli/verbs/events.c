/* SPDX-License-Identifier: MIT */

/* phoenix events: what phoenixd has seen and done, one line each, out of the journal. */

#include <errno.h>
#include <inttypes.h>

#include "cli/cli.h"
#include "cli/log/log-line.h"
#include "cli/log/log-print.h"
#include "cli/print/json.h"
#include "cli/print/when.h"
#include "cli/specs/specs.h"

#define SERVICE_WIDTH 16
#define EVENT_WIDTH   15
#define GAP           2

static Color event_color(const char *event)
{
    static const char *const good[] = {"healthy",  "recovered", "ready",
                                       "restored", "brake-off", "collector-back"};
    static const char *const bad[] = {"unhealthy", "held",           "start-failed", "degraded",
                                      "brake-on",  "collector-away", "batch-refused"};

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

/* A cleaned word, filled up to the width of its column; 0: nothing comes after it. */
static void add_word(Text *t, const Screen *screen, Color color, const char *word, size_t width)
{
    _cleanup_text_ Text clean = {0};
    size_t length;

    screen_add_clean(&clean, word && *word ? word : "-");
    if (clean.error < 0)
        return;
    length = screen_length(clean.data);
    screen_add_colored(t, screen, color, clean.data);
    if (width > 0)
        text_addf(t, "%*s", (int)(length < width ? width - length : 0) + GAP, "");
}

typedef struct Details {
    char *reason, *failures, *retries, *delay_usec, *restarts;
} Details;

static void details_done(Details *details)
{
    free(details->reason);
    free(details->failures);
    free(details->retries);
    free(details->delay_usec);
    free(details->restarts);
}

static int details_read(Journal *journal, Details *details)
{
    const struct {
        const char *field;
        char **value;
    } fields[] = {
        {"PHOENIX_REASON", &details->reason},         {"PHOENIX_FAILURES", &details->failures},
        {"PHOENIX_RETRIES", &details->retries},       {"PHOENIX_RESTARTS", &details->restarts},
        {"PHOENIX_DELAY_USEC", &details->delay_usec},
    };

    for (size_t i = 0; i < ELEMENTSOF(fields); i++) {
        int r = journal_get(journal, fields[i].field, fields[i].value);

        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_one_of(const char *event, const char *const *words)
{
    for (; *words; words++)
        if (streq(event, *words))
            return true;
    return false;
}

static void add_delay(Text *t, const char *event, const char *delay)
{
    static const char *const before_start[] = {"unhealthy", "start-failed", "stopped", NULL};
    static const char *const spans[] = {"maintenance-on", "brake-on", NULL};
    uint64_t usec = strtoull(delay, NULL, 10);

    if (is_one_of(event, before_start))
        text_add(t, "; next start in ");
    else if (streq(event, "held"))
        text_add(t, "; next try in ");
    else if (is_one_of(event, spans))
        text_add(t, t->size > 0 ? "; for " : "for ");
    else
        return;
    when_add_span(t, usec);
}

/* After a while of failures their number is larger than that of those allowed. */
static void add_count(Text *t, const Details *details)
{
    uint64_t failures = strtoull(details->failures, NULL, 10);
    uint64_t retries = strtoull(details->retries, NULL, 10);

    text_addf(t, ", %" PRIu64 " of %" PRIu64, MIN(failures, retries), retries);
}

/* What the columns before it have not said yet. */
static void add_details(Text *t, const char *event, const Details *details)
{
    static const char *const counted[] = {"failing", "unhealthy", "start-failed", "not-ready",
                                          NULL};
    _cleanup_text_ Text line = {0};

    if (streq(event, "restarted") && details->restarts)
        text_addf(&line, "restart %s: ", details->restarts);
    text_add(&line, details->reason ? details->reason : "");
    if (details->retries && details->failures && is_one_of(event, counted))
        add_count(&line, details);
    if (details->delay_usec)
        add_delay(&line, event, details->delay_usec);
    if (line.error >= 0 && line.data)
        screen_add_clean(t, line.data);
}

static int add_line(Text *t, const Screen *screen, Journal *journal)
{
    _cleanup_free_ char *event = NULL, *service = NULL;
    _cleanup_(details_done) Details details = {0};
    _cleanup_text_ Text after = {0};
    uint64_t when_usec;
    int r;

    r = journal_time(journal, &when_usec);
    if (r >= 0)
        r = journal_get(journal, "PHOENIX_EVENT", &event);
    if (r >= 0)
        r = journal_get(journal, "PHOENIX_SERVICE", &service);
    if (r >= 0)
        r = details_read(journal, &details);
    if (r < 0)
        return r;

    log_line_add_time(t, when_usec);
    text_add(t, "  ");
    add_word(t, screen, COLOR_BOLD, service, SERVICE_WIDTH);
    add_details(&after, event ? event : "", &details);
    add_word(t, screen, event ? event_color(event) : COLOR_NONE, event,
             after.size > 0 ? EVENT_WIDTH : 0);
    text_add(t, after.data ? after.data : "");
    text_add_char(t, '\n');
    return after.error < 0 ? after.error : t->error;
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
    {"PHOENIX_POLICY", "policy", false},
    {"PHOENIX_CLASS", "class", false},
    {"PHOENIX_RANK", "rank", true},
    {"PHOENIX_CAUSE", "cause", false},
    {"PHOENIX_RESULT", "result", false},
    {"PHOENIX_CONTAINER", "container", false},
    {"PHOENIX_CONTAINER_NAME", "container_name", false},
    {"PHOENIX_UNIT", "unit", false},
    {"PHOENIX_PID", "pid", true},
    {"PHOENIX_MEMORY_BYTES", "memory_bytes", true},
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
    size_t n = 0;

    if (args[0] && !name)
        return -ENOMEM;
    int r = log_print(cli, &printer, name, &n);
    if (r != CLI_EXIT_OK || !name || n > 0 || (cli->options & (CLI_SINCE | CLI_LINES)))
        return r;
    return log_explain_nothing(cli, name);
}
