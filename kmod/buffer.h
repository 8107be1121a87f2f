/* SPDX-License-Identifier: GPL-2.0 */

/*
 * Text that grows. What is written behind a failure is ignored, so that it is enough to look at
 * the error once, at the end. There is no formatted output: working out the format again for each
 * container took more than half of a whole look.
 */

#ifndef PHOENIX_BUFFER_H
#define PHOENIX_BUFFER_H

#include <linux/compiler.h>
#include <linux/string.h>
#include <linux/types.h>

#include "text.h"

/* Initialise with { }, and set the limit. */
struct phoenix_buffer {
	char *text; /* kvmalloc()ed; no NUL at the end */
	size_t length, allocated;
	size_t expected; /* so much may be needed; 0: not known */
	size_t limit;	 /* more than this is an error */
	int error;	 /* 0, -ENOMEM or -EFBIG */
};

void phoenix_buffer_free(struct phoenix_buffer *buffer);

/* Gets memory for so many bytes more than there are. False when there is none: see the error. */
bool phoenix_buffer_grow(struct phoenix_buffer *buffer, size_t more);

static inline bool phoenix_buffer_reserve(struct phoenix_buffer *buffer, size_t more)
{
	if (likely(!buffer->error && more < buffer->allocated - buffer->length))
		return true;
	return phoenix_buffer_grow(buffer, more);
}

static inline void phoenix_buffer_add(struct phoenix_buffer *buffer, const char *text, size_t n)
{
	if (!phoenix_buffer_reserve(buffer, n))
		return;
	memcpy(buffer->text + buffer->length, text, n);
	buffer->length += n;
}

/* A string that stands in the source. */
#define phoenix_buffer_literal(buffer, text) phoenix_buffer_add(buffer, "" text, sizeof(text) - 1)

static inline void phoenix_buffer_number(struct phoenix_buffer *buffer, u64 value)
{
	if (phoenix_buffer_reserve(buffer, PHOENIX_NUMBER_LENGTH))
		buffer->length += phoenix_write_number(buffer->text + buffer->length, value);
}

/* With two digits behind the point. */
void phoenix_buffer_hundredths(struct phoenix_buffer *buffer, u64 hundredths);

/* The inside of a JSON string, as phoenix_json_escape() makes it. */
void phoenix_buffer_escape(struct phoenix_buffer *buffer, const char *text, size_t n);

/* Takes back all behind this length, and the error of having become too large. */
void phoenix_buffer_cut(struct phoenix_buffer *buffer, size_t length);

#endif
