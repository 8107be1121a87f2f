/* SPDX-License-Identifier: MIT */

/* The specs of the scope that the command works on, and how an argument names one of them. */

#pragma once

#include "cli/cli.h"
#include "spec/set.h"

/* Loads all specs of the scope. 0 or -ENOMEM. */
int specs_load(const Cli *cli, SpecSet **ret);

/* The entry that NAME means: an instance name or a file's stem; "phoenix@NAME" and
 * "phoenix@NAME.service" are understood too. When there is none, says so on standard error, with
 * the nearest name and the folders that were searched, and returns NULL. */
SpecEntry *specs_find(const Cli *cli, const SpecSet *set, const char *name);

/* The instance name that NAME means, whether or not there is a spec of it; NULL when out of memory.
 */
char *specs_name_of_arg(const char *arg);

/* Whether the argument is a path of a file rather than a NAME. */
bool specs_is_path(const char *arg);

/* The folders of the scope as "/etc/phoenix.d, /run/phoenix.d"; NULL when out of memory. */
char *specs_folders_text(const Cli *cli);
