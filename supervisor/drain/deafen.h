/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Keeping a server from accepting connections while it goes on to serve those it has: its listening
 * sockets are taken out of the epoll instance that it waits with, behind its back. Who connects
 * then waits in the queue of the listening socket.
 */

#include <sys/types.h>

#include "connections.h"

/* Returns 0; 1 when the server has ended meanwhile, with its wait status in *ret_status; or a
 * negative errno: it waits with something else, or may not be touched (pidfd_getfd(2)). Not for
 * good: all that remains then is to end it. */
int server_deafen(pid_t pid, const struct listener *listeners, size_t n, int *ret_status);
