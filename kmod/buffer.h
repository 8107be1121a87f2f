/* SPDX-License-Identifier: GPL-2.0 */

/*
 * Text that grows. What is written behind a failure is ignored, so that it is enough to look at
 * the error once, at the end.
 */

#ifndef PHOENIX_BUFFER_H
#define PHOENIX_BUFFER_H

#include <linux/compiler_attributes.h>
#include <linux/types.h>

/* Initialise with { }, and set the limit. */
struct phoenix_buffer {
	char *text; /* kvmalloc()ed, NUL-terminated unless NULL */
	size_t length, allocated;
	size_t limit; /* more than this is an error */
	int error;    /* 0, -ENOMEM or -EFBIG */
};

void phoenix_buffer_free(struct phoenix_buffer *buffer);

/* One line at most: what is formatted must be shorter than 512 bytes. */
__printf(2, 3) void phoenix_buffer_printf(struct phoenix_buffer *buffer, const char *format, ...);

/* The inside of a JSON string, as phoenix_json_escape() makes it. */
void phoenix_buffer_escape(struct phoenix_buffer *buffer, const char *text, size_t n);

/* Takes back all behind this length, and the error of having become too large. */
void phoenix_buffer_cut(struct phoenix_buffer *buffer, size_t length);

#endif
