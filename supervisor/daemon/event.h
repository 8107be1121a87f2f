/* SPDX-License-Identifier: MIT */
/*
 * What happens to services, as people and programs are told: each is one structured journal entry
 * with a MESSAGE_ID of its own (explained by the catalog), one D-Bus signal, and what notifications
 * are made of. Emitting never fails and never blocks: who cannot be told is counted.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-id128.h>

#include "supervisor/policy/state.h"

typedef enum EventKind {
    EVENT_STARTING,
    EVENT_HEALTHY, /* for the first time since the start */
    EVENT_FAILING,
    EVENT_UNHEALTHY,    /* the verdict; what is done follows from the state */
    EVENT_RECOVERED,    /* healthy again, with or without a restart */
    EVENT_START_FAILED, /* never became healthy */
    EVENT_RESTARTED,    /* systemd has restarted it */
    EVENT_STOPPED,
    EVENT_HELD,
    EVENT_RELEASED,
    EVENT_READY, /* readiness: in rotation again */
    EVENT_NOT_READY,
    EVENT_DEMAND_STARTED, /* for a connection, which is served now */
    EVENT_IDLE_STOPPED,
    EVENT_FROZEN,
    EVENT_THAWED,
    EVENT_MAINTENANCE_ON,
    EVENT_MAINTENANCE_OFF,
    EVENT_REAPED, /* of a policy, which is in place of the service for these three: it has stopped
                   * a container, */
    EVENT_REAP_FAILED, /* could not, */
    EVENT_REAP_DUE,    /* or would, and is only to tell */
    EVENT_BRAKE_ON,    /* service is NULL for this and those below */
    EVENT_BRAKE_OFF,
    EVENT_SUPERVISOR_UP,
    EVENT_DEGRADED,       /* the supervisor lacks something; reason says what */
    EVENT_RESTORED,       /* and has it again */
    EVENT_COLLECTOR_AWAY, /* a collector does not take what is posted to it */
    EVENT_COLLECTOR_BACK, /* and does again */
    EVENT_BATCH_REFUSED,  /* a batch that it will never take was put aside */
    _EVENT_KIND_MAX,
} EventKind;

/* What a policy has decided about a container, and by which numbers. */
typedef struct EventReap {
    const char *class, *cause, *result; /* words */
    const char *id, *name;              /* name: "" when it is not known */
    size_t rank;                        /* 1: the newest of its class */
    pid_t pid;
    uint64_t memory_bytes, read_bytes, written_bytes;
    double cpu_percent; /* 100: one CPU */
} EventReap;

typedef struct Event {
    EventKind kind;
    const char *service; /* name of the spec, or NULL */
    const char *unit;    /* phoenix@NAME.service, or NULL */
    HealthState before, after;
    const char *probe;          /* label of the check, or NULL */
    const char *reason;         /* one line, never NULL */
    uint32_t failures, retries; /* 2 of 3; 0 of 0 when it does not apply */
    uint64_t latency_usec; /* of the check, of the start on demand, or of waking up; UINT64_MAX when
                            * it does not apply */
    uint64_t delay_usec;   /* to the next start, or of a hold; UINT64_MAX: does not apply */
    uint32_t restarts;     /* since the supervisor knows the service */
    const EventReap *reap; /* NULL: it is of a service */
    uint64_t realtime_usec; /* set by events_emit() */
} Event;

/* "healthy", "start-failed", ...: the field PHOENIX_EVENT= of the journal entry. */
const char *event_kind_word(EventKind kind);
int event_kind_from_word(const char *word);
sd_id128_t event_kind_message_id(EventKind kind);

/* The message of the journal entry: "web is failing: GET /health: 503 Service Unavailable, 1 of 3".
 * Appends at most `size` bytes with the NUL. */
void event_describe(const Event *event, char *buf, size_t size);

typedef struct Events Events;
typedef void (*event_listener_t)(const Event *event, void *userdata);

/* user: entries carry OBJECT_SYSTEMD_USER_UNIT=, else OBJECT_SYSTEMD_UNIT=, so that `journalctl -u
 * UNIT` shows them. */
int events_new(bool user, Events **ret);
Events *events_free(Events *events);

/* Listeners are called in the order they were added. */
int events_listen(Events *events, event_listener_t listener, void *userdata);
void events_emit(Events *events, const Event *event);
/* Journal entries that could not be written. */
uint64_t events_lost(const Events *events);
/* How many of each kind since the start. */
uint64_t events_count(const Events *events, EventKind kind);
