/* SPDX-License-Identifier: MIT */
/*
 * One reader of the journal for all log checks. It goes back as far as the checks look when one is
 * added, then follows the end: journald's inotify events wake it, each time it reads a bounded
 * number of entries, and goes on a turn later when there are more. Times are those of the entries
 * on the monotonic clock of this boot, so that a step of the wall clock makes no line old. Files
 * that are rotated, removed or made anew while journald restarts are libsystemd's business: it
 * keeps the position by time and sequence, and we only go on reading.
 */
#include "supervisor/probe/log-watch.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <systemd/sd-journal.h>

#include "supervisor/probe/log-line.h"
#include "supervisor/probe/probe-internal.h"
#include "base/text.h"

/* Entries read in one turn of the event loop. */
#define ENTRIES_MAX 128U

/* How far back lines are read; older ones make the check wait, not lie. */
#define LOOK_BACK_USEC (10 * USEC_PER_MINUTE)

/* Up to this many units the journal's own index picks the entries; its cost grows with the units,
 * that of looking at each entry does not. */
#define FILTER_MAX 16U

/* Of a longer message, only this much is searched. */
#define MESSAGE_MAX ((size_t)64 * 1024)

struct LogMatch {
    LogWatch *watch;
    char *unit, *text;
    char container[LOG_UNIT_MAX];
    uint64_t last_usec; /* of the last line that matched, or since when there is none */
    bool seen;
    LogMatch *next;
};

struct LogWatch {
    sd_event *event;
    bool user;
    sd_journal *journal; /* NULL while there is no check */
    sd_event_source *io;
    sd_event_source *more; /* there is more to read */
    sd_id128_t boot_id;
    bool behind; /* the end was not reached since a check was added */
    LogMatch *matches;
    size_t n_matches;
};

static void close_journal(LogWatch *watch)
{
    watch->io = sd_event_source_disable_unref(watch->io);
    watch->more = sd_event_source_disable_unref(watch->more);
    sd_journal_close(watch->journal);
    watch->journal = NULL;
}

static int add_match(LogWatch *watch, const char *field, const char *value)
{
    _cleanup_free_ char *text = text_printf("%s=%s", field, value);

    return text ? sd_journal_add_match(watch->journal, text, 0) : -ENOMEM;
}

/* Entries of any of the units, or of any of the containers. */
static int set_filter(LogWatch *watch)
{
    int r = 0;

    sd_journal_flush_matches(watch->journal);
    if (watch->n_matches > FILTER_MAX)
        return 0;
    for (const LogMatch *match = watch->matches; match && r >= 0; match = match->next)
        r = add_match(watch, watch->user ? "_SYSTEMD_USER_UNIT" : "_SYSTEMD_UNIT", match->unit);
    if (r >= 0)
        r = sd_journal_add_disjunction(watch->journal);
    for (const LogMatch *match = watch->matches; match && r >= 0; match = match->next)
        if (match->container[0])
            r = add_match(watch, "CONTAINER_NAME", match->container);
    /* A filter that is not complete would hide lines; without any, it is only slower. */
    if (r < 0)
        sd_journal_flush_matches(watch->journal);
    return r == -ENOMEM ? r : 0;
}

static bool message_has(LogWatch *watch, const char *text)
{
    static const char field[] = "MESSAGE=";
    const void *data;
    size_t n;

    if (sd_journal_get_data(watch->journal, "MESSAGE", &data, &n) < 0 || n < strlen(field))
        return false;
    return memmem((const char *)data + strlen(field), n - strlen(field), text, strlen(text));
}

static void read_line(LogWatch *watch, LogLine *ret)
{
    uid_t uid = getuid();
    const void *data;
    size_t n;

    *ret = (LogLine){0};
    SD_JOURNAL_FOREACH_DATA(watch->journal, data, n)
    log_line_add(ret, watch->user, uid, data, n);
}

static void look_at_entry(LogWatch *watch)
{
    LogLine line;
    sd_id128_t boot_id;
    uint64_t usec;

    if (sd_journal_get_monotonic_usec(watch->journal, &usec, &boot_id) < 0 ||
        !sd_id128_equal(boot_id, watch->boot_id))
        return;
    read_line(watch, &line);
    for (LogMatch *match = watch->matches; match; match = match->next) {
        if (!log_line_is_of(&line, watch->user, match->unit, match->container) ||
            (match->seen && match->last_usec >= usec) || !message_has(watch, match->text))
            continue;
        match->last_usec = usec;
        match->seen = true;
    }
}

/* Reads on. An entry that cannot be read (a file that was cut short) is left out. */
static void read_entries(LogWatch *watch)
{
    for (unsigned i = 0; i < ENTRIES_MAX; i++) {
        int r = sd_journal_next(watch->journal);

        if (r <= 0) {
            watch->behind = false;
            return;
        }
        look_at_entry(watch);
    }
    sd_event_source_set_enabled(watch->more, SD_EVENT_ONESHOT);
}

static int on_more(sd_event_source *source, void *userdata)
{
    read_entries(userdata);
    return 0;
}

static int on_journal(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
    LogWatch *watch = userdata;

    /* An error comes with a descriptor that stays readable: begin anew at the next check. */
    if (sd_journal_process(watch->journal) < 0) {
        close_journal(watch);
        return 0;
    }
    read_entries(watch);
    return 0;
}

static int add_sources(LogWatch *watch)
{
    int fd = sd_journal_get_fd(watch->journal);
    int events = fd < 0 ? fd : sd_journal_get_events(watch->journal);

    if (events < 0)
        return events;
    int r = sd_event_add_io(watch->event, &watch->io, fd, (uint32_t)events, on_journal, watch);
    if (r >= 0)
        r = sd_event_add_defer(watch->event, &watch->more, on_more, watch);
    if (r >= 0)
        r = sd_event_source_set_enabled(watch->more, SD_EVENT_OFF);
    if (r < 0)
        return r;
    sd_event_source_set_description(watch->io, "journal");
    sd_event_source_set_description(watch->more, "journal-more");
    /* What is being caught up with does not hold up checks that are due. */
    return sd_event_source_set_priority(watch->more, SD_EVENT_PRIORITY_IDLE);
}

static int open_journal(LogWatch *watch)
{
    int r = sd_id128_get_boot(&watch->boot_id);

    if (r >= 0)
        r = sd_journal_open(&watch->journal, SD_JOURNAL_LOCAL_ONLY);
    if (r < 0)
        return r;
    sd_journal_set_data_threshold(watch->journal, MESSAGE_MAX);
    r = add_sources(watch);
    if (r < 0)
        close_journal(watch);
    return r;
}

/* Reading lines twice does no harm: only later ones count. */
static int go_back(LogWatch *watch, uint64_t to_usec)
{
    int r = set_filter(watch);

    if (r >= 0)
        r = sd_journal_seek_monotonic_usec(watch->journal, watch->boot_id, to_usec);
    if (r < 0)
        return r;
    watch->behind = true;
    return sd_event_source_set_enabled(watch->more, SD_EVENT_ONESHOT);
}

/* After an error the journal is opened again for all, from where the first of them looks. */
static int resume(LogWatch *watch, uint64_t from_usec)
{
    int r = watch->journal ? 0 : open_journal(watch);

    if (r < 0)
        return r;
    r = go_back(watch, from_usec);
    if (r < 0)
        close_journal(watch);
    return r;
}

static void remove_match(LogMatch *match)
{
    LogMatch **at = &match->watch->matches;

    while (*at && *at != match)
        at = &(*at)->next;
    if (*at) {
        *at = match->next;
        match->watch->n_matches--;
    }
}

int log_watch_new(sd_event *event, bool user, LogWatch **ret)
{
    assert(event && ret);

    LogWatch *watch = calloc(1, sizeof(*watch));
    if (!watch)
        return -ENOMEM;
    watch->event = sd_event_ref(event);
    watch->user = user;
    *ret = watch;
    return 0;
}

LogWatch *log_watch_free(LogWatch *watch)
{
    if (!watch)
        return NULL;
    assert(!watch->matches);
    close_journal(watch);
    sd_event_unref(watch->event);
    free(watch);
    return NULL;
}

int log_watch_add(LogWatch *watch, const char *unit, const char *text, uint64_t age_usec,
                  LogMatch **ret)
{
    uint64_t now = probe_now_usec(CLOCK_MONOTONIC), back = MIN(age_usec, LOOK_BACK_USEC);
    LogMatch *match = calloc(1, sizeof(*match));

    if (!match)
        return -ENOMEM;
    back = MIN(back, now);
    *match = (LogMatch){.watch = watch, .last_usec = now - back, .next = watch->matches};
    watch->matches = match;
    watch->n_matches++;
    log_container_name(unit, match->container, sizeof(match->container));
    match->unit = strdup(unit);
    match->text = strdup(text);
    int r = match->unit && match->text ? resume(watch, now - back) : -ENOMEM;
    if (r < 0) {
        log_match_free(match);
        return r;
    }
    /* Most journals are read in one go, and then the first check has its answer at once. */
    read_entries(watch);
    *ret = match;
    return 0;
}

LogMatch *log_match_free(LogMatch *match)
{
    if (!match)
        return NULL;
    remove_match(match);
    if (!match->watch->matches)
        close_journal(match->watch);
    free(match->unit);
    free(match->text);
    free(match);
    return NULL;
}

int log_match_last(const LogMatch *match, uint64_t *ret_usec)
{
    if (!match->watch->journal) {
        int r = resume(match->watch, match->last_usec);

        if (r < 0)
            return r;
    }
    if (match->watch->behind && !match->seen)
        return -EAGAIN;
    *ret_usec = match->last_usec;
    return 0;
}
