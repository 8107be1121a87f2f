/* SPDX-License-Identifier: MIT */
/*
 * What the kinds of checks share: a check is the common part below with a kind of its own behind
 * it. The common part owns the time limit, the open question to the door and the result; a kind
 * knows the steps of its check. A check ends by probe_end(), which may be called from anywhere
 * inside it, also while it is being started.
 */
#pragma once

#include <sys/types.h>

#include "supervisor/probe/probe.h"
#include "base/macros.h"

typedef struct ProbeKind {
    size_t size; /* of the structure that begins with Probe */
    /* Once, after the common part is filled in: sets the subject. */
    int (*init)(Probe *probe);
    void (*start)(Probe *probe);
    /* The time is over: says so by probe_end(). */
    void (*late)(Probe *probe);
    /* Lets go of all that is under way; also called when there is nothing. May be NULL. */
    void (*stop)(Probe *probe);
    /* Frees what init() made. May be NULL. */
    void (*destroy)(Probe *probe);
} ProbeKind;

typedef void (*probe_answer_t)(Probe *probe, DoorAnswer *answer);

struct Probe {
    const ProbeContext *context;
    const SpecProbe *spec;
    const ProbeKind *kind;
    Door *door;
    probe_done_t done;
    void *userdata;
    char *unit;
    char *label;   /* "http GET /health" */
    char *subject; /* what reasons begin with: "GET /health" */

    sd_event_source *timer;
    uint64_t started_usec; /* CLOCK_MONOTONIC */
    bool running;
    bool starting; /* inside kind->start() */
    bool ended;    /* the result stands and has to be delivered */
    ProbeResult result;

    bool asked; /* a question to the door is open */
    uint32_t question;
    probe_answer_t answered;
    int family; /* of the socket asked for, and who wants it (route.c) */
    void (*opened)(void *userdata, int fd);
    void *opened_userdata;
};

extern const ProbeKind probe_kind_http, probe_kind_tcp, probe_kind_unix, probe_kind_exec,
    probe_kind_file, probe_kind_log, probe_kind_grpc;

/* Ends the check: the reason is "SUBJECT: TEXT". Outside kind->start() the probe may be gone when
 * this returns, so it is the last thing to do. */
void probe_end(Probe *probe, ProbeOutcome outcome, uint64_t value, const char *format, ...)
    _printf_(4, 5);

/* Ends it as one that could not be made: "SUBJECT: not checked: ...". */
void probe_end_void(Probe *probe, int error);

/* Ends it as one without an answer in time. */
void probe_end_late(Probe *probe, const char *what);

/* Errors that say nothing about the service: no lease, no descriptors, no memory. */
bool probe_error_is_ours(int error);

/* Asks the door; one question at a time. The answer comes from the event loop; when it cannot be
 * asked, the check ends as void. */
void probe_ask(Probe *probe, const DoorRequest *request, probe_answer_t answered);

/* Puts the subject together, and the label from the kind's word and it. */
int probe_set_subject(Probe *probe, const char *format, ...) _printf_(2, 3);

uint64_t probe_now_usec(clockid_t clock);
