/* SPDX-License-Identifier: MIT */
/*
 * The files of waiting notifications, one each: ID.json in a folder of their own, written whole.
 * Not synced to disk, as that would hold up the event loop for as long as the disk likes: a kill -9
 * loses nothing, a power failure perhaps the last seconds.
 */
#pragma once

#include "supervisor/daemon/notify/notify-queue.h"

/* Makes the folder when it is missing. Returns its descriptor. */
int notify_store_open(const char *folder);

/* 0 and the notification's size and saved are set, or a negative errno. */
int notify_store_save(int dirfd, Notification *notification);
void notify_store_remove(int dirfd, const Notification *notification);

/* All that can be read, the oldest first; at most n_max, the newest of them. What cannot be read is
 * put aside as ID.json.bad, what an interrupted write left is removed. *ret_n_dropped counts those
 * that were too many, whose files are removed too. */
int notify_store_load(int dirfd, size_t n_max, Notification ***ret, size_t *ret_n,
                      size_t *ret_n_dropped);
