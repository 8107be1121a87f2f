/* SPDX-License-Identifier: MIT */

/* One walk over the hierarchy gives the containers; those that were there before have their files
 * open already. How many files that may be is bounded, and a process that runs out of descriptors
 * in spite of it gets them back. */

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/vfs.h>

#include "sysinfo/cgroup-source.h"
#include "sysinfo/containers.h"
#include "sysinfo/groups.h"
#include "sysinfo/host.h"

#define CGROUP_ROOT "/sys/fs/cgroup"
#define PROC_ROOT   "/proc"

struct CgroupSource {
    int root_fd, proc_fd;
    Host host;
    Tree tree;
    Groups groups;
    GroupReading reading;
    size_t max_descriptors;
};

typedef struct Round {
    CgroupSource *source;
    Containers containers;
    size_t n_descriptors; /* that stay open */
} Round;

static size_t default_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    return (size_t)MIN(limit.rlim_cur, (rlim_t)UINT32_MAX) / 4 * 3;
}

static int open_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

static int open_all(CgroupSource *source, const SysinfoOptions *options)
{
    struct statfs fs;

    source->root_fd = open_folder(options->cgroup_root ? options->cgroup_root : CGROUP_ROOT);
    if (source->root_fd < 0)
        return source->root_fd;
    if (!options->cgroup_root && fstatfs(source->root_fd, &fs) < 0)
        return -errno;
    if (!options->cgroup_root && fs.f_type != CGROUP2_SUPER_MAGIC)
        return -EMEDIUMTYPE;
    source->proc_fd = open_folder(options->proc_root ? options->proc_root : PROC_ROOT);
    return source->proc_fd < 0 ? source->proc_fd : host_open(source->proc_fd, &source->host);
}

CgroupSource *cgroup_source_free(CgroupSource *source)
{
    if (!source)
        return NULL;
    groups_done(&source->groups);
    main_process_search_done(&source->reading.search);
    tree_done(&source->tree);
    host_done(&source->host);
    cleanup_close(&source->proc_fd);
    cleanup_close(&source->root_fd);
    free(source);
    return NULL;
}

int cgroup_source_new(const SysinfoOptions *options, CgroupSource **ret)
{
    CgroupSource *source = calloc(1, sizeof(*source));
    long ticks_per_second = sysconf(_SC_CLK_TCK);
    int r;

    if (!source)
        return -ENOMEM;
    source->root_fd = source->proc_fd = -1;
    source->host = HOST_NONE;
    source->max_descriptors =
        options->max_descriptors > 0 ? options->max_descriptors : default_descriptors();
    r = open_all(source, options);
    if (r < 0) {
        cgroup_source_free(source);
        return r;
    }
    source->reading.proc_fd = source->proc_fd;
    source->reading.usec_per_tick =
        USEC_PER_SEC / (uint64_t)(ticks_per_second > 0 ? ticks_per_second : 100);
    *ret = source;
    return 0;
}

static int fill(Round *round, const TreeContainer *found, size_t cmdline_size,
                SysinfoContainer *container)
{
    const Sysinfo *sysinfo = round->containers.sysinfo;
    int r;

    memcpy(container->id, found->id, SYSINFO_ID_LENGTH);
    container->cgroup_id = found->cgroup_id;
    if (sysinfo->memory_total_bytes > 0)
        container->memory_percent =
            100.0 * (double)container->memory_bytes / (double)sysinfo->memory_total_bytes;
    r = containers_set_cmdline(&round->containers, container, round->source->reading.buffer,
                               cmdline_size);
    return r < 0 ? r
                 : containers_set_cgroup(&round->containers, container, found->path,
                                         found->path_size);
}

static int read_container(Round *round, const TreeContainer *found, Group *group)
{
    SysinfoContainer *container = containers_add(&round->containers);
    size_t cmdline_size;
    int r;

    if (!container)
        return -ENOMEM;
    r = group_read(group, found, &round->source->reading, container, &cmdline_size);
    if (r == GROUP_EMPTY)
        containers_drop_last(&round->containers);
    return r == 0 ? fill(round, found, cmdline_size, container) : MIN(r, 0);
}

static int on_found(const TreeContainer *found, void *userdata)
{
    Round *round = userdata;
    CgroupSource *source = round->source;
    Group *group;
    int r;

    if (round->containers.sysinfo->n_containers >= SYSINFO_CONTAINERS_MAX) {
        round->containers.sysinfo->left_out++;
        return 0;
    }
    group = groups_get(&source->groups, found->cgroup_id);
    if (!group)
        return -ENOMEM;
    r = read_container(round, found, group);
    round->n_descriptors += group_n_descriptors(group);
    if (round->n_descriptors > source->max_descriptors) {
        round->n_descriptors -= group_n_descriptors(group);
        group_close(group);
    }
    return r;
}

static int read_once(CgroupSource *source, Sysinfo *ret, size_t *ret_n_descriptors)
{
    Round round = {.source = source, .containers = {.sysinfo = ret}};
    int r;

    r = host_read(&source->host, ret);
    if (r < 0)
        return r;
    r = tree_walk(&source->tree, source->root_fd, on_found, &round);
    *ret_n_descriptors = round.n_descriptors;
    if (r < 0)
        return r;
    groups_end_round(&source->groups);
    ret->source = SYSINFO_CGROUP;
    ret->n_refused = source->tree.n_refused;
    return containers_finish(&round.containers);
}

/* Without any that stay open, a reading needs some thirty. */
int cgroup_source_read(CgroupSource *source, Sysinfo *ret)
{
    size_t n_descriptors = 0;
    int r;

    for (;;) {
        r = read_once(source, ret, &n_descriptors);
        if ((r != -EMFILE && r != -ENFILE) || source->max_descriptors == 0)
            return r;
        groups_close(&source->groups);
        source->max_descriptors = MIN(source->max_descriptors, n_descriptors) / 2;
        sysinfo_done(ret);
    }
}
