/* SPDX-License-Identifier: MIT */
/*
 * What this machine has: which systemd will read the units, which Quadlet makes containers of them.
 * Everything can be set by environment, so that tests see any machine they like:
 * PHOENIX_SYSTEMD_VERSION (252), PHOENIX_QUADLET (path, empty: none), PHOENIX_QUADLET_VERSION
 * (5.4), PHOENIX_CATATONIT (yes, no), PHOENIX_LIBEXEC (folder of phoenix-abort and its like),
 * PHOENIX_MACHINE_ID (32 hexadecimal digits), PHOENIX_UID (number).
 */
#pragma once

#include <stdbool.h>

typedef struct Platform {
    unsigned systemd; /* major version */
    char *quadlet;    /* path of the program; NULL when there is none */
    bool catatonit;   /* podman run --init works */
    char *libexec;    /* folder of our helpers */
    char *machine_id; /* machine-id(5); "" when there is none yet */
    unsigned uid;     /* of the user whose manager it is, when it is a user's */
} Platform;

/* Versions of Podman are compared as one number. */
#define PODMAN_VERSION(major, minor) ((major)*1000U + (minor))

/* The oldest Quadlet that is used at all. */
#define QUADLET_OLDEST PODMAN_VERSION(4, 4)

void platform_done(Platform *platform);
#define _cleanup_platform_ _cleanup_(platform_done)

/* Looks around without running anything, but for one case: systemd's version is asked from
 * `systemctl --version` when no file tells it. Returns 0 or -ENOMEM. */
int platform_probe(Platform *ret);

/*
 * Asks Quadlet for its version, as PODMAN_VERSION(); this runs the program, so only do it when
 * there are containers. Returns 0, -ENOENT without Quadlet, -EINVAL when it tells no version, or
 * the error of running it.
 */
int platform_quadlet_version(const Platform *platform, unsigned *ret_version);
