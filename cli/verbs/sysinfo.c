/* SPDX-License-Identifier: MIT */

/* phoenix sysinfo: what all containers of this machine use, as tables or as JSON. */

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>

#include "base/log.h"
#include "cli/cli.h"
#include "cli/containers/sysinfo-report.h"

/* Files are kept open between rounds, so as many as we may. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int report_failure(const Cli *cli, int r)
{
    if (cli->source == SYSINFO_MODULE && r == -ENOENT)
        log_error("the kernel module phoenix_sysinfo is not loaded");
    else if (cli->source == SYSINFO_MODULE && (r == -EACCES || r == -EPERM))
        log_error("/proc/phoenix_sysinfo may not be read by this user, or not from within a "
                  "container");
    else if (cli->source == SYSINFO_MODULE && r == -EBADMSG)
        log_error("/proc/phoenix_sysinfo is not what it should be");
    else if (r == -EMEDIUMTYPE)
        log_error("/sys/fs/cgroup is not cgroup version 2");
    else
        return r;
    return CLI_EXIT_FAILED;
}

static int print_round(const Cli *cli, SysinfoReader *reader)
{
    _cleanup_sysinfo_ Sysinfo sysinfo = {0};
    _cleanup_text_ Text t = {0};
    int r;

    r = sysinfo_read(reader, &sysinfo);
    if (r < 0)
        return report_failure(cli, r);
    if (cli->options & CLI_JSON)
        sysinfo_to_json(&sysinfo, &t);
    else
        r = sysinfo_report_add(&t, &cli->screen, &sysinfo, sysinfo_stress_rules,
                               sysinfo_n_stress_rules);
    if (r >= 0)
        r = cli_print(&t);
    return r >= 0 && fflush(stdout) != 0 ? -errno : r;
}

static uint64_t rounds_wanted(const Cli *cli)
{
    if (cli->options & CLI_LINES)
        return MAX(cli->lines, UINT64_C(1));
    return cli->options & CLI_INTERVAL ? UINT64_MAX : 1;
}

static void wait_for(uint64_t usec)
{
    struct timespec ts = {
        .tv_sec = (time_t)MIN(usec / USEC_PER_SEC, (uint64_t)INT32_MAX),
        .tv_nsec = (long)(usec % USEC_PER_SEC * NSEC_PER_USEC),
    };

    (void)ppoll(NULL, 0, &ts, NULL);
}

int verb_sysinfo(const Cli *cli, char *const *args)
{
    _cleanup_sysinfo_reader_ SysinfoReader *reader = NULL;
    uint64_t rounds = rounds_wanted(cli);
    uint64_t interval_usec = cli->options & CLI_INTERVAL ? cli->interval_usec : 2 * USEC_PER_SEC;
    SysinfoOptions options = {
        .source = cli->source,
        .cgroup_root = getenv("PHOENIX_CGROUP_ROOT"),
        .proc_root = getenv("PHOENIX_PROC_ROOT"),
        .max_descriptors = rounds == 1 ? 1 : 0, /* what there is no next time for */
    };
    int r;

    if (rounds > 1)
        raise_descriptors();
    r = sysinfo_reader_new(&options, &reader);
    if (r < 0)
        return report_failure(cli, r);
    for (;;) {
        r = print_round(cli, reader);
        if (r != CLI_EXIT_OK || (rounds != UINT64_MAX && --rounds == 0))
            return r;
        wait_for(interval_usec);
        if (!(cli->options & CLI_JSON))
            (void)putchar('\n');
    }
}
