/* SPDX-License-Identifier: MIT */

/* Reading the database: short queries, each of which ends its transaction, so that nobody who reads
 * slowly keeps the write-ahead log from being emptied. One reader per thread. */

#pragma once

#include "base/text.h"
#include "collector/db.h"
#include "collector/sample.h"

typedef struct Reader Reader;

/* path: of the database, which has to live as long. It is opened with the first query. */
int reader_new(const char *path, Reader **ret);
Reader *reader_free(Reader *reader);
/* The file is another one now; see writer_generation(). */
void reader_reopen(Reader *reader);

/* A span of time in microseconds: from `since` on, before `until`. */
typedef struct Span {
    uint64_t since_usec, until_usec;
} Span;

/* JSON answers of docs/collector-api.md, appended whole. Negative errno as db_error(), -ENOENT when
 * the file is not there yet. Strings are NULL when not given. */
int reader_add_hosts(Reader *reader, uint64_t now_usec, Text *t);
int reader_add_services(Reader *reader, const char *host, uint64_t now_usec, Text *t);

typedef enum SeriesKind {
    SERIES_SYSTEM,
    SERIES_CLASS,
    SERIES_SERVICE,
    _SERIES_KIND_MAX,
} SeriesKind;

typedef struct SeriesQuery {
    SeriesKind of;
    const char *host;
    const char *name; /* of the service */
    int class;        /* -1: all */
    Span span;
    uint64_t step_usec;
} SeriesQuery;

#define SERIES_ROWS_MAX 5000

/* One object, without a line break. 1 when there are more than SERIES_ROWS_MAX rows. */
int reader_add_series(Reader *reader, const SeriesQuery *query, Text *t);

typedef struct EventsQuery {
    const char *host, *service, *event;
    Span span;
    uint64_t before_id, limit;
} EventsQuery;

int reader_add_events(Reader *reader, const EventsQuery *query, Text *t);

/* Where a walk over the entries is: begin with the start of the span and 0. */
typedef struct LogCursor {
    uint64_t time_usec;
    int64_t id;
} LogCursor;

/* What to do with one entry: its host and its text. Anything but 0 ends the page before it. */
typedef int (*log_entry_t)(const char *host, const char *body, size_t size, void *userdata);

/* Up to max entries (at least one, if there is one) from the cursor on, which is moved behind what
 * was taken. host NULL: of all. 1: there may be more; 0: that was all. */
int reader_log_page(Reader *reader, const char *host, LogCursor *cursor, uint64_t until_usec,
                    size_t max, log_entry_t entry, void *userdata);

/* The host whose post came last: 1 and its name (caller frees), 0 when there is none. */
int reader_newest_host(Reader *reader, char **ret);

/* Values for pictures, the oldest first; return values other than 0 end it and are returned. */
typedef int (*system_row_t)(uint64_t time_usec, uint64_t n, const SystemValues *values,
                            void *userdata);
typedef int (*class_row_t)(uint64_t time_usec, ContainerClass class, const ClassValues *values,
                           void *userdata);
int reader_each_system(Reader *reader, const char *host, const Span *span, uint64_t step_usec,
                       system_row_t row, void *userdata);
int reader_each_class(Reader *reader, const char *host, const Span *span, uint64_t step_usec,
                      class_row_t row, void *userdata);

typedef struct Totals {
    int64_t hosts, services, entries, database_bytes, free_bytes;
} Totals;
int reader_totals(Reader *reader, Totals *ret);
