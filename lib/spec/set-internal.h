/* SPDX-License-Identifier: MIT */
/*
 * The checks between specs that set.c runs when all are loaded.
 */
#pragma once

#include "spec/set.h"

/* Every entry gets an instance name of its own; who comes second is broken. Returns 0 or -ENOMEM.
 */
int set_check_names(SpecSet *set);

/* What "after" and "needs" name must be there, and must not lead back. Returns 0 or -ENOMEM. */
int set_check_links(SpecSet *set);
