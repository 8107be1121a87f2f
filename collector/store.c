/* SPDX-License-Identifier: MIT */

/* Writing. Every failure leaves the transaction to be rolled back by the caller: SQLite may have
 * done so already, so that nothing of it may be taken for stored. */

#include "collector/store.h"

#include <errno.h>
#include <math.h>

#include "base/text.h"
#include "collector/clocks.h"
#include "collector/pack.h"
#include "collector/rfc3339.h"
#include "collector/store-sql.h"

#define FILE_NAME "collector.db"

struct Store {
    char *path;
    Db *db;
    Packer *packer;
    uint64_t entry_bytes, kept_bytes;
    /* the post under way */
    int64_t host;
    uint64_t arrived_usec, first_usec, last_usec;
    bool has_time;
};

Db *store_db(Store *store)
{
    return store->db;
}

const char *store_path(const Store *store)
{
    return store->path;
}

void store_packing(const Store *store, uint64_t *ret_entry_bytes, uint64_t *ret_kept_bytes)
{
    *ret_entry_bytes = store->entry_bytes;
    *ret_kept_bytes = store->kept_bytes;
}

Store *store_free(Store *store)
{
    if (!store)
        return NULL;
    db_close(store->db);
    packer_free(store->packer);
    free(store->path);
    free(store);
    return NULL;
}

static void store_freep(Store **store)
{
    store_free(*store);
}

static int move_file(const char *path, const char *suffix, const char *aside)
{
    _cleanup_free_ char *from = text_printf("%s%s", path, suffix),
                        *to = text_printf("%s%s", aside, suffix);

    if (!from || !to)
        return -ENOMEM;
    return rename(from, to) < 0 && errno != ENOENT ? -errno : 0;
}

/* The log goes with the database: it may hold what is needed to save something, and would spoil the
 * fresh one. The index of the log (-shm) is made anew by whoever opens it. */
static int move_aside(const char *path, char **ret_aside)
{
    char when[RFC3339_SIZE];
    _cleanup_free_ char *aside = NULL, *shm = NULL;
    int r;

    rfc3339_format(clock_usec(CLOCK_REALTIME), when);
    aside = text_printf("%s.corrupt-%s", path, when);
    shm = text_printf("%s-shm", path);
    if (!aside || !shm)
        return -ENOMEM;
    r = move_file(path, "", aside);
    if (r == 0)
        r = move_file(path, "-wal", aside);
    if (r < 0)
        return r;
    (void)unlink(shm);
    *ret_aside = TAKE_PTR(aside);
    return 0;
}

static int open_db(Store *store)
{
    return db_open(store->path, true, write_sql, _WRITE_SQL_MAX, &store->db);
}

int store_set_aside(Store *store, char **ret_aside)
{
    int r;

    store->db = db_close(store->db);
    r = move_aside(store->path, ret_aside);
    return r < 0 ? r : open_db(store);
}

int store_open(const char *folder, Store **ret, char **ret_aside)
{
    _cleanup_(store_freep) Store *store = calloc(1, sizeof(*store));
    _cleanup_free_ char *aside = NULL;
    int r;

    if (!store)
        return -ENOMEM;
    store->path = text_printf("%s/" FILE_NAME, folder);
    if (!store->path)
        return -ENOMEM;
    r = packer_new(&store->packer);
    if (r == 0)
        r = open_db(store);
    if (r == -EUCLEAN)
        r = store_set_aside(store, &aside);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(store);
    *ret_aside = TAKE_PTR(aside);
    return 0;
}

int store_begin(Store *store)
{
    /* A fresh database could not be made when the damaged one was put aside. */
    int r = store->db ? 0 : open_db(store);

    return r < 0 ? r : db_run(store->db, SQL_BEGIN, "");
}

int store_commit(Store *store)
{
    return db_run(store->db, SQL_COMMIT, "");
}

void store_rollback(Store *store)
{
    /* Fails when SQLite has done it by itself. */
    if (store->db && !sqlite3_get_autocommit(store->db->sqlite))
        (void)db_run(store->db, SQL_ROLLBACK, "");
}

/* The id that a query finds: 1 and *ret_id, 0 when there is none. */
static int found_id(Db *db, WriteSql sql, int64_t *ret_id)
{
    int r = db_step(db, sql);

    if (r > 0) {
        *ret_id = sqlite3_column_int64(db_statement(db, sql), 0);
        db_reset(db, sql);
    }
    return r;
}

static int host_id(Store *store, const char *name, int64_t *ret_id)
{
    int64_t count = 0;
    int r = db_bind(store->db, SQL_HOST_FIND, "s", name);

    if (r == 0)
        r = found_id(store->db, SQL_HOST_FIND, ret_id);
    if (r != 0)
        return MIN(r, 0);
    r = db_bind(store->db, SQL_HOST_COUNT, "");
    if (r == 0)
        r = found_id(store->db, SQL_HOST_COUNT, &count);
    if (r < 0)
        return r;
    if (count >= STORE_HOSTS_MAX)
        return STORE_TOO_MANY;
    r = db_run(store->db, SQL_HOST_ADD, "si", name, (int64_t)store->arrived_usec);
    *ret_id = sqlite3_last_insert_rowid(store->db->sqlite);
    return r;
}

int store_post_begin(Store *store, const char *host, const char *key, uint64_t arrived_usec)
{
    int r = db_run(store->db, SQL_SAVEPOINT, "");

    if (r < 0)
        return r;
    store->arrived_usec = arrived_usec;
    store->has_time = false;
    r = host_id(store, host, &store->host);
    if (r == 0 && key) {
        r = db_run(store->db, SQL_KEY_ADD, "isi", store->host, key, (int64_t)arrived_usec);
        if (r == 0 && sqlite3_changes(store->db->sqlite) == 0)
            r = STORE_DUPLICATE;
    }
    if (r > 0) {
        int undone = store_post_end(store, false);
        return undone < 0 ? undone : r;
    }
    return r;
}

int store_post_end(Store *store, bool keep)
{
    int r = 0;

    if (keep && store->has_time) {
        r = db_run(store->db, SQL_HOST_SEEN, "iii", store->host, (int64_t)store->last_usec,
                   (int64_t)store->arrived_usec);
        if (r == 0 && store->first_usec < store->last_usec)
            r = db_run(store->db, SQL_HOST_SEEN, "iii", store->host, (int64_t)store->first_usec,
                       (int64_t)store->arrived_usec);
    }
    if (r == 0 && !keep)
        r = db_run(store->db, SQL_ROLLBACK_TO, "");
    return r == 0 ? db_run(store->db, SQL_RELEASE, "") : r;
}

static void note_time(Store *store, uint64_t time_usec)
{
    store->first_usec = store->has_time ? MIN(store->first_usec, time_usec) : time_usec;
    store->last_usec = store->has_time ? MAX(store->last_usec, time_usec) : time_usec;
    store->has_time = true;
}

static int add_class(Store *store, int64_t time, ContainerClass class, const ClassValues *v)
{
    if (v->containers == 0)
        return 0;
    return db_run(store->db, SQL_CLASS_ADD, "iiirrrrrrrr", store->host, time, (int64_t) class,
                  (double)v->containers, v->cpu_percent, v->memory_percent, v->memory_mb,
                  v->disk_write_kb, v->disk_read_kb, v->io_write_ops, v->io_read_ops);
}

static int service_id(Store *store, const char *name, int64_t *ret_id)
{
    int64_t count = 0;
    int r = db_bind(store->db, SQL_SERVICE_FIND, "is", store->host, name);

    if (r == 0)
        r = found_id(store->db, SQL_SERVICE_FIND, ret_id);
    if (r != 0)
        return MIN(r, 0);
    r = db_bind(store->db, SQL_SERVICE_COUNT, "i", store->host);
    if (r == 0)
        r = found_id(store->db, SQL_SERVICE_COUNT, &count);
    if (r < 0)
        return r;
    if (count >= STORE_SERVICES_MAX)
        return STORE_TOO_MANY;
    r = db_run(store->db, SQL_SERVICE_ADD, "is", store->host, name);
    *ret_id = sqlite3_last_insert_rowid(store->db->sqlite);
    return r;
}

static int add_service(Store *store, int64_t time, const ServiceValues *v)
{
    double ready = v->ready < 0 ? (double)NAN : (double)v->ready;
    int64_t id = 0;
    int r = service_id(store, v->name, &id);

    if (r != 0)
        return r;
    r = db_run(store->db, SQL_SERVICE_SEEN, "iisrrrrrrrs", id, time, v->state, ready, v->restarts,
               v->beats, v->beats_per_minute, v->latency_usec, v->cpu_percent, v->memory_bytes,
               v->reason);
    if (r == 0)
        r = db_run(store->db, SQL_SERVICE_VALUE_ADD, "iiirrrrrr", id, time,
                   (int64_t)service_state_rank(v->state), v->restarts, v->beats, v->latency_usec,
                   v->cpu_percent, v->memory_bytes, ready);
    return r;
}

static int add_entry(Store *store, int64_t time, const Sample *sample)
{
    const void *packed = NULL;
    size_t size = 0;
    bool is_packed = packer_pack(store->packer, sample->raw, sample->raw_size, &packed, &size) > 0;

    store->entry_bytes += sample->raw_size;
    store->kept_bytes += is_packed ? size : sample->raw_size;
    return db_run(store->db, SQL_ENTRY_ADD, "iiitb", store->host, time,
                  (int64_t)store->arrived_usec, is_packed ? "" : sample->raw,
                  is_packed ? (size_t)0 : sample->raw_size, packed, size);
}

int store_sample(Store *store, const Sample *sample)
{
    int64_t time = (int64_t)sample->time_usec;
    int r = add_entry(store, time, sample);

    if (r == 0 && sample->has_system)
        r = db_run(store->db, SQL_SYSTEM_ADD, "iirrrr", store->host, time,
                   sample->system.cpu_percent, sample->system.memory_used_mb,
                   sample->system.memory_free_mb, sample->system.memory_total_mb);
    for (int i = 0; i < _CLASS_MAX && r == 0; i++)
        r = add_class(store, time, (ContainerClass)i, &sample->classes[i]);
    for (size_t i = 0; i < sample->n_services && r == 0; i++)
        r = add_service(store, time, &sample->services[i]);
    note_time(store, sample->time_usec);
    return r;
}

int store_event(Store *store, const SampleEvent *event, int64_t *ret_id)
{
    int r = db_run(store->db, SQL_EVENT_ADD, "isiissss", store->host, event->service,
                   (int64_t)event->time_usec, (int64_t)store->arrived_usec, event->event,
                   event->state, event->reason, event->message);

    note_time(store, event->time_usec);
    *ret_id = sqlite3_last_insert_rowid(store->db->sqlite);
    return r;
}
