/* SPDX-License-Identifier: MIT */

/* The files of a container's cgroup and of its main process, cgroups(7). */

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "kmod/text.h"
#include "sysinfo/group.h"
#include "sysinfo/read-at.h"

/* What hardly ever changes is looked at again at every eighth reading only: a file that was not
 * there, since its controller may be enabled later; which process of a container is the oldest. */
#define LOOK_EVERY 8U

static const struct {
    const char *name;
    unsigned missing;
} group_files[] = {
    [GROUP_CPU] = {"cpu.stat", SYSINFO_MISSING_CPU},
    [GROUP_MEMORY] = {"memory.current", SYSINFO_MISSING_MEMORY},
    [GROUP_IO] = {"io.stat", SYSINFO_MISSING_IO},
};
_Static_assert(ELEMENTSOF(group_files) == _GROUP_FILE_MAX, "a file has no name");

Group *group_new(uint64_t cgroup_id)
{
    Group *group = malloc(sizeof(*group));

    if (!group)
        return NULL;
    *group = (Group){.cgroup_id = cgroup_id, .process = MAIN_PROCESS_NONE};
    for (size_t i = 0; i < _GROUP_FILE_MAX; i++)
        group->files[i] = -1;
    return group;
}

void group_close(Group *group)
{
    for (size_t i = 0; i < _GROUP_FILE_MAX; i++) {
        cleanup_close(&group->files[i]);
        group->files[i] = -1;
    }
    main_process_done(&group->process);
    group->n_readings = 0;
}

Group *group_free(Group *group)
{
    if (group)
        group_close(group);
    free(group);
    return NULL;
}

unsigned group_n_descriptors(const Group *group)
{
    unsigned n = 0;

    for (size_t i = 0; i < _GROUP_FILE_MAX; i++)
        n += group->files[i] >= 0;
    return n + (group->process.stat_fd >= 0) + (group->process.cmdline_fd >= 0);
}

static bool is_exhausted(int r)
{
    return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

/* The container's cgroup, opened when it is needed. */
static int open_folder(const TreeContainer *place, int *folder_fd)
{
    if (*folder_fd < 0)
        *folder_fd =
            openat(place->parent_fd, place->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *folder_fd < 0 ? -errno : 0;
}

static bool has_all(const Group *group)
{
    for (size_t i = 0; i < _GROUP_FILE_MAX; i++)
        if (group->files[i] < 0)
            return false;
    return true;
}

static int open_files(Group *group, const TreeContainer *place, int *folder_fd)
{
    int r;

    if (has_all(group) || !group->is_due)
        return 0;
    r = open_folder(place, folder_fd);
    if (r < 0)
        return is_exhausted(r) ? r : GROUP_EMPTY;
    for (size_t i = 0; i < _GROUP_FILE_MAX; i++) {
        if (group->files[i] >= 0)
            continue;
        group->files[i] =
            openat(*folder_fd, group_files[i].name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
        if (group->files[i] < 0 && is_exhausted(-errno))
            return -errno;
    }
    return 0;
}

static uint64_t now_usec(void)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

static bool parse(GroupFile file, const char *text, size_t n, SysinfoContainer *ret)
{
    struct phoenix_io io;

    switch (file) {
    case GROUP_CPU:
        ret->taken_usec = now_usec();
        return phoenix_stat_value(text, n, "usage_usec", &ret->cpu_usec);
    case GROUP_MEMORY:
        return phoenix_number(text, n, &ret->memory_bytes);
    case GROUP_IO:
        phoenix_io_stat_sum(text, n, &io);
        ret->rbytes = io.rbytes;
        ret->wbytes = io.wbytes;
        ret->rios = io.rios;
        ret->wios = io.wios;
        return true;
    default:
        return false;
    }
}

/* Returns GROUP_EMPTY when the cgroup is gone, of which the open file tells. */
static int read_files(Group *group, GroupReading *reading, SysinfoContainer *ret)
{
    for (size_t i = 0; i < _GROUP_FILE_MAX; i++) {
        ssize_t n = -ENOENT;

        if (group->files[i] >= 0)
            n = read_at_start(group->files[i], reading->buffer, sizeof(reading->buffer));
        if (n == -ENODEV)
            return GROUP_EMPTY;
        if (n < 0 || !parse((GroupFile)i, reading->buffer, (size_t)n, ret))
            ret->missing |= group_files[i].missing;
    }
    return 0;
}

/* Returns whether there is a main process that was read. One that was found just now may be one
 * whose first thread has ended; later that means to look for another. */
static bool read_process(Group *group, GroupReading *reading, bool found_now, SysinfoContainer *ret,
                         size_t *ret_cmdline_size)
{
    ProcessStat stat;
    ssize_t n;

    if (group->process.stat_fd < 0 || process_read_stat(group->process.stat_fd, &stat) < 0)
        return false;
    if (stat.state == 'X' || (stat.state == 'Z' && !found_now))
        return false;
    n = process_read_cmdline(group->process.cmdline_fd, reading->buffer);
    if (n < 0)
        return false;
    memcpy(ret->name, stat.name, sizeof(ret->name));
    ret->pid = group->process.pid;
    ret->start_usec = stat.start_ticks * reading->usec_per_tick;
    *ret_cmdline_size = (size_t)n;
    return true;
}

static bool is_still_main(const Group *group)
{
    switch (group->process.trust) {
    case MAIN_PROCESS_FINAL:
        return true;
    case MAIN_PROCESS_OLDEST:
        return !group->is_due;
    default:
        return false;
    }
}

static int find_process(Group *group, const TreeContainer *place, int *folder_fd,
                        GroupReading *reading)
{
    int r;

    main_process_done(&group->process);
    r = open_folder(place, folder_fd);
    if (r < 0)
        return is_exhausted(r) ? r : GROUP_EMPTY;
    r = main_process_find(reading->proc_fd, *folder_fd, &reading->search, &group->process);
    return r == MAIN_PROCESS_EMPTY ? GROUP_EMPTY : MIN(r, 0);
}

int group_read(Group *group, const TreeContainer *place, GroupReading *reading,
               SysinfoContainer *ret, size_t *ret_cmdline_size)
{
    _cleanup_close_ int folder_fd = -1;
    int r;

    *ret_cmdline_size = 0;
    group->is_due = group->n_readings++ % LOOK_EVERY == 0;
    r = open_files(group, place, &folder_fd);
    if (r == 0)
        r = read_files(group, reading, ret);
    if (r != 0)
        return r;
    if (is_still_main(group) && read_process(group, reading, false, ret, ret_cmdline_size))
        return 0;
    r = find_process(group, place, &folder_fd, reading);
    if (r != 0)
        return r;
    if (!read_process(group, reading, true, ret, ret_cmdline_size)) {
        reading->buffer[0] = '\0';
        ret->missing |= SYSINFO_MISSING_PROCESS;
    }
    return 0;
}
