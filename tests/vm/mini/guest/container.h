/* SPDX-License-Identifier: MIT */

/* Containers as the module sees them: a cgroup with such a name, and processes in it. No runtime
 * is needed for that. */

#pragma once

#include "guest.h"

#define CGROUPS           "/sys/fs/cgroup"
#define CONTAINER_ID_SIZE 65

/* The ID of container NUMBER: 64 digits. Its short one is different for each number as well. */
void container_id(unsigned number, char ret[static CONTAINER_ID_SIZE]);

/* What a process does once it is there. */
typedef enum Payload {
    PAYLOAD_SLEEP,
    PAYLOAD_BURN,   /* CPU */
    PAYLOAD_MEMORY, /* MEMORY_BYTES of it */
    PAYLOAD_IO,     /* writes to a block device, and reads */
    PAYLOAD_TITLE,  /* overwrites its arguments with one text */
    PAYLOAD_HOLE,   /* makes a page of its arguments unreadable */
    PAYLOAD_FILE,   /* puts a file in place of a page of its arguments */
    PAYLOAD_THREAD, /* its first thread ends, another goes on */
    PAYLOAD_INIT,   /* starts a child that sleeps: argv[0] "child" */
    PAYLOAD_EXIT,   /* ends at once */
    _PAYLOAD_MAX,
} Payload;

#define MEMORY_BYTES (32U << 20)
#define IO_DEVICE    "/dev/ram0"
#define FILE_MARK    "text of a file"

typedef struct Process {
    const char *cgroup; /* below CGROUPS, "/" in front; made when it is not there */
    const char *name;   /* NULL: "stress" */
    char *const *argv;  /* NULL: the name alone */
    Payload payload;
    bool new_pid_namespace;
} Process;

/* Starts one and waits until it is as described. The caller may wait for its end. */
pid_t process_start(const Process *process);

/* In a cgroup "/test.slice/libpod-ID.scope/container", asleep. */
pid_t container_start(unsigned number);
void container_cgroup(unsigned number, char *ret, size_t size); /* without "/container" */

/* The same, of a process that is a copy of the caller: much faster, where it has to be many. */
pid_t container_fork(unsigned number);

void process_kill(pid_t pid);

/* Makes a cgroup and those above it. */
void cgroup_make(const char *cgroup);

/* Writes to a file of a cgroup. */
void cgroup_write(const char *cgroup, const char *file, const char *text);

/* With all below; nothing must be in them. */
void cgroup_remove(const char *cgroup);

/* What the program does when it was started as a process of a container: never returns then. */
void payload_main_if_asked(int argc, char *argv[]);
