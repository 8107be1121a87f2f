/* SPDX-License-Identifier: MIT */
/* What the parts of units.h share. */
#pragma once

#include <stddef.h>

#include "base/macros.h"
#include "supervisor/daemon/units/units.h"

#define SYSTEMD_NAME      "org.freedesktop.systemd1"
#define SYSTEMD_PATH      "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER   "org.freedesktop.systemd1.Manager"
#define SYSTEMD_UNIT      "org.freedesktop.systemd1.Unit"
#define SYSTEMD_SERVICE   "org.freedesktop.systemd1.Service"
#define SYSTEMD_UNIT_PATH "/org/freedesktop/systemd1/unit"
#define DBUS_NAME         "org.freedesktop.DBus"
#define DBUS_PROPERTIES   "org.freedesktop.DBus.Properties"

#define RETRY_FIRST_USEC USEC_PER_SEC
#define RETRY_MAX_USEC   (30 * USEC_PER_SEC)

/* dbus-daemon gives one connection of the system bus 512 matches and 128 calls without an answer,
 * and the API shares ours. With more units than this, one match for all units of the manager takes
 * over: most of what that lets through is ours then anyway. */
#define WATCHES_ALONE 256U
#define READS_AT_ONCE 32U

#define WATCH_BUCKETS 1024U

/* What is to be read of a unit. */
typedef enum UnitRead {
    UNIT_READ_ALL = 1 << 0,
    UNIT_READ_WATCHDOG = 1 << 1, /* these two change without a signal */
    UNIT_READ_DELAY = 1 << 2,
} UnitRead;

struct UnitWatch {
    Units *units;
    UnitWatch *next_in_bucket;
    UnitWatch *next_to_read;
    bool to_read;       /* is in the queue */
    unsigned wanted;    /* UnitRead */
    UnitRead reading;   /* what the call under way reads */
    sd_bus_slot *read;  /* the call under way */
    sd_bus_slot *match; /* NULL while the match for all is in use */
    void *tag;
    char *name, *path;
    UnitState state;
    /* systemd tells each change in two signals, first of the service, then of the unit. What the
     * first one says waits here for the second, so that nobody sees half a change. */
    bool half;
    UnitState next;
};

/* A call of somebody else. */
typedef struct UnitCall UnitCall;
struct UnitCall {
    Units *units;
    UnitCall *previous, *next;
    sd_bus_slot *slot;
    units_done_t done;
    units_beat_t beat;
    void *userdata;
};

struct Units {
    sd_event *event;
    bool user;
    UnitsCallbacks callbacks;
    void *userdata;

    sd_bus *bus;
    bool up;         /* as callbacks.connected() was told */
    bool told;       /* whether it was told anything yet */
    bool subscribed; /* systemd sends signals, from `manager` */
    char *manager;   /* unique name of the manager's connection */
    sd_bus_slot *subscribe, *match_disconnected, *match_owner, *match_reloading, *match_all;
    sd_event_source *retry;
    uint64_t retry_usec; /* the next delay */

    UnitWatch *buckets[WATCH_BUCKETS];
    size_t n_watches, n_reading;
    UnitWatch *first_to_read, *last_to_read;
    UnitCall *calls;
};

/* units.c */
void units_retry_later(Units *units);
bool units_is_from_manager(Units *units, sd_bus_message *message);
/* The connection cannot be used any more. */
void units_lost(Units *units, int error);

/* units-watch.c */
int units_match_watches(Units *units);
void units_unmatch_watches(Units *units);
void units_read_all(Units *units);
/* Queues again what could not be read. */
void units_read_missed(Units *units);
void units_forget_reads(Units *units);

/* units-call.c. Ends the calls under way; their callers are told when there is an error. */
void units_forget_calls(Units *units, int error);

/* units-state.c: nothing here believes the message; what is not as systemd documents it is left as
 * it was. */

/* Takes what it knows from an a{sv}. Returns negative errno when the message makes no sense. */
int unit_state_take_all(UnitState *state, sd_bus_message *message);
/* The same for one v. */
int unit_state_take(UnitState *state, const char *property, sd_bus_message *message);
bool unit_state_equal(const UnitState *a, const UnitState *b);
