/* SPDX-License-Identifier: MIT */

/* The grammar of OnCalendar=, checked from the outside in: time zone, shorthand word, weekdays,
 * date, time, then the lists, ranges and steps of each field. Where systemd.time(7) leaves a case
 * open, tests/unit/test-calendar.c holds this file to what systemd-analyze says. */

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <strings.h>

#include "base/text.h"
#include "spec/calendar.h"

#define REASON_MAX 300U
#define ZONEINFO   "/usr/share/zoneinfo"
#define LETTERS    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS     "0123456789"

/* systemd's own bounds: of a list (one value and 240 more), of a step in its smallest unit, and of
 * a time in seconds since 1970 (2199-12-31 23:59:59). */
#define LIST_MAX      241U
#define STEP_MAX      ((uint64_t)INT32_MAX)
#define TIMESTAMP_MAX UINT64_C(7258118399)

/* Seconds are counted in microseconds, everything else in its own unit. */
#define SECOND UINT64_C(1000000)

/* A piece of the expression. */
typedef struct Piece {
    const char *s;
    size_t n;
} Piece;

typedef enum Field {
    FIELD_YEAR,
    FIELD_MONTH,
    FIELD_DAY,
    FIELD_DAY_FROM_END, /* after "~": the distance from the end of the month */
    FIELD_HOUR,
    FIELD_MINUTE,
    FIELD_SECOND,
    _FIELD_MAX,
} Field;

typedef struct FieldInfo {
    const char *name;
    const char *range;
    uint64_t unit, first, last;
} FieldInfo;

static const FieldInfo fields[] = {
    [FIELD_YEAR] = {"year", "1970..2199", 1, 1970, 2199},
    [FIELD_MONTH] = {"month", "1..12", 1, 1, 12},
    [FIELD_DAY] = {"day", "1..31", 1, 1, 31},
    [FIELD_DAY_FROM_END] = {"day before the end", "1..28", 1, 1, 28},
    [FIELD_HOUR] = {"hour", "0..23", 1, 0, 23},
    [FIELD_MINUTE] = {"minute", "0..59", 1, 0, 59},
    [FIELD_SECOND] = {"second", "0..59", SECOND, 0, 60 * SECOND - 1},
};
_Static_assert(ELEMENTSOF(fields) == _FIELD_MAX, "one line per field");

/* All that systemd takes, the misspelt one too. */
static const char *const shorthands[] = {
    "minutely",      "hourly",     "daily",       "weekly", "monthly",  "quarterly", "semiannually",
    "semi-annually", "biannually", "bi-annually", "yearly", "annually", "anually",
};

static const char *const weekdays[] = {
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
};

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

static bool piece_equal(Piece a, const char *b)
{
    return strlen(b) == a.n && strncasecmp(a.s, b, a.n) == 0;
}

/* Cuts the part before the first of the separators off *rest and returns it. *ret_separator is the
 * separator, 0 when *rest had none: then *rest is at its end, and the part is all of it. */
static Piece piece_cut(Piece *rest, const char *separators, char *ret_separator)
{
    Piece part = {rest->s, 0};

    while (part.n < rest->n && !strchr(separators, rest->s[part.n]))
        part.n++;
    *ret_separator = part.n < rest->n ? rest->s[part.n] : 0;
    rest->s += part.n + (*ret_separator != 0);
    rest->n -= part.n + (*ret_separator != 0);
    return part;
}

static bool piece_skip(Piece *p, const char *prefix)
{
    size_t n = strlen(prefix);

    if (p->n < n || memcmp(p->s, prefix, n) != 0)
        return false;
    p->s += n;
    p->n -= n;
    return true;
}

/* Reads digits; what does not fit stays at UINT64_MAX, beyond every range. False without a digit.
 */
static bool read_digits(Piece *p, uint64_t *ret)
{
    uint64_t value = 0;

    if (p->n == 0 || !isdigit((unsigned char)*p->s))
        return false;
    for (; p->n > 0 && isdigit((unsigned char)*p->s); p->s++, p->n--)
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p->s - '0'), &value))
            value = UINT64_MAX;
    *ret = value;
    return true;
}

/* Reads the digits after a point as microseconds, rounded. False without a digit. */
static bool read_fraction(Piece *p, uint64_t *ret_usec)
{
    uint64_t usec = 0, weight = SECOND / 10;
    Piece start = *p;

    for (; p->n > 0 && isdigit((unsigned char)*p->s); p->s++, p->n--, weight /= 10) {
        usec += (uint64_t)(*p->s - '0') * weight;
        if (p->s - start.s == 6 && *p->s >= '5')
            usec++;
    }
    *ret_usec = usec;
    return p->n < start.n;
}

/* A number of a field in its smallest unit; seconds may have a fraction. */
static bool read_value(const FieldInfo *field, Piece *p, uint64_t *ret)
{
    uint64_t value, usec = 0;

    if (!read_digits(p, &value))
        return false;
    if (field->unit > 1 && p->n > 0 && p->s[0] == '.' && !(p->n > 1 && p->s[1] == '.')) {
        piece_skip(p, ".");
        if (!read_fraction(p, &usec))
            return false;
    }
    *ret = value > UINT64_MAX / SECOND - 1 ? UINT64_MAX : value * field->unit + usec;
    return true;
}

/* Years of two digits: 70 to 99 are 19xx, 0 to 69 are 20xx. */
static uint64_t full_year(uint64_t year)
{
    return year >= 100 ? year : year + (year < 70 ? 2000 : 1900);
}

/* A limit of a field: a value in its range. */
static int check_limit(const FieldInfo *field, Piece item, Piece *p, uint64_t *ret, Text *reason)
{
    const char *start = p->s;
    uint64_t value;

    if (!read_value(field, p, &value))
        return refuse(reason, "%s: \"%.*s\" is not a number", field->name, (int)item.n, item.s);
    if (field == &fields[FIELD_YEAR])
        value = full_year(value);
    if (value < field->first || value > field->last)
        return refuse(reason, "%s %.*s is not in %s", field->name, (int)(p->s - start), start,
                      field->range);
    *ret = value;
    return 0;
}

/* The step after "/". Without an end of the range there must be room for one step at least. */
static int check_step(const FieldInfo *field, Piece item, Piece *p, uint64_t start, bool has_end,
                      Text *reason)
{
    uint64_t step, room;

    if (!read_value(field, p, &step))
        return refuse(reason, "%s: the step in \"%.*s\" is not a number", field->name, (int)item.n,
                      item.s);
    if (step == 0)
        return refuse(reason, "%s: the step in \"%.*s\" is zero", field->name, (int)item.n, item.s);

    /* From the end of the month, steps go down to the last day. */
    room = field == &fields[FIELD_DAY_FROM_END] ? start - 1 : field->last - start;
    if (step > STEP_MAX || (!has_end && step > room))
        return refuse(reason, "%s: the step in \"%.*s\" leads out of %s", field->name, (int)item.n,
                      item.s, field->range);
    return 0;
}

/* One item of a list: 5, 1..5, 5/2, 1..5/2. */
static int check_item(const FieldInfo *field, Piece item, Text *reason)
{
    uint64_t start = 0, end = 0;
    bool has_end;
    Piece p = item;
    int r;

    r = check_limit(field, item, &p, &start, reason);
    if (r < 0)
        return r;
    has_end = piece_skip(&p, "..");
    if (has_end) {
        r = check_limit(field, item, &p, &end, reason);
        if (r < 0)
            return r;
        if (start > end)
            return refuse(reason, "%s: the range %.*s runs backwards", field->name, (int)item.n,
                          item.s);
    }
    if (piece_skip(&p, "/")) {
        r = check_step(field, item, &p, start, has_end, reason);
        if (r < 0)
            return r;
    } else if (has_end && field->unit > 1 && end - start < field->unit)
        /* In other fields systemd reads 5..5 as 5. */
        return refuse(reason, "%s: the range %.*s is shorter than a second", field->name,
                      (int)item.n, item.s);
    if (p.n > 0)
        return refuse(reason, "%s: \"%.*s\" is not a value, a range a..b or a step a/n",
                      field->name, (int)item.n, item.s);
    return 0;
}

static int check_field(Field f, Piece list, Text *reason)
{
    unsigned items = 0;
    char separator;

    if (piece_equal(list, "*"))
        return 0;
    do {
        Piece item = piece_cut(&list, ",", &separator);
        int r = check_item(&fields[f], item, reason);

        if (r < 0)
            return r;
        if (++items > LIST_MAX)
            return refuse(reason, "%s: more than %u values in one list", fields[f].name, LIST_MAX);
    } while (separator);
    return 0;
}

/* YEAR-MONTH-DAY or MONTH-DAY, with "~" before the day to count from the end of the month. */
static int check_date(Piece date, Text *reason)
{
    Piece parts[3], rest = date;
    Field day = FIELD_DAY;
    bool complete = false, last;
    size_t n = 0;
    char separator;
    int r;

    do {
        last = day == FIELD_DAY_FROM_END;
        parts[n++] = piece_cut(&rest, "-~", &separator);
        if (separator == '~')
            day = FIELD_DAY_FROM_END;
        complete = !separator && n >= 2;
    } while (separator && !last && n < ELEMENTSOF(parts));
    if (!complete)
        return refuse(reason, "\"%.*s\" is not a date like 2025-01-31, *-*-01 or *-02~01",
                      (int)date.n, date.s);

    for (size_t i = 0; i < n; i++) {
        Field f = (Field)(FIELD_YEAR + (ELEMENTSOF(parts) - n) + i);

        r = check_field(f == FIELD_DAY ? day : f, parts[i], reason);
        if (r < 0)
            return r;
    }
    return 0;
}

/* HOUR:MINUTE or HOUR:MINUTE:SECOND */
static int check_time(Piece time, Text *reason)
{
    Piece parts[3], rest = time;
    size_t n = 0;
    char separator;
    int r;

    do
        parts[n++] = piece_cut(&rest, ":", &separator);
    while (separator && n < ELEMENTSOF(parts));
    if (separator || n < 2)
        return refuse(reason, "\"%.*s\" is not a time like 10:00, *:00,30 or 04:30:15", (int)time.n,
                      time.s);

    for (size_t i = 0; i < n; i++) {
        r = check_field((Field)(FIELD_HOUR + i), parts[i], reason);
        if (r < 0)
            return r;
    }
    return 0;
}

/* "@" and seconds since 1970. */
static int check_timestamp(Piece timestamp, Text *reason)
{
    Piece p = timestamp;
    uint64_t value;

    piece_skip(&p, "@");
    if (!read_digits(&p, &value) || p.n > 0 || value > TIMESTAMP_MAX)
        return refuse(reason, "\"%.*s\" is not @ and seconds since 1970, before the year 2200",
                      (int)timestamp.n, timestamp.s);
    return 0;
}

/* Skips a weekday's name, whole or its first three letters; its number or -EINVAL. */
static int read_weekday(Piece *p)
{
    Piece name = {p->s, 0};

    while (name.n < p->n && isalpha((unsigned char)p->s[name.n]))
        name.n++;
    for (int i = 0; i < (int)ELEMENTSOF(weekdays); i++) {
        bool short_name = name.n == 3 && strncasecmp(name.s, weekdays[i], 3) == 0;

        if (!short_name && !piece_equal(name, weekdays[i]))
            continue;
        p->s += name.n;
        p->n -= name.n;
        return i;
    }
    return -EINVAL;
}

/* Mon,Wed..Fri: the list may end in a comma, and "-" does for "..", as of old. */
static int check_weekdays(Piece list, Text *reason)
{
    Piece p = list;

    do {
        int first = read_weekday(&p), last = first;

        if (first >= 0 && (piece_skip(&p, "..") || piece_skip(&p, "-")))
            last = read_weekday(&p);
        if (first < 0 || last < 0 || (p.n > 0 && *p.s != ','))
            return refuse(reason,
                          "\"%.*s\" is neither weekdays like Mon,Wed..Fri nor a word like "
                          "daily",
                          (int)list.n, list.s);
        if (first > last)
            return refuse(reason, "the weekdays in \"%.*s\" run backwards", (int)list.n, list.s);
    } while (piece_skip(&p, ",") && p.n > 0);
    return 0;
}

/* The next word; *rest goes on at the one after it. */
static Piece next_word(Piece *rest)
{
    char separator;
    Piece word = piece_cut(rest, " ", &separator);

    while (piece_skip(rest, " "))
        ;
    return word;
}

static int check_parts(Piece expr, Text *reason)
{
    const char *end = expr.s + expr.n;
    Piece word = next_word(&expr);
    bool at_start = true, timestamp;
    int r = 0;

    if (word.n > 0 && isalpha((unsigned char)*word.s)) {
        r = check_weekdays(word, reason);
        word = next_word(&expr);
        at_start = false;
    }
    timestamp = word.n > 0 && *word.s == '@';
    if (r >= 0 && word.n > 0 && !timestamp && !memchr(word.s, ':', word.n)) {
        r = check_date(word, reason);
        word = next_word(&expr);
        at_start = timestamp = false;
    }
    if (r < 0)
        return r;
    if (word.n == 0)
        return at_start ? refuse(reason, "it starts with a blank") : 0;
    if (word.s + word.n != end)
        return refuse(reason, "\"%.*s\" after the time is too much", (int)(end - word.s - word.n),
                      word.s + word.n);
    return timestamp ? check_timestamp(word, reason) : check_time(word, reason);
}

/* A name as of the time zone database: words of letters, digits, "_", "+", "-" between slashes. */
static bool is_timezone_name(Piece name)
{
    char separator;

    do {
        Piece word = piece_cut(&name, "/", &separator);

        if (word.n == 0)
            return false;
        for (size_t i = 0; i < word.n; i++)
            if (!strchr(LETTERS DIGITS "_+-", word.s[i]))
                return false;
    } while (separator);
    return true;
}

/* Whether the database has it; true where there is no database to ask. */
static bool is_timezone_known(Piece name)
{
    _cleanup_close_ int dir_fd = -1, fd = -1;
    _cleanup_free_ char *path = NULL;
    char magic[4];

    dir_fd = open(ZONEINFO, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return true;
    path = strndup(name.s, name.n);
    if (!path)
        return true;
    fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    return fd >= 0 && read(fd, magic, sizeof(magic)) == (ssize_t)sizeof(magic) &&
           memcmp(magic, "TZif", sizeof(magic)) == 0;
}

/* Cuts the time zone off: a last word, not the first one, that starts with a letter. */
static int check_timezone(Piece *expr, Text *reason)
{
    const char *blank = memrchr(expr->s, ' ', expr->n);
    Piece name;

    if (!blank)
        return 0;
    name.s = blank + 1;
    name.n = (size_t)(expr->s + expr->n - name.s);
    if (name.n == 0 || !isalpha((unsigned char)*name.s))
        return 0;
    if (!piece_equal(name, "UTC") && !(is_timezone_name(name) && is_timezone_known(name)))
        return refuse(reason, "time zone \"%.*s\" is not known", (int)name.n, name.s);
    expr->n = (size_t)(blank - expr->s);
    return 0;
}

static int check_expression(Piece expr, Text *reason)
{
    int r;

    if (expr.n == 0)
        return refuse(reason, "it is empty");

    r = check_timezone(&expr, reason);
    if (r < 0)
        return r;
    for (size_t i = 0; i < ELEMENTSOF(shorthands); i++)
        if (piece_equal(expr, shorthands[i]))
            return 0;
    return check_parts(expr, reason);
}

int calendar_check(const char *expr, char **ret_reason)
{
    _cleanup_text_ Text reason = {0};
    int r;

    assert(expr);

    r = check_expression((Piece){expr, strlen(expr)}, &reason);
    if (r < 0 && ret_reason) {
        *ret_reason = NULL;
        text_take(&reason, ret_reason);
    }
    return r;
}
