/* SPDX-License-Identifier: MIT */

/* Spelling of commands. */

#include "cli/doctor/mend.h"

#include <assert.h>
#include <inttypes.h>

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+,="

typedef struct Installer {
    const char *program;
    const char *command;
    const char *names[_PACKAGE_MAX];
} Installer;

static const Installer installers[] = {
    {
        "apt-get",
        "apt-get install --yes",
        {
            [PACKAGE_CATATONIT] = "catatonit",
            [PACKAGE_CURL] = "libcurl4",
            [PACKAGE_DBUS] = "dbus-user-session",
            [PACKAGE_FUSE_OVERLAYFS] = "fuse-overlayfs",
            [PACKAGE_NETAVARK] = "netavark",
            [PACKAGE_PASST] = "passt",
            [PACKAGE_PODMAN] = "podman",
            [PACKAGE_SLIRP4NETNS] = "slirp4netns",
            [PACKAGE_TIMESYNC] = "systemd-timesyncd",
            [PACKAGE_UIDMAP] = "uidmap",
        },
    },
    {
        "dnf",
        "dnf install --assumeyes",
        {
            [PACKAGE_CATATONIT] = "catatonit",
            [PACKAGE_CURL] = "libcurl",
            [PACKAGE_DBUS] = "dbus-broker",
            [PACKAGE_FUSE_OVERLAYFS] = "fuse-overlayfs",
            [PACKAGE_NETAVARK] = "netavark",
            [PACKAGE_PASST] = "passt",
            [PACKAGE_PODMAN] = "podman",
            [PACKAGE_SLIRP4NETNS] = "slirp4netns",
            [PACKAGE_TIMESYNC] = "chrony",
            [PACKAGE_UIDMAP] = "shadow-utils",
        },
    },
    {
        "zypper",
        "zypper --non-interactive install",
        {
            [PACKAGE_CATATONIT] = "catatonit",
            [PACKAGE_CURL] = "libcurl4",
            [PACKAGE_DBUS] = "dbus-1",
            [PACKAGE_FUSE_OVERLAYFS] = "fuse-overlayfs",
            [PACKAGE_NETAVARK] = "netavark",
            [PACKAGE_PASST] = "passt",
            [PACKAGE_PODMAN] = "podman",
            [PACKAGE_SLIRP4NETNS] = "slirp4netns",
            [PACKAGE_TIMESYNC] = "chrony",
            [PACKAGE_UIDMAP] = "shadow",
        },
    },
    {
        "pacman",
        "pacman --sync --noconfirm",
        {
            [PACKAGE_CATATONIT] = "catatonit",
            [PACKAGE_CURL] = "curl",
            [PACKAGE_DBUS] = "dbus",
            [PACKAGE_FUSE_OVERLAYFS] = "fuse-overlayfs",
            [PACKAGE_NETAVARK] = "netavark",
            [PACKAGE_PASST] = "passt",
            [PACKAGE_PODMAN] = "podman",
            [PACKAGE_SLIRP4NETNS] = "slirp4netns",
            [PACKAGE_TIMESYNC] = "chrony",
            [PACKAGE_UIDMAP] = "shadow",
        },
    },
};

void mend_by_package(Doctor *doctor, Package package)
{
    assert(package < _PACKAGE_MAX);

    for (size_t i = 0; i < ELEMENTSOF(installers); i++) {
        const Installer *installer = &installers[i];
        _cleanup_free_ char *program = machine_find_program(doctor->machine, installer->program);

        if (program) {
            doctor_add_root_mend(doctor, "%s %s", installer->command, installer->names[package]);
            return;
        }
    }
}

/* One file per key, so that one does not take the place of another. */
void mend_by_sysctl(Doctor *doctor, const char *key, uint64_t value)
{
    _cleanup_free_ char *sysctl = machine_find_program(doctor->machine, "sysctl");

    doctor_add_root_mend(doctor,
                         "echo '%s = %" PRIu64 "' >/etc/sysctl.d/60-%s.conf && "
                         "%s /etc/sysctl.d/60-%s.conf",
                         key, value, key, sysctl ? "sysctl -p" : "/usr/lib/systemd/systemd-sysctl",
                         key);
}

const char *mend_systemctl(const Doctor *doctor)
{
    return doctor->machine->scope == SPEC_SCOPE_USER ? "systemctl --user" : "systemctl";
}

char *mend_quote(const char *word)
{
    _cleanup_text_ Text t = {0};
    char *quoted = NULL;

    if (*word && strspn(word, PLAIN) == strlen(word))
        return strdup(word);
    text_add_char(&t, '\'');
    for (; *word; word++)
        if (*word == '\'')
            text_add(&t, "'\\''");
        else
            text_add_char(&t, *word);
    text_add_char(&t, '\'');
    return text_take(&t, &quoted) < 0 ? NULL : quoted;
}
