/* SPDX-License-Identifier: MIT */
/*
 * What a run tells people: nothing when all is well, a line for each spec that is not, and never so
 * many that the boot's log is about Phoenix only. The one place of the generator that logs
 * findings.
 */
#pragma once

#include "spec/set.h"

/* Logs the findings of all entries. only: the one instance that was asked for, or NULL for all. */
void report_findings(const SpecSet *set, const char *only);
