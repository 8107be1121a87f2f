// SPDX-License-Identifier: GPL-2.0 OR MIT

/* Tests of the text functions that module and reader share. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "kmod/text.h"

#define ID	     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER_ID     "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define USER_MANAGER "/user.slice/user-1000.slice/user@1000.service/"

/* A copy that ends where the text does, so that a sanitizer sees every byte read beyond it. */
static char *copy_exactly(const char *text, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);

	assert_non_null(copy);
	memcpy(copy, text, n);
	return copy;
}

static bool container_of(const char *path, struct phoenix_container_ref *ret)
{
	char *copy = copy_exactly(path, strlen(path));
	bool found = phoenix_container_of(copy, strlen(path), ret);

	free(copy);
	return found;
}

static void test_containers(void **state)
{
	static const struct {
		const char *path, *cgroup;
	} cases[] = {
		{ "/system.slice/docker-" ID ".scope", "/system.slice/docker-" ID ".scope" },
		{ "docker-" ID ".scope", "docker-" ID ".scope" },
		{ "/machine.slice/libpod-" ID ".scope/container",
		  "/machine.slice/libpod-" ID ".scope" },
		{ "/libpod_parent/libpod-" ID, "/libpod_parent/libpod-" ID },
		{ "/system.slice/web.service/libpod-payload-" ID,
		  "/system.slice/web.service/libpod-payload-" ID },
		{ USER_MANAGER "app.slice/web.service/libpod-payload-" ID "/init.scope",
		  USER_MANAGER "app.slice/web.service/libpod-payload-" ID },
		{ USER_MANAGER "user.slice/libpod-" ID ".scope/a/b/c",
		  USER_MANAGER "user.slice/libpod-" ID ".scope" },
		/* A container in a container is part of the outer one. */
		{ "/libpod-" ID ".scope/libpod-" OTHER_ID ".scope", "/libpod-" ID ".scope" },
		{ "/docker-" ID ".scope/docker-" OTHER_ID ".scope", "/docker-" ID ".scope" },
		{ "//a//libpod-" ID ".scope//", "//a//libpod-" ID ".scope" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct phoenix_container_ref ref = { 0 };

		assert_true(container_of(cases[i].path, &ref));
		assert_int_equal(ref.cgroup_len, strlen(cases[i].cgroup));
		assert_memory_equal(cases[i].path, cases[i].cgroup, ref.cgroup_len);
		assert_memory_equal(cases[i].path + ref.id_offset, ID, PHOENIX_ID_LENGTH);
	}
}

static void test_not_containers(void **state)
{
	static const char *const paths[] = {
		"",
		"/",
		"/system.slice/ssh.service",
		"/machine.slice/libpod-conmon-" ID ".scope",
		USER_MANAGER "user.slice/libpod-conmon-" ID ".scope",
		"/system.slice/web.service/runtime",
		"/system.slice/docker-" ID,
		"/system.slice/docker-" ID ".scopes",
		"/system.slice/docker-" ID "0.scope",
		"/system.slice/xdocker-" ID ".scope",
		"/libpod-payload-" ID ".scope",
		"/libpod-0123.scope",
		"/libpod-0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef.scope",
		"/libpod-g123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef.scope",
		"/libpod_pod_" ID ".slice",
		"/docker-/" ID ".scope",
		ID,
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct phoenix_container_ref ref = { 4711, 4712 };

		assert_false(container_of(paths[i], &ref));
		assert_int_equal(ref.id_offset, 4711);
		assert_int_equal(ref.cgroup_len, 4712);
	}
}

static void test_init_names(void **state)
{
	assert_true(phoenix_is_init_name("catatonit"));
	assert_true(phoenix_is_init_name("tini"));
	assert_true(phoenix_is_init_name("docker-init"));
	assert_false(phoenix_is_init_name(""));
	assert_false(phoenix_is_init_name("tin"));
	assert_false(phoenix_is_init_name("tinix"));
	assert_false(phoenix_is_init_name("systemd"));
}

static void assert_escaped(const char *text, size_t n, const char *expected)
{
	char *copy = copy_exactly(text, n);
	char buf[128];

	assert_int_equal(phoenix_json_escape(buf, sizeof(buf), copy, n), strlen(expected));
	assert_string_equal(buf, expected);
	assert_int_equal(phoenix_json_escape(NULL, 0, copy, n), strlen(expected));
	free(copy);
}

#define ESCAPED(text, expected) assert_escaped(text, sizeof(text) - 1, expected)
#define NOTHING			"\xef\xbf\xbd"

static void test_escape(void **state)
{
	ESCAPED("", "");
	ESCAPED("stress --io 1 ", "stress --io 1 ");
	ESCAPED("a\"b\\c/d", "a\\\"b\\\\c/d");
	ESCAPED("\0\1\b\t\n\r\x1b\x1f\x7f",
		"\\u0000\\u0001\\u0008\\u0009\\u000a\\u000d\\u001b\\u001f\\u007f");
	/* U+0080 and U+009F are control characters, U+00A0 is not. */
	ESCAPED("\xc2\x80\xc2\x9f\xc2\xa0", "\\u0080\\u009f\xc2\xa0");
	ESCAPED("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
}

static void test_escape_of_invalid_utf8(void **state)
{
	ESCAPED("\xff", NOTHING);
	ESCAPED("a\x80z", "a" NOTHING "z");
	ESCAPED("\xc3", NOTHING);
	ESCAPED("\xe2\x82", NOTHING NOTHING);
	ESCAPED("\xf0\x9f\x98", NOTHING NOTHING NOTHING);
	ESCAPED("\xc3\"", NOTHING "\\\"");
	ESCAPED("\xe2\x82\"", NOTHING NOTHING "\\\"");
	/* Overlong forms, surrogates, beyond U+10FFFF, five bytes. */
	ESCAPED("\xc0\xaf\xc1\xbf", NOTHING NOTHING NOTHING NOTHING);
	ESCAPED("\xe0\x9f\xbf\xf0\x8f\xbf\xbf",
		NOTHING NOTHING NOTHING NOTHING NOTHING NOTHING NOTHING);
	ESCAPED("\xed\xa0\x80", NOTHING NOTHING NOTHING);
	ESCAPED("\xf4\x90\x80\x80", NOTHING NOTHING NOTHING NOTHING);
	ESCAPED("\xf8\x88\x80\x80\x80", NOTHING NOTHING NOTHING NOTHING NOTHING);
	/* The last of each length that is one. */
	ESCAPED("\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf\xed\x9f\xbf",
		"\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf\xed\x9f\xbf");
}

/* However small the room: whole escapes and characters only, and the length of all. */
static void test_escape_in_too_little_room(void **state)
{
	static const char text[] = "a\n\xe2\x82\xac\"b";
	static const char whole[] = "a\\u000a\xe2\x82\xac\\\"b";
	static const size_t boundaries[] = { 0, 1, 7, 10, 12, 13 };

	for (size_t size = 1; size <= sizeof(whole); size++) {
		char *buf = malloc(size);
		size_t expected = 0;

		assert_non_null(buf);
		assert_int_equal(phoenix_json_escape(buf, size, text, sizeof(text) - 1),
				 strlen(whole));
		for (size_t i = 0; i < sizeof(boundaries) / sizeof(boundaries[0]); i++)
			if (boundaries[i] < size)
				expected = boundaries[i];
		assert_int_equal(strlen(buf), expected);
		assert_memory_equal(buf, whole, expected);
		free(buf);
	}
}

static bool number(const char *text, uint64_t *ret)
{
	char *copy = copy_exactly(text, strlen(text));
	bool good = phoenix_number(copy, strlen(text), ret);

	free(copy);
	return good;
}

static void test_number(void **state)
{
	static const char *const none[] = {
		"",
		"\n",
		"max\n",
		"-1",
		" 1",
		"1 ",
		"1\n\n",
		"0x10",
		"18446744073709551616",
		"99999999999999999999999999",
	};
	uint64_t value = 7;

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		assert_false(number(none[i], &value));
		assert_int_equal(value, 7);
	}
	assert_true(number("0\n", &value));
	assert_int_equal(value, 0);
	assert_true(number("0042", &value));
	assert_int_equal(value, 42);
	assert_true(number("18446744073709551615\n", &value));
	assert_int_equal(value, UINT64_MAX);
}

static bool stat_value(const char *text, const char *key, uint64_t *ret)
{
	char *copy = copy_exactly(text, strlen(text));
	bool found = phoenix_stat_value(copy, strlen(text), key, ret);

	free(copy);
	return found;
}

static void test_write_number(void **state)
{
	static const uint64_t numbers[] = {
		0, 9, 10, 99, 100, 4294967295u, 4294967296u, UINT64_MAX - 1, UINT64_MAX,
	};
	char written[PHOENIX_NUMBER_LENGTH], expected[PHOENIX_NUMBER_LENGTH + 1];
	uint64_t back;
	size_t i, n;

	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		n = phoenix_write_number(written, numbers[i]);
		assert_int_equal(n, snprintf(expected, sizeof(expected), "%llu",
					     (unsigned long long)numbers[i]));
		assert_memory_equal(written, expected, n);
		assert_true(phoenix_number(written, n, &back));
		assert_int_equal(back, numbers[i]);
	}
}

static void test_stat_value(void **state)
{
	static const char cpu_stat[] = "usage_usec 123\nuser_usec 100\nsystem_usec 23\n";
	uint64_t value = 7;

	assert_false(stat_value("", "usage_usec", &value));
	assert_false(stat_value("usage_usec", "usage_usec", &value));
	assert_false(stat_value("usage_usec \n", "usage_usec", &value));
	assert_false(stat_value("usage_usec 1x\n", "usage_usec", &value));
	assert_false(stat_value("usage_usec_2 5\nmy_usage_usec 6\n", "usage_usec", &value));
	assert_false(stat_value(cpu_stat, "nr_periods", &value));
	assert_int_equal(value, 7);
	assert_true(stat_value(cpu_stat, "usage_usec", &value));
	assert_int_equal(value, 123);
	assert_true(stat_value(cpu_stat, "system_usec", &value));
	assert_int_equal(value, 23);
	assert_true(stat_value("user_usec 1\nusage_usec 9", "usage_usec", &value));
	assert_int_equal(value, 9);
}

static struct phoenix_io io_sum(const char *text)
{
	struct phoenix_io sum = { 1, 2, 3, 4 };
	char *copy = copy_exactly(text, strlen(text));

	phoenix_io_stat_sum(copy, strlen(text), &sum);
	free(copy);
	return sum;
}

static void assert_io(struct phoenix_io sum, uint64_t rbytes, uint64_t wbytes, uint64_t rios,
		      uint64_t wios)
{
	assert_int_equal(sum.rbytes, rbytes);
	assert_int_equal(sum.wbytes, wbytes);
	assert_int_equal(sum.rios, rios);
	assert_int_equal(sum.wios, wios);
}

static void test_io_stat(void **state)
{
	assert_io(io_sum(""), 0, 0, 0, 0);
	assert_io(io_sum("8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0\n"), 10, 20, 1, 2);
	/* A device without numbers, more devices, an unknown word, no newline at the end. */
	assert_io(io_sum("8:0 rbytes=10 wbytes=20 rios=1 wios=2\n8:16 \n253:0 cost.vrate=100.00 "
			 "wios=7 rbytes=5"),
		  15, 20, 1, 9);
	assert_io(io_sum("8:0 rbytes= wbytes=x rios=-1 wios\n"), 0, 0, 0, 0);
	assert_io(io_sum("8:0 rbytes=18446744073709551615\n8:1 rbytes=1 "
			 "wbytes=99999999999999999999\n"),
		  UINT64_MAX, 0, 0, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_containers),
		cmocka_unit_test(test_not_containers),
		cmocka_unit_test(test_init_names),
		cmocka_unit_test(test_escape),
		cmocka_unit_test(test_escape_of_invalid_utf8),
		cmocka_unit_test(test_escape_in_too_little_room),
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_write_number),
		cmocka_unit_test(test_stat_value),
		cmocka_unit_test(test_io_stat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
