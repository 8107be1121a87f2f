/* SPDX-License-Identifier: MIT */

/* What one reading holds: words for its values, order, and its end. */

#include <errno.h>

#include "sysinfo/pool.h"
#include "sysinfo/sysinfo.h"

static const char *const source_names[] = {
    [SYSINFO_AUTO] = "auto",
    [SYSINFO_MODULE] = "module",
    [SYSINFO_CGROUP] = "cgroup",
};
_Static_assert(ELEMENTSOF(source_names) == _SYSINFO_SOURCE_MAX, "a source has no name");

static const char *const runtime_names[] = {
    [SYSINFO_DOCKER] = "docker",
    [SYSINFO_PODMAN] = "podman",
};
_Static_assert(ELEMENTSOF(runtime_names) == _SYSINFO_RUNTIME_MAX, "a runtime has no name");

const char *sysinfo_source_name(SysinfoSource source)
{
    return source_names[source];
}

int sysinfo_source_parse(const char *s, SysinfoSource *ret)
{
    for (size_t i = 0; i < ELEMENTSOF(source_names); i++)
        if (streq(s, source_names[i])) {
            *ret = (SysinfoSource)i;
            return 0;
        }
    return -EINVAL;
}

const char *sysinfo_runtime_name(SysinfoRuntime runtime)
{
    return runtime_names[runtime];
}

const char *sysinfo_missing_name(SysinfoMissing missing)
{
    switch (missing) {
    case SYSINFO_MISSING_CPU:
        return "cpu";
    case SYSINFO_MISSING_MEMORY:
        return "memory";
    case SYSINFO_MISSING_IO:
        return "io";
    default:
        return "process";
    }
}

void sysinfo_done(Sysinfo *sysinfo)
{
    free(sysinfo->containers);
    pool_free(sysinfo->pool);
    *sysinfo = (Sysinfo){0};
}

static int compare_numbers(uint64_t a, uint64_t b)
{
    return a < b ? -1 : a > b;
}

int sysinfo_compare_age(const SysinfoContainer *a, const SysinfoContainer *b)
{
    int r = compare_numbers(a->start_usec, b->start_usec);

    if (r == 0)
        r = compare_numbers(a->cgroup_id, b->cgroup_id);
    return r != 0 ? r : strcmp(a->id, b->id);
}
