/* SPDX-License-Identifier: MIT */
/*
 * The rules of notifications: which events are told and by what word, how often, and when what
 * failed is tried again. Pure, clock and random number passed in; no I/O and no memory of its own.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "spec/name.h"
#include "supervisor/daemon/event.h"

/* What a spec can ask for in onfailure.on. */
typedef enum NotifyKind {
    NOTIFY_UNHEALTHY,
    NOTIFY_RESTARTED,
    NOTIFY_HELD,
    NOTIFY_RECOVERED,
    _NOTIFY_KIND_MAX,
} NotifyKind;

/* How one attempt to deliver has ended. */
typedef enum NotifyVerdict {
    NOTIFY_DELIVERED,
    NOTIFY_RETRY,
    NOTIFY_REFUSED,  /* no use trying again */
    NOTIFY_UNWANTED, /* the spec no longer asks for it */
} NotifyVerdict;

/* "unhealthy", ...; -1 when the word is none of them. */
const char *notify_kind_word(NotifyKind kind);
int notify_kind_from_word(const char *word);
/* The kind as which an event is told, or -1: it is not. */
int notify_kind_of_event(const Event *event);

/* What an answer means: 2xx, 4xx other than 408 and 429, and all the rest. */
NotifyVerdict notify_http_verdict(long status);

#define NOTIFY_WINDOW_MAX 60U

typedef struct NotifyRules {
    uint64_t same_usec; /* between two of the same service, kind and target; at most window_usec */
    uint64_t window_usec; /* in which at most window_max attempts are made, in all */
    size_t window_max;    /* 1..NOTIFY_WINDOW_MAX */
    size_t parallel;      /* attempts under way at once */
    uint64_t retry_first_usec, retry_max_usec;
    uint64_t give_up_usec;  /* age at which a failure is the last one */
    size_t n_max, size_max; /* notifications that wait, and their bytes on disk */
} NotifyRules;

extern const NotifyRules notify_rules;

/* Before attempt number attempts + 1: doubling, with a tenth of jitter either way. */
uint64_t notify_retry_delay(const NotifyRules *rules, uint32_t attempts, uint64_t random);

/* The last attempts, as far back as the rules reach. */
typedef struct NotifyRate {
    struct NotifySent {
        uint64_t at_usec;
        int key; /* kind and target; -1: a further attempt, which counts in the window only */
        char service[SPEC_NAME_MAX + 1];
    } sent[NOTIFY_WINDOW_MAX];
    size_t n;    /* entries in use */
    size_t next; /* the one that is overwritten next, the oldest when all are in use */
} NotifyRate;

/* When an attempt may be made; now_usec: at once. The key stands for kind and target, as the caller
 * numbers them; -1 for further attempts, which are spaced by notify_retry_delay(). */
uint64_t notify_rate_at(const NotifyRate *rate, const NotifyRules *rules, const char *service,
                        int key, uint64_t now_usec);
/* It is being made. */
void notify_rate_take(NotifyRate *rate, const NotifyRules *rules, const char *service, int key,
                      uint64_t now_usec);
