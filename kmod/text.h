/* SPDX-License-Identifier: GPL-2.0 OR MIT */

/*
 * What the module has to know about text: which cgroup is a container's, how the files of a cgroup
 * are read, and how hostile bytes become a JSON string. All of it is pure: nothing is allocated,
 * no service of the kernel is used, input is a pointer with a length and is never trusted. So the
 * same file is compiled into the module, into the reader in user space, and into their tests.
 */

#ifndef PHOENIX_TEXT_H
#define PHOENIX_TEXT_H

#ifdef __KERNEL__
#include <linux/types.h>
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

/* The digits of a full container ID, and those that people are shown. */
#define PHOENIX_ID_LENGTH	64
#define PHOENIX_SHORT_ID_LENGTH 12

/**
 * struct phoenix_container_ref - where in a cgroup's path its container is
 * @id_offset: the first of the 64 digits of the ID
 * @cgroup_len: the path's length up to and with the container's own cgroup
 */
struct phoenix_container_ref {
	size_t id_offset;
	size_t cgroup_len;
};

/**
 * struct phoenix_io - what io.stat says, summed over devices
 * @rbytes: bytes read
 * @wbytes: bytes written
 * @rios: read operations
 * @wios: write operations
 */
struct phoenix_io {
	uint64_t rbytes, wbytes, rios, wios;
};

/**
 * phoenix_container_of() - the container that a cgroup belongs to
 * @path: path of a cgroup below the root of the hierarchy, "/" in front or not
 * @n: its length
 * @ret: untouched when it belongs to none
 *
 * A container's own cgroup is named docker-ID.scope, libpod-ID.scope, libpod-ID (Podman without
 * systemd) or libpod-payload-ID (inside of a service, as Quadlet has it), anywhere in the
 * hierarchy, and has others inside of it or not. A container within a container counts as part of
 * the outer one. Its monitor's cgroup (libpod-conmon-ID.scope) is not a container's.
 *
 * Return: whether it belongs to one.
 */
bool phoenix_container_of(const char *path, size_t n, struct phoenix_container_ref *ret);

/**
 * phoenix_is_init_name() - whether a process 1 is only there to reap
 * @name: its name
 *
 * What `--init` of Podman and Docker puts in front of the payload, and what images bring along for
 * the same purpose.
 */
bool phoenix_is_init_name(const char *name);

/**
 * phoenix_json_escape() - the inside of a JSON string (RFC 8259, section 7)
 * @buf: where to write; may be NULL when @size is 0
 * @size: its size
 * @text: any bytes
 * @n: their number
 *
 * Quotes and backslashes get a backslash; control characters, the upper ones (DEL and U+0080 to
 * U+009F) too, become \u00XX, so that a terminal is safe as well; each byte that is not part of
 * valid UTF-8 becomes U+FFFD. What does not fit is left out from there on, never half an escape or
 * half a character. NUL-terminated when @size is not 0.
 *
 * Return: the length of the whole result without NUL, which has fit when it is less than @size.
 */
size_t phoenix_json_escape(char *buf, size_t size, const char *text, size_t n);

/* The digits of the largest number. */
#define PHOENIX_NUMBER_LENGTH 20

/**
 * phoenix_write_number() - a number in decimal digits
 * @buf: where to write; no NUL behind it
 * @value: the number
 *
 * Return: how many digits there are.
 */
size_t phoenix_write_number(char buf[PHOENIX_NUMBER_LENGTH], uint64_t value);

/**
 * phoenix_number() - a file that is one number, such as memory.current
 * @text: decimal digits, and a newline or not
 * @n: their number
 * @ret: untouched when it is anything else, or too large
 *
 * Return: whether it is a number.
 */
bool phoenix_number(const char *text, size_t n, uint64_t *ret);

/**
 * phoenix_stat_value() - one value of a file of "KEY NUMBER" lines, such as cpu.stat
 * @text: the file
 * @n: its length
 * @key: the key
 * @ret: the value of the first such line; untouched when there is none, or it is no number
 *
 * Return: whether there is one.
 */
bool phoenix_stat_value(const char *text, size_t n, const char *key, uint64_t *ret);

/**
 * phoenix_io_stat_sum() - sums io.stat over all devices
 * @text: lines such as "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0"
 * @n: their length
 * @ret: always set; a sum that is too large stays at the largest number
 */
void phoenix_io_stat_sum(const char *text, size_t n, struct phoenix_io *ret);

#endif
