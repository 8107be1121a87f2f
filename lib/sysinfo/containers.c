/* SPDX-License-Identifier: MIT */

/* The list of containers of one reading. */

#include <errno.h>

#include "kmod/text.h"
#include "sysinfo/containers.h"
#include "sysinfo/owner.h"
#include "sysinfo/pool.h"

_Static_assert(SYSINFO_ID_LENGTH == PHOENIX_ID_LENGTH, "an ID is an ID");
_Static_assert(SYSINFO_SHORT_ID_LENGTH == PHOENIX_SHORT_ID_LENGTH, "an ID is an ID");

SysinfoContainer *containers_add(Containers *containers)
{
    Sysinfo *sysinfo = containers->sysinfo;

    if (sysinfo->n_containers == containers->allocated) {
        size_t allocated = MAX(containers->allocated * 2, (size_t)16);
        SysinfoContainer *items = reallocarray(sysinfo->containers, allocated, sizeof(*items));

        if (!items)
            return NULL;
        sysinfo->containers = items;
        containers->allocated = allocated;
    }
    sysinfo->containers[sysinfo->n_containers] = (SysinfoContainer){
        .cmdline = "",
        .manager = SYSINFO_SYSTEM_MANAGER,
    };
    return &sysinfo->containers[sysinfo->n_containers++];
}

void containers_drop_last(Containers *containers)
{
    containers->sysinfo->n_containers--;
}

static bool is_docker(const char *path, size_t n)
{
    static const char prefix[] = "docker-";
    const char *slash = memrchr(path, '/', n);
    const char *name = slash ? slash + 1 : path;

    return (size_t)(path + n - name) > strlen(prefix) && memcmp(name, prefix, strlen(prefix)) == 0;
}

int containers_set_cgroup(Containers *containers, SysinfoContainer *container, const char *path,
                          size_t n)
{
    Owner owner;

    container->runtime = is_docker(path, n) ? SYSINFO_DOCKER : SYSINFO_PODMAN;
    container->cgroup = pool_copy(&containers->sysinfo->pool, path, n);
    if (!container->cgroup)
        return -ENOMEM;
    if (!owner_of(path, n, &owner))
        return 0;
    container->manager = owner.manager;
    container->unit = pool_copy(&containers->sysinfo->pool, owner.unit, owner.unit_size);
    return container->unit ? 0 : -ENOMEM;
}

int containers_set_cmdline(Containers *containers, SysinfoContainer *container, const char *s,
                           size_t n)
{
    container->cmdline = pool_copy(&containers->sysinfo->pool, s, n);
    return container->cmdline ? 0 : -ENOMEM;
}

static int compare_ages(const void *a, const void *b)
{
    return sysinfo_compare_age(a, b);
}

static int compare_units(const void *a, const void *b)
{
    const SysinfoContainer *x = *(SysinfoContainer *const *)a, *y = *(SysinfoContainer *const *)b;

    if (x->manager != y->manager)
        return x->manager < y->manager ? -1 : 1;
    return strcmp(x->unit, y->unit);
}

/* Sorted, those of one unit stand together. */
static int mark_shared(Sysinfo *sysinfo)
{
    _cleanup_free_ SysinfoContainer **sorted =
        calloc(sysinfo->n_containers + 1, sizeof(SysinfoContainer *));
    size_t n = 0;

    if (!sorted)
        return -ENOMEM;
    for (size_t i = 0; i < sysinfo->n_containers; i++)
        if (sysinfo->containers[i].unit)
            sorted[n++] = &sysinfo->containers[i];
    qsort(sorted, n, sizeof(*sorted), compare_units);
    for (size_t i = 1; i < n; i++)
        if (compare_units(&sorted[i - 1], &sorted[i]) == 0)
            sorted[i - 1]->unit_shared = sorted[i]->unit_shared = true;
    return 0;
}

int containers_finish(Containers *containers)
{
    Sysinfo *sysinfo = containers->sysinfo;

    if (sysinfo->n_containers > 0)
        qsort(sysinfo->containers, sysinfo->n_containers, sizeof(*sysinfo->containers),
              compare_ages);
    return mark_shared(sysinfo);
}
