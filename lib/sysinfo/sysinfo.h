/* SPDX-License-Identifier: MIT */

/* What the host has and what each container uses: the types, where they come from, their JSON.
 *
 * A container is a cgroup (v2) named docker-ID.scope, libpod-ID.scope, libpod-ID, or, inside of a
 * service, libpod-payload-ID; anywhere in the hierarchy, so also below the managers of users. One
 * entry each; a container within a container is part of the outer one. There are two sources that
 * say the same: the kernel module's /proc/phoenix_sysinfo, and cgroupfs with /proc. Neither needs
 * privileges of its own; what may not be seen is marked as missing.
 *
 * Files: cgroups(7), https://docs.kernel.org/admin-guide/cgroup-v2.html, proc(5). */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"
#include "base/text.h"

#define SYSINFO_ID_LENGTH       64U
#define SYSINFO_SHORT_ID_LENGTH 12U
#define SYSINFO_NAME_MAX        15U    /* as TASK_COMM_LEN of the kernel */
#define SYSINFO_CMDLINE_MAX     1024U  /* bytes of a command line that are kept */
#define SYSINFO_CONTAINERS_MAX  65536U /* what is beyond is counted in `left_out` */

/* The unit belongs to the system's manager. */
#define SYSINFO_SYSTEM_MANAGER ((uid_t)-1)

typedef enum SysinfoSource {
    SYSINFO_AUTO,   /* the module when its file can be read, else cgroupfs */
    SYSINFO_MODULE, /* /proc/phoenix_sysinfo */
    SYSINFO_CGROUP, /* cgroupfs and /proc */
    _SYSINFO_SOURCE_MAX,
} SysinfoSource;

/* "auto", "module", "cgroup". */
const char *sysinfo_source_name(SysinfoSource source);

/* -EINVAL when there is no such source. */
int sysinfo_source_parse(const char *s, SysinfoSource *ret);

/* What could not be read of a container; its numbers are 0 then. A controller that is not enabled
 * for a container (in rootless ones often io) has no files; processes of others may be hidden
 * (hidepid= of proc(5)), and with them the main process: then pid is 0, name and cmdline are "". */
typedef enum SysinfoMissing {
    SYSINFO_MISSING_CPU = 1 << 0,
    SYSINFO_MISSING_MEMORY = 1 << 1,
    SYSINFO_MISSING_IO = 1 << 2,
    SYSINFO_MISSING_PROCESS = 1 << 3,
    SYSINFO_MISSING_ALL = (1 << 4) - 1,
} SysinfoMissing;

/* "cpu", "memory", "io", "process": of one of them. */
const char *sysinfo_missing_name(SysinfoMissing missing);

typedef enum SysinfoRuntime {
    SYSINFO_DOCKER,
    SYSINFO_PODMAN,
    _SYSINFO_RUNTIME_MAX,
} SysinfoRuntime;

/* "docker", "podman". */
const char *sysinfo_runtime_name(SysinfoRuntime runtime);

typedef struct SysinfoContainer {
    /* The main process: process 1 of the container, or, where that is an init of the runtime
     * (podman run --init), its first child. Where the container has no process 1 (--pid=host): the
     * oldest. Name and command line are as the process chose them: clean them on their way to a
     * terminal or into JSON. The command line has a blank behind each argument, also the last. */
    pid_t pid;
    char name[SYSINFO_NAME_MAX + 1];
    const char *cmdline; /* never NULL; at most SYSINFO_CMDLINE_MAX bytes */

    char id[SYSINFO_ID_LENGTH + 1];
    SysinfoRuntime runtime;
    /* From the root of the hierarchy, "/machine.slice/libpod-ID.scope"; NULL: not known. */
    const char *cgroup;

    /* Who is to be asked for its end: StopUnit of the service that it lies in, or of its own scope,
     * at the system's manager or at that of the user `manager`. NULL when no unit is the
     * container's: one that was started within a login session, for instance. A shared unit has
     * other containers, too, which would end with it. */
    const char *unit;
    uid_t manager; /* SYSINFO_SYSTEM_MANAGER, or whose user manager */
    bool unit_shared;

    /* Identity and age. The same ID that was started again is another cgroup_id. The newest has the
     * highest start_usec; where two are equal (the kernel counts hundredths of a second), the
     * highest cgroup_id: see sysinfo_compare_age(). */
    uint64_t cgroup_id;
    uint64_t start_usec; /* of the main process, CLOCK_BOOTTIME; 0: not known */

    uint64_t memory_bytes;
    double memory_percent; /* of the host's memory */
    uint64_t cpu_usec;     /* since it was started */
    uint64_t taken_usec;   /* when that was read, CLOCK_BOOTTIME */
    /* 100: one CPU. Since the read before; for one that was not in that, since it was started. */
    double cpu_percent;
    uint64_t rbytes, wbytes, rios, wios; /* since it was started, all devices together */

    unsigned missing; /* SysinfoMissing */
} SysinfoContainer;

typedef struct Sysinfo {
    SysinfoSource source; /* SYSINFO_MODULE or SYSINFO_CGROUP */
    uint64_t taken_usec;  /* CLOCK_BOOTTIME */
    uint64_t memory_total_bytes;
    uint64_t memory_free_bytes; /* MemFree */
    uint64_t memory_used_bytes; /* total less free: with caches */
    double cpu_percent; /* 100: all CPUs. Since the read before; in the first one, since boot */
    SysinfoContainer *containers; /* by start: the oldest first */
    size_t n_containers;
    size_t left_out;          /* containers beyond SYSINFO_CONTAINERS_MAX */
    size_t n_refused;         /* cgroups that may not be looked into */
    struct SysinfoPool *pool; /* holds the strings */
} Sysinfo;

/* Initialise with { 0 }. */
void sysinfo_done(Sysinfo *sysinfo);
#define _cleanup_sysinfo_ _cleanup_(sysinfo_done)

/* < 0 when a is older than b. Never 0 for two containers of one Sysinfo. */
int sysinfo_compare_age(const SysinfoContainer *a, const SysinfoContainer *b);

/* Looks again and again, and keeps files of containers open in between. */
typedef struct SysinfoReader SysinfoReader;

typedef struct SysinfoOptions {
    SysinfoSource source;
    const char *cgroup_root; /* NULL: "/sys/fs/cgroup" */
    const char *proc_root;   /* NULL: "/proc" */
    /* Descriptors that may stay open between two reads, five for a container; what is beyond is
     * opened at each read. 0: three quarters of RLIMIT_NOFILE as it is now. */
    size_t max_descriptors;
} SysinfoOptions;

/* options may be NULL. Negative errno: -ENOENT, -EACCES, ... when there is no such source;
 * -EMEDIUMTYPE when cgroup_root is no cgroup2 and cgroup_root was not given. Free with
 * sysinfo_reader_free(). */
int sysinfo_reader_new(const SysinfoOptions *options, SysinfoReader **ret);
SysinfoReader *sysinfo_reader_free(SysinfoReader *reader);

static inline void cleanup_sysinfo_reader(SysinfoReader **reader)
{
    sysinfo_reader_free(*reader);
}
#define _cleanup_sysinfo_reader_ _cleanup_(cleanup_sysinfo_reader)

/* Reads everything once. *ret must be { 0 } or of an earlier read: what it holds is freed. A
 * container that ends meanwhile is in it or not; that is no failure. With SYSINFO_AUTO a module
 * that is unloaded or loaded meanwhile is noticed. Negative errno: -ENOMEM; -EBADMSG when what the
 * module says is not what it should; else the errno of open or read of files of the host. */
int sysinfo_read(SysinfoReader *reader, Sysinfo *ret);

/* Appends the JSON of the document: "Memory" and "Docker_Containers" with its names, order and
 * formats (MB are MiB, KBytes KiB, percentages have two digits behind the point, the ContainerID
 * has 12). Behind those stands what was added: phoenix(1) lists it. */
void sysinfo_to_json(const Sysinfo *sysinfo, Text *t);

/* Reads that JSON, from the module or from sysinfo_to_json(). *ret must be { 0 } or of an earlier
 * reading. What was added to the document's may be missing, and more be there; the ID is the short
 * one then. Everything is checked: -EBADMSG when it is not of that form, and *ret is as it was. */
int sysinfo_parse(const char *json, size_t n, Sysinfo *ret);
