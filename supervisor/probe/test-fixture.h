/* SPDX-License-Identifier: MIT */
/*
 * What tests of the checks share: an event loop, a door that answers as it is told, the python
 * server, and "make this check once".
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "supervisor/probe/curl-loop.h"
#include "supervisor/probe/probe.h"
#include "supervisor/probe/test-descriptors.h"

#define TIMEOUT_USEC (10 * USEC_PER_SEC) /* of checks that must end by themselves */

typedef struct FakeDoor {
    Door door; /* first */
    sd_event *event;
    sd_event_source *source; /* the answer that is on its way */
    door_done_t done;
    void *userdata;
    DoorRequest request; /* the last one */
    DoorAnswer answer;   /* what it gives; SOCKET makes a real one when the error is 0 */
    int shares;
    int refusal; /* what request() returns */
    bool silent; /* never answers */
    unsigned n_requests, n_cancels;
} FakeDoor;

typedef struct Fixture {
    ProbeContext context;
    FakeDoor door;
    Probe *probe;
    ProbeResult result;
    unsigned n_results;
    bool inside_run;
} Fixture;

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* A spec with what resolve-probe.c would give it. */
SpecProbe spec_of(int type, const char *port_name);

/* A port that the server said, 0 when it has none of this name. */
int server_port(const char *name);
int server_setup(void **state);
int server_teardown(void **state);

/* Skips the test, or fails it when nothing may be skipped. */
void skip_without(const char *what);

void make_probe(Fixture *f, const SpecProbe *spec);
/* Turns the loop until there is a result. */
void wait_result(Fixture *f);
/* All of it, once: the result is in f->result. */
void check_once(Fixture *f, const SpecProbe *spec);
void assert_result(const Fixture *f, ProbeOutcome outcome, const char *reason);
