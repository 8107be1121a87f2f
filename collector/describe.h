/* SPDX-License-Identifier: MIT */

/* Samples, services and events as JSON, for answers and for the stream: docs/collector-api.md. */

#pragma once

#include "base/text.h"
#include "collector/sample.h"

/* `"name": value`, after ", " unless the text ends in '{'. Strings NULL and numbers NAN: null. */
void describe_string(Text *t, const char *name, const char *value);
void describe_number(Text *t, const char *name, double value);
void describe_time(Text *t, const char *name, uint64_t usec);
void describe_bool(Text *t, const char *name, int value); /* -1: null */
/* `"name": `, for a value of another kind. */
void describe_name(Text *t, const char *name);
/* A value alone. */
void describe_add_number(Text *t, double value);

/* host NULL: without. */
void describe_service(Text *t, const char *host, uint64_t time_usec, const ServiceValues *service);
void describe_sample(Text *t, const char *host, const Sample *sample);
void describe_event(Text *t, const char *host, int64_t id, const SampleEvent *event);
