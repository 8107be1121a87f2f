// SPDX-License-Identifier: GPL-2.0

/*
 * Text that grows by doubling: of a snapshot only the text is copied then, while a seq_file that is
 * too small would have everything collected once more. All of this may sleep.
 */

#include <linux/bug.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "buffer.h"
#include "text.h"

#define FIRST_SIZE ((size_t)16384)
#define PRINTF_MAX ((size_t)512)

void phoenix_buffer_free(struct phoenix_buffer *buffer)
{
	kvfree(buffer->text);
	*buffer = (struct phoenix_buffer){ .limit = buffer->limit };
}

/* Makes room for so many bytes and a NUL. */
static bool make_room(struct phoenix_buffer *buffer, size_t more)
{
	size_t size = buffer->allocated ?: FIRST_SIZE;
	char *text;

	if (buffer->error)
		return false;
	if (buffer->length + more >= buffer->limit) {
		buffer->error = -EFBIG;
		return false;
	}
	if (buffer->length + more < buffer->allocated)
		return true;
	while (size <= buffer->length + more)
		size *= 2;
	text = kvmalloc(size, GFP_KERNEL);
	if (!text) {
		buffer->error = -ENOMEM;
		return false;
	}
	if (buffer->text)
		memcpy(text, buffer->text, buffer->length);
	kvfree(buffer->text);
	buffer->text = text;
	buffer->allocated = size;
	return true;
}

void phoenix_buffer_printf(struct phoenix_buffer *buffer, const char *format, ...)
{
	va_list ap;
	int n;

	if (!make_room(buffer, PRINTF_MAX))
		return;
	va_start(ap, format);
	n = vsnprintf(buffer->text + buffer->length, PRINTF_MAX, format, ap);
	va_end(ap);
	if (WARN_ON_ONCE(n >= PRINTF_MAX))
		n = PRINTF_MAX - 1;
	buffer->length += n;
}

void phoenix_buffer_escape(struct phoenix_buffer *buffer, const char *text, size_t n)
{
	size_t needed;

	/* Nearly always it fits in one go. */
	if (!make_room(buffer, n))
		return;
	needed = phoenix_json_escape(buffer->text + buffer->length,
				     buffer->allocated - buffer->length, text, n);
	if (needed >= buffer->allocated - buffer->length) {
		if (!make_room(buffer, needed))
			return;
		phoenix_json_escape(buffer->text + buffer->length, needed + 1, text, n);
	}
	buffer->length += needed;
}

void phoenix_buffer_cut(struct phoenix_buffer *buffer, size_t length)
{
	if (WARN_ON_ONCE(length > buffer->length))
		return;
	buffer->length = length;
	if (buffer->text)
		buffer->text[length] = '\0';
	if (buffer->error == -EFBIG)
		buffer->error = 0;
}
