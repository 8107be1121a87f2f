/* SPDX-License-Identifier: MIT */
/*
 * The last lines of a service in the journal: what its processes wrote, what systemd said of it,
 * and what the payload of a container wrote. Reading cannot wait, so it is short: backwards from
 * the time of the event, and no further than the limits below.
 */
#include <errno.h>
#include <systemd/sd-journal.h>
#include <time.h>

#include "base/macros.h"
#include "base/text.h"
#include "supervisor/daemon/notify/notify-body.h"

#define N_LINES_MAX   20U
#define LINE_SIZE_MAX 4096U
#define LOG_SIZE_MAX  ((size_t)64 * 1024)
#define TIME_MAX_USEC (200 * USEC_PER_MSEC)
/* Lines that were written before the event may be dated a little after it. */
#define SLACK_USEC (500 * USEC_PER_MSEC)

static void journal_closep(sd_journal **journal)
{
    sd_journal_close(*journal);
}

static uint64_t monotonic_usec(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

static int add_match(sd_journal *journal, const char *field, const char *value)
{
    _cleanup_free_ char *match = text_printf("%s=%s", field, value);

    return match ? sd_journal_add_match(journal, match, 0) : -ENOMEM;
}

/* Another way to match: field=value of this sender. Fields without a leading underscore can be
 * written by anybody, so it is asked who has. */
static int or_match(sd_journal *journal, const char *field, const char *value, const char *sender,
                    const char *id)
{
    int r;

    r = sd_journal_add_disjunction(journal);
    if (r >= 0)
        r = add_match(journal, field, value);
    if (r >= 0)
        r = add_match(journal, sender, id);
    return r;
}

static int add_matches(sd_journal *journal, bool user, const char *service, const char *unit)
{
    char container[sizeof("phoenix-") + SPEC_NAME_MAX], uid[16];
    int r;

    snprintf(container, sizeof(container), "phoenix-%s", service);
    snprintf(uid, sizeof(uid), "%u", user ? (unsigned)getuid() : 0U);

    r = add_match(journal, user ? "_SYSTEMD_USER_UNIT" : "_SYSTEMD_UNIT", unit);
    if (r >= 0 && user) /* others may have a unit of that name */
        r = add_match(journal, "_SYSTEMD_OWNER_UID", uid);
    if (r >= 0)
        r = or_match(journal, "CONTAINER_NAME", container, "_UID", uid);
    if (r >= 0)
        r = user ? or_match(journal, "USER_UNIT", unit, "_UID", uid)
                 : or_match(journal, "UNIT", unit, "_PID", "1");
    return r;
}

/* Puts the current entry in front of the others. Returns the size of the line, or 0: none. */
static int add_entry(sd_journal *journal, json_t *lines)
{
    const char *prefix = "MESSAGE=";
    const void *data;
    uint64_t usec;
    size_t size;
    int r;

    r = sd_journal_get_realtime_usec(journal, &usec);
    if (r >= 0)
        r = sd_journal_get_data(journal, "MESSAGE", &data, &size);
    if (r < 0 || size < strlen(prefix))
        return r == -ENOMEM ? r : 0;
    size = MIN(size - strlen(prefix), (size_t)LINE_SIZE_MAX);
    if (json_array_insert_new(lines, 0,
                              notify_line(usec, (const char *)data + strlen(prefix), size)) < 0)
        return -ENOMEM;
    return (int)size;
}

static int read_lines(sd_journal *journal, uint64_t until_usec, json_t *lines)
{
    uint64_t end_usec = monotonic_usec() + TIME_MAX_USEC;
    size_t size = 0;
    int r;

    r = sd_journal_seek_realtime_usec(journal, until_usec + SLACK_USEC);
    while (r >= 0 && json_array_size(lines) < N_LINES_MAX && monotonic_usec() < end_usec) {
        r = sd_journal_previous(journal);
        if (r <= 0)
            return r;
        r = add_entry(journal, lines);
        if (r < 0)
            return r;
        size += (size_t)r;
        if (size > LOG_SIZE_MAX)
            return json_array_remove(lines, 0);
    }
    return r;
}

json_t *notify_log(bool user, const char *service, const char *unit, uint64_t until_usec)
{
    _cleanup_(journal_closep) sd_journal *journal = NULL;
    json_t *lines = json_array();
    int r;

    if (!lines)
        return NULL;
    r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY);
    if (r >= 0)
        r = sd_journal_set_data_threshold(journal, LINE_SIZE_MAX + strlen("MESSAGE="));
    if (r >= 0)
        r = add_matches(journal, user, service, unit);
    if (r >= 0)
        r = read_lines(journal, until_usec, lines);
    if (r != -ENOMEM)
        return lines; /* what there is: a notification without a log is better than none */
    json_decref(lines);
    return NULL;
}
