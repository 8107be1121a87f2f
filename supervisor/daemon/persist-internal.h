/* SPDX-License-Identifier: MIT */
/* What persist.c and persist-record.c share. */
#pragma once

#include <jansson.h>

#include "base/text.h"
#include "supervisor/daemon/persist.h"

/* A record without a past. */
void service_record_init(ServiceRecord *record);

/* As one JSON object; what is 0 or empty is left out. */
void service_record_write(const ServiceRecord *record, Text *text);

/* Takes what it knows; keys that it does not know, and values that make no sense, are passed over.
 */
void service_record_read(const json_t *json, ServiceRecord *record);
