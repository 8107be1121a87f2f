/* SPDX-License-Identifier: MIT */

/* Matches are those of `journalctl --unit` and `--user-unit`, and one more for containers. */

#include "cli/systemd/journal.h"

#include <errno.h>
#include <stdarg.h>
#include <systemd/sd-journal.h>

#include "base/text.h"

#define SUPERVISOR_UNIT "phoenixd.service"
#define FIELD_MAX       (64U * 1024U)

struct Journal {
    sd_journal *journal;
    const char *required; /* entries without this field do not count; NULL: all do */
    bool at_entry;        /* the present entry has not been given out */
};

int journal_open(Journal **ret)
{
    const char *folder = getenv("PHOENIX_JOURNAL_DIR");
    Journal *journal = calloc(1, sizeof(*journal));
    int r;

    if (!journal)
        return -ENOMEM;
    if (folder && *folder)
        r = sd_journal_open_directory(&journal->journal, folder, 0);
    else
        r = sd_journal_open(&journal->journal, SD_JOURNAL_LOCAL_ONLY);
    if (r < 0) {
        free(journal);
        return r;
    }
    (void)sd_journal_set_data_threshold(journal->journal, FIELD_MAX);
    *ret = journal;
    return 0;
}

Journal *journal_free(Journal *journal)
{
    if (!journal)
        return NULL;
    sd_journal_close(journal->journal);
    free(journal);
    return NULL;
}

static int match(Journal *journal, const char *format, ...) _printf_(2, 3);

static int match(Journal *journal, const char *format, ...)
{
    _cleanup_text_ Text t = {0};
    va_list ap;
    int r;

    va_start(ap, format);
    r = text_addv(&t, format, ap);
    va_end(ap);
    return r < 0 ? r : sd_journal_add_match(journal->journal, t.data, t.size);
}

/* One alternative: this field, and it comes from whom it should. */
static int alternative(Journal *journal, const char *field, const char *prefix, const char *value,
                       const char *from)
{
    int r;

    r = match(journal, "%s=%s%s", field, prefix, value);
    if (r >= 0 && from)
        r = sd_journal_add_match(journal->journal, from, 0);
    return r < 0 ? r : sd_journal_add_disjunction(journal->journal);
}

static int match_system(Journal *journal, const char *unit, const char *name)
{
    int r;

    r = alternative(journal, "_SYSTEMD_UNIT", "", unit, NULL);
    if (r >= 0)
        r = alternative(journal, "UNIT", "", unit, "_PID=1");
    if (r >= 0)
        r = alternative(journal, "COREDUMP_UNIT", "", unit, "_UID=0");
    if (r >= 0)
        r = alternative(journal, "OBJECT_SYSTEMD_UNIT", "", unit, "_UID=0");
    if (r >= 0)
        r = alternative(journal, "OBJECT_SYSTEMD_UNIT", "", unit, "_SYSTEMD_UNIT=" SUPERVISOR_UNIT);
    if (r >= 0)
        r = alternative(journal, "CONTAINER_NAME", "phoenix-", name, "_UID=0");
    return r;
}

static int match_user(Journal *journal, const char *unit, const char *name)
{
    _cleanup_free_ char *uid = text_printf("_UID=%u", (unsigned)geteuid());
    static const char *const fields[] = {"_SYSTEMD_USER_UNIT", "USER_UNIT", "COREDUMP_USER_UNIT",
                                         "OBJECT_SYSTEMD_USER_UNIT"};
    int r = uid ? 0 : -ENOMEM;

    for (size_t i = 0; i < ELEMENTSOF(fields) && r >= 0; i++)
        r = alternative(journal, fields[i], "", unit, uid);
    return r < 0 ? r : alternative(journal, "CONTAINER_NAME", "phoenix-", name, uid);
}

int journal_match_service(Journal *journal, SpecScope scope, const char *name)
{
    _cleanup_free_ char *unit = text_printf("phoenix@%s.service", name);

    if (!unit)
        return -ENOMEM;
    return scope == SPEC_SCOPE_USER ? match_user(journal, unit, name)
                                    : match_system(journal, unit, name);
}

int journal_match_events(Journal *journal, SpecScope scope, const char *name)
{
    int r;

    journal->required = "PHOENIX_EVENT";
    if (scope == SPEC_SCOPE_USER) {
        r = match(journal, "_SYSTEMD_USER_UNIT=" SUPERVISOR_UNIT);
        if (r >= 0)
            r = match(journal, "_UID=%u", (unsigned)geteuid());
    } else {
        r = match(journal, "_SYSTEMD_UNIT=" SUPERVISOR_UNIT);
    }
    if (r >= 0 && name)
        r = match(journal, "PHOENIX_SERVICE=%s", name);
    return r;
}

static bool counts(Journal *journal)
{
    const void *data;
    size_t size;

    return !journal->required ||
           sd_journal_get_data(journal->journal, journal->required, &data, &size) >= 0;
}

static int seek_forward(Journal *journal, uint64_t since_usec)
{
    journal->at_entry = false;
    return since_usec > 0 ? sd_journal_seek_realtime_usec(journal->journal, since_usec)
                          : sd_journal_seek_head(journal->journal);
}

/* Whether the present entry is older than what is wanted. */
static bool too_old(Journal *journal, uint64_t since_usec)
{
    uint64_t usec;

    return since_usec > 0 && journal_time(journal, &usec) >= 0 && usec < since_usec;
}

int journal_seek(Journal *journal, uint64_t since_usec, uint64_t lines)
{
    uint64_t found = 0;
    int r;

    if (lines == JOURNAL_ALL_LINES)
        return seek_forward(journal, since_usec);

    r = sd_journal_seek_tail(journal->journal);
    while (r >= 0) {
        r = sd_journal_previous(journal->journal);
        if (r < 0)
            return r;
        /* So few entries that all of them are wanted. */
        if (r == 0 || too_old(journal, since_usec))
            return seek_forward(journal, since_usec);
        if (lines == 0)
            return 0;
        if (counts(journal) && ++found == lines) {
            journal->at_entry = true;
            return 0;
        }
    }
    return r;
}

int journal_next(Journal *journal)
{
    int r;

    if (journal->at_entry) {
        journal->at_entry = false;
        return 1;
    }
    do
        r = sd_journal_next(journal->journal);
    while (r > 0 && !counts(journal));
    return r;
}

int journal_wait(Journal *journal)
{
    int r = sd_journal_wait(journal->journal, UINT64_MAX);

    return r < 0 ? r : 0;
}

int journal_time(Journal *journal, uint64_t *ret_usec)
{
    return sd_journal_get_realtime_usec(journal->journal, ret_usec);
}

int journal_get(Journal *journal, const char *field, char **ret)
{
    size_t skip = strlen(field) + 1, size;
    const void *data;
    char *copy = NULL;
    int r;

    r = sd_journal_get_data(journal->journal, field, &data, &size);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r >= 0 && size >= skip) {
        copy = strndup((const char *)data + skip, size - skip);
        if (!copy)
            return -ENOMEM;
    }
    *ret = copy;
    return 0;
}
