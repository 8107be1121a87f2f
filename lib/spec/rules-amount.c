/* SPDX-License-Identifier: MIT */
/*
 * The rules for how much there is of something: percentages, sizes, memory, CPU time.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/size.h"
#include "base/text.h"
#include "spec/rules-internal.h"

static int check_percent(const char *s, char **ret_canonical, char **ret_reason)
{
    uint32_t permyriad;

    int r = percent_parse(s, &permyriad);
    if (r < 0)
        return r;
    return yes(permyriad <= 10000);
}

const KeyRule rule_percent = {
    .what = "a percentage from 0% to 100% (like \"10%\")",
    .check = check_percent,
    .pattern = "^[0-9]+(\\.[0-9]+)?%$",
};

static int check_size(const char *s, char **ret_canonical, char **ret_reason)
{
    uint64_t bytes;

    int r = size_parse(s, &bytes);
    if (r < 0)
        return r;
    if (bytes == 0)
        return -EINVAL;
    char *canonical = size_format(bytes);
    if (!canonical)
        return -ENOMEM;
    *ret_canonical = canonical;
    return 0;
}

const KeyRule rule_size = {
    .what = "a size (like \"50M\", \"1.5G\" or a number of bytes)",
    .numbers = true,
    .check = check_size,
};

static int check_memory(const char *s, char **ret_canonical, char **ret_reason)
{
    uint32_t permyriad;

    if (percent_parse(s, &permyriad) >= 0)
        return yes(permyriad > 0 && permyriad <= 10000);
    return check_size(s, ret_canonical, ret_reason);
}

const KeyRule rule_memory = {
    .what = "an amount of memory (like \"50M\", \"1.5G\" or \"10%\")",
    .numbers = true,
    .check = check_memory,
};

static int check_cpu(const char *s, char **ret_canonical, char **ret_reason)
{
    uint32_t permyriad;
    char *end;

    if (percent_parse(s, &permyriad) >= 0)
        return yes(permyriad >= 1);
    if (!only(s, DIGITS "."))
        return -EINVAL;
    double cpus = strtod(s, &end);
    if (*end || cpus < 0.001 || cpus > 10000)
        return -EINVAL;
    /* CPUQuota= takes at most two decimals (systemd.resource-control(5)). */
    long hundredths = (long)(cpus * 10000 + 0.5);
    char *canonical = hundredths % 100 == 0
                          ? text_printf("%ld%%", hundredths / 100)
                          : text_printf("%ld.%02ld%%", hundredths / 100, hundredths % 100);
    if (!canonical)
        return -ENOMEM;
    *ret_canonical = canonical;
    return 0;
}

const KeyRule rule_cpu = {
    .what = "a share of CPU time (like \"50%\" or 0.5 for half a CPU, \"200%\" or 2 for two)",
    .numbers = true,
    .check = check_cpu,
};
