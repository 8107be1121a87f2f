/* SPDX-License-Identifier: MIT */

/* A second name for the last good image of a service, so that `podman image prune` leaves it: the
 * tag of the spec may move on without us, and units of Podman prune after each update. */

#pragma once

/* Best effort: without it an image can be lost, with a registry it comes back. id: of the image. */
void known_good_keep(const char *service, const char *id);

/* For a service that is no more. Returns 1 when there was one, 0, or a negative errno with
 * *ret_why as those of podman.h. */
int known_good_drop(const char *service, char **ret_why);
