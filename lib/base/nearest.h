/* SPDX-License-Identifier: MIT */

/* "Did you mean ...": the candidate that a mistyped word was most likely meant to be. */

#pragma once

/* The candidate with the smallest number of typing slips from word (a byte inserted, left out,
 * replaced, or two neighbours swapped), the first one when there are several. NULL when none is
 * within a third of the word's length (one slip for short words), or the word has fewer than 3 or
 * more than 64 bytes. candidates ends with NULL; the result points into it. */
const char *nearest(const char *word, const char *const *candidates);
