/* SPDX-License-Identifier: MIT */

/* Where a reading comes from, and what one reading leaves to the next. */

#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "sysinfo/cgroup-source.h"
#include "sysinfo/module-source.h"
#include "sysinfo/rates.h"

struct SysinfoReader {
    SysinfoSource wanted;
    int proc_fd;
    CgroupSource *cgroup; /* NULL when it is not wanted, or cannot be had */
    int cgroup_error;     /* why not */
    Rates rates;
};

SysinfoReader *sysinfo_reader_free(SysinfoReader *reader)
{
    if (!reader)
        return NULL;
    rates_done(&reader->rates);
    cgroup_source_free(reader->cgroup);
    cleanup_close(&reader->proc_fd);
    free(reader);
    return NULL;
}

/* Without cgroupfs the module will do, as long as it is there. */
static int open_sources(SysinfoReader *reader, const SysinfoOptions *options)
{
    const char *proc_root = options->proc_root ? options->proc_root : "/proc";
    bool has_module;

    reader->proc_fd = open(proc_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (reader->proc_fd < 0)
        return -errno;
    if (reader->wanted == SYSINFO_MODULE) {
        Sysinfo sysinfo = {0};
        int r = module_source_read(reader->proc_fd, &sysinfo);

        sysinfo_done(&sysinfo);
        return r;
    }
    has_module = reader->wanted == SYSINFO_AUTO && module_source_is_there(reader->proc_fd);
    reader->cgroup_error = cgroup_source_new(options, &reader->cgroup);
    return has_module ? 0 : reader->cgroup_error;
}

int sysinfo_reader_new(const SysinfoOptions *options, SysinfoReader **ret)
{
    static const SysinfoOptions defaults = {0};
    _cleanup_sysinfo_reader_ SysinfoReader *reader = calloc(1, sizeof(*reader));
    int r;

    if (!reader)
        return -ENOMEM;
    if (!options)
        options = &defaults;
    reader->proc_fd = -1;
    reader->wanted = options->source;
    r = open_sources(reader, options);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(reader);
    return 0;
}

static uint64_t now_usec(void)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * USEC_PER_SEC + (uint64_t)ts.tv_nsec / NSEC_PER_USEC;
}

static int read_any(SysinfoReader *reader, Sysinfo *ret)
{
    int r = -ENOENT;

    if (reader->wanted != SYSINFO_CGROUP)
        r = module_source_read(reader->proc_fd, ret);
    if (r >= 0 || reader->wanted == SYSINFO_MODULE)
        return r;
    return reader->cgroup ? cgroup_source_read(reader->cgroup, ret) : reader->cgroup_error;
}

int sysinfo_read(SysinfoReader *reader, Sysinfo *ret)
{
    _cleanup_sysinfo_ Sysinfo sysinfo = {0};
    uint64_t before_usec = now_usec();
    int r;

    r = read_any(reader, &sysinfo);
    if (r < 0)
        return r;
    if (sysinfo.taken_usec == 0)
        sysinfo.taken_usec = before_usec;
    r = rates_apply(&reader->rates, &sysinfo);
    if (r < 0)
        return r;
    sysinfo_done(ret);
    *ret = sysinfo;
    sysinfo = (Sysinfo){0};
    return 0;
}
