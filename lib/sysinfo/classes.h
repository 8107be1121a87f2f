/* SPDX-License-Identifier: MIT */

/* Classes of containers: what kind of work one does, told from how its main process was called.
 * Rules are plain data, so that a policy can bring its own. */

#pragma once

#include <stddef.h>

#include "sysinfo/sysinfo.h"

/* What matches a rule is of its class. Patterns are globs, fnmatch(3) without flags. */
typedef struct SysinfoRule {
    const char *name; /* of the class: "cpu" */
    /* Held against the name of the process and the last part of its first word ("/usr/bin/stress"
     * is "stress"); NULL: any. */
    const char *command;
    /* Words, with blanks in between, that follow each other somewhere behind the first word of the
     * command line; NULL or "": any. A pattern "--cpu" matches "--cpu=2", too. */
    const char *args;
} SysinfoRule;

/* Those of `stress`: cpu (--cpu), ram (--vm), io (--io), disk (--hdd). */
extern const SysinfoRule sysinfo_stress_rules[];
extern const size_t sysinfo_n_stress_rules;

/* The class of the first rule that matches, one of the names of the rules; NULL when none does, or
 * the process may not be seen. */
const char *sysinfo_classify(const SysinfoRule *rules, size_t n, const SysinfoContainer *container);
