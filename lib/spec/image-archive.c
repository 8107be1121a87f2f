/* SPDX-License-Identifier: MIT */
/*
 * Reading the indexes behind image-archive.h. They come from a file that anybody may have made, so
 * what ends up in a unit is held to the letters that references and digests have.
 */
#include "spec/image-archive.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"

#define HEX_DIGITS        "0123456789abcdef"
#define REFERENCE_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@+"
#define REFERENCE_MAX     1024U

static void cleanup_json(json_t **json)
{
    json_decref(*json);
}
#define _cleanup_json_ _cleanup_(cleanup_json)

static bool is_reference(const char *s)
{
    return s && *s && *s != '-' && *s != '/' && strlen(s) <= REFERENCE_MAX &&
           s[strspn(s, REFERENCE_LETTERS)] == '\0';
}

/* The 64 digits of "sha256:DIGITS", or NULL. */
static const char *sha256_of(const char *digest)
{
    if (!digest || strncmp(digest, "sha256:", 7) != 0)
        return NULL;
    digest += 7;
    return strlen(digest) == 64 && strspn(digest, HEX_DIGITS) == 64 ? digest : NULL;
}

static int copy(const char *s, size_t n, char **ret)
{
    char *result = strndup(s, n);

    if (!result)
        return -ENOMEM;
    *ret = result;
    return 0;
}

/* "Config" is DIGITS.json, or blobs/sha256/DIGITS in archives that are an OCI layout as well. */
static int image_id_of_config(const char *config, char **ret_reference)
{
    if (!config)
        return -EINVAL;
    if (strncmp(config, "blobs/sha256/", 13) == 0)
        config += 13;
    size_t n = strspn(config, HEX_DIGITS);
    if (n != 64 || (config[n] && !streq(config + n, ".json")))
        return -EINVAL;
    return copy(config, n, ret_reference);
}

int image_archive_docker_reference(const char *text, size_t size, char **ret_reference)
{
    _cleanup_json_ json_t *manifest = json_loadb(text, size, 0, NULL);

    if (json_array_size(manifest) != 1)
        return -EINVAL;
    const json_t *image = json_array_get(manifest, 0);
    const char *tag = json_string_value(json_array_get(json_object_get(image, "RepoTags"), 0));
    if (is_reference(tag))
        return copy(tag, strlen(tag), ret_reference);
    return image_id_of_config(json_string_value(json_object_get(image, "Config")), ret_reference);
}

int image_archive_oci_reference(const char *text, size_t size, char **ret_reference,
                                char **ret_manifest)
{
    _cleanup_json_ json_t *index = json_loadb(text, size, 0, NULL);
    const json_t *manifests = json_object_get(index, "manifests");

    if (json_array_size(manifests) != 1)
        return -EINVAL;
    const json_t *manifest = json_array_get(manifests, 0);
    const json_t *annotations = json_object_get(manifest, "annotations");
    /* In this order, as Podman looks for them. */
    const char *name = json_string_value(json_object_get(annotations, "io.containerd.image.name"));
    if (!name)
        name = json_string_value(json_object_get(annotations, "org.opencontainers.image.ref.name"));
    if (is_reference(name)) {
        int r = copy(name, strlen(name), ret_reference);
        if (r >= 0)
            *ret_manifest = NULL;
        return r;
    }
    const char *digits = sha256_of(json_string_value(json_object_get(manifest, "digest")));
    if (!digits)
        return -EINVAL;
    char *path = text_printf("blobs/sha256/%s", digits);
    if (!path)
        return -ENOMEM;
    *ret_reference = NULL;
    *ret_manifest = path;
    return 0;
}

int image_archive_oci_image_id(const char *text, size_t size, char **ret_reference)
{
    _cleanup_json_ json_t *manifest = json_loadb(text, size, 0, NULL);
    const json_t *config = json_object_get(manifest, "config");
    const char *digits = sha256_of(json_string_value(json_object_get(config, "digest")));

    return digits ? copy(digits, 64, ret_reference) : -EINVAL;
}
