// SPDX-License-Identifier: GPL-2.0

/*
 * Text that grows by doubling: of a snapshot only the text is copied then, while a seq_file that is
 * too small would have everything collected once more. All of this may sleep.
 */

#include <linux/bug.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "buffer.h"

#define FIRST_SIZE ((size_t)16384)

void phoenix_buffer_free(struct phoenix_buffer *buffer)
{
	kvfree(buffer->text);
	*buffer = (struct phoenix_buffer){ .expected = buffer->expected, .limit = buffer->limit };
}

bool phoenix_buffer_grow(struct phoenix_buffer *buffer, size_t more)
{
	size_t size = max3(buffer->allocated, buffer->expected, FIRST_SIZE);
	char *text;

	if (buffer->error)
		return false;
	if (more >= buffer->limit - buffer->length) {
		buffer->error = -EFBIG;
		return false;
	}
	while (size <= buffer->length + more)
		size *= 2;
	/* Then what fits into the memory is within the limit. */
	size = min(size, buffer->limit);
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

void phoenix_buffer_hundredths(struct phoenix_buffer *buffer, u64 hundredths)
{
	u32 rest;
	char digits[3];

	phoenix_buffer_number(buffer, div_u64_rem(hundredths, 100, &rest));
	digits[0] = '.';
	digits[1] = (char)('0' + rest / 10);
	digits[2] = (char)('0' + rest % 10);
	phoenix_buffer_add(buffer, digits, sizeof(digits));
}

void phoenix_buffer_escape(struct phoenix_buffer *buffer, const char *text, size_t n)
{
	size_t room = buffer->allocated - buffer->length, needed;

	if (buffer->error)
		return;
	/* Nearly always it fits in one go. */
	needed = phoenix_json_escape(buffer->text + buffer->length, room, text, n);
	if (needed >= room) {
		if (!phoenix_buffer_grow(buffer, needed))
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
	if (buffer->error == -EFBIG)
		buffer->error = 0;
}
