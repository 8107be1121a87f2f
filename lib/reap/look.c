/* SPDX-License-Identifier: MIT */
/*
 * Looking at the machine, behind look.h.
 */
#include "reap/look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/macros.h"
#include "base/text.h"

#define PRESSURE_MAX 4096U

static void free_names(ReapContainer *containers, size_t n)
{
    for (size_t i = 0; containers && i < n; i++)
        free((char *)containers[i].name);
    free(containers);
}

void reap_look_done(ReapLook *look)
{
    free_names(look->containers, look->sysinfo.n_containers);
    sysinfo_done(&look->sysinfo);
    *look = (ReapLook){0};
}

double reap_pressure_parse(const char *text)
{
    static const char some[] = "some avg10=";
    char *end;

    if (strncmp(text, some, sizeof(some) - 1) != 0)
        return -1;
    double value = strtod(text + sizeof(some) - 1, &end);
    return end != text + sizeof(some) - 1 && value >= 0 && value <= 100 ? value : -1;
}

static double read_pressure(const char *proc_root, const char *what)
{
    _cleanup_free_ char *path = text_printf("%s/pressure/%s", proc_root, what), *text = NULL;

    if (!path || file_read(AT_FDCWD, path, PRESSURE_MAX, &text, NULL) < 0)
        return -1;
    return reap_pressure_parse(text);
}

/* A container keeps its name as long as we do not look away: Podman's rename is for those who
 * wait for the next start. */
static const char *known_name(const ReapLook *before, const SysinfoContainer *info)
{
    for (size_t i = 0; i < before->sysinfo.n_containers; i++) {
        const SysinfoContainer *known = &before->sysinfo.containers[i];
        if (known->cgroup_id == info->cgroup_id && streq(known->id, info->id))
            return before->containers[i].name;
    }
    return "";
}

static int find_name(const char *proc_root, const ReapLook *before, const SysinfoContainer *info,
                     char **ret)
{
    const char *known = known_name(before, info);

    if (!known[0] && info->runtime == SYSINFO_PODMAN)
        return reap_container_name(proc_root, info, ret);
    *ret = strdup(known);
    return *ret ? 0 : -ENOMEM;
}

EngineKind reap_engine_of(const SysinfoContainer *info)
{
    return info->runtime == SYSINFO_DOCKER ? ENGINE_DOCKER : ENGINE_PODMAN;
}

int reap_look_up(ReapLook *look, const EngineBook *book)
{
    for (size_t i = 0; i < look->sysinfo.n_containers; i++) {
        ReapContainer *container = &look->containers[i];
        container->engine = engine_book_find(book, container->info->id);
        if (container->name[0] || !container->engine)
            continue;
        char *name = strdup(container->engine->name);
        if (!name)
            return -ENOMEM;
        free((char *)container->name);
        container->name = name;
    }
    return 0;
}

bool reap_look_wants(const ReapLook *look, const EngineBook *book, EngineKind kind, uid_t manager,
                     bool labels, uint64_t now_usec)
{
    for (size_t i = 0; i < look->sysinfo.n_containers; i++) {
        const ReapContainer *container = &look->containers[i];
        const SysinfoContainer *info = container->info;
        if (info->unit && info->manager == manager && reap_engine_of(info) == kind &&
            (labels || !container->name[0]) && engine_book_wants(book, info->id, now_usec))
            return true;
    }
    return false;
}

int reap_look(SysinfoReader *reader, const char *proc_root, ReapLook *ret)
{
    _cleanup_reap_look_ ReapLook look = {0};

    proc_root = proc_root ? proc_root : "/proc";
    int r = sysinfo_read(reader, &look.sysinfo);
    if (r < 0)
        return r;
    look.containers = calloc(look.sysinfo.n_containers + 1, sizeof(ReapContainer));
    if (!look.containers)
        return -ENOMEM;
    for (size_t i = 0; i < look.sysinfo.n_containers; i++) {
        char *name = NULL;
        look.containers[i].info = &look.sysinfo.containers[i];
        r = find_name(proc_root, ret, &look.sysinfo.containers[i], &name);
        if (r < 0)
            return r;
        look.containers[i].name = name;
    }
    look.pressure = (ReapPressure){
        .memory = read_pressure(proc_root, "memory"),
        .cpu = read_pressure(proc_root, "cpu"),
        .io = read_pressure(proc_root, "io"),
    };
    reap_look_done(ret);
    *ret = look;
    look = (ReapLook){0};
    return 0;
}
