/* SPDX-License-Identifier: MIT */
/*
 * Where on the host a container with a network of its own answers its proxy: an address of
 * 127.64.0.0/10 and a port that are its own, so that nothing has to be agreed on with other
 * services and no other host can reach it.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "spec/set.h"

typedef struct Loopback {
    const char *name; /* borrowed from the set */
    uint32_t address; /* in host order */
    uint16_t port;
} Loopback;

/* Sorted by name. Zero-initialised is empty. */
typedef struct Loopbacks {
    Loopback *items;
    size_t n;
} Loopbacks;

void loopbacks_done(Loopbacks *loopbacks);

/*
 * Gives each spec of the set that needs one an address; no two are the same, and none has a port
 * that a spec of the set listens on or publishes. uid: the user of the manager, so that managers of
 * one machine differ; those of one user and name are always the same, but for the rare case of two
 * names with the same hash. Returns 0 or -ENOMEM.
 */
int loopbacks_assign(const SpecSet *set, unsigned uid, Loopbacks *ret);

/* The one of that name, which is there. */
const Loopback *loopbacks_find(const Loopbacks *loopbacks, const char *name);
