/* SPDX-License-Identifier: MIT */

/* Runs another program to its end and brings back what it said. For short-lived tools (Quadlet,
 * systemd-analyze) in programs without an event loop; the supervisor does not use it. */

#pragma once

#include <stddef.h>
#include <stdint.h>

/* Runs argv (argv[0] is looked up in PATH when it holds no slash) with envp (NULL: our own
 * environment), in a process group of its own, stdin_text as its standard input (NULL: empty).
 * Standard output and error come back as strings the caller frees, complete or not at all; with a
 * NULL ret_stdout or ret_stderr that stream goes to /dev/null.
 *
 * Returns the exit status 0..255, or 128 + N when signal N killed it; both strings are set then,
 * and only then. What it left running in the background is not waited for, and no longer read
 * from. Negative: -ENOENT, -EACCES, ... when it could not be executed; -ETIMEDOUT after
 * timeout_usec (USEC_INFINITY: none), -EFBIG when either stream gives more than max_output bytes:
 * in both cases the process group gets SIGKILL first. Every process started here is reaped on
 * return. */
int process_run(char *const argv[], char *const envp[], const char *stdin_text,
                uint64_t timeout_usec, size_t max_output, char **ret_stdout, char **ret_stderr);

/* The same, for a program that must not be ended in the middle of what it writes, without input and
 * in our own environment: after timeout_usec, or with -ECANCELED as soon as cancel_fd (borrowed;
 * -1: none) can be read from or is at its end, it gets SIGTERM and has grace_usec more for its end
 * before its process group gets SIGKILL. */
int process_run_until(int cancel_fd, char *const argv[], uint64_t timeout_usec, uint64_t grace_usec,
                      size_t max_output, char **ret_stdout, char **ret_stderr);
