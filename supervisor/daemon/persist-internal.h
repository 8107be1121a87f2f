/* SPDX-License-Identifier: MIT */
/* What persist.c and persist-record.c share. */
#pragma once

#include <jansson.h>

#include "base/text.h"
#include "supervisor/daemon/persist.h"

/* A record without a past. */
void service_record_init(ServiceRecord *record);

/* As one JSON object; what is 0 or empty is left out. `demand` and `last_reason` may be NULL. */
void service_record_write(const ServiceRecord *record, const DemandRecord *demand,
                          const char *last_reason, Text *text);

/* Takes what it knows; keys that it does not know, and values that make no sense, are passed over.
 * *ret_last_reason lives as long as the JSON; NULL when there is none. */
void service_record_read(const json_t *json, ServiceRecord *record, const char **ret_last_reason);

/* Whether there is a second part, which is read then. */
bool demand_record_read(const json_t *json, DemandRecord *record);
