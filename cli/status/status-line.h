/* SPDX-License-Identifier: MIT */

/* One line "Key: value" of what is told of a service, with the keys set to the right. */

#pragma once

#include "base/text.h"

/* The begin of the line only. */
void status_add_key(Text *t, const char *key);
/* The whole line; none for no value. */
void status_add_line(Text *t, const char *key, const char *value);
/* A time, and how far it is from now, both CLOCK_REALTIME; none for 0 or USEC_INFINITY. */
void status_add_time_line(Text *t, const char *key, uint64_t now_usec, uint64_t usec);
