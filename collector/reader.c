/* SPDX-License-Identifier: MIT */

/* The connection of a reader, its statements, and the queries that are no answer by themselves. */

#include "collector/reader.h"

#include <errno.h>
#include <math.h>

#include "collector/reader-internal.h"

#define MEAN(c)   "sum(" c "*n)/sum(n*(" c " IS NOT NULL))"
#define STEP      "time/?5*?5"
#define VALUES_OF " WHERE res IN (0,60,3600) AND subject=?1 AND time>=?2 AND time<?3"
#define LOG_COLUMNS                                                                                \
    "SELECT e.time,e.id,h.name,e.body,e.packed FROM entry e LEFT JOIN host h ON h.id=e.host "      \
    "WHERE "

static const char *const read_sql[] = {
    [READ_HOSTS] =
        "SELECT h.id,h.name,h.first,h.last,(SELECT count(*) FROM service WHERE host=h.id) "
        "FROM host h ORDER BY h.name",
    [READ_HOST_SYSTEM] =
        "SELECT cpu,total,used,free FROM system WHERE res=0 AND subject=?1 ORDER BY "
        "time DESC LIMIT 1",
    [READ_HOST_CLASSES] = "SELECT class,containers FROM class WHERE res=0 AND subject=?1 AND "
                          "time=(SELECT max(time) FROM "
                          "class WHERE res=0 AND subject=?1)",
    [READ_SERVICES] =
        "SELECT "
        "h.name,s.name,s.time,s.state,s.ready,s.restarts,s.beats,s.beat_rate,s.latency,s.cpu,"
        "s.memory,s.reason FROM service s JOIN host h ON h.id=s.host WHERE ?1 IS NULL OR h.name=?1 "
        "ORDER BY h.name,s.name",
    [READ_SYSTEM] =
        "SELECT " STEP ",sum(n)," MEAN("cpu") ",max(cpu_max)," MEAN("used") ",max(used_max)," MEAN(
            "free") ",max(total),max(time) FROM system" VALUES_OF " GROUP BY 1 ORDER BY 1 LIMIT ?4",
    [READ_CLASS] =
        "SELECT " STEP ",class,sum(n)," MEAN("containers") "," MEAN("cpu") ",max(cpu_max)," MEAN(
            "memory") ",max(memory_max)," MEAN("memory_mb") ",max(write_kb),max(read_kb),max(write_"
                                                            "ops),max(read_ops),max(time) FROM "
                                                            "class" VALUES_OF
                                                            " AND (?6<0 OR class=?6) GROUP BY 1,2 "
                                                            "ORDER BY 1,2 LIMIT ?4",
    [READ_SERVICE] =
        "SELECT " STEP
        ",sum(n),max(state),max(restarts),max(beats)," MEAN("latency") ",max(latency_max)," MEAN(
            "cpu") "," MEAN("memory") ",min(ready),max(time) FROM service_value" VALUES_OF
                                      " GROUP BY 1 ORDER BY 1 LIMIT ?4",
    [READ_EVENTS] =
        "SELECT e.id,e.time,h.name,e.service,e.event,e.state,e.reason,e.message FROM event e JOIN "
        "host "
        "h ON h.id=e.host WHERE e.time>=?1 AND e.time<?2 AND e.id<?3 AND (?5 IS NULL OR h.name=?5) "
        "AND "
        "(?6 IS NULL OR e.service=?6) AND (?7 IS NULL OR e.event=?7) ORDER BY e.id DESC LIMIT ?4",
    [READ_LOG] = LOG_COLUMNS "(e.time,e.id)>(?1,?2) AND e.time<?3 ORDER BY e.time,e.id LIMIT ?4",
    [READ_LOG_HOST] =
        LOG_COLUMNS "e.host=(SELECT id FROM host WHERE name=?5) AND (e.time,e.id)>(?1,?2) "
                    "AND e.time<?3 ORDER BY e.time,e.id LIMIT ?4",
    [READ_HOST_ID] = "SELECT h.id,(SELECT id FROM service WHERE host=h.id AND name=?2) FROM host h "
                     "WHERE h.name=?1",
    [READ_NEWEST_HOST] = "SELECT name FROM host ORDER BY arrived DESC,id DESC LIMIT 1",
};
_Static_assert(ELEMENTSOF(read_sql) == _READ_SQL_MAX, "a text for each statement");

int reader_new(const char *path, Reader **ret)
{
    Reader *reader = calloc(1, sizeof(*reader));

    if (!reader)
        return -ENOMEM;
    reader->path = path;
    *ret = reader;
    return 0;
}

Reader *reader_free(Reader *reader)
{
    if (!reader)
        return NULL;
    db_close(reader->db);
    unpacker_free(reader->unpacker);
    free(reader);
    return NULL;
}

void reader_reopen(Reader *reader)
{
    reader->db = db_close(reader->db);
}

int reader_ready(Reader *reader)
{
    return reader->db ? 0 : db_open(reader->path, false, read_sql, _READ_SQL_MAX, &reader->db);
}

int reader_end(Reader *reader, int r)
{
    if (r < 0)
        reader_reopen(reader);
    return r;
}

double reader_real(Reader *reader, ReadSql sql, int column)
{
    sqlite3_stmt *s = db_statement(reader->db, sql);

    return sqlite3_column_type(s, column) == SQLITE_NULL ? NAN : sqlite3_column_double(s, column);
}

uint64_t reader_usec(Reader *reader, ReadSql sql, int column)
{
    return (uint64_t)sqlite3_column_int64(db_statement(reader->db, sql), column);
}

const char *reader_text(Reader *reader, ReadSql sql, int column)
{
    return (const char *)sqlite3_column_text(db_statement(reader->db, sql), column);
}

/* The text of the entry in this row. */
static int entry_text(Reader *reader, ReadSql sql, const char **ret, size_t *ret_size)
{
    sqlite3_stmt *s = db_statement(reader->db, sql);
    const void *packed = sqlite3_column_blob(s, 4);
    int r = 0;

    if (!packed) {
        *ret = reader_text(reader, sql, 3);
        *ret_size = (size_t)sqlite3_column_bytes(s, 3);
        return *ret ? 0 : -ENOMEM;
    }
    if (!reader->unpacker)
        r = unpacker_new(&reader->unpacker);
    if (r < 0)
        return r;
    return unpacker_unpack(reader->unpacker, packed, (size_t)sqlite3_column_bytes(s, 4), ret,
                           ret_size);
}

/* Takes what fits; ends the page at what the caller has no room for. */
static int take_entries(Reader *reader, ReadSql sql, LogCursor *cursor, size_t max,
                        log_entry_t entry, void *userdata)
{
    size_t n = 0;
    int r;

    while ((r = db_step(reader->db, sql)) > 0) {
        sqlite3_stmt *s = db_statement(reader->db, sql);
        const char *host = reader_text(reader, sql, 2), *body;
        size_t size;
        r = entry_text(reader, sql, &body, &size);
        if (r == 0)
            r = entry(host ? host : "", body, size, userdata);
        if (r == 0) {
            cursor->time_usec = reader_usec(reader, sql, 0);
            cursor->id = sqlite3_column_int64(s, 1);
            n++;
            continue;
        }
        db_reset(reader->db, sql);
        return r < 0 ? r : 1;
    }
    return r < 0 ? r : n == max;
}

int reader_log_page(Reader *reader, const char *host, LogCursor *cursor, uint64_t until_usec,
                    size_t max, log_entry_t entry, void *userdata)
{
    ReadSql sql = host ? READ_LOG_HOST : READ_LOG;
    int r = reader_ready(reader);

    if (r == 0)
        r = db_bind(reader->db, sql, host ? "iiiis" : "iiii", (int64_t)cursor->time_usec,
                    cursor->id, (int64_t)MIN(until_usec, (uint64_t)INT64_MAX), (int64_t)max, host);
    if (r == 0)
        r = take_entries(reader, sql, cursor, max, entry, userdata);
    return reader_end(reader, r);
}

int reader_newest_host(Reader *reader, char **ret)
{
    int r = reader_ready(reader);

    if (r == 0)
        r = db_bind(reader->db, READ_NEWEST_HOST, "");
    if (r == 0)
        r = db_step(reader->db, READ_NEWEST_HOST);
    if (r > 0) {
        *ret = strdup(reader_text(reader, READ_NEWEST_HOST, 0));
        db_reset(reader->db, READ_NEWEST_HOST);
        return *ret ? 1 : -ENOMEM;
    }
    return reader_end(reader, r);
}

int reader_totals(Reader *reader, Totals *ret)
{
    int r = reader_ready(reader);

    if (r < 0)
        return reader_end(reader, r);
    int64_t page = db_number(reader->db, "PRAGMA page_size");
    *ret = (Totals){
        .hosts = db_number(reader->db, "SELECT count(*) FROM host"),
        .services = db_number(reader->db, "SELECT count(*) FROM service"),
        .entries = db_number(reader->db, "SELECT ifnull(max(id)-min(id)+1,0) FROM entry"),
        .database_bytes = page * db_number(reader->db, "PRAGMA page_count"),
        .free_bytes = page * db_number(reader->db, "PRAGMA freelist_count"),
    };
    return 0;
}
