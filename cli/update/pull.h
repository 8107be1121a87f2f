/* SPDX-License-Identifier: MIT */

/* A pull that moves no tag. Podman stores what it pulls under the name that it was asked for, and
 * the next start of a service goes by that name. So a process of its own pulls and moves the tag
 * back: when the command is killed meanwhile, that one ends Podman and does the rest, and the lock
 * of the service (ledger.h) is held until then. */

#pragma once

/* reference: what is pulled, as for podman_pull(). keep: the ID of the image that `name` is to name
 * afterwards; NULL: nothing is moved back. Returns and gives out what podman_pull() does, with a
 * reason for people in its place. */
int pull_image(const char *reference, const char *keep, const char *name, char **ret_id,
               char **ret_why);

/* What Podman said of a pull that failed, in words that tell whose fault it is and what to do: a
 * new string, or NULL without memory. Its own words where they are not understood. */
char *pull_reason(const char *said);
