/* SPDX-License-Identifier: MIT */
/*
 * Looking around, behind platform.h. Generators run at every boot and reload, so this reads a
 * directory or two and starts no program it can do without.
 */
#include "generator/platform.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>

#include "base/file.h"
#include "base/process.h"
#include "base/strv.h"
#include "base/text.h"

/* What is assumed when nothing tells: the oldest that is supported gets the fewest new settings. */
#define SYSTEMD_OLDEST 252U

#define PROBE_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define PROBE_OUTPUT_MAX   65536U

#define MACHINE_ID_SIZE     32U
#define MACHINE_ID_FILE_MAX 4096U

/* systemd's programs share a library with the version in its name: libsystemd-shared-257.so. */
#define SHARED_LIBRARY "libsystemd-shared-"
static const char *const library_patterns[] = {
    "/usr/lib/systemd/" SHARED_LIBRARY "*.so",
    "/usr/lib64/systemd/" SHARED_LIBRARY "*.so",
    "/usr/lib/*-linux-*/systemd/" SHARED_LIBRARY "*.so",
};

static const char *const quadlet_paths[] = {
    "/usr/libexec/podman/quadlet",
    "/usr/lib/podman/quadlet",
};

/* Where Podman looks for it (containers.conf(5), helper_binaries_dir and init_path). */
static const char *const catatonit_paths[] = {
    "/usr/libexec/podman/catatonit",
    "/usr/local/libexec/podman/catatonit",
    "/usr/lib/podman/catatonit",
    "/usr/local/lib/podman/catatonit",
    "/usr/bin/catatonit",
};

void platform_done(Platform *platform)
{
    if (!platform)
        return;
    free(platform->quadlet);
    free(platform->libexec);
    free(platform->machine_id);
    *platform = (Platform){0};
}

/* The number in front of anything else, 0 when there is none. */
static unsigned leading_number(const char *s)
{
    unsigned value = 0;

    for (; isdigit((unsigned char)*s) && value < 100000; s++)
        value = value * 10 + (unsigned)(*s - '0');
    return value;
}

/* The cheapest way to systemd's version: no program is run. */
static unsigned version_of_library(const char *pattern)
{
    unsigned version = 0;
    glob_t found;

    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *name = strrchr(found.gl_pathv[i], '/') + 1;
        version = MAX(version, leading_number(name + strlen(SHARED_LIBRARY)));
    }
    globfree(&found);
    return version;
}

static unsigned ask_systemctl(void)
{
    _cleanup_free_ char *output = NULL, *errors = NULL;
    char *const argv[] = {(char *)"systemctl", (char *)"--version", NULL};

    if (process_run(argv, NULL, NULL, PROBE_TIMEOUT_USEC, PROBE_OUTPUT_MAX, &output, &errors) != 0)
        return 0;
    return strncmp(output, "systemd ", 8) == 0 ? leading_number(output + 8) : 0;
}

static unsigned find_systemd(void)
{
    const char *set = getenv("PHOENIX_SYSTEMD_VERSION");
    unsigned version = set ? leading_number(set) : 0;

    for (size_t i = 0; version == 0 && i < ELEMENTSOF(library_patterns); i++)
        version = version_of_library(library_patterns[i]);
    if (version == 0)
        version = ask_systemctl();
    return version > 0 ? version : SYSTEMD_OLDEST;
}

static const char *first_executable(const char *const *paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (access(paths[i], X_OK) == 0)
            return paths[i];
    return NULL;
}

static const char *find_quadlet(void)
{
    const char *set = getenv("PHOENIX_QUADLET");

    if (set)
        return access(set, X_OK) == 0 ? set : NULL;
    return first_executable(quadlet_paths, ELEMENTSOF(quadlet_paths));
}

static bool find_catatonit(void)
{
    const char *set = getenv("PHOENIX_CATATONIT");

    if (set)
        return streq(set, "yes");
    return first_executable(catatonit_paths, ELEMENTSOF(catatonit_paths)) != NULL;
}

/* At the very first boot there is "uninitialized", or nothing. */
static char *find_machine_id(void)
{
    const char *set = getenv("PHOENIX_MACHINE_ID");
    _cleanup_free_ char *text = NULL;

    if (set)
        return strdup(set);
    if (file_read(AT_FDCWD, "/etc/machine-id", MACHINE_ID_FILE_MAX, &text, NULL) < 0)
        return strdup("");
    size_t n = strspn(text, "0123456789abcdef");
    return strndup(text, n == MACHINE_ID_SIZE ? n : 0);
}

static unsigned find_uid(void)
{
    const char *set = getenv("PHOENIX_UID");

    return set ? leading_number(set) : getuid();
}

int platform_probe(Platform *ret)
{
    _cleanup_platform_ Platform platform = {
        .systemd = find_systemd(), .catatonit = find_catatonit(), .uid = find_uid()};
    const char *quadlet = find_quadlet();
    const char *libexec = getenv("PHOENIX_LIBEXEC");

    platform.libexec = strdup(libexec ? libexec : PHOENIX_LIBEXECDIR);
    if (quadlet)
        platform.quadlet = strdup(quadlet);
    platform.machine_id = find_machine_id();
    if (!platform.libexec || !platform.machine_id || (quadlet && !platform.quadlet))
        return -ENOMEM;
    *ret = platform;
    platform = (Platform){0};
    return 0;
}

/* "5.4.2", "quadlet version 4.9.3-dev": the first number with a dot and a number behind it. */
static int parse_podman_version(const char *text, unsigned *ret_version)
{
    for (const char *p = text; *p; p++) {
        if (!isdigit((unsigned char)*p))
            continue;
        unsigned major = leading_number(p);
        p += strspn(p, "0123456789");
        if (*p == '.' && isdigit((unsigned char)p[1])) {
            *ret_version = PODMAN_VERSION(major, leading_number(p + 1));
            return 0;
        }
        if (!*p)
            break;
    }
    return -EINVAL;
}

int platform_quadlet_version(const Platform *platform, unsigned *ret_version)
{
    const char *set = getenv("PHOENIX_QUADLET_VERSION");
    _cleanup_free_ char *output = NULL, *errors = NULL;

    if (set)
        return parse_podman_version(set, ret_version);
    if (!platform->quadlet)
        return -ENOENT;
    char *const argv[] = {platform->quadlet, (char *)"--version", NULL};
    int r = process_run(argv, NULL, NULL, PROBE_TIMEOUT_USEC, PROBE_OUTPUT_MAX, &output, &errors);
    if (r < 0)
        return r;
    return parse_podman_version(output, ret_version);
}
