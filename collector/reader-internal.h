/* SPDX-License-Identifier: MIT */

/* The statements of a reader, and their columns. */

#pragma once

#include "collector/pack.h"
#include "collector/reader.h"

typedef enum ReadSql {
    READ_HOSTS,
    READ_HOST_SYSTEM,
    READ_HOST_CLASSES,
    READ_SERVICES,
    READ_SYSTEM,
    READ_CLASS,
    READ_SERVICE,
    READ_EVENTS,
    READ_LOG,
    READ_LOG_HOST,
    READ_HOST_ID,
    READ_NEWEST_HOST,
    _READ_SQL_MAX,
} ReadSql;

struct Reader {
    const char *path;
    Db *db;
    Unpacker *unpacker; /* made for the first entry that needs it */
};

/* Opens the database when it is not open. */
int reader_ready(Reader *reader);
/* Passes r on; a connection that failed is opened anew by the next query. */
int reader_end(Reader *reader, int r);

/* Columns; NULL is NAN, resp. NULL. Texts are valid until the next step. */
double reader_real(Reader *reader, ReadSql sql, int column);
uint64_t reader_usec(Reader *reader, ReadSql sql, int column);
const char *reader_text(Reader *reader, ReadSql sql, int column);
