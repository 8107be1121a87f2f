/* SPDX-License-Identifier: MIT */
/*
 * The "unit" key: settings for systemd or Quadlet that are passed on as they are. Internal to
 * lib/spec. Whether systemd knows a setting is for systemd to say; that it stays one line in one
 * section is for us.
 */
#pragma once

#include <jansson.h>

#include "spec/diag.h"
#include "spec/spec.h"

/* Reads {section: {key: scalar or array of scalars}}. Returns 0 (with or without findings) or
 * -ENOMEM. */
int settings_read(const json_t *value, const char *source, const char *path, DiagList *diags,
                  SpecSettings *settings);

/* The same back, as a new reference; values are always arrays of strings. NULL without memory. */
json_t *settings_to_json(const SpecSettings *settings);
