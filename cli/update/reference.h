/* SPDX-License-Identifier: MIT */

/* Names of images as they stand in specs: what kind of name it is, and the whole name that a short
 * one stands for. */

#pragma once

#include "base/macros.h"

typedef enum ReferenceKind {
    REFERENCE_REGISTRY, /* "docker.io/library/web:1", "web": may be pulled */
    REFERENCE_DIGEST,   /* "quay.io/web@sha256:...": is what it is */
    REFERENCE_LOCAL,    /* "localhost/web": was built here */
    REFERENCE_ARCHIVE,  /* "/srv/web.tar" */
    _REFERENCE_KIND_MAX,
} ReferenceKind;

ReferenceKind reference_kind(const char *image);

/* Which of an image's full names (string vector) the name of a spec means: "web" means
 * "docker.io/library/web:latest" when that is one of them. A new string: the name itself with its
 * tag when none fits; NULL when out of memory. */
char *reference_full(const char *image, char *const *tags);

/* "quay.io/web@DIGEST" of "quay.io/web:1"; NULL when out of memory. */
char *reference_with_digest(const char *full, const char *digest);
