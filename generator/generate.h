/* SPDX-License-Identifier: MIT */
/*
 * The way of all specs of a manager to units: load, emit, ask Quadlet about the containers, write.
 * A spec that fails anywhere on this way goes on as a stub with the reason.
 */
#pragma once

#include "generator/platform.h"
#include "spec/set.h"

typedef struct GenerateOptions {
    SpecScope scope;      /* SPEC_SCOPE_SYSTEM or SPEC_SCOPE_USER */
    const char *folder;   /* where to write */
    const char *known_as; /* the folder's path in the units, when they are to be shown only */
    const char *only;     /* make the units of this instance only; NULL for all */
} GenerateOptions;

/*
 * Writes the units of all specs in the set, whose entries get the findings made on the way and the
 * fate that follows from them. Returns 0 also when specs are broken; negative errno when the
 * machine is (nothing can be written, no memory).
 */
int generate(const GenerateOptions *options, const Platform *platform, SpecSet *set);
