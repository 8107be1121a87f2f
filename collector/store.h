/* SPDX-License-Identifier: MIT */

/* What was posted, in the database: written by one thread, in transactions that several posts may
 * share. One post is stored whole or not at all. */

#pragma once

#include "collector/db.h"
#include "collector/sample.h"

typedef struct Store Store;

#define STORE_HOSTS_MAX    1000
#define STORE_SERVICES_MAX 10000 /* of one host */

/* Outcomes of store_post_begin() and of adding. */
#define STORE_DUPLICATE 1 /* the host has posted this key before */
#define STORE_TOO_MANY  2 /* hosts, or services of the host */

/* Opens FOLDER/collector.db or makes it. A damaged one is moved to collector.db.corrupt-TIME (with
 * its log), a fresh one begun, and *ret_aside says how it is called now (else NULL; caller frees).
 */
int store_open(const char *folder, Store **ret, char **ret_aside);
Store *store_free(Store *store);

/* The same again while it is open, when another thread has found the damage. */
int store_set_aside(Store *store, char **ret_aside);

/* After any negative errno the transaction is gone: store_rollback(), and nothing of it was stored.
 */
int store_begin(Store *store);
int store_commit(Store *store);
void store_rollback(Store *store);

/* One post within the transaction. arrived_usec: CLOCK_REALTIME here. key may be NULL. 0,
 * STORE_DUPLICATE, STORE_TOO_MANY, or negative errno; with an outcome nothing is to be ended. */
int store_post_begin(Store *store, const char *host, const char *key, uint64_t arrived_usec);
int store_sample(Store *store, const Sample *sample);
int store_event(Store *store, const SampleEvent *event, int64_t *ret_id);
/* keep: what was added since begin stays in the transaction. */
int store_post_end(Store *store, bool keep);

/* The connection, for retention, which is done by the same thread. */
Db *store_db(Store *store);
/* FOLDER/collector.db */
const char *store_path(const Store *store);

/* How large the entries since the start were, and what of that had to be kept. */
void store_packing(const Store *store, uint64_t *ret_entry_bytes, uint64_t *ret_kept_bytes);
