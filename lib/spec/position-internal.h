/* SPDX-License-Identifier: MIT */

/* What position.c and position-duplicate.c share. */

#pragma once

#include "spec/json-scan.h"
#include "spec/position.h"

/* path_add_key() for a key that may hold any byte. */
int path_add_raw_key(Text *path, JsonRaw key);
