/* SPDX-License-Identifier: MIT */

/* Telling who speaks, and writing it down. */

#include "cli/log/log-line.h"

#include <inttypes.h>
#include <syslog.h>
#include <time.h>

#include "cli/print/json.h"

void log_line_done(LogLine *line)
{
    free(line->identifier);
    free(line->pid);
    free(line->message);
    *line = (LogLine){0};
}

/* Programs that stand around the payload in its unit. */
static bool is_helper(const char *identifier)
{
    static const char *const helpers[] = {
        "podman", "conmon",        "crun",          "runc",         "netavark",
        "pasta",  "phoenix-lease", "phoenix-abort", "phoenix-once", "phoenix-stub"};

    for (size_t i = 0; i < ELEMENTSOF(helpers); i++)
        if (streq(identifier, helpers[i]))
            return true;
    return false;
}

static bool has(Journal *journal, const char *field)
{
    _cleanup_free_ char *value = NULL;

    return journal_get(journal, field, &value) >= 0 && value;
}

static LogSource source_of(Journal *journal, const char *identifier)
{
    _cleanup_free_ char *program = NULL;

    if (has(journal, "PHOENIX_EVENT"))
        return LOG_SOURCE_PHOENIXD;
    if (has(journal, "CONTAINER_NAME"))
        return LOG_SOURCE_PAYLOAD;
    if (has(journal, "UNIT") || has(journal, "USER_UNIT"))
        return LOG_SOURCE_MANAGER;
    /* What Podman itself says comes under the identifier of the unit. */
    (void)journal_get(journal, "_COMM", &program);
    if ((program && is_helper(program)) || (identifier && is_helper(identifier)))
        return LOG_SOURCE_UNIT;
    return LOG_SOURCE_PAYLOAD;
}

static int priority_of(Journal *journal)
{
    _cleanup_free_ char *value = NULL;

    if (journal_get(journal, "PRIORITY", &value) < 0 || !value)
        return LOG_INFO;
    return *value >= '0' && *value <= '7' ? *value - '0' : LOG_INFO;
}

int log_line_read(Journal *journal, LogLine *ret)
{
    _cleanup_log_line_ LogLine line = {0};
    int r;

    r = journal_time(journal, &line.when_usec);
    if (r >= 0)
        r = journal_get(journal, "SYSLOG_IDENTIFIER", &line.identifier);
    if (r >= 0 && !line.identifier)
        r = journal_get(journal, "_COMM", &line.identifier);
    if (r >= 0)
        r = journal_get(journal, "_PID", &line.pid);
    if (r >= 0)
        r = journal_get(journal, "MESSAGE", &line.message);
    if (r < 0)
        return r;
    line.source = source_of(journal, line.identifier);
    line.priority = priority_of(journal);
    *ret = line;
    line = (LogLine){0};
    return 0;
}

void log_line_add_time(Text *t, uint64_t when_usec)
{
    time_t seconds = (time_t)(when_usec / USEC_PER_SEC);
    char buffer[64];
    struct tm tm;

    if (localtime_r(&seconds, &tm) && strftime(buffer, sizeof(buffer), "%b %d %T", &tm) > 0)
        text_add(t, buffer);
}

static Color line_color(const LogLine *line)
{
    if (line->priority <= LOG_ERR)
        return COLOR_RED;
    if (line->priority == LOG_WARNING)
        return COLOR_YELLOW;
    if (line->source == LOG_SOURCE_PHOENIXD || line->priority == LOG_NOTICE)
        return COLOR_BOLD;
    return line->source == LOG_SOURCE_PAYLOAD ? COLOR_NONE : COLOR_FAINT;
}

/* Each line break of the message becomes one of ours, below the first character. */
static void add_message(Text *t, const char *message, size_t indent)
{
    size_t n = strcspn(message, "\n");

    for (;;) {
        _cleanup_free_ char *line = strndup(message, n);

        if (line)
            screen_add_clean(t, line);
        message += n;
        if (*message == '\0' || message[1] == '\0')
            break;
        message++;
        n = strcspn(message, "\n");
        text_addf(t, "\n%*s", (int)indent, "");
    }
}

void log_line_add(Text *t, const Screen *screen, const LogLine *line)
{
    bool payload = line->source == LOG_SOURCE_PAYLOAD;
    _cleanup_text_ Text head = {0};

    log_line_add_time(&head, line->when_usec);
    text_add_char(&head, ' ');
    screen_add_clean(&head, line->identifier ? line->identifier : "?");
    if (line->pid) {
        text_add_char(&head, '[');
        screen_add_clean(&head, line->pid);
        text_add_char(&head, ']');
    }
    text_add(&head, payload ? " | " : ": ");
    if (head.error < 0)
        return;

    text_add(t, head.data);
    text_add(t, screen_on(screen, line_color(line)));
    add_message(t, line->message ? line->message : "", screen_length(head.data));
    text_add(t, screen_off(screen, line_color(line)));
    text_add_char(t, '\n');
}

void log_line_add_json(Text *t, const LogLine *line)
{
    static const char *const sources[] = {
        [LOG_SOURCE_PAYLOAD] = "payload",
        [LOG_SOURCE_UNIT] = "unit",
        [LOG_SOURCE_MANAGER] = "systemd",
        [LOG_SOURCE_PHOENIXD] = "phoenixd",
    };

    text_add_char(t, '{');
    json_add_time(t, "time", line->when_usec);
    json_add_string(t, "source", sources[line->source]);
    json_add_string(t, "identifier", line->identifier);
    json_add_string(t, "pid", line->pid);
    json_add_number(t, "priority", (uint64_t)line->priority);
    json_add_string(t, "message", line->message);
    text_add_char(t, '}');
}
