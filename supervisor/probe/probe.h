/* SPDX-License-Identifier: MIT */
/*
 * One check of one service: knows how to do it once and say how it went. When it is due, how often
 * it may fail and what follows is not its business (daemon/runner.h, policy/).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "supervisor/loop/ready.h"
#include "supervisor/loop/timers.h"
#include "supervisor/probe/door.h"
#include "spec/spec.h"

#define PROBE_REASON_MAX 256

typedef enum ProbeOutcome {
    PROBE_PASS,
    PROBE_FAIL,
    PROBE_VOID, /* could not be made for a reason of ours (no lease, no descriptors, no memory):
                 * counts neither way, but is said */
} ProbeOutcome;

typedef struct ProbeResult {
    ProbeOutcome outcome;
    uint64_t latency_usec;
    uint64_t value; /* https: days the certificate is valid; file, log: age in usec; exec: exit
                     * status; http: status code; else 0 */
    char
        reason[PROBE_REASON_MAX]; /* one line, UTF-8, always set: "GET /health: 200 OK",
                                   * "GET /health: 503 Service Unavailable",
                                   * "tcp 5432: connection refused", "exec: exit status 3: no db" */
} ProbeResult;

typedef struct Probe Probe;
typedef struct CurlLoop CurlLoop;
typedef struct LogWatch LogWatch;

typedef void (*probe_done_t)(Probe *probe, const ProbeResult *result, void *userdata);

/* What all checks of a supervisor share; must outlive them. */
typedef struct ProbeContext {
    sd_event *event;
    ReadySet *sockets;   /* of http and tcp checks */
    Timers *timers;      /* when checks are due, and their time limits */
    CurlLoop *curl;      /* https, grpc, hosts whose address has to be found */
    LogWatch *logs;      /* log */
    const char *ca_file; /* https: trusted certificates (PEM); NULL: the system's */
} ProbeContext;

/* Makes the check; it does nothing yet. The spec, the door and `unit`, the name of the service's
 * unit (for log), are borrowed. Returns 0, -ENOMEM, -EINVAL for a spec that cannot be, -EOPNOTSUPP
 * for a kind that this build does not have. `done` is called once for each probe_run() that was not
 * cancelled, never from inside probe_run(), and may free the probe. */
int probe_new(const ProbeContext *context, const SpecProbe *spec, const char *unit, Door *door,
              probe_done_t done, void *userdata, Probe **ret);

/* Begins one check; -EBUSY while one is under way (a check never overlaps itself), or -ENOMEM. It
 * ends after the spec's timeout at the latest. Other errors become a result. */
int probe_run(Probe *probe);
bool probe_is_running(const Probe *probe);
void probe_cancel(Probe *probe);
Probe *probe_free(Probe *probe);

/* "http GET /health", "tcp 5432", "exec pg_isready": how people see the check. At most
 * PROBE_REASON_MAX bytes, lives as long as the probe. */
const char *probe_label(const Probe *probe);

/* curl-loop.c: libcurl's multi interface on the event loop; the library is loaded at first need. */
int curl_loop_new(sd_event *event, CurlLoop **ret);
CurlLoop *curl_loop_free(CurlLoop *loop);

/* log-watch.c: one journal reader for all log checks, woken by new entries. `user`: the journal of
 * this user's manager. Opened with the first check that needs it. */
int log_watch_new(sd_event *event, bool user, LogWatch **ret);
LogWatch *log_watch_free(LogWatch *watch);
