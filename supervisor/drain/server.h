/* SPDX-License-Identifier: MIT */
#pragma once

/* The program behind phoenix-drain: the one that accepts connections. */

#include <signal.h>
#include <sys/types.h>

/* Runs argv with the sockets that systemd has passed to us (LISTEN_FDS), as if it had passed them
 * to it. It ignores SIGTERM, which the manager may send to every process of the unit, and dies when
 * we do. Returns its pid, or a negative errno when it could not be executed. mask: signals that it
 * starts with. */
pid_t server_start(char *const argv[], const sigset_t *mask);

/* Holds it in whatever it does. Returns 0; 1 when it has ended instead, with its wait status in
 * *ret_status; or a negative errno. SIGCHLD must be blocked; those that come meanwhile are lost. */
int server_hold(pid_t pid, int *ret_status);
void server_go_on(pid_t pid);

/* Ends it at once, also when it is held. */
void server_end(pid_t pid);
