/* SPDX-License-Identifier: MIT */
/*
 * The files of waiting notifications. They are ours, but what is read back is checked all the same:
 * a disk may have lost half of it, and an older or a newer version may have written it.
 */
#include "supervisor/daemon/notify/notify-store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"

#define FORMAT        1
#define FILE_SIZE_MAX ((size_t)64 * 1024)
#define N_BAD_MAX     16U
#define SUFFIX        ".json"
#define SUFFIX_BAD    ".bad"
#define RECORD_LENGTH ((int)(SD_ID128_UUID_STRING_MAX - 1 + sizeof(SUFFIX) - 1)) /* "ID.json" */
#define NAME_SIZE     (RECORD_LENGTH + sizeof(SUFFIX_BAD))

int notify_store_open(const char *folder)
{
    int fd, r;

    assert(folder);

    r = dir_make(folder, 0700);
    if (r < 0)
        return r;
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

static void file_name(const Notification *notification, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%s" SUFFIX, notification->id);
}

static json_t *to_json(const Notification *n)
{
    return json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:b, s:b, s:O}", "format", FORMAT, "id", n->id,
                     "service", n->service, "kind", notify_kind_word(n->kind), "count",
                     (json_int_t)n->count, "time_usec", (json_int_t)n->realtime_usec, "url",
                     (int)n->to[NOTIFY_TO_URL].wanted, "exec", (int)n->to[NOTIFY_TO_EXEC].wanted,
                     "facts", n->facts);
}

int notify_store_save(int dirfd, Notification *notification)
{
    json_auto_t *json = NULL;
    _cleanup_free_ char *data = NULL;
    char name[NAME_SIZE];
    int r;

    if (dirfd < 0)
        return -EBADF;
    json = to_json(notification);
    data = json ? json_dumps(json, JSON_COMPACT) : NULL;
    if (!data)
        return -ENOMEM;
    if (strlen(data) > FILE_SIZE_MAX)
        return -EFBIG;
    file_name(notification, name);
    r = file_write_atomic(dirfd, name, data, strlen(data), 0600, false);
    if (r < 0)
        return r;
    notification->size = strlen(data);
    notification->saved = true;
    return 0;
}

void notify_store_remove(int dirfd, const Notification *notification)
{
    char name[NAME_SIZE];

    file_name(notification, name);
    if (dirfd >= 0)
        (void)unlinkat(dirfd, name, 0); /* at worst it is delivered twice */
}

/* ---- reading ---- */

typedef struct Record {
    int format, url, exec;
    const char *id, *service, *kind;
    json_int_t count, time_usec;
    json_t *facts;
} Record;

static int unpack(json_t *json, Record *ret)
{
    Record r = {0};

    if (json_unpack(json, "{s:i, s:s, s:s, s:s, s:I, s:I, s:b, s:b, s:o}", "format", &r.format,
                    "id", &r.id, "service", &r.service, "kind", &r.kind, "count", &r.count,
                    "time_usec", &r.time_usec, "url", &r.url, "exec", &r.exec, "facts",
                    &r.facts) < 0)
        return -EBADMSG;
    if (r.format != FORMAT || !spec_name_valid(r.service) || r.count < 1 || r.time_usec < 0 ||
        !(r.url || r.exec) || !json_is_object(r.facts))
        return -EBADMSG;
    *ret = r;
    return 0;
}

static int from_json(const char *name, json_t *json, Notification **ret)
{
    _cleanup_notification_ Notification *notification = NULL;
    Record record;
    sd_id128_t id;
    int kind, r;

    r = unpack(json, &record);
    if (r < 0)
        return r;
    kind = notify_kind_from_word(record.kind);
    if (kind < 0 || strlen(record.id) + 1 != SD_ID128_UUID_STRING_MAX ||
        sd_id128_from_string(record.id, &id) < 0 ||
        strncmp(name, record.id, strlen(record.id)) != 0)
        return -EBADMSG;
    r = notification_new(record.service, (NotifyKind)kind, (uint64_t)record.time_usec,
                         json_incref(record.facts), &notification);
    if (r < 0)
        return r;
    memcpy(notification->id, record.id, SD_ID128_UUID_STRING_MAX);
    notification->count = (uint64_t)record.count;
    notification->to[NOTIFY_TO_URL].wanted = record.url;
    notification->to[NOTIFY_TO_EXEC].wanted = record.exec;
    notification->saved = true;
    *ret = TAKE_PTR(notification);
    return 0;
}

static int load_one(int dirfd, const char *name, Notification **ret)
{
    json_auto_t *json = NULL;
    _cleanup_free_ char *data = NULL;
    size_t size;
    int r;

    r = file_read(dirfd, name, FILE_SIZE_MAX, &data, &size);
    if (r < 0)
        return r;
    json = json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json)
        return -EBADMSG;
    r = from_json(name, json, ret);
    if (r >= 0)
        (*ret)->size = size;
    return r;
}

/* Kept for who wants to know what went wrong, but not without end. */
static void put_aside(int dirfd, const char *name, size_t *n_bad)
{
    char bad[NAME_SIZE];

    if (++*n_bad > N_BAD_MAX) {
        (void)unlinkat(dirfd, name, 0);
        return;
    }
    snprintf(bad, sizeof(bad), "%.*s" SUFFIX_BAD, RECORD_LENGTH, name);
    (void)renameat(dirfd, name, dirfd, bad);
}

static bool ends_with(const char *name, const char *suffix)
{
    size_t length = strlen(name), end = strlen(suffix);

    return length >= end && streq(name + length - end, suffix);
}

/* "ID.json", whatever the ID: a longer name is none of ours. */
static bool is_record(const char *name)
{
    return ends_with(name, SUFFIX) && strlen(name) == (size_t)RECORD_LENGTH;
}

typedef struct Loaded {
    Notification **items;
    size_t n, n_bad;
} Loaded;

static void loaded_done(Loaded *loaded)
{
    for (size_t i = 0; i < loaded->n; i++)
        notification_free(loaded->items[i]);
    free(loaded->items);
}

static int load_entry(int dirfd, const char *name, Loaded *loaded)
{
    Notification *notification, **grown;
    int r;

    if (strncmp(name, ".#", 2) == 0) {
        (void)unlinkat(dirfd, name, 0);
        return 0;
    }
    if (ends_with(name, SUFFIX SUFFIX_BAD))
        loaded->n_bad++;
    if (!is_record(name))
        return 0;
    grown = reallocarray(loaded->items, loaded->n + 1, sizeof(*grown));
    if (!grown)
        return -ENOMEM;
    loaded->items = grown;
    r = load_one(dirfd, name, &notification);
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        put_aside(dirfd, name, &loaded->n_bad);
    else
        grown[loaded->n++] = notification;
    return 0;
}

static int load_all(int dirfd, Loaded *loaded)
{
    _cleanup_closedir_ DIR *dir = NULL;
    struct dirent *de;
    int fd, r;

    fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    dir = fdopendir(fd);
    if (!dir) {
        r = -errno;
        close(fd);
        return r;
    }
    while (errno = 0, (de = readdir(dir))) {
        r = load_entry(dirfd, de->d_name, loaded);
        if (r < 0)
            return r;
    }
    return -errno;
}

static int by_age(const void *a, const void *b)
{
    const Notification *x = *(Notification *const *)a, *y = *(Notification *const *)b;

    if (x->realtime_usec != y->realtime_usec)
        return x->realtime_usec < y->realtime_usec ? -1 : 1;
    return strcmp(x->id, y->id);
}

int notify_store_load(int dirfd, size_t n_max, Notification ***ret, size_t *ret_n,
                      size_t *ret_n_dropped)
{
    _cleanup_(loaded_done) Loaded loaded = {0};
    size_t n_dropped = 0;
    int r;

    r = load_all(dirfd, &loaded);
    if (r < 0)
        return r;
    if (loaded.n > 0)
        qsort(loaded.items, loaded.n, sizeof(loaded.items[0]), by_age);
    while (loaded.n - n_dropped > n_max) {
        notify_store_remove(dirfd, loaded.items[n_dropped]);
        notification_free(loaded.items[n_dropped++]);
    }
    if (n_dropped > 0)
        memmove(loaded.items, loaded.items + n_dropped,
                (loaded.n - n_dropped) * sizeof(loaded.items[0]));
    *ret_n = loaded.n - n_dropped;
    *ret_n_dropped = n_dropped;
    loaded.n = 0;
    *ret = TAKE_PTR(loaded.items);
    return 0;
}
