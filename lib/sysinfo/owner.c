/* SPDX-License-Identifier: MIT */

/* Units in paths of cgroups. What systemd makes of a unit's name and where it puts it:
 * https://systemd.io/CONTROL_GROUP_INTERFACE/, systemd.slice(5). */

#include <string.h>

#include "sysinfo/owner.h"
#include "sysinfo/sysinfo.h"

typedef struct Part {
    const char *s;
    size_t n;
} Part;

/* The next part of the path, which is taken off it; an empty one at the end. */
static Part next_part(const char **path, size_t *n)
{
    Part part;
    const char *end;

    while (*n > 0 && **path == '/') {
        (*path)++;
        (*n)--;
    }
    end = *n > 0 ? memchr(*path, '/', *n) : NULL;
    part = (Part){*path, end ? (size_t)(end - *path) : *n};
    *path += part.n;
    *n -= part.n;
    return part;
}

static bool ends_with(Part part, const char *suffix)
{
    size_t n = strlen(suffix);

    return part.n > n && memcmp(part.s + part.n - n, suffix, n) == 0;
}

/* The first part that is no slice: a unit, or, of a container without systemd, the cgroup itself.
 */
static Part next_unit(const char **path, size_t *n)
{
    Part part;

    do
        part = next_part(path, n);
    while (ends_with(part, ".slice"));
    return part;
}

/* "user@1000.service" */
static bool is_user_manager(Part part, uid_t *ret_uid)
{
    static const char prefix[] = "user@", suffix[] = ".service";
    size_t before = strlen(prefix), after = strlen(suffix);
    uint64_t uid = 0;

    if (part.n <= before + after || memcmp(part.s, prefix, before) != 0 || !ends_with(part, suffix))
        return false;
    for (size_t i = before; i < part.n - after; i++) {
        if (part.s[i] < '0' || part.s[i] > '9')
            return false;
        uid = uid * 10 + (uint64_t)(part.s[i] - '0');
        if (uid >= UINT32_MAX) /* which stands for no user */
            return false;
    }
    *ret_uid = (uid_t)uid;
    return true;
}

bool owner_of(const char *path, size_t n, Owner *ret)
{
    uid_t manager = SYSINFO_SYSTEM_MANAGER;
    Part unit = next_unit(&path, &n), inner;

    if (is_user_manager(unit, &manager))
        unit = next_unit(&path, &n);
    inner = next_part(&path, &n);
    if (n > 0 || unit.n == 0 || !ends_with(unit, inner.n > 0 ? ".service" : ".scope"))
        return false;
    /* A user's manager is nobody's service, and one within one is not there. */
    if (is_user_manager(unit, &(uid_t){0}))
        return false;

    /* Names that the kernel would take for its own files get a "_" in front. */
    if (unit.s[0] == '_') {
        unit.s++;
        unit.n--;
    }
    *ret = (Owner){unit.s, unit.n, manager};
    return true;
}
