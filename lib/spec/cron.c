/* SPDX-License-Identifier: MIT */

/* Each cron field becomes a set of values, as cron itself keeps them, and the sets are written out
 * as lists and ranges: that is exact, whereas systemd's own steps mean something else ("*" with a
 * step in cron starts at the field's first value, and ends with the field). */

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <strings.h>

#include "base/strv.h"
#include "base/text.h"
#include "spec/cron.h"

#define REASON_MAX 300U
#define BLANKS     " \t"
#define DIGITS     "0123456789"
#define NUMBER_MAX 1000000U

typedef enum CronField {
    CRON_MINUTE,
    CRON_HOUR,
    CRON_DAY,
    CRON_MONTH,
    CRON_WEEKDAY,
    _CRON_FIELD_MAX,
} CronField;

typedef struct CronFieldInfo {
    const char *name;
    unsigned first, last;
    const char *names; /* three letters each, for first, first + 1, ...; NULL when there are none */
} CronFieldInfo;

static const CronFieldInfo fields[] = {
    [CRON_MINUTE] = {"minute", 0, 59, NULL},
    [CRON_HOUR] = {"hour", 0, 23, NULL},
    [CRON_DAY] = {"day of month", 1, 31, NULL},
    [CRON_MONTH] = {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    [CRON_WEEKDAY] = {"day of week", 0, 7, "sunmontuewedthufrisat"},
};
_Static_assert(ELEMENTSOF(fields) == _CRON_FIELD_MAX, "one line per field");

typedef struct CronSet {
    uint64_t bits; /* bit N: the field's value N; Sunday is bit 7 only */
    bool star;     /* the field starts with '*', which is all that "unrestricted" means to cron */
} CronSet;

static const struct {
    const char *name, *fields;
} nicknames[] = {
    {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@monthly", "0 0 1 * *"},
    {"@weekly", "0 0 * * 0"}, {"@daily", "0 0 * * *"},    {"@midnight", "0 0 * * *"},
    {"@hourly", "0 * * * *"},
};

/* The weekdays as systemd names and counts them: bit 1 is Monday, bit 7 Sunday. */
static const char *const weekday_names[] = {NULL, "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

/* Sets the reason and returns -EINVAL. */
static int _printf_(2, 3) refuse(Text *reason, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    text_addv(reason, format, ap);
    va_end(ap);
    text_shorten(reason, REASON_MAX);
    return -EINVAL;
}

static uint64_t all_values(CronField f)
{
    unsigned first = f == CRON_WEEKDAY ? 1 : fields[f].first;

    return (UINT64_C(2) << fields[f].last) - (UINT64_C(1) << first);
}

/* The value of a name or a number, which takes up the whole word. */
static int read_value(const CronFieldInfo *field, const char *word, unsigned *ret, Text *reason)
{
    unsigned value = 0;

    for (size_t i = 0; field->names && field->names[i]; i += 3)
        if (strlen(word) == 3 && strncasecmp(word, field->names + i, 3) == 0) {
            *ret = field->first + (unsigned)(i / 3);
            return 0;
        }

    if (!*word || word[strspn(word, DIGITS)])
        return refuse(reason, "%s: \"%s\" is not a number%s%.3s", field->name, word,
                      field->names ? " or a name like " : "", field->names ? field->names : "");
    for (const char *p = word; *p; p++)
        value = MIN(value * 10 + (unsigned)(*p - '0'), NUMBER_MAX);
    if (value < field->first || value > field->last)
        return refuse(reason, "%s: %s is not in %u-%u", field->name, word, field->first,
                      field->last);
    *ret = value;
    return 0;
}

/* The step after "/"; one beyond the field's end is as good as infinity. */
static int read_step(const CronFieldInfo *field, const char *word, unsigned *ret, Text *reason)
{
    unsigned value = 0;

    if (!*word || word[strspn(word, DIGITS)])
        return refuse(reason, "%s: the step \"%s\" is not a number", field->name, word);
    for (const char *p = word; *p; p++)
        value = MIN(value * 10 + (unsigned)(*p - '0'), NUMBER_MAX);
    if (value == 0)
        return refuse(reason, "%s: the step is zero", field->name);
    *ret = value;
    return 0;
}

/* "*", "5" or "1-5", without a step. */
static int read_range(const CronFieldInfo *field, char *word, unsigned *ret_first,
                      unsigned *ret_last, Text *reason)
{
    char *dash = strchr(word, '-');
    unsigned first, last;
    int r;

    if (streq(word, "*")) {
        *ret_first = field->first;
        *ret_last = field->last;
        return 0;
    }
    if (dash)
        *dash = '\0';
    r = read_value(field, word, &first, reason);
    if (r < 0)
        return r;
    last = first;
    if (dash) {
        r = read_value(field, dash + 1, &last, reason);
        if (r < 0)
            return r;
        if (first > last)
            return refuse(reason, "%s: %s-%s runs backwards%s", field->name, word, dash + 1,
                          field->last == 7 && last == 0 ? " (the Sunday at a range's end is 7)"
                                                        : "");
    }
    *ret_first = first;
    *ret_last = last;
    return 0;
}

/* One item of a list; the word is taken apart. */
static int read_item(const CronFieldInfo *field, char *word, uint64_t *bits, Text *reason)
{
    char *slash = strchr(word, '/');
    bool single = !strchr(word, '-') && word[0] != '*';
    unsigned first = 0, last = 0, step = 1;
    int r;

    if (slash) {
        if (single)
            return refuse(reason, "%s: \"%s\" is a step without a range (like */5 or 10-30/5)",
                          field->name, word);
        r = read_step(field, slash + 1, &step, reason);
        if (r < 0)
            return r;
        *slash = '\0';
    }
    r = read_range(field, word, &first, &last, reason);
    if (r < 0)
        return r;
    for (unsigned value = first; value <= last; value += step)
        *bits |= UINT64_C(1) << value;
    return 0;
}

static int read_field(CronField f, char *word, CronSet *ret, Text *reason)
{
    CronSet set = {.star = word[0] == '*'};
    char *rest = word, *item;
    int r;

    while ((item = strsep(&rest, ","))) {
        r = read_item(&fields[f], item, &set.bits, reason);
        if (r < 0)
            return r;
    }
    if (f == CRON_WEEKDAY && (set.bits & 1))
        set.bits = (set.bits & ~UINT64_C(1)) | UINT64_C(1) << 7;
    *ret = set;
    return 0;
}

static int read_fields(const char *cron, CronSet sets[static _CRON_FIELD_MAX], Text *reason)
{
    _cleanup_strv_free_ char **words = NULL;
    size_t n;
    int r;

    r = strv_split(cron, BLANKS, &words);
    if (r < 0)
        return r;
    n = strv_length(words);
    if (n != _CRON_FIELD_MAX)
        return refuse(reason, "%zu fields where cron has 5: minute hour day month weekday", n);
    for (CronField f = 0; f < _CRON_FIELD_MAX; f++) {
        r = read_field(f, words[f], &sets[f], reason);
        if (r < 0)
            return r;
    }
    return 0;
}

static void add_value(Text *t, CronField f, unsigned value)
{
    if (f == CRON_WEEKDAY)
        text_add(t, weekday_names[value]);
    else
        text_addf(t, "%02u", value);
}

/* "*", or the values as a list in which three and more in a row are a range. */
static void add_set(Text *t, CronField f, uint64_t bits)
{
    const char *separator = "";

    if (bits == all_values(f)) {
        text_add_char(t, '*');
        return;
    }
    for (unsigned first = 0; first <= fields[f].last; first++) {
        unsigned last = first;

        if (!(bits >> first & 1))
            continue;
        while (bits >> (last + 1) & 1)
            last++;
        if (last < first + 2)
            last = first;
        text_add(t, separator);
        add_value(t, f, first);
        if (last > first) {
            text_add(t, "..");
            add_value(t, f, last);
        }
        separator = ",";
        first = last;
    }
}

/* Appends one expression to the vector: these weekdays *and* these days of the month. */
static int push_calendar(char ***calendars, const CronSet sets[static _CRON_FIELD_MAX],
                         uint64_t days, uint64_t days_of_week)
{
    _cleanup_text_ Text t = {0};
    char *s = NULL;
    int r;

    if (days_of_week != all_values(CRON_WEEKDAY)) {
        add_set(&t, CRON_WEEKDAY, days_of_week);
        text_add_char(&t, ' ');
    }
    text_add(&t, "*-");
    add_set(&t, CRON_MONTH, sets[CRON_MONTH].bits);
    text_add_char(&t, '-');
    add_set(&t, CRON_DAY, days);
    text_add_char(&t, ' ');
    add_set(&t, CRON_HOUR, sets[CRON_HOUR].bits);
    text_add_char(&t, ':');
    add_set(&t, CRON_MINUTE, sets[CRON_MINUTE].bits);
    text_add(&t, ":00");
    r = text_take(&t, &s);
    return r < 0 ? r : strv_consume(calendars, s);
}

static int build_calendars(const CronSet sets[static _CRON_FIELD_MAX], char ***ret)
{
    _cleanup_strv_free_ char **calendars = NULL;
    uint64_t all_days = all_values(CRON_DAY), all_weekdays = all_values(CRON_WEEKDAY);
    uint64_t days = sets[CRON_DAY].bits, weekdays = sets[CRON_WEEKDAY].bits;
    int r;

    if (sets[CRON_DAY].star || sets[CRON_WEEKDAY].star)
        r = push_calendar(&calendars, sets, days, weekdays);
    else if (days == all_days || weekdays == all_weekdays)
        r = push_calendar(&calendars, sets, all_days, all_weekdays);
    else {
        r = push_calendar(&calendars, sets, days, all_weekdays);
        if (r >= 0)
            r = push_calendar(&calendars, sets, all_days, weekdays);
    }
    if (r < 0)
        return r;
    *ret = TAKE_PTR(calendars);
    return 0;
}

/* The five fields that a word with "@" stands for. */
static int expand_nickname(const char *word, const char **ret, Text *reason)
{
    for (size_t i = 0; i < ELEMENTSOF(nicknames); i++) {
        size_t n = strlen(nicknames[i].name);

        if (strncasecmp(word, nicknames[i].name, n) == 0 && !word[n + strspn(word + n, BLANKS)]) {
            *ret = nicknames[i].fields;
            return 0;
        }
    }
    if (strncasecmp(word, "@reboot", 7) == 0)
        return refuse(reason, "@reboot is not a time; enable the service to start it at boot");
    return refuse(reason,
                  "\"%s\" is not one of @yearly @annually @monthly @weekly @daily "
                  "@midnight @hourly",
                  word);
}

static int translate(const char *cron, char ***ret_calendars, Text *reason)
{
    CronSet sets[_CRON_FIELD_MAX];
    int r;

    cron += strspn(cron, BLANKS);
    if (cron[0] == '@') {
        r = expand_nickname(cron, &cron, reason);
        if (r < 0)
            return r;
    }
    r = read_fields(cron, sets, reason);
    return r < 0 ? r : build_calendars(sets, ret_calendars);
}

int cron_to_calendar(const char *cron, char ***ret_calendars, char **ret_reason)
{
    _cleanup_text_ Text reason = {0};
    int r;

    assert(cron);
    assert(ret_calendars);

    r = translate(cron, ret_calendars, &reason);
    if (r == -EINVAL && ret_reason) {
        *ret_reason = NULL;
        text_take(&reason, ret_reason);
    }
    return r;
}

bool cron_looks_like(const char *s)
{
    size_t words = 0;

    assert(s);

    s += strspn(s, BLANKS);
    if (s[0] == '@')
        return isalpha((unsigned char)s[1]);
    for (; *s; s += strspn(s, BLANKS)) {
        size_t n = strcspn(s, BLANKS);

        /* No calendar expression has five words of these: its time would need a colon. */
        for (size_t i = 0; i < n; i++)
            if (!isalnum((unsigned char)s[i]) && !strchr("*,/-?#", s[i]))
                return false;
        words++;
        s += n;
    }
    return words == _CRON_FIELD_MAX;
}
