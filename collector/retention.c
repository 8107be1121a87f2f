/* SPDX-License-Identifier: MIT */

/* A pass goes through its phases; each step does a bounded piece of one of them. When that does not
 * bring the size below the limit and no entries are left, all ages are halved (pressure) for the
 * next pass, and that until it does. */

#include "collector/retention.h"

#include <errno.h>

#include "collector/store-sql.h"

#define CHUNK        500 /* rows of entries, keys, events */
#define BUCKETS      30  /* of one subject that are rolled up at once */
#define SUBJECTS     50  /* that are looked at in one step */
#define ENTRIES_STEP 100 /* may be large */
#define PRESSURE_MAX 10
#define FREE_PAGES   1024 /* are kept for what comes */

#define MINUTE 60
#define HOUR   3600

typedef enum Phase {
    PHASE_KEYS,
    PHASE_ENTRIES,
    PHASE_SYSTEM_MINUTE,
    PHASE_SYSTEM_HOUR,
    PHASE_SYSTEM_DELETE,
    PHASE_CLASS_MINUTE,
    PHASE_CLASS_HOUR,
    PHASE_CLASS_DELETE,
    PHASE_SERVICE_MINUTE,
    PHASE_SERVICE_HOUR,
    PHASE_SERVICE_DELETE,
    PHASE_EVENTS,
    PHASE_GONE,
    PHASE_SIZE,
    PHASE_VACUUM,
    _PHASE_MAX,
} Phase;

struct Retention {
    Keep keep;
    Phase phase;
    int64_t subject; /* the last one that was done in this phase */
    unsigned pressure;
    uint64_t n_aged, n_squeezed;
};

/* Values that become coarser: to 0 deletes them. */
typedef struct Roll {
    WriteSql next, oldest, roll, delete;
    int from, to;
} Roll;

#define ROLL(kind, subjects, from, to)                                                             \
    {                                                                                              \
        SQL_##subjects##_NEXT, SQL_##kind##_OLDEST, SQL_##kind##_ROLL, SQL_##kind##_DELETE, from,  \
            to                                                                                     \
    }

static const Roll rolls[_PHASE_MAX] = {
    [PHASE_SYSTEM_MINUTE] = ROLL(SYSTEM, HOSTS, 0, MINUTE),
    [PHASE_SYSTEM_HOUR] = ROLL(SYSTEM, HOSTS, MINUTE, HOUR),
    [PHASE_SYSTEM_DELETE] = ROLL(SYSTEM, HOSTS, HOUR, 0),
    [PHASE_CLASS_MINUTE] = ROLL(CLASS, HOSTS, 0, MINUTE),
    [PHASE_CLASS_HOUR] = ROLL(CLASS, HOSTS, MINUTE, HOUR),
    [PHASE_CLASS_DELETE] = ROLL(CLASS, HOSTS, HOUR, 0),
    [PHASE_SERVICE_MINUTE] = ROLL(SERVICE_VALUE, SERVICES, 0, MINUTE),
    [PHASE_SERVICE_HOUR] = ROLL(SERVICE_VALUE, SERVICES, MINUTE, HOUR),
    [PHASE_SERVICE_DELETE] = ROLL(SERVICE_VALUE, SERVICES, HOUR, 0),
};

int retention_new(const Keep *keep, Retention **ret)
{
    Retention *retention = calloc(1, sizeof(*retention));

    if (!retention)
        return -ENOMEM;
    retention->keep = *keep;
    *ret = retention;
    return 0;
}

Retention *retention_free(Retention *retention)
{
    free(retention);
    return NULL;
}

uint64_t retention_n_aged(const Retention *retention)
{
    return retention->n_aged;
}

uint64_t retention_n_squeezed(const Retention *retention)
{
    return retention->n_squeezed;
}

/* The time before which things of this age are. */
static int64_t cutoff(const Retention *r, uint64_t now_usec, uint64_t age_usec)
{
    uint64_t age = age_usec >> r->pressure;

    return now_usec > age ? (int64_t)(now_usec - age) : 0;
}

static int next_phase(Retention *r)
{
    r->subject = 0;
    r->phase++;
    if (r->phase < _PHASE_MAX)
        return 1;
    r->phase = PHASE_KEYS;
    return 0;
}

/* Deletes up to CHUNK rows: more to do when there were as many. */
static int delete_old(Retention *r, Db *db, WriteSql sql, int64_t before)
{
    int result = db_run(db, sql, "ii", before, (int64_t)CHUNK);

    if (result < 0)
        return result;
    int n = sqlite3_changes(db->sqlite);
    r->n_aged += (uint64_t)n;
    return n < CHUNK ? next_phase(r) : 1;
}

/* Entries lie in the order in which they came, so the old ones are the first ones. A clock that was
 * set back leaves some old ones behind younger ones; they go when those do. */
static int delete_entries(Db *db, int64_t before, int64_t *ret_n)
{
    int64_t last = 0, n = 0;
    int r = db_bind(db, SQL_ENTRIES_FIRST, "i", (int64_t)ENTRIES_STEP);

    while (r >= 0 && (r = db_step(db, SQL_ENTRIES_FIRST)) > 0) {
        if (sqlite3_column_int64(db_statement(db, SQL_ENTRIES_FIRST), 1) >= before) {
            db_reset(db, SQL_ENTRIES_FIRST);
            break;
        }
        last = sqlite3_column_int64(db_statement(db, SQL_ENTRIES_FIRST), 0);
        n++;
    }
    *ret_n = n;
    if (r < 0 || n == 0)
        return MIN(r, 0);
    return db_run(db, SQL_ENTRIES_DELETE, "i", last);
}

static int entries_step(Retention *r, Db *db, uint64_t now_usec)
{
    int64_t n;
    int result = delete_entries(db, cutoff(r, now_usec, r->keep.raw_usec), &n);

    r->n_aged += result == 0 ? (uint64_t)n : 0;
    return result < 0 ? result : n < ENTRIES_STEP ? next_phase(r) : 1;
}

/* 1 and *ret_time; 0 when the subject has no values of this kind. */
static int oldest(Db *db, const Roll *roll, int64_t subject, int64_t *ret_time)
{
    int r = db_bind(db, roll->oldest, "ii", (int64_t)roll->from, subject);
    bool none;

    if (r == 0)
        r = db_step(db, roll->oldest);
    if (r <= 0)
        return r;
    none = sqlite3_column_type(db_statement(db, roll->oldest), 0) == SQLITE_NULL;
    *ret_time = sqlite3_column_int64(db_statement(db, roll->oldest), 0);
    db_reset(db, roll->oldest);
    return !none;
}

/* Some of a subject's oldest values. 1: there may be more of them. */
static int roll_subject(Retention *r, Db *db, const Roll *roll, int64_t subject, int64_t before)
{
    int64_t bucket = (int64_t)(roll->to > 0 ? roll->to : HOUR) * (int64_t)USEC_PER_SEC, first = 0;
    int result = oldest(db, roll, subject, &first);

    before -= before % bucket;
    if (result <= 0 || first >= before)
        return MIN(result, 0);
    int64_t until = MIN(before, first - first % bucket + BUCKETS * bucket);
    result = roll->to == 0 ? 0
                           : db_run(db, roll->roll, "iiii", (int64_t)roll->to, (int64_t)roll->from,
                                    subject, until);
    if (result == 0)
        result = db_run(db, roll->delete, "iii", (int64_t)roll->from, subject, until);
    if (result < 0)
        return result;
    r->n_aged += (uint64_t)sqlite3_changes(db->sqlite);
    return until < before;
}

static int next_subject(Db *db, const Roll *roll, int64_t after, int64_t *ret)
{
    int r = db_bind(db, roll->next, "i", after);

    if (r == 0)
        r = db_step(db, roll->next);
    if (r > 0) {
        *ret = sqlite3_column_int64(db_statement(db, roll->next), 0);
        db_reset(db, roll->next);
    }
    return r;
}

static int roll_step(Retention *r, Db *db, const Roll *roll, uint64_t now_usec)
{
    uint64_t age = roll->from == 0        ? r->keep.raw_usec
                   : roll->from == MINUTE ? r->keep.minute_usec
                                          : r->keep.hour_usec;
    int64_t before = cutoff(r, now_usec, age), subject = 0;

    for (int i = 0; i < SUBJECTS; i++) {
        int result = next_subject(db, roll, r->subject, &subject);
        if (result <= 0)
            return result < 0 ? result : next_phase(r);
        result = roll_subject(r, db, roll, subject, before);
        if (result != 0)
            return result;
        r->subject = subject;
    }
    return 1;
}

static int gone_step(Retention *r, Db *db, uint64_t now_usec)
{
    int64_t before = cutoff(r, now_usec, r->keep.hour_usec);
    int result = db_run(db, SQL_SERVICES_GONE, "ii", before, (int64_t)CHUNK);

    if (result == 0)
        result = db_run(db, SQL_HOSTS_GONE, "i", before);
    return result < 0 ? result : next_phase(r);
}

/* What is used, without free pages. */
static uint64_t used_bytes(Db *db)
{
    int64_t pages = db_number(db, "PRAGMA page_count"), size = db_number(db, "PRAGMA page_size"),
            free_pages = db_number(db, "PRAGMA freelist_count");

    return (uint64_t)(MAX(pages, 0) - MAX(free_pages, 0)) * (uint64_t)MAX(size, 0);
}

static int size_step(Retention *r, Db *db)
{
    uint64_t used = used_bytes(db);
    int64_t n;

    if (used <= r->keep.max_bytes) {
        if (r->pressure > 0 && used < r->keep.max_bytes / 2)
            r->pressure--;
        return next_phase(r);
    }
    int result = delete_entries(db, INT64_MAX, &n);
    if (result < 0)
        return result;
    r->n_squeezed += (uint64_t)n;
    if (n == 0 && r->pressure < PRESSURE_MAX)
        r->pressure++;
    return n == 0 ? next_phase(r) : 1;
}

static int vacuum_step(Retention *r, Db *db)
{
    int64_t pages = db_number(db, "PRAGMA page_count"),
            free_pages = db_number(db, "PRAGMA freelist_count");

    if (free_pages <= FREE_PAGES || free_pages <= pages / 8)
        return next_phase(r);
    int result = db_run(db, SQL_VACUUM, "");
    return result < 0 ? result : 1;
}

static int step(Retention *r, Db *db, uint64_t now_usec)
{
    switch (r->phase) {
    case PHASE_KEYS:
        return delete_old(r, db, SQL_KEYS_OLD, cutoff(r, now_usec, r->keep.key_usec));
    case PHASE_ENTRIES:
        return entries_step(r, db, now_usec);
    case PHASE_EVENTS:
        return delete_old(r, db, SQL_EVENTS_OLD, cutoff(r, now_usec, r->keep.hour_usec));
    case PHASE_GONE:
        return gone_step(r, db, now_usec);
    case PHASE_SIZE:
        return size_step(r, db);
    case PHASE_VACUUM:
        return vacuum_step(r, db);
    default:
        return roll_step(r, db, &rolls[r->phase], now_usec);
    }
}

int retention_step(Retention *retention, Store *store, uint64_t now_usec)
{
    int r = store_begin(store), committed;

    if (r < 0)
        return r;
    r = step(retention, store_db(store), now_usec);
    committed = r >= 0 ? store_commit(store) : r;
    if (committed < 0)
        store_rollback(store);
    return committed < 0 ? committed : r;
}
