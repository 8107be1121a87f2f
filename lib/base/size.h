/* SPDX-License-Identifier: MIT */

/* Byte sizes and percentages as people write them, as systemd.resource-control(5) reads them
 * (MemoryMax=, CPUQuota=). */

#pragma once

#include <stdint.h>

/* Reads bytes: a decimal number, then K, M, G, T, P or E (base 1024), with or without "iB" ("64M",
 * "64MiB"), or "B" or nothing for bytes. A fraction is allowed before a unit above B ("1.5G") and
 * is cut off below a byte. Blanks may stand between number and unit. "64MB" and "64m" are refused:
 * they mean different things to different people. -EINVAL when it is not a size, -ERANGE from 2^64
 * up. */
int size_parse(const char *s, uint64_t *ret_bytes);

/* The canonical form, exact: the largest unit that divides the value ("50M", "1536K", "1000", "0").
 * Caller frees; NULL when out of memory. */
char *size_format(uint64_t bytes);

/* Reads "50%", "12.5%", "0.01%", "250%" into hundredths of a percent (1250 for "12.5%"); at most
 * two decimals. There is no upper limit but the type's: -ERANGE. -EINVAL when it is not a
 * percentage. */
int percent_parse(const char *s, uint32_t *ret_permyriad);
