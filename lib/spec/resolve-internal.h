/* SPDX-License-Identifier: MIT */
/*
 * What the resolver's files share.
 */
#pragma once

#include "spec/diag.h"
#include "spec/keys.h"
#include "spec/spec.h"

typedef struct Resolver {
    Spec *spec;
    const char *stem;
    DiagList *diags;
    bool proxyport_given; /* by the user, not by its default */
    bool port_noted;      /* that a check goes there */
} Resolver;

int resolve_error(Resolver *resolver, const char *key, const char *hint, const char *message);
int resolve_no_effect(Resolver *resolver, const char *key, const char *message);

/* Sets what is unset and has a default in the table. Returns 0 or -ENOMEM. */
int resolve_fall_back(const KeyTable *table, void *object);

static inline void resolve_default_bool(int *field, bool value)
{
    if (*field == SPEC_UNSET)
        *field = value;
}

/* Sockets, activation and idleness, and the check of a service behind a proxy that has none. */
int resolve_on_demand(Resolver *resolver);

/* Health and readiness checks: their kind, the defaults of that kind, what it needs. */
int resolve_probes(Resolver *resolver);

/* policy.c: the rest of a policy's defaults, and its rules between keys. */
int resolve_policy(Resolver *resolver);
