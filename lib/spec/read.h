/* SPDX-License-Identifier: MIT */
/*
 * From JSON text to a Spec. All that a file gets wrong is found in one go; nothing in it is
 * believed.
 */
#pragma once

#include <stddef.h>

#include "spec/diag.h"
#include "spec/spec.h"

/* Returned when the text holds at least one error; the list says which. */
#define SPEC_INVALID 1

/*
 * Reads one spec and fills in its defaults (resolve.h).
 *
 * source: the file's path; it names the file in findings, and its stem is the default name.
 * Returns 0 and the spec, SPEC_INVALID, or -ENOMEM. Findings (also warnings of a good spec) are
 * added to diags with their places. With SPEC_INVALID *ret may be set, too: what could be read of
 * it, not resolved, good for telling which service it was meant to be and for nothing else.
 */
int spec_read(const char *text, size_t size, const char *source, DiagList *diags, Spec **ret);

/* The same for a file. An unreadable or too large file is SPEC_INVALID with a finding, too. */
int spec_read_file(const char *path, DiagList *diags, Spec **ret);

/*
 * Reads a resolved plan back (plan.h). Returns 0, SPEC_INVALID (also for a version that is not
 * ours), or -ENOMEM.
 */
int spec_read_plan(const char *text, size_t size, const char *source, DiagList *diags, Spec **ret);
