/* SPDX-License-Identifier: MIT */

/* Talking about phoenixd's answers. */

#include "cli/status/phoenixd.h"

#include <errno.h>

#include "base/log.h"
#include "cli/specs/specs.h"

int phoenixd_open(const Cli *cli, const char *arg, Supervisor **ret, char **ret_name)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;
    _cleanup_free_ char *name = specs_name_of_arg(arg);
    const SpecEntry *entry;
    int r;

    r = specs_load(cli, &set);
    if (r < 0)
        return r;
    entry = name ? spec_set_find(set, name) : NULL;
    if (entry) {
        free(name);
        name = strdup(entry->unit);
    }
    if (!name)
        return -ENOMEM;

    r = supervisor_open(cli->scope, ret);
    if (r < 0) {
        log_error("phoenixd is not reachable: %s", strerror(-r));
        return CLI_EXIT_FAILED;
    }
    *ret_name = TAKE_PTR(name);
    return CLI_EXIT_OK;
}

/* It may be a typing slip, or a spec that phoenixd has not been told of. */
static int say_unknown(const Cli *cli, const char *name)
{
    _cleanup_spec_set_free_ SpecSet *set = NULL;

    if (specs_load(cli, &set) < 0)
        return -ENOMEM;
    if (specs_find(cli, set, name))
        log_error("phoenixd does not know %s: systemctl %sdaemon-reload", name,
                  cli->scope == SPEC_SCOPE_USER ? "--user " : "");
    return CLI_EXIT_MISSING;
}

int phoenixd_failed(const Cli *cli, const Supervisor *supervisor, const char *name, int error)
{
    _cleanup_text_ Text clean = {0}, why = {0};

    screen_add_clean(&clean, name);
    screen_add_clean(&why, supervisor_why(supervisor));
    if (clean.error < 0 || why.error < 0)
        return -ENOMEM;

    switch (error) {
    case -ENOENT:
        return say_unknown(cli, name);
    case -ENOTCONN:
        log_error("%s does not run", clean.data);
        return CLI_EXIT_NO;
    case -EBUSY:
        log_error("%s: %s", clean.data, why.data);
        return CLI_EXIT_NO;
    case -EACCES:
        log_error("%s: not allowed: only for root and the user of this manager", clean.data);
        return CLI_EXIT_FAILED;
    default:
        log_error("phoenixd is not reachable: %s", why.data);
        return CLI_EXIT_FAILED;
    }
}
