/* SPDX-License-Identifier: MIT */

/* What sysinfo says, for people: the machine in a line, a table for each class of containers, and
 * what could not be seen. */

#pragma once

#include "cli/print/screen.h"
#include "sysinfo/classes.h"

/* Appends all of it. Negative errno, or 0. */
int sysinfo_report_add(Text *t, const Screen *screen, const Sysinfo *sysinfo,
                       const SysinfoRule *rules, size_t n_rules);
