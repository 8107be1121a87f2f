/* SPDX-License-Identifier: MIT */
/*
 * What the kinds of checks share: a check is the common part below with a kind of its own behind
 * it. The common part owns the time limit, the open question to the door and the result; a kind
 * knows the steps of its check. A check ends by probe_end(), which may be called from anywhere
 * inside it, also while it is being started.
 *
 * There are thousands of checks and few under way at one time: what only a running one needs is in
 * its ProbeRun, which exists from probe_run() to the result.
 */
#pragma once

#include <sys/types.h>

#include "supervisor/probe/probe.h"
#include "base/macros.h"

typedef struct ProbeKind {
    size_t size;     /* of the structure that begins with Probe */
    size_t run_size; /* of the one that begins with ProbeRun; it begins as zeros */
    bool bare;       /* the subject does not begin with the kind's word, as labels do */
    /* Once, after the common part is filled in: sets the subject. */
    int (*init)(Probe *probe, const char *unit);
    void (*start)(Probe *probe);
    /* The time is over: says so by probe_end(). */
    void (*late)(Probe *probe);
    /* Lets go of all that the run has under way. May be NULL. */
    void (*stop)(Probe *probe);
    /* Frees what init() made. May be NULL. */
    void (*destroy)(Probe *probe);
} ProbeKind;

typedef void (*probe_answer_t)(Probe *probe, DoorAnswer *answer);

typedef struct ProbeRun {
    uint64_t started_usec; /* CLOCK_MONOTONIC */
    bool starting;         /* inside kind->start() */
    bool ended;            /* the result stands and has to be delivered */
    bool asked;            /* a question to the door is open */
    uint32_t question;
    probe_answer_t answered;
    int family; /* of the socket asked for, and who wants it (route.c) */
    void (*opened)(void *userdata, int fd);
    void *opened_userdata;
    ProbeResult result;
} ProbeRun;

struct Probe {
    Timer timer; /* first; the time limit, and a result that stood at once */
    const ProbeContext *context;
    const ProbeKind *kind;
    const SpecProbe *spec;
    Door *door;
    probe_done_t done;
    void *userdata;
    char *label;   /* "http GET /health"; its end is the subject, what reasons begin with. After
                    * the NUL comes what a kind wants to keep with it */
    ProbeRun *run; /* NULL while there is none */
};

extern const ProbeKind probe_kind_http, probe_kind_tcp, probe_kind_unix, probe_kind_exec,
    probe_kind_file, probe_kind_log, probe_kind_grpc;

/* Ends the check: the reason is "SUBJECT: TEXT". Outside kind->start() the probe may be gone when
 * this returns, so it is the last thing to do. */
void probe_end(Probe *probe, ProbeOutcome outcome, uint64_t value, const char *format, ...)
    _printf_(4, 5);

/* Ends it as one that could not be made: "SUBJECT: not checked: ...". */
void probe_end_void(Probe *probe, int error);

/* Ends it as failed, in the system's words. */
void probe_end_errno(Probe *probe, int error);

/* Ends it as one without an answer in time. */
void probe_end_late(Probe *probe, const char *what);

/* Errors that say nothing about the service: no lease, no descriptors, no memory. */
bool probe_error_is_ours(int error);

/* Asks the door; one question at a time. The answer comes from the event loop; when it cannot be
 * asked, the check ends as void. */
void probe_ask(Probe *probe, const DoorRequest *request, probe_answer_t answered);

/* Puts the label together: the subject, for a bare kind with the kind's word before it. */
int probe_set_subject(Probe *probe, const char *format, ...) _printf_(2, 3);

uint64_t probe_now_usec(clockid_t clock);
