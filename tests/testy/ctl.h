/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The client side, in the same binary: an image made from scratch has neither curl nor a shell.
 */

/* `phoenix-testy ctl ...`, argv[0] being "ctl". Returns the exit code: 0 for an answer of 200 (or a
 * file written), 1 for any other answer, 2 when misused, 3 when there is no answer. */
int ctl_run(int argc, char *argv[]);
