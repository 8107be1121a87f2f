/* SPDX-License-Identifier: MIT */
/*
 * The plans that the generator wrote, read from its output folder: which services there are and how
 * each is to be supervised.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "spec/spec.h"

typedef struct Plan {
    char *name;
    char *path;
    Spec *spec;
    char *hash; /* of the bytes: an unchanged plan changes nothing */
} Plan;

typedef struct Plans {
    Plan *items; /* sorted by name */
    size_t n;
} Plans;

/* A plan that cannot be used; the rest are. */
typedef void (*plans_bad_t)(const char *path, const char *message, void *userdata);

/* `folder`: $PHOENIX_PLAN_DIR, or /run/systemd/generator/phoenix, or
 * $XDG_RUNTIME_DIR/systemd/generator/phoenix. A missing folder is no plans. Policies and other
 * kinds that are no services are left out. Returns 0 or a negative errno. */
int plans_read(const char *folder, plans_bad_t bad, void *userdata, Plans *ret);
void plans_done(Plans *plans);
const Plan *plans_find(const Plans *plans, const char *name);

/* The folder of this manager; caller frees. */
int plans_folder(bool user, char **ret);
