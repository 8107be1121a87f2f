/* SPDX-License-Identifier: MIT */
/*
 * The checks between specs that set.c runs when all are loaded.
 */
#pragma once

#include "spec/set.h"

/* Every entry gets an instance name of its own; who comes second is broken. Returns 0 or -ENOMEM.
 */
int set_check_names(SpecSet *set);

/* No two services of the set serve the same address; whoever does is broken, and so is one whose
 * proxy has no way to it in the manager of that scope. Returns 0 or -ENOMEM. */
int set_check_listen(SpecSet *set, SpecScope scope);

/* What "after" and "needs" name must be there, and must not lead back. Returns 0 or -ENOMEM. */
int set_check_links(SpecSet *set);
