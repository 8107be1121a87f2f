/* SPDX-License-Identifier: MIT */

/* What podman(1) knows of images and does to them: the Podman of whoever runs the command, which is
 * the one that the services of that manager use. */

#pragma once

#include "base/macros.h"

typedef struct PodmanImage {
    char *id;     /* 64 hex digits: what is in it */
    char *digest; /* "sha256:...": how a registry calls it */
    char **tags;  /* full names, "docker.io/library/web:latest" */
} PodmanImage;

void podman_image_done(PodmanImage *image);
#define _cleanup_podman_image_ _cleanup_(podman_image_done)

/* Each returns 0, or a negative errno and in *ret_why what Podman said, for people (may be NULL
 * when out of memory; caller frees). -ENOENT: there is no such image or container here; *ret_why is
 * untouched then. -EIO: any other failure of Podman's. */
int podman_inspect(const char *image, PodmanImage *ret, char **ret_why);
/* The image that a container was made from: its ID. */
int podman_container_image(const char *container, char **ret_id, char **ret_why);
/* reference: a name with or without tag or digest, or TRANSPORT:PATH. What of that name is here is
 * replaced. Ends with -ECANCELED when cancel_fd (-1: none) can be read from, or is at its end. */
int podman_pull(const char *reference, int cancel_fd, char **ret_id, char **ret_why);
int podman_tag(const char *image, const char *name, char **ret_why);
/* The name; with it the image when it has no other one and no container is made from it. */
int podman_remove(const char *name, char **ret_why);
