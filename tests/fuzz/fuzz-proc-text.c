/* SPDX-License-Identifier: MIT */

/* Any bytes as files of /proc, and as the path of a cgroup: what is found lies in them, and nothing
 * is read beyond. */

#include <errno.h>

#include "fuzz.h"
#include "sysinfo/host.h"
#include "sysinfo/owner.h"
#include "sysinfo/process.h"

static void check_owner(const char *text, size_t n)
{
    Owner owner;

    if (!owner_of(text, n, &owner))
        return;
    REQUIRE(owner.unit >= text && owner.unit + owner.unit_size <= text + n);
    REQUIRE(owner.unit_size > strlen(".scope") - 1);
    REQUIRE(!memchr(owner.unit, '/', owner.unit_size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size > 0 ? size : 1); /* nothing behind it, so that a sanitizer sees */
    uint64_t total, unused;
    ProcessStat stat;
    HostCpu cpu;
    int r;

    REQUIRE(text);
    if (size > 0)
        memcpy(text, data, size);
    r = process_parse_stat(text, size, &stat);
    REQUIRE(r == 0 || r == -EBADMSG);
    REQUIRE(r < 0 ||
            (strnlen(stat.name, sizeof(stat.name)) <= SYSINFO_NAME_MAX && stat.parent >= 0));
    (void)process_is_first(text, size);
    r = host_parse_memory(text, size, &total, &unused);
    REQUIRE(r == -EBADMSG || (r == 0 && unused <= total));
    r = host_parse_cpu(text, size, &cpu);
    REQUIRE(r == -EBADMSG || (r == 0 && cpu.busy <= cpu.total));
    check_owner(text, size);
    free(text);
    return 0;
}
