/* SPDX-License-Identifier: MIT */

/* The statements of the writing thread. Rows of values that meet (two samples of the same moment,
 * a minute that is rolled up in two steps) are joined: means by their weight n, the highest, or of
 * totals the newest. */

#include "collector/store-sql.h"

#include "base/macros.h"

/* A missing value does not lower a mean. */
#define MEAN(c)                                                                                    \
    c "=CASE WHEN " c " IS NULL THEN excluded." c " WHEN excluded." c " IS NULL THEN " c           \
      " ELSE (" c "*n+excluded." c "*excluded.n)/(n+excluded.n) END"
#define HIGHEST(c)                                                                                 \
    c "=CASE WHEN " c " IS NULL OR excluded." c ">" c " THEN excluded." c " ELSE " c " END"
#define NEWEST(c)   c "=ifnull(excluded." c "," c ")"
#define SUM_MEAN(c) "sum(" c "*n)/sum(n*(" c " IS NOT NULL))"

#define SYSTEM_COLUMNS "(res,subject,time,n,cpu,cpu_max,used,used_max,free,total)"
#define SYSTEM_JOIN                                                                                \
    " ON CONFLICT DO UPDATE SET " MEAN("cpu") "," HIGHEST("cpu_max") "," MEAN("used") "," HIGHEST( \
        "used_max") "," MEAN("free") "," NEWEST("total") ",n=n+excluded.n"

#define CLASS_COLUMNS                                                                              \
    "(res,subject,time,class,n,containers,cpu,cpu_max,memory,memory_max,memory_mb,write_kb,"       \
    "read_kb,write_ops,read_ops)"
#define CLASS_JOIN                                                                                                          \
    " ON CONFLICT DO UPDATE SET " MEAN("containers") "," MEAN("cpu") "," HIGHEST("cpu_max") "," MEAN("memory") "," HIGHEST( \
        "memory_max") "," MEAN("memory_mb") "," HIGHEST("write_kb") "," HIGHEST("read_kb") "," HIGHEST("write_ops") "," HIGHEST("read_ops") ",n=n+excluded.n"

#define SERVICE_COLUMNS                                                                            \
    "(res,subject,time,n,state,restarts,beats,latency,latency_max,cpu,memory,ready)"
#define SERVICE_JOIN                                                                                      \
    " ON CONFLICT DO UPDATE SET " HIGHEST("state") "," HIGHEST("restarts") "," HIGHEST("beats") "," MEAN( \
        "latency") "," HIGHEST("latency_max") "," MEAN("cpu") "," MEAN("memory") ",ready=CASE "           \
                                                                                 "WHEN ready IS "         \
                                                                                 "NULL OR "               \
                                                                                 "excluded.ready<"        \
                                                                                 "ready THEN "            \
                                                                                 "excluded.ready "        \
                                                                                 "ELSE ready END"         \
                                                                                 ",n=n+excluded.n"

/* ?1 to, ?2 from (seconds), ?3 subject, ?4 before. `WHERE true` tells SQLite that the ON behind it
 * is no join: https://sqlite.org/lang_upsert.html */
#define ROLL_WHERE " WHERE res=?2 AND subject=?3 AND time<?4 GROUP BY 3"
#define ROLL_TIME  "time/(?1*1000000)*(?1*1000000)"

const char *const write_sql[] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_SAVEPOINT] = "SAVEPOINT post",
    [SQL_RELEASE] = "RELEASE post",
    [SQL_ROLLBACK_TO] = "ROLLBACK TO post",
    [SQL_HOST_FIND] = "SELECT id FROM host WHERE name=?1",
    [SQL_HOST_COUNT] = "SELECT count(*) FROM host",
    [SQL_HOST_ADD] = "INSERT INTO host(name,first,last,arrived) VALUES(?1,0,0,?2)",
    [SQL_HOST_SEEN] = "UPDATE host SET last=max(last,?2), first=CASE first WHEN 0 THEN ?2 ELSE "
                      "min(first,?2) END, arrived=?3 WHERE id=?1",
    [SQL_KEY_ADD] = "INSERT OR IGNORE INTO post_key(host,key,arrived) VALUES(?1,?2,?3)",
    [SQL_ENTRY_ADD] = "INSERT INTO entry(host,time,arrived,body,packed) VALUES(?1,?2,?3,?4,?5)",
    [SQL_SYSTEM_ADD] =
        "INSERT INTO system" SYSTEM_COLUMNS " VALUES(0,?1,?2,1,?3,?3,?4,?4,?5,?6)" SYSTEM_JOIN,
    [SQL_CLASS_ADD] = "INSERT INTO class" CLASS_COLUMNS
                      " VALUES(0,?1,?2,?3,1,?4,?5,?5,?6,?6,?7,?8,?9,?10,?11)" CLASS_JOIN,
    [SQL_SERVICE_FIND] = "SELECT id FROM service WHERE host=?1 AND name=?2",
    [SQL_SERVICE_COUNT] = "SELECT count(*) FROM service WHERE host=?1",
    [SQL_SERVICE_ADD] = "INSERT INTO service(host,name,time) VALUES(?1,?2,0)",
    [SQL_SERVICE_SEEN] = "UPDATE service SET time=?2,state=?3,ready=?4,restarts=?5,beats=?6,"
                         "beat_rate=?7,latency=?8,cpu=?9,memory=?10,reason=?11 WHERE id=?1 AND "
                         "time<=?2",
    [SQL_SERVICE_VALUE_ADD] = "INSERT INTO service_value" SERVICE_COLUMNS
                              " VALUES(0,?1,?2,1,?3,?4,?5,?6,?6,?7,?8,?9)" SERVICE_JOIN,
    [SQL_EVENT_ADD] = "INSERT INTO event(host,service,time,arrived,event,state,reason,message) "
                      "VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
    [SQL_KEYS_OLD] =
        "DELETE FROM post_key WHERE (host,key) IN (SELECT host,key FROM post_key WHERE "
        "arrived<?1 LIMIT ?2)",
    [SQL_ENTRIES_FIRST] = "SELECT id,arrived FROM entry ORDER BY id LIMIT ?1",
    [SQL_ENTRIES_DELETE] = "DELETE FROM entry WHERE id<=?1",
    [SQL_EVENTS_OLD] =
        "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE time<?1 ORDER BY time LIMIT ?2)",
    [SQL_HOSTS_NEXT] = "SELECT id FROM host WHERE id>?1 ORDER BY id LIMIT 1",
    [SQL_SERVICES_NEXT] = "SELECT id FROM service WHERE id>?1 ORDER BY id LIMIT 1",
    [SQL_SERVICES_GONE] =
        "DELETE FROM service WHERE id IN (SELECT id FROM service s WHERE time<?1 "
        "AND NOT EXISTS (SELECT 1 FROM service_value WHERE res IN (0,60,3600) AND "
        "subject=s.id) LIMIT ?2)",
    [SQL_HOSTS_GONE] =
        "DELETE FROM host WHERE arrived<?1 AND last<?1 AND NOT EXISTS (SELECT 1 FROM service WHERE "
        "host=host.id) AND NOT EXISTS (SELECT 1 FROM entry WHERE host=host.id)",
    [SQL_SYSTEM_OLDEST] = "SELECT min(time) FROM system WHERE res=?1 AND subject=?2",
    [SQL_SYSTEM_ROLL] =
        "INSERT INTO system" SYSTEM_COLUMNS " SELECT ?1,subject," ROLL_TIME
        ",sum(n)," SUM_MEAN("cpu") ",max(cpu_max)," SUM_MEAN("used") ",max(used_max)," SUM_MEAN(
            "free") ",max(total)"
                    " FROM system" ROLL_WHERE SYSTEM_JOIN,
    [SQL_SYSTEM_DELETE] = "DELETE FROM system WHERE res=?1 AND subject=?2 AND time<?3",
    [SQL_CLASS_OLDEST] = "SELECT min(time) FROM class WHERE res=?1 AND subject=?2",
    [SQL_CLASS_ROLL] =
        "INSERT INTO class" CLASS_COLUMNS " SELECT ?1,subject," ROLL_TIME
        ",class,sum(n)," SUM_MEAN("containers") "," SUM_MEAN("cpu") ",max(cpu_max)," SUM_MEAN(
            "memory") ",max(memory_max)," SUM_MEAN("memory_mb") ",max(write_kb),max(read_kb),max("
                                                                "write_ops),max(read_ops) FROM "
                                                                "class" ROLL_WHERE
                                                                ",class" CLASS_JOIN,
    [SQL_CLASS_DELETE] = "DELETE FROM class WHERE res=?1 AND subject=?2 AND time<?3",
    [SQL_SERVICE_VALUE_OLDEST] = "SELECT min(time) FROM service_value WHERE res=?1 AND subject=?2",
    [SQL_SERVICE_VALUE_ROLL] =
        "INSERT INTO service_value" SERVICE_COLUMNS " SELECT ?1,subject," ROLL_TIME
        ",sum(n),max(state),max(restarts),max(beats)," SUM_MEAN(
            "latency") ",max(latency_max)," SUM_MEAN("cpu") "," SUM_MEAN("memory") ",min(ready) "
                                                                                   "FROM "
                                                                                   "service_"
                                                                                   "valu"
                                                                                   "e" ROLL_WHERE
                                                                                       SERVICE_JOIN,
    [SQL_SERVICE_VALUE_DELETE] =
        "DELETE FROM service_value WHERE res=?1 AND subject=?2 AND time<?3",
    [SQL_VACUUM] = "PRAGMA incremental_vacuum(256)",
};
_Static_assert(ELEMENTSOF(write_sql) == _WRITE_SQL_MAX, "a text for each statement");
