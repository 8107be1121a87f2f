/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Keeping a server from accepting connections while it goes on to serve those it has: its listening
 * sockets are taken out of the epoll instance that it waits with, behind its back. Who connects
 * then waits in the queue of the listening socket.
 */

#include <sys/types.h>

/* fd: one of its listening sockets. Returns 0; 1 when the server has ended meanwhile, with its wait
 * status in *ret_status; or a negative errno: -EAGAIN when it waits with something else, or not
 * yet; others when it may not be touched (pidfd_getfd(2)). */
int server_deafen(pid_t pid, int fd, int *ret_status);
