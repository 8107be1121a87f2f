/* SPDX-License-Identifier: GPL-2.0 */

/* One look at the machine, and its JSON. */

#ifndef PHOENIX_REPORT_H
#define PHOENIX_REPORT_H

#include "buffer.h"
#include "containers.h"
#include "machine.h"

/* What a look leaves to the next one. */
struct phoenix_observer {
	struct phoenix_containers containers;
	struct phoenix_cpu_time cpu_time; /* zero: since boot */
	size_t report_length;
};

/* Writes the JSON into an empty buffer. -ENOMEM or such when there is not enough memory for it;
 * else 0.
 */
int phoenix_report(struct phoenix_observer *observer, struct phoenix_buffer *buffer);

#endif
