/* SPDX-License-Identifier: MIT */
/*
 * What the poster's thread works on: the spool, and the reader of the host's numbers. A job says
 * what is to be done in one go, and tells how it went.
 */
#pragma once

#include "supervisor/daemon/poster/sample.h"
#include "supervisor/daemon/poster/spool.h"

typedef struct Store Store;

typedef struct StoreJob {
    Store *store;
    SpoolRules rules;
    uint64_t realtime_usec;

    bool settle; /* what has become of the batch that was taken last */
    SpoolFate fate;

    bool save; /* a batch is to be made and kept */
    bool sampled;
    bool last;
    SampleServices services; /* when it has a sample */
    char *events;            /* as pending_take() wrote them */
    char *host;

    bool take;   /* the oldest batch is wanted, and the token and certificates to post it with */
    char *token; /* where they are, or NULL */
    char *ca;

    /* what follows is told */
    int save_error, take_error, sysinfo_error, token_error;
    SpoolState state;
    char key[SPOOL_KEY_SIZE];
    char *body; /* NULL: there is none */
    size_t body_size;
    char *token_text, *ca_path; /* or NULL */
} StoreJob;

/* Frees what the job holds, and makes it an empty one. */
void store_job_done(StoreJob *job);

/* The folder is made by the first job. -ENOMEM. */
int store_new(const char *folder, Store **ret);
Store *store_free(Store *store);
/* Its one job, which belongs to it: empty when the store is new. */
StoreJob *store_job(Store *store);

void store_run(StoreJob *job);
