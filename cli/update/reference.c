/* SPDX-License-Identifier: MIT */

/* Names of images, taken apart. */

#include "cli/update/reference.h"

#include "base/strv.h"
#include "base/text.h"

#define LOCAL_PREFIX "localhost/"

ReferenceKind reference_kind(const char *image)
{
    if (image[0] == '/')
        return REFERENCE_ARCHIVE;
    if (strchr(image, '@'))
        return REFERENCE_DIGEST;
    if (strncmp(image, LOCAL_PREFIX, strlen(LOCAL_PREFIX)) == 0)
        return REFERENCE_LOCAL;
    return REFERENCE_REGISTRY;
}

/* The ":TAG" at its end, or NULL. A colon before a slash is that of a port. */
static const char *tag_of(const char *name)
{
    const char *slash = strrchr(name, '/');

    return strchr(slash ? slash : name, ':');
}

static bool ends_with_part(const char *name, const char *part)
{
    size_t n = strlen(name), m = strlen(part);

    return n > m && name[n - m - 1] == '/' && streq(name + n - m, part);
}

char *reference_full(const char *image, char *const *tags)
{
    _cleanup_free_ char *wanted = text_printf("%s%s", image, tag_of(image) ? "" : ":latest");

    if (!wanted || strv_contains(tags, wanted))
        return TAKE_PTR(wanted);
    STRV_FOREACH (tag, tags)
        if (ends_with_part(*tag, wanted))
            return strdup(*tag);
    return TAKE_PTR(wanted);
}

char *reference_with_digest(const char *full, const char *digest)
{
    const char *end = strchr(full, '@');

    if (!end)
        end = tag_of(full);
    return text_printf("%.*s@%s", (int)(end ? (size_t)(end - full) : strlen(full)), full, digest);
}
