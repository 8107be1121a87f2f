/* SPDX-License-Identifier: MIT */

/* Commands that mend more than one thing. */

#pragma once

#include "cli/doctor/doctor.h"

typedef enum Package {
    PACKAGE_CATATONIT,
    PACKAGE_CURL,
    PACKAGE_DBUS,
    PACKAGE_FUSE_OVERLAYFS,
    PACKAGE_NETAVARK,
    PACKAGE_PASST,
    PACKAGE_PODMAN,
    PACKAGE_SLIRP4NETNS,
    PACKAGE_TIMESYNC,
    PACKAGE_UIDMAP,
    _PACKAGE_MAX,
} Package;

/* Installs a package with the package manager of this machine; adds nothing when it is none we
 * know.
 */
void mend_by_package(Doctor *doctor, Package package);

/* Sets a sysctl for now and for every boot. */
void mend_by_sysctl(Doctor *doctor, const char *key, uint64_t value);

/* "systemctl", or "systemctl --user". */
const char *mend_systemctl(const Doctor *doctor);

/* A word as a shell takes it, quoted where it has to be. Caller frees. */
char *mend_quote(const char *word);
