/* SPDX-License-Identifier: MIT */
/*
 * The resolved plan: the spec as canonical JSON with every default filled in. Generators write it
 * beside the units; the supervisor reads it and never the spec, so both always mean the same.
 * Reading a plan back (spec_read_plan) and writing it again gives the same bytes.
 */
#pragma once

#include "base/text.h"
#include "spec/spec.h"

#define PLAN_VERSION 1

/* Adds the plan of a resolved spec, pretty-printed, with a newline at the end. Returns 0 or
 * -ENOMEM. */
int plan_write(const Spec *spec, Text *text);
