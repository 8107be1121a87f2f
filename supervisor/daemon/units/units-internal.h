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
#define SYSTEMD_SOCKET    "org.freedesktop.systemd1.Socket"
#define SYSTEMD_UNIT_PATH "/org/freedesktop/systemd1/unit"
#define DBUS_NAME         "org.freedesktop.DBus"
#define DBUS_PROPERTIES   "org.freedesktop.DBus.Properties"

#define RETRY_FIRST_USEC USEC_PER_SEC
#define RETRY_MAX_USEC   (30 * USEC_PER_SEC)

/* What kinds of units are watched. */
typedef struct UnitClass {
    const char *prefix, *suffix;
    const char *interface; /* of what is special about them */
    unsigned reads;        /* UnitRead, several: what there is to be known of them */
} UnitClass;

/* dbus-daemon gives one connection of the system bus 512 matches and 128 calls without an answer,
 * and the API shares ours. With more units than this, one match for all units of the manager takes
 * over: most of what that lets through is ours then anyway. */
#define WATCHES_ALONE 256U
#define READS_AT_ONCE 32U

#define WATCH_BUCKETS 1024U

/* What is asked of a unit, property by property: GetAll() costs systemd a hundred times as much,
 * since a service has hundreds of them, and some are read from cgroupfs. */
typedef enum UnitRead {
    UNIT_READ_RESULT = 1 << 0,
    UNIT_READ_RESTARTS = 1 << 1,
    UNIT_READ_PID = 1 << 2,
    UNIT_READ_WATCHDOG = 1 << 3, /* these two change without a signal */
    UNIT_READ_DELAY = 1 << 4,
    UNIT_READ_ENTERED = 1 << 5,
    UNIT_READ_INVOCATION = 1 << 6,
    /* For units that are watched with times. */
    UNIT_READ_CHANGED = 1 << 7,
    UNIT_READ_LEFT = 1 << 8,
    UNIT_READ_ACTIVE = 1 << 9,
    UNIT_READ_ENDED = 1 << 10,
    UNIT_READ_EXIT = 1 << 11,
    UNIT_READ_STATUS = 1 << 12,
    /* All that is to be known of a service but what a list of units says. */
    UNIT_READ_REST = (1 << 7) - 1,
    UNIT_READ_TIMES = UNIT_READ_LEFT | UNIT_READ_ACTIVE | UNIT_READ_ENDED,
} UnitRead;

struct UnitWatch {
    Units *units;
    UnitWatch *next_in_bucket;
    UnitWatch *next_to_read;
    sd_bus_slot *read;  /* the call under way */
    sd_bus_slot *match; /* NULL while the match for all is in use */
    void *tag;
    const char *name; /* the owner's */
    UnitState state;
    /* What will be told next; NULL most of the time. systemd tells each change in two signals,
     * first of the service, then of the unit. What the first one says waits here for the second, so
     * that nobody sees half a change. */
    UnitState *next;
    const UnitClass *class;
    uint16_t reads;   /* UnitRead, several: what is to be known of it */
    uint16_t wanted;  /* of these, what is to be asked for */
    uint16_t reading; /* what the call under way reads */
    bool to_read;     /* is in the queue */
    bool filling;     /* `next` waits for all that is wanted, too */
    bool to_list;     /* is to be looked up in the next list of units, ... */
    bool listing;     /* ... in the list that is under way */
    bool was_read;    /* at least once */
    bool unloaded;    /* while that is looked at: the list has it as a unit that does not exist */
};

/* A call of somebody else. */
typedef struct UnitCall UnitCall;
struct UnitCall {
    Units *units;
    UnitCall *previous, *next;
    sd_bus_slot *slot;
    units_done_t done;
    units_time_t beat;
    void *userdata;
};

/* Words of systemd that we do not know, kept so that states can point to them. A few: there are
 * only as many as a new version has brought. */
#define WORDS_MAX 16U

typedef struct UnitWords {
    char *words[WORDS_MAX];
    size_t n;
} UnitWords;

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
    size_t n_watches, n_on_demand /* of these, other units than services */, n_reading;
    UnitWatch *first_to_read, *last_to_read;
    sd_bus_slot *list; /* the call under way */
    bool to_list;      /* a unit is to be looked up */
    UnitWords words;
    UnitCall *calls;
};

/* units.c */
void units_retry_later(Units *units);
bool units_is_from_manager(Units *units, sd_bus_message *message);
/* The connection cannot be used any more. */
void units_lost(Units *units, int error);

/* units-watch.c */
extern const UnitClass unit_classes[];
#define UNIT_CLASSES 4 /* the first one is that of the services */
UnitWatch *units_find(Units *units, const char *name);
int units_match_watches(Units *units);
void units_unmatch_watches(Units *units);
void units_free_watches(Units *units);
/* Tells what has changed, if anything has. The last thing done with a watch: the callback may free
 * it. */
void unit_watch_settle(UnitWatch *watch, const UnitState *now);
/* watch->next, made from the state if there is none; NULL without memory. */
UnitState *unit_watch_next(UnitWatch *watch);
void unit_watch_drop_next(UnitWatch *watch);

/* units-read.c */
void units_read_all(Units *units);
/* Asks again for what could not be read. */
void units_read_missed(Units *units);
void units_forget_reads(Units *units);
/* These are sent with the next units_send_reads(). */
void unit_watch_want(UnitWatch *watch, unsigned what);
void unit_watch_want_list(UnitWatch *watch);
void units_send_reads(Units *units);
void unit_watch_forget_reads(UnitWatch *watch);

/* units-call.c. Ends the calls under way; their callers are told when there is an error. */
void units_forget_calls(Units *units, int error);

/* units-state.c: nothing here believes the message; what is not as systemd documents it is left as
 * it was. */

/* Takes what it knows from an a{sv}. Returns negative errno when the message makes no sense. */
int unit_state_take_all(UnitState *state, UnitWords *words, sd_bus_message *message);
/* The same for one v. */
int unit_state_take(UnitState *state, UnitWords *words, const char *property,
                    sd_bus_message *message);
/* What a list of units says of one. */
void unit_state_set(UnitState *state, UnitWords *words, const char *load, const char *active,
                    const char *sub);
bool unit_state_equal(const UnitState *a, const UnitState *b);

/* units-word.c. The word as one that stays; "" when it is none, or one too many. */
const char *unit_word(UnitWords *words, const char *word);
void unit_words_done(UnitWords *words);
