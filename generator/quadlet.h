/* SPDX-License-Identifier: MIT */
/*
 * One run of Podman's Quadlet over all containers of a manager, in a private folder, so that runs
 * of generators never see each other's files; and finding out which file it did not like, so that
 * one container never costs another its unit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "generator/platform.h"

/* A container on its way through Quadlet. */
typedef struct QuadletJob {
    char *name;          /* of the spec */
    Text container;      /* in: phoenix@NAME.container */
    Text image;          /* in: phoenix-image@NAME.image; empty when there is none */
    char *service;       /* out: text of phoenix@NAME.service, or NULL */
    char *image_service; /* out: text of phoenix-image@NAME-image.service, or NULL */
    char *complaint;     /* out: why there is no service */
} QuadletJob;

void quadlet_job_done(QuadletJob *job);

/*
 * Runs Quadlet over the jobs. Each job comes back with its service texts, without Quadlet's own
 * header and SourcePath=, or with a complaint; also when Quadlet cannot be run at all.
 * fallback: folder to work in when there is no writable $TMPDIR or /tmp.
 * Returns 0, or negative errno when there is no place to work in or no memory.
 */
int quadlet_run(const Platform *platform, bool user, const char *fallback, QuadletJob *const *jobs,
                size_t n);
