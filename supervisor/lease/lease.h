/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The whole state of a lease, in one place, and the two things a lease can be. Nothing is allocated
 * after the start: there is one of these in every supervised unit.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "freeze.h"
#include "link.h"
#include "notify.h"
#include "workers.h"

/* What /proc/PID/comm says of the one that a start waits for, and of the one that stays. A name in
 * brackets tells systemd that we are no process of the service: it says nothing about us when it
 * ends the unit (log_kill() in its unit.c), and neither should it. */
#define LEASE_NAME_WAITING "phoenix-lease"
#define LEASE_NAME_STAYING "(phoenix-lease)"

struct lease_options {
    const char *name;
    const char *socket;
    const char *abort_program; /* NULL: phoenix-abort beside this program */
    uint64_t grace_usec;
    uint64_t patience_usec;
    uint64_t watchdog_usec; /* 0: petting is not ours */
    bool gate;
};

struct lease {
    struct lease_options options;
    struct link link;
    struct notify notify;
    struct workers workers;
    struct freeze freeze;
    pid_t main_pid; /* 0: not known */
    int main_fd;    /* its pidfd, or -1 */
    int signal_fd;
    int report_fd; /* to the foreground, which waits; -1: it has gone */
    bool entered;  /* already in the payload's network namespace */
    bool holding;  /* nothing was heard for too long */
    bool done;
    uint64_t patience_end_usec;
    uint64_t hold_usec; /* when to act without the supervisor */
    /* The verdict, when there was one. */
    bool verdict, verdict_told;
    uint64_t verdict_grace_usec, verdict_end_usec;
};

/* What the child tells the foreground, in one packet: one of these, and for REPORT_FAIL a text. */
enum report {
    REPORT_READY = 'r',
    REPORT_FAIL = 'f',
    REPORT_PATIENCE = 'p', /* nobody answers; go on without */
    REPORT_GONE = 'g',     /* the service itself has ended: the manager knows */
};

/* The child: stays until the service ends. Returns 0 or a negative errno. */
int service_run(struct lease *lease);

/* Tells the foreground, once. */
void service_report(struct lease *lease, enum report report, const char *text, size_t n);

/* ExecStartPre=: returns 0 when the service may start, a negative errno when nobody can say (which
 * is no reason not to start). */
int gate_run(struct lease *lease);

/* Says HELLO. Returns 0 or a negative errno. */
int service_hello(struct lease *lease);

/* Says FROZEN or THAWED, whichever it is. Returns 0 or a negative errno. */
int service_say_frozen(struct lease *lease);

/* What a checked packet of the supervisor asks for. Returns 0, or a negative errno: then the
 * connection is to be closed. */
int service_obey(struct lease *lease, const struct lease_message *message);

/* Begins to carry a verdict out, and goes on with it until lease->done. `tell` is whether the
 * service manager has to be told. */
void verdict_begin(struct lease *lease, uint64_t grace_usec, bool tell);
void verdict_go_on(struct lease *lease);
