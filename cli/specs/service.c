/* SPDX-License-Identifier: MIT */

/* Finding services by name. */

#include "cli/specs/service.h"

#include <errno.h>

#include "base/log.h"
#include "cli/specs/services.h"
#include "cli/specs/specs.h"
#include "spec/name.h"

void service_done(Service *service)
{
    free(service->name);
    free(service->unit);
    *service = (Service){0};
}

static int set_names(Service *service, const char *name)
{
    service->name = strdup(name);
    service->unit = text_printf("phoenix@%s.service", name);
    return service->name && service->unit ? CLI_EXIT_OK : -ENOMEM;
}

/* The template answers for every name, so only a unit that is up or has failed says something. */
static bool is_there(Manager *manager, const char *unit)
{
    _cleanup_unit_state_ UnitState state = {0};

    return manager_describe(manager, unit, &state) >= 0 && state.active_state &&
           !streq(state.active_state, "inactive");
}

static int refuse(const SpecEntry *entry)
{
    _cleanup_free_ char *reason = services_entry_reason(entry);
    _cleanup_text_ Text clean = {0};

    screen_add_clean(&clean, reason ? reason : "");
    log_error("%s is not generated here: %s", entry->unit, clean.error < 0 ? "" : clean.data);
    return CLI_EXIT_NO;
}

static int find_orphan(const Cli *cli, const SpecSet *set, Manager *manager, const char *arg,
                       Service *service)
{
    _cleanup_free_ char *name = specs_name_of_arg(arg);
    int r;

    if (!name)
        return -ENOMEM;
    r = set_names(service, name);
    if (r != CLI_EXIT_OK)
        return r;
    if (spec_name_valid(name) && is_there(manager, service->unit))
        return CLI_EXIT_OK;
    (void)specs_find(cli, set, arg);
    return CLI_EXIT_MISSING;
}

int service_find(const Cli *cli, const SpecSet *set, Manager *manager, const char *arg,
                 Service *ret)
{
    _cleanup_service_ Service service = {0};
    _cleanup_free_ char *name = specs_name_of_arg(arg);
    int r;

    if (!name)
        return -ENOMEM;
    service.entry = spec_set_find(set, name);
    if (service.entry)
        r = set_names(&service, service.entry->unit);
    else
        r = find_orphan(cli, set, manager, arg, &service);
    if (r != CLI_EXIT_OK)
        return r;
    if (service.entry && service.entry->fate != SPEC_FATE_GENERATED &&
        service.entry->fate != SPEC_FATE_BROKEN && !is_there(manager, service.unit))
        return refuse(service.entry);

    *ret = service;
    service = (Service){0};
    return CLI_EXIT_OK;
}

int service_open_manager(const Cli *cli, Manager **ret)
{
    int r = manager_open(cli->scope, ret);

    if (r >= 0)
        return CLI_EXIT_OK;
    log_error("the %s service manager does not answer: %s", spec_scope_word(cli->scope),
              strerror(-r));
    return CLI_EXIT_FAILED;
}
