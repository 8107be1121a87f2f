/* SPDX-License-Identifier: MIT */
/*
 * The state file: read once at the start, written whole a second after the first change since the
 * last write, and not at all while nothing changes.
 */
#include "supervisor/daemon/persist.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/macros.h"
#include "spec/name.h"
#include "supervisor/daemon/persist-internal.h"

#define PERSIST_FILE    "supervisor.json"
#define PERSIST_VERSION 1
#define FILE_MAX        ((size_t)64 * 1024 * 1024)
#define BUCKETS         1024U

#define WRITE_DELAY_USEC USEC_PER_SEC
#define RETRY_FIRST_USEC USEC_PER_SEC
#define RETRY_MAX_USEC   USEC_PER_MINUTE
/* Writing holds up the loop, so it may take this share of the time at most: one part in ... */
#define WRITE_SHARE 20U

typedef struct Entry Entry;
struct Entry {
    Entry *next;
    char *last_reason;    /* NULL: none */
    DemandRecord *demand; /* NULL: none */
    ServiceRecord record;
    char name[];
};

#define ENTRY_OF_RECORD(r) ((Entry *)((char *)(r)-offsetof(Entry, record)))

struct Persist {
    persist_error_t error;
    void *userdata;
    char *folder, *path;
    sd_event_source *timer;
    bool dirty, failing;
    uint64_t retry_usec;      /* the next delay while it fails */
    uint64_t write_took_usec; /* the last time */
    Entry *buckets[BUCKETS];
};

static Entry **bucket_of(Persist *persist, const char *name)
{
    return &persist->buckets[hash32(HASH32_START, name, strlen(name)) % BUCKETS];
}

static Entry *entry_free(Entry *entry)
{
    if (!entry)
        return NULL;
    free(entry->last_reason);
    free(entry->demand);
    free(entry);
    return NULL;
}

ServiceRecord *persist_get(Persist *persist, const char *name)
{
    Entry **bucket = bucket_of(persist, name);
    size_t size = strlen(name) + 1;

    for (Entry *entry = *bucket; entry; entry = entry->next)
        if (streq(entry->name, name))
            return &entry->record;

    Entry *entry = calloc(1, sizeof(Entry) + size);
    if (!entry)
        return NULL;
    memcpy(entry->name, name, size);
    service_record_init(&entry->record);
    entry->next = *bucket;
    *bucket = entry;
    return &entry->record;
}

DemandRecord *persist_get_demand(ServiceRecord *record)
{
    Entry *entry = ENTRY_OF_RECORD(record);

    if (!entry->demand)
        entry->demand = calloc(1, sizeof(DemandRecord));
    return entry->demand;
}

void persist_forget(Persist *persist, const char *name)
{
    for (Entry **link = bucket_of(persist, name); *link; link = &(*link)->next)
        if (streq((*link)->name, name)) {
            Entry *entry = *link;
            *link = entry->next;
            entry_free(entry);
            persist_touch(persist);
            return;
        }
}

/* How much of a text fits, in whole characters. */
static size_t fitting(const char *text, size_t size)
{
    size_t n = 0, length = strlen(text), c;

    while (n < length && (c = utf8_char(text + n, length - n)) > 0 && n + c < size)
        n += c;
    return n;
}

/* Without memory there is none, rather than that of another time. */
static void set_last_reason(Entry *entry, const char *reason)
{
    if (entry->last_reason && streq(entry->last_reason, reason))
        return;
    size_t n = fitting(reason, PERSIST_REASON_MAX);
    free(entry->last_reason);
    entry->last_reason = n > 0 ? strndup(reason, n) : NULL;
}

void persist_set_last_reason(Persist *persist, ServiceRecord *record, const char *reason)
{
    set_last_reason(ENTRY_OF_RECORD(record), reason);
    persist_touch(persist);
}

const char *persist_last_reason(const ServiceRecord *record)
{
    const Entry *entry = ENTRY_OF_RECORD(record);

    return entry->last_reason ? entry->last_reason : "";
}

static void say(Persist *persist, int error, const char *path)
{
    if (persist->error)
        persist->error(error, path, persist->userdata);
}

static void write_entries(Persist *persist, Text *text)
{
    const char *separator = "\n";

    for (size_t i = 0; i < BUCKETS; i++)
        for (const Entry *entry = persist->buckets[i]; entry; entry = entry->next) {
            text_add(text, separator);
            text_add_json_string(text, entry->name, strlen(entry->name));
            text_add(text, ": ");
            service_record_write(&entry->record, entry->demand, entry->last_reason, text);
            separator = ",\n";
        }
}

static int write_file(Persist *persist)
{
    _cleanup_text_ Text text = {0};

    text_addf(&text, "{\"version\": %i, \"services\": {", PERSIST_VERSION);
    write_entries(persist, &text);
    text_add(&text, "\n}}\n");
    if (text.error < 0)
        return text.error;
    int r = file_write_atomic(AT_FDCWD, persist->path, text.data, text.size, 0600, true);
    if (r != -ENOENT)
        return r;
    r = dir_make(persist->folder, 0700);
    if (r < 0)
        return r;
    return file_write_atomic(AT_FDCWD, persist->path, text.data, text.size, 0600, true);
}

static uint64_t now_usec(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * USEC_PER_SEC + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

static void arm(Persist *persist, uint64_t delay_usec)
{
    if (sd_event_source_set_time_relative(persist->timer, delay_usec) >= 0)
        sd_event_source_set_enabled(persist->timer, SD_EVENT_ONESHOT);
}

static void failed(Persist *persist, int error)
{
    if (!persist->failing)
        say(persist, error, persist->path);
    persist->failing = true;
    arm(persist, persist->retry_usec);
    persist->retry_usec = MIN(2 * persist->retry_usec, RETRY_MAX_USEC);
}

static void succeeded(Persist *persist)
{
    bool failing = persist->failing;

    persist->dirty = persist->failing = false;
    persist->retry_usec = RETRY_FIRST_USEC;
    sd_event_source_set_enabled(persist->timer, SD_EVENT_OFF);
    if (failing)
        say(persist, 0, persist->path);
}

int persist_flush(Persist *persist)
{
    uint64_t start = now_usec();

    int r = write_file(persist);
    persist->write_took_usec = now_usec() - start;
    if (r < 0)
        failed(persist, r);
    else
        succeeded(persist);
    return r;
}

void persist_touch(Persist *persist)
{
    if (persist->dirty)
        return; /* the timer runs, for this write or for another try */
    persist->dirty = true;
    if (!persist->failing)
        arm(persist, MAX(WRITE_DELAY_USEC, WRITE_SHARE * persist->write_took_usec));
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata)
{
    persist_flush(userdata); /* says it itself, and tries again */
    return 0;
}

static int take_service(Persist *persist, const char *name, const json_t *json)
{
    ServiceRecord *record = persist_get(persist, name);
    const char *last_reason;
    DemandRecord demand, *kept;

    if (!record)
        return -ENOMEM;
    service_record_read(json, record, &last_reason);
    if (last_reason)
        set_last_reason(ENTRY_OF_RECORD(record), last_reason);
    if (!demand_record_read(json, &demand))
        return 0;
    kept = persist_get_demand(record);
    if (!kept)
        return -ENOMEM;
    *kept = demand;
    return 0;
}

static int take_services(Persist *persist, const json_t *services)
{
    const char *name;
    json_t *json;

    json_object_foreach((json_t *)services, name, json)
    {
        if (!spec_name_valid(name) || !json_is_object(json))
            continue;
        int r = take_service(persist, name, json);
        if (r < 0)
            return r;
    }
    return 0;
}

/* -EBADMSG when it is not what we wrote, or was written by a newer phoenixd. */
static int parse(Persist *persist, const char *text, size_t size)
{
    json_error_t error;
    json_t *json = json_loadb(text, size, 0, &error);
    int r = -EBADMSG;

    if (!json)
        return json_error_code(&error) == json_error_out_of_memory ? -ENOMEM : -EBADMSG;
    const json_t *services = json_object_get(json, "services");
    if (json_integer_value(json_object_get(json, "version")) == PERSIST_VERSION &&
        json_is_object(services))
        r = take_services(persist, services);
    json_decref(json);
    return r;
}

static int read_file(Persist *persist)
{
    _cleanup_free_ char *text = NULL;
    size_t size;

    int r = file_read(AT_FDCWD, persist->path, FILE_MAX, &text, &size);
    return r < 0 ? r : parse(persist, text, size);
}

static int put_aside(Persist *persist, int error)
{
    _cleanup_free_ char *bad = text_printf("%s.bad", persist->path);

    if (!bad)
        return -ENOMEM;
    bool moved = rename(persist->path, bad) >= 0;
    say(persist, error, moved ? bad : persist->path);
    return 0;
}

static int load(Persist *persist)
{
    int r = read_file(persist);
    if (r == -ENOENT || r == -ENOTDIR)
        return 0;
    return r < 0 && r != -ENOMEM ? put_aside(persist, r) : r;
}

static void persist_release(Persist *persist)
{
    for (size_t i = 0; i < BUCKETS; i++)
        for (Entry *entry = persist->buckets[i], *next; entry; entry = next) {
            next = entry->next;
            entry_free(entry);
        }
    sd_event_source_disable_unref(persist->timer);
    free(persist->folder);
    free(persist->path);
    free(persist);
}

static void persist_releasep(Persist **persist)
{
    if (*persist)
        persist_release(*persist);
}

static int add_timer(Persist *persist, sd_event *event)
{
    int r = sd_event_add_time_relative(event, &persist->timer, CLOCK_MONOTONIC, 0, 0, on_timer,
                                       persist);
    if (r >= 0)
        r = sd_event_source_set_enabled(persist->timer, SD_EVENT_OFF);
    /* Not a lower one: a busy loop would never come to it. */
    if (r >= 0)
        r = sd_event_source_set_priority(persist->timer, SD_EVENT_PRIORITY_NORMAL);
    return r < 0 ? r : sd_event_source_set_description(persist->timer, "persist-write");
}

int persist_new(sd_event *event, const char *folder, persist_error_t error, void *userdata,
                Persist **ret)
{
    _cleanup_(persist_releasep) Persist *persist = calloc(1, sizeof(Persist));

    assert(event && folder && ret);

    if (!persist)
        return -ENOMEM;
    persist->error = error;
    persist->userdata = userdata;
    persist->retry_usec = RETRY_FIRST_USEC;
    persist->folder = strdup(folder);
    persist->path = text_printf("%s/" PERSIST_FILE, folder);
    if (!persist->folder || !persist->path)
        return -ENOMEM;
    int r = add_timer(persist, event);
    if (r >= 0)
        r = load(persist);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(persist);
    return 0;
}

Persist *persist_free(Persist *persist)
{
    if (!persist)
        return NULL;
    if (persist->dirty)
        persist_flush(persist);
    persist_release(persist);
    return NULL;
}
