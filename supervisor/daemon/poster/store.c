/* SPDX-License-Identifier: MIT */
/* What the poster's thread works on; see store.h. */
#include "supervisor/daemon/poster/store.h"

#include <errno.h>

#include "base/macros.h"
#include "supervisor/daemon/poster/batch.h"
#include "supervisor/daemon/poster/credential.h"

/* Looked for when the spec names none. */
#define TOKEN_CREDENTIAL "collector-token"

/* The reader keeps files of containers open, and leases need descriptors, too. */
#define DESCRIPTORS_MAX 4096U

struct Store {
    char *folder;
    Spool *spool;          /* NULL until the first job */
    SysinfoReader *reader; /* NULL: there is none now */
    Sysinfo sysinfo;
    StoreJob job;
};

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

void store_job_done(StoreJob *job)
{
    sample_services_done(&job->services);
    free(job->events);
    free(job->host);
    free(job->token);
    free(job->ca);
    free(job->body);
    free(job->ca_path);
    wipe(job->token_text);
    *job = (StoreJob){0};
}

int store_new(const char *folder, Store **ret)
{
    Store *store = calloc(1, sizeof(Store));

    if (store)
        store->folder = strdup(folder);
    if (!store || !store->folder) {
        free(store);
        return -ENOMEM;
    }
    *ret = store;
    return 0;
}

Store *store_free(Store *store)
{
    if (!store)
        return NULL;
    store_job_done(&store->job);
    sysinfo_done(&store->sysinfo);
    sysinfo_reader_free(store->reader);
    spool_free(store->spool);
    free(store->folder);
    free(store);
    return NULL;
}

StoreJob *store_job(Store *store)
{
    return &store->job;
}

/* What cannot be read now is tried again with the next sample. */
static const Sysinfo *read_sysinfo(Store *store, StoreJob *job)
{
    const SysinfoOptions options = {.source = SYSINFO_AUTO, .max_descriptors = DESCRIPTORS_MAX};

    if (!store->reader)
        job->sysinfo_error = sysinfo_reader_new(&options, &store->reader);
    if (job->sysinfo_error >= 0)
        job->sysinfo_error = sysinfo_read(store->reader, &store->sysinfo);
    if (job->sysinfo_error >= 0)
        return &store->sysinfo;
    store->reader = sysinfo_reader_free(store->reader);
    return NULL;
}

static int save(Store *store, StoreJob *job)
{
    _cleanup_text_ Text text = {0};
    char key[SPOOL_KEY_SIZE];

    spool_next_key(store->spool, job->realtime_usec, key);
    BatchFacts facts = {
        .host = job->host,
        .key = key,
        .realtime_usec = job->realtime_usec,
        .services = job->sampled ? &job->services : NULL,
        .sysinfo = job->sampled ? read_sysinfo(store, job) : NULL,
        .events = job->events,
        .last = job->last,
    };
    batch_to_json(&facts, &text);
    if (text.error < 0)
        return text.error;
    return spool_add(store->spool, key, text.data, text.size, job->realtime_usec);
}

static int read_secrets(StoreJob *job)
{
    int r = credential_token(job->token ? job->token : TOKEN_CREDENTIAL, &job->token_text);

    /* Only a token that was asked for has to be there. */
    if (!job->token && (r == -ENXIO || r == -ENOENT))
        r = 0;
    if (r >= 0 && job->ca)
        r = credential_path(job->ca, &job->ca_path);
    return r;
}

static int take(Store *store, StoreJob *job)
{
    int r = spool_take(store->spool, job->realtime_usec, job->key, &job->body, &job->body_size);

    if (r > 0)
        job->token_error = read_secrets(job);
    return r < 0 ? r : 0;
}

void store_run(StoreJob *job)
{
    Store *store = job->store;
    int r = 0;

    if (!store->spool)
        r = spool_new(store->folder, &job->rules, &store->spool);
    if (r < 0) {
        job->save_error = job->save ? r : 0;
        job->take_error = r;
        return;
    }
    spool_set_rules(store->spool, &job->rules);
    if (job->settle)
        spool_settle(store->spool, job->fate);
    if (job->save)
        job->save_error = save(store, job);
    if (job->take)
        job->take_error = take(store, job);
    spool_state(store->spool, &job->state);
}
