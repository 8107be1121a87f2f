/* SPDX-License-Identifier: MIT */
/*
 * The indexes inside image archives, as text: which name, or which image ID, Podman gives to what
 * is in there. Reading the archive itself is the generator's part (image-file.h).
 */
#pragma once

#include <stddef.h>

/*
 * manifest.json of a Docker archive: the first name in RepoTags or, when it has none, the image ID.
 * size: bytes of text. Returns 0 and the reference (caller frees), -EINVAL when it is not such a
 * manifest of exactly one image, -ENOMEM.
 */
int image_archive_docker_reference(const char *text, size_t size, char **ret_reference);

/*
 * index.json of an OCI layout: the name in the annotations of its only manifest. When it has none,
 * *ret_reference is NULL and *ret_manifest is the path of the manifest inside the archive
 * ("blobs/sha256/..."), whose config names the image ID. Both are the caller's to free.
 * Returns 0, -EINVAL when it is no index of exactly one image, -ENOMEM.
 */
int image_archive_oci_reference(const char *text, size_t size, char **ret_reference,
                                char **ret_manifest);

/* An OCI image manifest: the image ID, which is the digest of its config. Returns as above. */
int image_archive_oci_image_id(const char *text, size_t size, char **ret_reference);
