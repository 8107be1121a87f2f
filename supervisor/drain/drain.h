/* SPDX-License-Identifier: MIT */
#pragma once

/* A server between its start and its end, and what happens to its connections at the end. */

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "connections.h"
#include "supervisor/lease/notify.h"

struct drain {
    const struct listener *listeners;
    size_t n_listeners;
    uint64_t time_usec; /* that connections have to come to an end */
    pid_t server;
    sigset_t signals; /* blocked: SIGCHLD, SIGTERM, SIGINT */
    struct notify notify;
    size_t n_deaf;     /* of these the server takes no more connections from */
    int deafen_result; /* of server_deafen() for the next one, when it was tried */
};

enum drain_end {
    DRAIN_SERVER_ENDED, /* by itself; its wait status is told */
    DRAIN_DONE,         /* nobody was cut off */
    DRAIN_CUT,          /* the time was over, or it was said a second time; the number is told */
    DRAIN_BLIND,        /* connections could not be counted; the negative errno is told */
};

/* Waits until the server ends or a signal asks for the end. In the second case makes it deaf, waits
 * until it has no connection left, and ends it. *ret_detail is what is told. */
enum drain_end drain_run(struct drain *drain, int *ret_detail);
