/* SPDX-License-Identifier: MIT */

/* One container's cgroup, of which files are kept open from one reading to the next: opening a file
 * costs several times as much as reading one that is open. */

#pragma once

#include "sysinfo/main-process.h"
#include "sysinfo/tree.h"

typedef enum GroupFile {
    GROUP_CPU,
    GROUP_MEMORY,
    GROUP_IO,
    _GROUP_FILE_MAX,
} GroupFile;

/* Those, and the two of the main process. */
#define GROUP_DESCRIPTORS_MAX (_GROUP_FILE_MAX + 2U)

typedef struct Group {
    uint64_t cgroup_id;
    struct Group *next;  /* in its bucket */
    uint64_t last_round; /* in which it was found */
    unsigned n_readings; /* since its files were opened */
    bool is_due;         /* in this reading, what hardly ever changes is looked at */
    int files[_GROUP_FILE_MAX];
    MainProcess process;
} Group;

/* What readings of all groups share. */
typedef struct GroupReading {
    int proc_fd;
    uint64_t usec_per_tick;
    MainProcessSearch search;
    char buffer[64U * 1024U];
} GroupReading;

Group *group_new(uint64_t cgroup_id);
Group *group_free(Group *group);

/* What group_read() may say instead of 0: the container has ended, and *ret means nothing. */
#define GROUP_EMPTY 1

/* Fills in what the files of the cgroup and of the main process say; the rest of *ret stays. The
 * command line is left in reading->buffer, *ret_cmdline_size bytes with a NUL behind. Negative
 * errno: -ENOMEM, -EMFILE, -ENFILE. */
int group_read(Group *group, const TreeContainer *place, GroupReading *reading,
               SysinfoContainer *ret, size_t *ret_cmdline_size);

/* How many descriptors it holds. */
unsigned group_n_descriptors(const Group *group);
void group_close(Group *group);
