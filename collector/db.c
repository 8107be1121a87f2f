/* SPDX-License-Identifier: MIT */

/* SQLite as the collector uses it: write-ahead log, so that readers and the writer do not wait for
 * each other; synchronous=FULL, so that what was committed is on disk. https://sqlite.org/wal.html
 */

#include "collector/db.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>

#define APPLICATION_ID 0x50484e58 /* "PHNX" */
#define USER_VERSION   2
#define BUSY_MSEC      5000

/* Columns of values: res is the seconds that a row stands for (0: one sample), n the samples in
 * it. Times are microseconds. Tables without rowid lie in the order of their keys, which is how
 * they are read. An entry is either its body, or packed (pack.h) and the body is empty. */
static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE host(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, first INTEGER NOT NULL,"
    " last INTEGER NOT NULL, arrived INTEGER NOT NULL) STRICT;"
    "CREATE TABLE post_key(host INTEGER NOT NULL, key TEXT NOT NULL, arrived INTEGER NOT NULL,"
    " PRIMARY KEY(host, key)) WITHOUT ROWID, STRICT;"
    "CREATE INDEX post_key_arrived ON post_key(arrived);"
    "CREATE TABLE entry(id INTEGER PRIMARY KEY, host INTEGER NOT NULL, time INTEGER NOT NULL,"
    " arrived INTEGER NOT NULL, body TEXT NOT NULL, packed BLOB) STRICT;"
    "CREATE INDEX entry_time ON entry(time);"
    "CREATE INDEX entry_host_time ON entry(host, time);"
    "CREATE TABLE system(res INTEGER NOT NULL, subject INTEGER NOT NULL, time INTEGER NOT NULL,"
    " n INTEGER NOT NULL, cpu REAL, cpu_max REAL, used REAL, used_max REAL, free REAL, total REAL,"
    " PRIMARY KEY(res, subject, time)) WITHOUT ROWID, STRICT;"
    "CREATE TABLE class(res INTEGER NOT NULL, subject INTEGER NOT NULL, time INTEGER NOT NULL,"
    " class INTEGER NOT NULL, n INTEGER NOT NULL, containers REAL, cpu REAL, cpu_max REAL,"
    " memory REAL, memory_max REAL, memory_mb REAL, write_kb REAL, read_kb REAL, write_ops REAL,"
    " read_ops REAL, PRIMARY KEY(res, subject, time, class)) WITHOUT ROWID, STRICT;"
    "CREATE TABLE service(id INTEGER PRIMARY KEY, host INTEGER NOT NULL, name TEXT NOT NULL,"
    " time INTEGER NOT NULL, state TEXT, ready INTEGER, restarts REAL, beats REAL, beat_rate REAL,"
    " latency REAL, cpu REAL, memory REAL, reason TEXT, UNIQUE(host, name)) STRICT;"
    "CREATE TABLE service_value(res INTEGER NOT NULL, subject INTEGER NOT NULL, time INTEGER NOT "
    "NULL, n INTEGER NOT NULL, state INTEGER, restarts REAL, beats REAL, latency REAL,"
    " latency_max REAL, cpu REAL, memory REAL, ready INTEGER,"
    " PRIMARY KEY(res, subject, time)) WITHOUT ROWID, STRICT;"
    "CREATE TABLE event(id INTEGER PRIMARY KEY, host INTEGER NOT NULL, service TEXT, time INTEGER "
    "NOT NULL, arrived INTEGER NOT NULL, event TEXT NOT NULL, state TEXT, reason TEXT, message "
    "TEXT) "
    "STRICT;"
    "CREATE INDEX event_time ON event(time);"
    "CREATE INDEX event_host_time ON event(host, time);"
    "PRAGMA application_id = 1346915928;"
    "PRAGMA user_version = 2;"
    "COMMIT";

/* What was there before stays as it is until it is old. */
static const char from_version_1[] = "BEGIN IMMEDIATE;"
                                     "ALTER TABLE entry ADD COLUMN packed BLOB;"
                                     "PRAGMA user_version = 2;"
                                     "COMMIT";

int db_error(int code)
{
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_DONE:
        return 0;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return -EUCLEAN;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_NOMEM:
        return -ENOMEM;
    default:
        return -EIO;
    }
}

/* SQLite says "I/O error" for a quota that is used up, and keeps the errno. */
static int last_error(Db *db, int code)
{
    int r = db_error(code), number = sqlite3_system_errno(db->sqlite);

    if (r == -EIO && (number == ENOSPC || number == EDQUOT))
        return -ENOSPC;
    return r;
}

int db_exec(Db *db, const char *sql)
{
    return last_error(db, sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL));
}

int64_t db_number(Db *db, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    int64_t number = -1;

    if (sqlite3_prepare_v2(db->sqlite, sql, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        number = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return number;
}

/* An empty file is one that nobody has got around to filling. */
static int make_tables(Db *db)
{
    int r = db_exec(db, "PRAGMA auto_vacuum = INCREMENTAL");

    if (r == 0)
        r = db_exec(db, "PRAGMA journal_mode = WAL");
    return r == 0 ? db_exec(db, schema) : r;
}

static int migrate(Db *db)
{
    int r = db_exec(db, from_version_1);

    if (r < 0 && !sqlite3_get_autocommit(db->sqlite))
        (void)db_exec(db, "ROLLBACK");
    return r;
}

static int prepare_file(Db *db, bool writer)
{
    int r = db_exec(db, "SELECT count(*) FROM sqlite_schema");

    if (r == 0 && writer && db_number(db, "SELECT count(*) FROM sqlite_schema") == 0)
        r = make_tables(db);
    if (r < 0)
        return r;
    if (db_number(db, "PRAGMA application_id") != APPLICATION_ID)
        return -EUCLEAN;
    if (writer && db_number(db, "PRAGMA user_version") == 1)
        r = migrate(db);
    if (r < 0)
        return r;
    return db_number(db, "PRAGMA user_version") == USER_VERSION ? 0 : -ESTALE;
}

/* The limits keep the log and the memory small, whatever came at once. */
static int set_up(Db *db, bool writer)
{
    int r;

    (void)sqlite3_extended_result_codes(db->sqlite, 1);
    (void)sqlite3_busy_timeout(db->sqlite, BUSY_MSEC);
    /* A damaged file must not make SQLite call functions that its schema names. */
    (void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    r = prepare_file(db, writer);
    if (r == 0)
        r = db_exec(db, "PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; "
                        "PRAGMA cache_size = -4096");
    if (r == 0 && writer)
        r = db_exec(
            db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = OFF; "
                "PRAGMA journal_size_limit = 67108864");
    return r;
}

int db_open(const char *path, bool writer, const char *const *sql, size_t n, Db **ret)
{
    _cleanup_(db_closep) Db *db = calloc(1, sizeof(*db));
    int flags = writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE, r;

    if (!db)
        return -ENOMEM;
    db->statements = calloc(n, sizeof(sqlite3_stmt *));
    if (!db->statements)
        return -ENOMEM;
    db->sql = sql;
    db->n_statements = n;
    r = sqlite3_open_v2(path, &db->sqlite, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                        NULL);
    if (r != SQLITE_OK)
        return db->sqlite ? last_error(db, r) : -ENOMEM;
    r = set_up(db, writer);
    if (r < 0)
        return r;
    if (!writer)
        (void)db_exec(db, "PRAGMA query_only = ON");
    *ret = TAKE_PTR(db);
    return 0;
}

Db *db_close(Db *db)
{
    if (!db)
        return NULL;
    for (size_t i = 0; i < db->n_statements; i++)
        sqlite3_finalize(db->statements[i]);
    sqlite3_close_v2(db->sqlite);
    free(db->statements);
    free(db);
    return NULL;
}

sqlite3_stmt *db_statement(Db *db, size_t statement)
{
    return db->statements[statement];
}

static int prepare(Db *db, size_t i)
{
    if (db->statements[i])
        return 0;
    return last_error(db, sqlite3_prepare_v3(db->sqlite, db->sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                             &db->statements[i], NULL));
}

static int bind_one(sqlite3_stmt *s, int i, char type, va_list *ap)
{
    if (type == 'i')
        return sqlite3_bind_int64(s, i, va_arg(*ap, int64_t));
    if (type == 'r') {
        double value = va_arg(*ap, double);
        return isnan(value) ? sqlite3_bind_null(s, i) : sqlite3_bind_double(s, i, value);
    }
    if (type == 'b') {
        const void *data = va_arg(*ap, const void *);
        return sqlite3_bind_blob64(s, i, data, va_arg(*ap, size_t), SQLITE_STATIC);
    }
    const char *text = va_arg(*ap, const char *);
    if (type == 't')
        return sqlite3_bind_text64(s, i, text, va_arg(*ap, size_t), SQLITE_STATIC, SQLITE_UTF8);
    return text ? sqlite3_bind_text(s, i, text, -1, SQLITE_STATIC) : sqlite3_bind_null(s, i);
}

static int bind_all(Db *db, size_t statement, const char *types, va_list *ap)
{
    int r = prepare(db, statement);

    for (int i = 0; r == 0 && types[i] != '\0'; i++)
        r = db_error(bind_one(db->statements[statement], i + 1, types[i], ap));
    return r;
}

int db_bind(Db *db, size_t statement, const char *types, ...)
{
    va_list ap;

    va_start(ap, types);
    int r = bind_all(db, statement, types, &ap);
    va_end(ap);
    return r;
}

void db_reset(Db *db, size_t statement)
{
    (void)sqlite3_reset(db->statements[statement]);
}

int db_step(Db *db, size_t statement)
{
    int code = sqlite3_step(db->statements[statement]);

    if (code == SQLITE_ROW)
        return 1;
    int r = last_error(db, code);
    db_reset(db, statement);
    return r;
}

int db_run(Db *db, size_t statement, const char *types, ...)
{
    va_list ap;

    va_start(ap, types);
    int r = bind_all(db, statement, types, &ap);
    va_end(ap);
    if (r < 0)
        return r;
    do
        r = db_step(db, statement);
    while (r > 0);
    return r;
}
