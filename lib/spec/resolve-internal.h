/* SPDX-License-Identifier: MIT */
/*
 * What the resolver's files share.
 */
#pragma once

#include "spec/diag.h"
#include "spec/spec.h"

typedef struct Resolver {
    Spec *spec;
    const char *stem;
    DiagList *diags;
    bool proxyport_given; /* by the user, not by its default */
} Resolver;

int resolve_error(Resolver *resolver, const char *key, const char *hint, const char *message);
int resolve_no_effect(Resolver *resolver, const char *key, const char *message);

/* Health and readiness checks: their kind, the defaults of that kind, what it needs. */
int resolve_probes(Resolver *resolver);
