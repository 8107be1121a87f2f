/* SPDX-License-Identifier: MIT */
/* Batches on disk; see spool.h. The form of a file is in spool-file.h. */
#include "supervisor/daemon/poster/spool.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/macros.h"
#include "supervisor/daemon/poster/spool-file.h"

#define BLOCK         4096U /* a small file takes one all the same */
#define ASIDE_MAX     16U   /* files of each kind that are kept for people */
#define SUFFIX        ".json"
#define SUFFIX_BAD    SUFFIX ".bad"
#define SUFFIX_NO     SUFFIX ".refused"
#define NAME_SIZE     (SPOOL_KEY_SIZE + sizeof(SUFFIX_NO))
#define FILE_SIZE_MAX ((size_t)1024 * 1024 * 1024)

typedef struct Item {
    char key[SPOOL_KEY_SIZE];
    uint64_t size; /* that it counts for */
    char *text;    /* the whole file, when it is in memory only */
    size_t text_size;
} Item;

struct Spool {
    SpoolRules rules;
    char *folder;
    int fd;      /* -1: there is no folder */
    Item *items; /* the oldest first */
    size_t n, allocated;
    bool taken;           /* the first one is */
    uint64_t newest_usec; /* of any key that was given out */
    uint64_t size, memory, dropped, refused;
    int disk_error;
};

static uint64_t counted(size_t size)
{
    return ((uint64_t)size + BLOCK - 1) / BLOCK * BLOCK;
}

static void name_of(const char *key, const char *suffix, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "%s%s", key, suffix);
}

/* ---- keys ---- */

static bool is_key(const char *s)
{
    for (size_t i = 0; i < SPOOL_KEY_SIZE - 1; i++)
        if (i == 16 ? s[i] != '-' : !strchr("0123456789abcdef", s[i]) || !s[i])
            return false;
    return true;
}

static uint64_t usec_of(const char *key)
{
    return strtoull(key, NULL, 16);
}

void spool_next_key(Spool *spool, uint64_t now_usec, char ret[SPOOL_KEY_SIZE])
{
    uint64_t random = 0;

    /* Without entropy, at an early boot, the time has to do. */
    (void)getrandom(&random, sizeof(random), GRND_NONBLOCK);
    spool->newest_usec = MAX(now_usec, spool->newest_usec + 1);
    snprintf(ret, SPOOL_KEY_SIZE, "%016" PRIx64 "-%016" PRIx64, spool->newest_usec, random);
}

/* ---- items ---- */

static int make_room(Spool *spool)
{
    if (spool->n < spool->allocated)
        return 0;
    size_t n = MAX(2 * spool->allocated, (size_t)16);
    Item *grown = reallocarray(spool->items, n, sizeof(Item));
    if (!grown)
        return -ENOMEM;
    spool->items = grown;
    spool->allocated = n;
    return 0;
}

/* The file, if there is one, is the caller's business. */
static void forget(Spool *spool, size_t i)
{
    Item *item = &spool->items[i];

    spool->size -= item->size;
    if (item->text)
        spool->memory -= item->text_size;
    free(item->text);
    spool->n--;
    memmove(item, item + 1, (spool->n - i) * sizeof(Item));
    if (i == 0)
        spool->taken = false;
}

static void remove_file(Spool *spool, const Item *item)
{
    char name[NAME_SIZE];

    name_of(item->key, SUFFIX, name);
    if (spool->fd >= 0 && !item->text)
        (void)unlinkat(spool->fd, name, 0); /* at worst it is posted again, with its key */
}

static void drop(Spool *spool, size_t i)
{
    remove_file(spool, &spool->items[i]);
    forget(spool, i);
    spool->dropped++;
}

/* ---- files that are kept for people ---- */

static int open_folder(const Spool *spool, DIR **ret)
{
    int fd = spool->fd < 0 ? -1 : openat(spool->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    *ret = fdopendir(fd);
    if (*ret)
        return 0;
    close(fd);
    return -ENOMEM;
}

/* Room for one more of that kind: the oldest goes when there are enough. */
static void thin_out(Spool *spool, const char *suffix)
{
    _cleanup_closedir_ DIR *dir = NULL;
    char oldest[SPOOL_KEY_SIZE] = "", name[NAME_SIZE];
    struct dirent *entry;
    size_t n = 0;

    if (open_folder(spool, &dir) < 0)
        return;
    while ((entry = readdir(dir))) {
        if (!is_key(entry->d_name) || !streq(entry->d_name + SPOOL_KEY_SIZE - 1, suffix))
            continue;
        if (n++ == 0 || strncmp(entry->d_name, oldest, SPOOL_KEY_SIZE - 1) < 0)
            memcpy(oldest, entry->d_name, SPOOL_KEY_SIZE - 1);
    }
    name_of(oldest, suffix, name);
    if (n >= ASIDE_MAX)
        (void)unlinkat(spool->fd, name, 0);
}

static void put_aside(Spool *spool, size_t i, const char *suffix)
{
    Item *item = &spool->items[i];
    char from[NAME_SIZE], to[NAME_SIZE];

    name_of(item->key, SUFFIX, from);
    name_of(item->key, suffix, to);
    thin_out(spool, suffix);
    if (item->text && spool->fd >= 0)
        (void)file_write_atomic(spool->fd, to, item->text, item->text_size, 0600, false);
    else if (spool->fd >= 0 && renameat(spool->fd, from, spool->fd, to) < 0)
        (void)unlinkat(spool->fd, from, 0);
    forget(spool, i);
}

/* ---- bounds ---- */

static bool is_old(const Spool *spool, const Item *item, uint64_t now_usec)
{
    uint64_t made_usec = usec_of(item->key);

    return made_usec < now_usec && now_usec - made_usec > spool->rules.age_usec;
}

/* The oldest that may go: not the one that was taken. */
static bool has_victim(const Spool *spool, size_t *ret)
{
    *ret = spool->taken ? 1 : 0;
    return *ret < spool->n;
}

static void keep_bounds(Spool *spool, uint64_t now_usec, uint64_t needed)
{
    size_t i;

    while (has_victim(spool, &i) && (spool->size + needed > spool->rules.size_max ||
                                     is_old(spool, &spool->items[i], now_usec)))
        drop(spool, i);
}

/* ---- the folder ---- */

static int open_spool(Spool *spool)
{
    if (spool->fd >= 0)
        return 0;
    int r = dir_make(spool->folder, 0700);
    if (r < 0)
        return r;
    spool->fd = open(spool->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return spool->fd < 0 ? -errno : 0;
}

static int find_file(Spool *spool, const char *name)
{
    struct stat st;

    if (strncmp(name, ".#", 2) == 0) {
        (void)unlinkat(spool->fd, name, 0);
        return 0;
    }
    if (!is_key(name) || !streq(name + SPOOL_KEY_SIZE - 1, SUFFIX) ||
        fstatat(spool->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    int r = make_room(spool);
    if (r < 0)
        return r;
    Item *item = &spool->items[spool->n++];
    *item = (Item){.size = counted((size_t)MAX(st.st_size, (off_t)0))};
    memcpy(item->key, name, SPOOL_KEY_SIZE - 1);
    spool->size += item->size;
    spool->newest_usec = MAX(spool->newest_usec, usec_of(item->key));
    return 0;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const Item *)a)->key, ((const Item *)b)->key);
}

static int find_files(Spool *spool)
{
    _cleanup_closedir_ DIR *dir = NULL;
    struct dirent *entry;

    int r = open_folder(spool, &dir);
    while (r >= 0 && (errno = 0, entry = readdir(dir)))
        r = find_file(spool, entry->d_name);
    if (r >= 0 && spool->n > 0)
        qsort(spool->items, spool->n, sizeof(Item), by_key);
    return r;
}

static int write_file(Spool *spool, const char *key, const char *text, size_t size)
{
    char name[NAME_SIZE];

    name_of(key, SUFFIX, name);
    int r = open_spool(spool);
    if (r >= 0)
        r = file_write_atomic(spool->fd, name, text, size, 0600, true);
    if (r == -ENOENT) { /* somebody has removed the folder; the next one finds a new one */
        close(TAKE_FD(spool->fd));
        r = open_spool(spool);
        if (r >= 0)
            r = file_write_atomic(spool->fd, name, text, size, 0600, true);
    }
    return r;
}

/* What had to wait in memory, as soon as the disk takes it. */
static void save_again(Spool *spool)
{
    for (size_t i = 0; i < spool->n && spool->memory > 0; i++) {
        Item *item = &spool->items[i];
        if (!item->text)
            continue;
        spool->disk_error = write_file(spool, item->key, item->text, item->text_size);
        if (spool->disk_error < 0)
            return;
        spool->memory -= item->text_size;
        free(item->text);
        item->text = NULL;
    }
}

/* ---- in ---- */

/* The oldest in memory go first: what is on disk is safe there, and takes none of it. */
static void keep_memory(Spool *spool, size_t size)
{
    for (size_t i = spool->taken ? 1 : 0;
         i < spool->n && spool->memory + size > spool->rules.memory_max;) {
        if (spool->items[i].text)
            drop(spool, i);
        else
            i++;
    }
}

static int add_to_memory(Spool *spool, Item *item, char *text, size_t size)
{
    keep_memory(spool, size);
    if (spool->memory + size > spool->rules.memory_max) {
        free(text);
        spool->dropped++;
        return -ENOBUFS;
    }
    item->text = text;
    item->text_size = size;
    spool->memory += size;
    return 0;
}

int spool_add(Spool *spool, const char *key, const char *body, size_t size, uint64_t now_usec)
{
    _cleanup_free_ char *text = NULL;
    Item item = {0};
    size_t text_size;

    assert(spool && is_key(key));

    int r = spool_file_make(body, size, &text, &text_size);
    if (r >= 0)
        r = make_room(spool);
    if (r < 0)
        return r;
    memcpy(item.key, key, SPOOL_KEY_SIZE);
    item.size = counted(text_size);
    if (item.size > spool->rules.size_max) {
        spool->dropped++;
        return -ENOBUFS;
    }
    keep_bounds(spool, now_usec, item.size);
    save_again(spool);
    spool->disk_error = write_file(spool, key, text, text_size);
    if (spool->disk_error < 0) {
        r = add_to_memory(spool, &item, TAKE_PTR(text), text_size);
        if (r < 0)
            return r;
    }
    spool->items[spool->n++] = item;
    spool->size += item.size;
    return 0;
}

/* ---- out ---- */

static int read_item(Spool *spool, const Item *item, char **ret_body, size_t *ret_size)
{
    _cleanup_free_ char *text = NULL;
    char name[NAME_SIZE];
    size_t size;

    if (item->text)
        return spool_file_read(item->text, item->text_size, ret_body, ret_size);
    name_of(item->key, SUFFIX, name);
    int r = file_read(spool->fd, name, FILE_SIZE_MAX, &text, &size);
    return r < 0 ? r : spool_file_read(text, size, ret_body, ret_size);
}

/* Another try may do better. */
static bool is_passing(int error)
{
    return error == -ENOMEM || error == -EMFILE || error == -ENFILE || error == -EINTR;
}

int spool_take(Spool *spool, uint64_t now_usec, char ret_key[SPOOL_KEY_SIZE], char **ret_body,
               size_t *ret_size)
{
    keep_bounds(spool, now_usec, 0);
    while (spool->n > 0) {
        int r = read_item(spool, &spool->items[0], ret_body, ret_size);
        if (r >= 0) {
            memcpy(ret_key, spool->items[0].key, SPOOL_KEY_SIZE);
            spool->taken = true;
            return 1;
        }
        if (is_passing(r))
            return r;
        spool->dropped++;
        put_aside(spool, 0, SUFFIX_BAD);
    }
    return 0;
}

void spool_settle(Spool *spool, SpoolFate fate)
{
    if (!spool->taken)
        return;
    spool->taken = false;
    if (fate == SPOOL_STORED) {
        remove_file(spool, &spool->items[0]);
        forget(spool, 0);
    } else if (fate == SPOOL_REFUSED) {
        spool->refused++;
        put_aside(spool, 0, SUFFIX_NO);
    }
}

/* ---- life ---- */

void spool_set_rules(Spool *spool, const SpoolRules *rules)
{
    spool->rules = *rules;
}

static void spool_freep(Spool **spool)
{
    spool_free(*spool);
}

int spool_new(const char *folder, const SpoolRules *rules, Spool **ret)
{
    _cleanup_(spool_freep) Spool *spool = calloc(1, sizeof(Spool));

    assert(folder && rules && ret);

    if (!spool)
        return -ENOMEM;
    spool->fd = -1;
    spool->rules = *rules;
    spool->folder = strdup(folder);
    if (!spool->folder)
        return -ENOMEM;
    spool->disk_error = open_spool(spool);
    int r = spool->disk_error < 0 ? 0 : find_files(spool);
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        spool->disk_error = r;
    *ret = TAKE_PTR(spool);
    return 0;
}

Spool *spool_free(Spool *spool)
{
    if (!spool)
        return NULL;
    while (spool->n > 0)
        forget(spool, spool->n - 1);
    cleanup_close(&spool->fd);
    free(spool->items);
    free(spool->folder);
    free(spool);
    return NULL;
}

void spool_state(const Spool *spool, SpoolState *ret)
{
    *ret = (SpoolState){
        .n = spool->n,
        .size = spool->size,
        .dropped = spool->dropped,
        .refused = spool->refused,
        .disk_error = spool->disk_error,
    };
    for (size_t i = 0; i < spool->n; i++)
        ret->n_memory += spool->items[i].text != NULL;
}
