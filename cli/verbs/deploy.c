/* SPDX-License-Identifier: MIT */

/* phoenix deploy: specs become running services, one after the other. */

#include <errno.h>

#include "cli/cli.h"
#include "cli/deploy/deploy-report.h"

static int source_of(const Cli *cli, const char *arg, char **ret)
{
    *ret = strdup(arg);
    return *ret ? CLI_EXIT_OK : -ENOMEM;
}

int verb_deploy(const Cli *cli, char *const *args)
{
    return deploy_several(cli, args, &(const Deploy){0}, source_of);
}
