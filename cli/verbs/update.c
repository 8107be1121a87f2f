/* SPDX-License-Identifier: MIT */

/* phoenix update and phoenix rollback: services that are there get another spec or another image,
 * and what they had before when that turns out to be no good. */

#include <errno.h>

#include "cli/cli.h"
#include "cli/deploy/deploy-report.h"
#include "cli/specs/specs.h"

static int file_of(const Cli *cli, const char *name, char **ret)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    const SpecEntry *entry;
    int r;

    r = specs_load(cli, &set);
    if (r < 0)
        return r;
    entry = specs_find(cli, set, name);
    if (!entry)
        return CLI_EXIT_MISSING;
    *ret = strdup(entry->file.path);
    return *ret ? CLI_EXIT_OK : -ENOMEM;
}

/* The name of a service means the file that it has. */
static int source_of(const Cli *cli, const char *arg, char **ret)
{
    if (!specs_is_path(arg))
        return file_of(cli, arg, ret);
    *ret = strdup(arg);
    return *ret ? CLI_EXIT_OK : -ENOMEM;
}

int verb_update(const Cli *cli, char *const *args)
{
    return deploy_several(cli, args, &(const Deploy){.update = true}, source_of);
}

int verb_rollback(const Cli *cli, char *const *args)
{
    char *const names[] = {args[0], NULL};
    const Deploy model = {.rollback = true, .wanted = args[1]};

    return deploy_several(cli, names, &model, file_of);
}
