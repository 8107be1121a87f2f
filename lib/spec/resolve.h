/* SPDX-License-Identifier: MIT */
/*
 * What a spec means beyond its single keys: defaults, some of which follow from other keys, and the
 * rules between keys ("schedule" makes a oneshot, a container has no "syscalls").
 */
#pragma once

#include "spec/diag.h"
#include "spec/spec.h"

/*
 * Fills in all defaults and checks the rules between keys. stem: default for the name.
 * Running it on a resolved spec changes nothing. Returns 0 (also with findings) or -ENOMEM.
 */
int spec_resolve(Spec *spec, const char *stem, DiagList *diags);
