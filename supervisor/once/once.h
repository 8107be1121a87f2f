/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The rules of "one time ever": what a hook may be called, where its stamp is, what the stamp says.
 * No I/O.
 */

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define ONCE_NAME_MAX 64

/* True for [A-Za-z0-9_.-]{1,64}, so that a name can never leave the state directory. */
bool once_name_is_valid(const char *name);

/* Takes the first entry of $STATE_DIRECTORY (systemd.exec(5): absolute paths joined by colons).
 * Returns 0, -ENOENT for NULL or nothing, -EINVAL for a path that is not absolute, -ENAMETOOLONG.
 */
int once_state_directory(const char *value, char *ret, size_t size);

/* Writes the text of a stamp: "date=" in UTC and "argv=" with each argument quoted, control
 * characters escaped. Returns the text, to be freed, or NULL when out of memory. */
char *once_stamp_text(time_t date, char *const argv[]);

/* Finds the date in the text of a stamp. Returns false when it has none that is fit to print. */
bool once_stamp_date(const char *text, char *ret, size_t size);
