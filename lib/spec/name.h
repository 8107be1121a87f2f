/* SPDX-License-Identifier: MIT */
/*
 * Names: what a service may be called, and what its units are called then.
 */
#pragma once

#include <stdbool.h>

#define SPEC_NAME_MAX 64U

/* [a-z0-9][a-z0-9_.-]*, at most SPEC_NAME_MAX characters, so that it is safe as a file name, as an
 * instance in a unit name and as a container name. */
bool spec_name_valid(const char *name);

/*
 * A name for the unit that explains why a spec is not used: the stem of the file when it can stand
 * in a unit name, otherwise escaped as systemd-escape(1) does and cut to SPEC_NAME_MAX bytes (then
 * with a hash). Returns an allocated string, or NULL.
 */
char *spec_name_for_stub(const char *stem);
