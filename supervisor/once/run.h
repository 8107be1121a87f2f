/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Runs one command to its end, as transparently as an exec would: same signals, same exit code.
 */

/* Runs argv[0] (looked up in $PATH), hands SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 on
 * to it, and waits. Returns its exit code, 128 + N when signal N ended it, or a negative errno when
 * it could not be started. */
int run_command(char *const argv[]);
