/* SPDX-License-Identifier: MIT */

/* The ledger of a service: which images it ran with, and how that went. It is what an update goes
 * back to, and what `phoenix history` shows. A file of JSON lines, oldest first:
 * /var/lib/phoenix/_updates/NAME.jsonl or ~/.local/state/phoenix/_updates/NAME.jsonl
 * ($PHOENIX_UPDATES_DIR: elsewhere). */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"
#include "spec/spec.h"

#define LEDGER_MAX 20U

typedef enum LedgerResult {
    LEDGER_PENDING, /* the update has not come to its end: it runs, or was interrupted */
    LEDGER_HEALTHY,
    LEDGER_FAILED,  /* it was not healthy, and the one before was brought back */
    LEDGER_UNTRIED, /* put in place without a start */
    _LEDGER_RESULT_MAX,
} LedgerResult;

typedef enum LedgerWho {
    LEDGER_UPDATE,
    LEDGER_ROLLBACK,
    LEDGER_AUTO_UPDATE, /* of podman(1) */
    LEDGER_START,       /* it was there when somebody looked */
    _LEDGER_WHO_MAX,
} LedgerWho;

typedef struct LedgerEntry {
    uint64_t when_usec; /* CLOCK_REALTIME */
    char *reference;    /* full name that the image had */
    char *digest;       /* "sha256:..." */
    char *image;        /* image ID */
    char *reason;       /* why it failed, or NULL */
    LedgerResult result;
    LedgerWho who;
} LedgerEntry;

typedef struct Ledger {
    char *path;
    LedgerEntry *items; /* oldest first */
    size_t n;
} Ledger;

void ledger_done(Ledger *ledger);
#define _cleanup_ledger_ _cleanup_(ledger_done)

/* Reads the ledger of the service of that name; one that is not there is empty. Lines that make no
 * sense are left out. 0 or a negative errno. */
int ledger_load(SpecScope scope, const char *name, Ledger *ret);

/* Appends a copy of the entry, drops the oldest ones above LEDGER_MAX (never one of the last two
 * good images), and writes the file. 0 or a negative errno: then the file is as it was. */
int ledger_add(Ledger *ledger, const LedgerEntry *entry);

/* Ends a pending entry, the last one: writes what came of it. reason may be NULL. */
int ledger_settle(Ledger *ledger, LedgerResult result, const char *reason);

/* The newest entry whose image was healthy, other than that image (ID; NULL: any); NULL when there
 * is none. */
const LedgerEntry *ledger_last_good(const Ledger *ledger, const char *except_image);

/* An entry by what people write: "1" is the newest, or (the beginning of) a digest, with or without
 * "sha256:". NULL when there is none, or when several images are meant. */
const LedgerEntry *ledger_find(const Ledger *ledger, const char *word);

const char *ledger_result_word(LedgerResult result);
const char *ledger_who_word(LedgerWho who);

/* Takes the lock of that service, so that nobody else changes what it runs: a descriptor to close
 * afterwards; -EWOULDBLOCK when somebody has it; or another negative errno. */
int ledger_lock(SpecScope scope, const char *name);

/* For a service that is no more, by who has its lock: takes its ledger away, and the lock. Returns
 * 1 when there was a ledger, 0, or a negative errno. */
int ledger_forget(SpecScope scope, const char *name);
