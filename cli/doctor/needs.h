/* SPDX-License-Identifier: MIT */

/* What a spec asks of the machine. A thing that is not there is missing when a spec needs it, and
 * only worth a warning when none does. */

#pragma once

#include <stdint.h>

#include "spec/set.h"

enum {
    NEED_ANY = 1 << 0, /* of every service */
    NEED_CONTAINER = 1 << 1,
    NEED_SUPERVISION = 1 << 2, /* phoenixd: checks, news of failures, what is held */
    NEED_BOOT = 1 << 3,        /* to be started when nobody is logged in */
    NEED_LIMIT = 1 << 4,       /* a cgroup controller */
    NEED_FILES = 1 << 5,       /* a number of open files */
    NEED_PORT = 1 << 6,        /* a port of the machine */
    NEED_LOG = 1 << 7,         /* to read the journal */
    NEED_CLOCK = 1 << 8,       /* the right time */
    NEED_LISTEN = 1 << 9,      /* sockets */
    NEED_FREEZE = 1 << 10,     /* a payload in a cgroup of its own */
    NEED_GROWTH = 1 << 11,     /* restarts with a growing delay */
    NEED_IDLE = 1 << 12,       /* phoenix-idle, which knows when nobody uses it */
    NEED_CURL = 1 << 13,       /* libcurl: collectors, TLS, grpc, news of failures by URL */
    NEED_COLLECTOR = 1 << 14,  /* somebody who takes what is posted */
    NEED_LABELS = 1 << 15,     /* to ask an engine for labels; of policies */
};

/* All that the service of this entry needs; 0 when none is made of it, but for policies. */
unsigned needs_of_entry(SpecScope scope, const SpecEntry *entry);

/* Settings of a cgroup controller that the spec has, in "limits" or as a setting of its unit;
 * controller: "cpu", "io", "memory", "pids". */
bool needs_controller(const Spec *spec, const char *controller);

/* The lowest port of the machine that the service listens on, or has published; 0: none. */
unsigned needs_lowest_port(const Spec *spec);
