/* SPDX-License-Identifier: MIT */
/*
 * Image archives: what `podman save` and `docker save` write. To run one, Podman has to load it,
 * and the container has to name what was loaded; both follow from the index inside the archive.
 * Docker: manifest.json (docker image spec v1.2); OCI: index.json (image-layout spec).
 */
#pragma once

#include <stdbool.h>

#include "base/macros.h"

typedef struct ImageFile {
    bool oci;        /* OCI layout, otherwise docker-archive */
    char *reference; /* what Podman calls the loaded image: a name, or an image ID */
} ImageFile;

void image_file_done(ImageFile *archive);
#define _cleanup_image_file_ _cleanup_(image_file_done)

/* Returned for a file that is no image archive or cannot be used as one. */
#define IMAGE_FILE_UNUSABLE 1

/*
 * Looks into the archive at path; reads a bounded part of it. Returns 0, IMAGE_FILE_UNUSABLE with
 * *ret_reason (caller frees) for people, or -ENOMEM.
 */
int image_file_inspect(const char *path, ImageFile *ret, char **ret_reason);

/* Podman's transport for it: "docker-archive" or "oci-archive". */
const char *image_file_transport(const ImageFile *archive);
