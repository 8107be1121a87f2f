/* SPDX-License-Identifier: MIT */

/* Values over time: of answers and of pictures. Each moment is in one resolution only, so that all
 * three are read together and joined by the step. */

#include <errno.h>
#include <math.h>

#include "collector/describe.h"
#include "collector/reader-internal.h"

/* The id of the host, and of its service when a name is given. 0: there is none. */
static int subject_of(Reader *reader, const char *host, const char *service, int64_t *ret)
{
    int r = db_bind(reader->db, READ_HOST_ID, "ss", host, service);

    if (r == 0)
        r = db_step(reader->db, READ_HOST_ID);
    if (r <= 0)
        return r;
    *ret = sqlite3_column_int64(db_statement(reader->db, READ_HOST_ID), service ? 1 : 0);
    db_reset(reader->db, READ_HOST_ID);
    return *ret > 0;
}

static int bind_series(Reader *reader, ReadSql sql, int64_t subject, const Span *span,
                       uint64_t step_usec, int64_t rows, int class)
{
    return db_bind(reader->db, sql, sql == READ_CLASS ? "iiiiii" : "iiiii", subject,
                   (int64_t)MIN(span->since_usec, (uint64_t)INT64_MAX),
                   (int64_t)MIN(span->until_usec, (uint64_t)INT64_MAX), rows, (int64_t)step_usec,
                   (int64_t) class);
}

typedef struct Column {
    const char *name;
    enum { NUMBER, TIME, CLASS, STATE, BOOL } kind;
} Column;

#define COLUMNS_MAX 14 /* with one at least that has no name: the end */

typedef struct SeriesShape {
    const char *word;
    ReadSql sql;
    Column columns[COLUMNS_MAX]; /* as the statement gives them; then the newest time in the row */
} SeriesShape;

static const SeriesShape shapes[] = {
    [SERIES_SYSTEM] = {"system",
                       READ_SYSTEM,
                       {{"time", TIME},
                        {"n"},
                        {"cpu_percent"},
                        {"cpu_percent_max"},
                        {"memory_used_mb"},
                        {"memory_used_mb_max"},
                        {"memory_free_mb"},
                        {"memory_total_mb"}}},
    [SERIES_CLASS] = {"class",
                      READ_CLASS,
                      {{"time", TIME},
                       {"class", CLASS},
                       {"n"},
                       {"containers"},
                       {"cpu_percent"},
                       {"cpu_percent_max"},
                       {"memory_percent"},
                       {"memory_percent_max"},
                       {"memory_mb"},
                       {"disk_write_kb"},
                       {"disk_read_kb"},
                       {"io_write_ops"},
                       {"io_read_ops"}}},
    [SERIES_SERVICE] = {"service",
                        READ_SERVICE,
                        {{"time", TIME},
                         {"n"},
                         {"state", STATE},
                         {"restarts"},
                         {"beats"},
                         {"latency_usec"},
                         {"latency_usec_max"},
                         {"cpu_percent"},
                         {"memory_bytes"},
                         {"ready", BOOL}}},
};
_Static_assert(ELEMENTSOF(shapes) == _SERIES_KIND_MAX, "a shape for each kind");

static void add_column(Text *t, Reader *reader, ReadSql sql, int i, const Column *column)
{
    sqlite3_stmt *s = db_statement(reader->db, sql);
    double value = reader_real(reader, sql, i);

    if (isnan(value))
        text_add(t, "null");
    else if (column->kind == TIME)
        text_addf(t, "%lld", (long long)(sqlite3_column_int64(s, i) / (int64_t)USEC_PER_MSEC));
    else if (column->kind == CLASS)
        text_addf(t, "\"%s\"",
                  container_class_word((ContainerClass)MIN((unsigned)sqlite3_column_int(s, i),
                                                           (unsigned)CLASS_OTHER)));
    else if (column->kind == STATE)
        text_addf(t, "\"%s\"", service_state_of_rank(sqlite3_column_int(s, i)));
    else if (column->kind == BOOL)
        text_add(t, value != 0 ? "true" : "false");
    else
        describe_add_number(t, value);
}

static int add_rows(Reader *reader, const SeriesShape *shape, Text *t, uint64_t *newest_usec)
{
    size_t n = 0;
    int r, i;

    while ((r = db_step(reader->db, shape->sql)) > 0) {
        if (n == SERIES_ROWS_MAX) {
            db_reset(reader->db, shape->sql);
            return 1;
        }
        text_add(t, n++ > 0 ? ", [" : "[");
        for (i = 0; shape->columns[i].name; i++) {
            text_add(t, i > 0 ? ", " : "");
            add_column(t, reader, shape->sql, i, &shape->columns[i]);
        }
        *newest_usec = MAX(*newest_usec, reader_usec(reader, shape->sql, i));
        text_add_char(t, ']');
    }
    return r;
}

static void add_head(Text *t, const SeriesQuery *query, const SeriesShape *shape)
{
    text_add_char(t, '{');
    describe_string(t, "of", shape->word);
    describe_string(t, "host", query->host);
    if (query->of != SERIES_SYSTEM && query->name)
        describe_string(t, "name", query->name);
    describe_time(t, "since", query->span.since_usec);
    describe_time(t, "until", query->span.until_usec);
    describe_number(t, "step_usec", (double)query->step_usec);
    describe_name(t, "columns");
    text_add_char(t, '[');
    for (int i = 0; shape->columns[i].name; i++)
        text_addf(t, "%s\"%s\"", i > 0 ? ", " : "", shape->columns[i].name);
    text_add_char(t, ']');
    describe_name(t, "rows");
    text_add_char(t, '[');
}

int reader_add_series(Reader *reader, const SeriesQuery *query, Text *t)
{
    const SeriesShape *shape = &shapes[query->of];
    uint64_t newest_usec = 0;
    int64_t subject = 0;
    int r = reader_ready(reader);

    add_head(t, query, shape);
    if (r == 0)
        r = subject_of(reader, query->host, query->of == SERIES_SERVICE ? query->name : NULL,
                       &subject);
    if (r > 0) {
        r = bind_series(reader, shape->sql, subject, &query->span, query->step_usec,
                        SERIES_ROWS_MAX + 1, query->class);
        if (r == 0)
            r = add_rows(reader, shape, t, &newest_usec);
    }
    text_add_char(t, ']');
    if (newest_usec > 0)
        describe_time(t, "newest", newest_usec);
    else
        describe_string(t, "newest", NULL);
    text_add_char(t, '}');
    return reader_end(reader, r);
}

int reader_each_system(Reader *reader, const char *host, const Span *span, uint64_t step_usec,
                       system_row_t row, void *userdata)
{
    int64_t subject = 0;
    int r = reader_ready(reader);

    if (r == 0)
        r = subject_of(reader, host, NULL, &subject);
    if (r <= 0)
        return reader_end(reader, r);
    r = bind_series(reader, READ_SYSTEM, subject, span, step_usec, SERIES_ROWS_MAX, -1);
    while (r >= 0 && (r = db_step(reader->db, READ_SYSTEM)) > 0) {
        SystemValues values = {
            .cpu_percent = reader_real(reader, READ_SYSTEM, 2),
            .memory_used_mb = reader_real(reader, READ_SYSTEM, 4),
            .memory_free_mb = reader_real(reader, READ_SYSTEM, 6),
            .memory_total_mb = reader_real(reader, READ_SYSTEM, 7),
        };
        r = row(reader_usec(reader, READ_SYSTEM, 0), reader_usec(reader, READ_SYSTEM, 1), &values,
                userdata);
        if (r != 0) {
            db_reset(reader->db, READ_SYSTEM);
            return r;
        }
    }
    return reader_end(reader, r);
}

int reader_each_class(Reader *reader, const char *host, const Span *span, uint64_t step_usec,
                      class_row_t row, void *userdata)
{
    int64_t subject = 0;
    int r = reader_ready(reader);

    if (r == 0)
        r = subject_of(reader, host, NULL, &subject);
    if (r <= 0)
        return reader_end(reader, r);
    r = bind_series(reader, READ_CLASS, subject, span, step_usec, SERIES_ROWS_MAX, -1);
    while (r >= 0 && (r = db_step(reader->db, READ_CLASS)) > 0) {
        double containers = reader_real(reader, READ_CLASS, 3);
        ClassValues values = {
            .containers = isnan(containers) ? 0 : (uint64_t)(containers + 0.5),
            .cpu_percent = reader_real(reader, READ_CLASS, 4),
            .memory_percent = reader_real(reader, READ_CLASS, 6),
            .memory_mb = reader_real(reader, READ_CLASS, 8),
            .disk_write_kb = reader_real(reader, READ_CLASS, 9),
            .disk_read_kb = reader_real(reader, READ_CLASS, 10),
            .io_write_ops = reader_real(reader, READ_CLASS, 11),
            .io_read_ops = reader_real(reader, READ_CLASS, 12),
        };
        uint64_t class = reader_usec(reader, READ_CLASS, 1);
        r = row(reader_usec(reader, READ_CLASS, 0),
                class < _CLASS_MAX ? (ContainerClass) class : CLASS_OTHER, &values, userdata);
        if (r != 0) {
            db_reset(reader->db, READ_CLASS);
            return r;
        }
    }
    return reader_end(reader, r);
}
