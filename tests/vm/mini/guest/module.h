/* SPDX-License-Identifier: MIT */

/* The module that is tested, and what it reports. */

#pragma once

#include <jansson.h>

#include "guest.h"

#define REPORT_PATH "/proc/phoenix_sysinfo"
#define PARAMETERS  "/sys/module/phoenix_sysinfo/parameters/"

/* Negative errno when it cannot be loaded. */
int module_try_load(const char *parameters);
void module_load(const char *parameters);

/* Negative errno. */
int module_try_unload(void);
void module_unload(void);

/* One whole report; what is no JSON, or no valid UTF-8, is a failed test. json_decref() it. */
json_t *report_read(void);

/* The same, with the text. free() that, too. */
json_t *report_read_text(char **ret);

size_t report_count(const json_t *report);

/* The entry of the container with this number (container_id()); NULL: none. Borrowed. */
json_t *report_find(const json_t *report, unsigned number);

/* What has to be there. */
uint64_t entry_number(const json_t *entry, const char *key);
double entry_percent(const json_t *entry, const char *key);
const char *entry_string(const json_t *entry, const char *key);

/* Whether a kernel with its debugging aids is running: all takes ten times as long there. */
bool kernel_is_slow(void);
