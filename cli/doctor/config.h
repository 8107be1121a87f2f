/* SPDX-License-Identifier: MIT */

/* Single values out of other people's configuration: containers.conf(5) and storage.conf(5) are
 * TOML, but all that is asked of them is a plain "key = value" in a section. */

#pragma once

#include "cli/doctor/machine.h"

/* The value of the last such line in a text, without quotes; NULL when there is none. Lines that
 * begin with '#' or ';' say nothing. Caller frees. */
char *config_value(const char *text, const char *section, const char *key);

/* The value that counts for Podman: of containers.conf and its drop-ins, in the order in which
 * Podman reads them, the user's own last. NULL: not set. Caller frees. */
char *config_of_containers(const Machine *machine, const char *section, const char *key);

/* The storage.conf that Podman reads: the first there is, NULL when there is none. */
char *config_of_storage(const Machine *machine);

/* The folder of the user's own configuration of Podman, "/home/me/.config/containers". */
char *config_folder(const Machine *machine);
