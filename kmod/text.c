// SPDX-License-Identifier: GPL-2.0 OR MIT

/*
 * Pure functions on text; text.h says what for. Every loop goes forward over the input once, so
 * hostile text costs no more than its length.
 */

#include "text.h"

#ifdef __KERNEL__
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/string.h>
#else
#include <string.h>
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The kernel's: not every machine that it runs on can divide such numbers by itself. */
static uint64_t div_u64_rem(uint64_t value, uint32_t by, uint32_t *ret_rest)
{
	*ret_rest = (uint32_t)(value % by);
	return value / by;
}
#endif

#define NUMBER_MAX ((uint64_t)-1)

/* U+FFFD, the character that stands for what is none. */
static const char replacement[] = "\xef\xbf\xbd";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_id_digit(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

/* The length of the leading part of text without c: all of it when c is not there. */
static size_t length_until(const char *text, size_t n, char c)
{
	const char *end = n > 0 ? memchr(text, c, n) : NULL;

	return end ? (size_t)(end - text) : n;
}

static bool is_id(const char *text)
{
	size_t i;

	for (i = 0; i < PHOENIX_ID_LENGTH; i++)
		if (!is_id_digit(text[i]))
			return false;
	return true;
}

/* Where in the name of a container's cgroup the ID begins; 0 when the name is another one. */
static size_t id_in_name(const char *name, size_t n)
{
	static const struct {
		const char *before, *after;
	} names[] = {
		{ "docker-", ".scope" },
		{ "libpod-", ".scope" },
		{ "libpod-", "" },
		{ "libpod-payload-", "" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		size_t before = strlen(names[i].before), after = strlen(names[i].after);

		if (n != before + PHOENIX_ID_LENGTH + after)
			continue;
		if (memcmp(name, names[i].before, before) == 0 &&
		    memcmp(name + n - after, names[i].after, after) == 0 && is_id(name + before))
			return before;
	}
	return 0;
}

bool phoenix_container_of(const char *path, size_t n, struct phoenix_container_ref *ret)
{
	size_t begin = 0;

	while (begin < n) {
		size_t length = length_until(path + begin, n - begin, '/');
		size_t id = id_in_name(path + begin, length);

		if (id > 0) {
			ret->id_offset = begin + id;
			ret->cgroup_len = begin + length;
			return true;
		}
		begin += length + 1;
	}
	return false;
}

bool phoenix_is_init_name(const char *name)
{
	static const char *const names[] = {
		"catatonit", "docker-init", "dumb-init", "podman-init", "tini", "tini-static",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

/* How many bytes the valid UTF-8 character (RFC 3629) at text has; 0 when there is none. */
static size_t character_length(const unsigned char *text, size_t n)
{
	/* Lead bytes, and the range of the second byte: this is what excludes overlong forms,
	 * surrogates and what is beyond U+10FFFF. Third and fourth bytes are always 80 to bf.
	 */
	static const struct {
		unsigned char first, last, second_min, second_max;
		size_t length;
	} forms[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		if (text[0] < forms[i].first || text[0] > forms[i].last)
			continue;
		if (n < forms[i].length)
			return 0;
		if (forms[i].length > 1 &&
		    (text[1] < forms[i].second_min || text[1] > forms[i].second_max))
			return 0;
		for (k = 2; k < forms[i].length; k++)
			if ((text[k] & 0xc0) != 0x80)
				return 0;
		return forms[i].length;
	}
	return 0;
}

/* The code point when it is a control character, which valid UTF-8 has in one or two bytes. */
static bool is_control(const unsigned char *c, size_t length, unsigned int *ret)
{
	if (length == 1 && (c[0] < 0x20 || c[0] == 0x7f)) {
		*ret = c[0];
		return true;
	}
	if (length == 2 && c[0] == 0xc2 && c[1] < 0xa0) {
		*ret = c[1];
		return true;
	}
	return false;
}

/* Writes what stands for the character at text, takes that off the input and returns its length. */
static size_t escape_one(char out[6], const unsigned char **text, size_t *n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *c = *text;
	size_t length = character_length(c, *n);
	unsigned int control;

	*text += length > 0 ? length : 1;
	*n -= length > 0 ? length : 1;
	if (length == 0) {
		memcpy(out, replacement, sizeof(replacement) - 1);
		return sizeof(replacement) - 1;
	}
	if (is_control(c, length, &control)) {
		memcpy(out, "\\u00", 4);
		out[4] = digits[control >> 4];
		out[5] = digits[control & 15];
		return 6;
	}
	if (c[0] == '"' || c[0] == '\\') {
		out[0] = '\\';
		out[1] = (char)c[0];
		return 2;
	}
	memcpy(out, c, length);
	return length;
}

/* How many bytes at text stand for themselves: this is nearly all that there ever is. */
static size_t plain_length(const unsigned char *text, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (text[i] < ' ' || text[i] >= 0x7f || text[i] == '"' || text[i] == '\\')
			break;
	return i;
}

size_t phoenix_json_escape(char *buf, size_t size, const char *text, size_t n)
{
	const unsigned char *rest = (const unsigned char *)text;
	size_t needed = 0, written = 0;

	while (n > 0) {
		size_t plain = plain_length(rest, n), length, fits;
		char one[6];

		if (plain > 0) {
			fits = written == needed && size > written ? size - written - 1 : 0;
			fits = fits < plain ? fits : plain;
			if (fits > 0)
				memcpy(buf + written, rest, fits);
			written += fits;
			needed += plain;
			rest += plain;
			n -= plain;
			continue;
		}
		length = escape_one(one, &rest, &n);

		/* Once something did not fit, what is shorter does not fit either. */
		if (written == needed && size > written + length) {
			memcpy(buf + written, one, length);
			written += length;
		}
		needed += length;
	}
	if (size > 0)
		buf[written] = '\0';
	return needed;
}

size_t phoenix_write_number(char buf[PHOENIX_NUMBER_LENGTH], uint64_t value)
{
	size_t n = 1, i;
	uint64_t power;
	uint32_t digit;

	for (power = 10; n < PHOENIX_NUMBER_LENGTH && value >= power; power *= 10)
		n++;
	for (i = n; i > 0; i--) {
		value = div_u64_rem(value, 10, &digit);
		buf[i - 1] = (char)('0' + digit);
	}
	return n;
}

bool phoenix_number(const char *text, size_t n, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i;

	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n == 0)
		return false;
	for (i = 0; i < n; i++) {
		unsigned int digit = (unsigned int)(text[i] - '0');

		if (!is_digit(text[i]))
			return false;
		if (value > NUMBER_MAX / 10 || value * 10 > NUMBER_MAX - digit)
			return false;
		value = value * 10 + digit;
	}
	*ret = value;
	return true;
}

bool phoenix_stat_value(const char *text, size_t n, const char *key, uint64_t *ret)
{
	size_t key_length = strlen(key);

	while (n > 0) {
		size_t length = length_until(text, n, '\n');

		if (length > key_length && memcmp(text, key, key_length) == 0 &&
		    text[key_length] == ' ')
			return phoenix_number(text + key_length + 1, length - key_length - 1, ret);
		if (length == n)
			return false;
		text += length + 1;
		n -= length + 1;
	}
	return false;
}

static void add_saturating(uint64_t *sum, uint64_t value)
{
	*sum = value > NUMBER_MAX - *sum ? NUMBER_MAX : *sum + value;
}

/* One word of io.stat, "rbytes=1". */
static void io_stat_word(const char *word, size_t n, struct phoenix_io *sum)
{
	const struct {
		const char *key;
		uint64_t *value;
	} keys[] = {
		{ "rbytes=", &sum->rbytes },
		{ "wbytes=", &sum->wbytes },
		{ "rios=", &sum->rios },
		{ "wios=", &sum->wios },
	};
	uint64_t value;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t length = strlen(keys[i].key);

		if (n <= length || memcmp(word, keys[i].key, length) != 0)
			continue;
		if (phoenix_number(word + length, n - length, &value))
			add_saturating(keys[i].value, value);
		return;
	}
}

void phoenix_io_stat_sum(const char *text, size_t n, struct phoenix_io *ret)
{
	struct phoenix_io sum = { 0, 0, 0, 0 };
	size_t begin = 0, i;

	for (i = 0; i <= n; i++) {
		if (i < n && text[i] != ' ' && text[i] != '\n')
			continue;
		io_stat_word(text + begin, i - begin, &sum);
		begin = i + 1;
	}
	*ret = sum;
}
