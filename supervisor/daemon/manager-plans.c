/* SPDX-License-Identifier: MIT */
/* From the generator's output to services: new ones, changed ones, those that are gone. */
#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/macros.h"
#include "base/strv.h"
#include "supervisor/daemon/manager-internal.h"
#include "supervisor/daemon/source.h"

static int compare_name(const void *name, const void *item)
{
    return strcmp(name, (*(Service *const *)item)->name);
}

Service *manager_service(Manager *manager, const char *name)
{
    Service **found = manager->n_services == 0
                          ? NULL
                          : bsearch(name, manager->services, manager->n_services,
                                    sizeof(*manager->services), compare_name);

    return found ? *found : NULL;
}

static int compare_services(const void *a, const void *b)
{
    return strcmp((*(Service *const *)a)->name, (*(Service *const *)b)->name);
}

static int append(Manager *manager, Service *service)
{
    if (manager->n_services == manager->allocated) {
        size_t n = manager->allocated ? manager->allocated * 2 : 64;
        Service **services = reallocarray(manager->services, n, sizeof(*services));
        if (!services)
            return -ENOMEM;
        manager->services = services;
        manager->allocated = n;
    }
    service->index = manager->n_services;
    manager->services[manager->n_services++] = service;
    return 0;
}

/* A plan that cannot be used was written by a generator of another version, or is damaged. The
 * service runs on with what is known of it. */
static void on_bad_plan(const char *path, const char *message, void *userdata)
{
    Manager *manager = userdata;

    manager->n_bad_plans++;
    log_warning("%s: %s; the service is not supervised by it", path, message);
}

static int add_service(Manager *manager, Plan *plan)
{
    Service *service;
    int r = service_new(&manager->context, plan, &service);

    if (r >= 0) {
        r = append(manager, service);
        if (r < 0)
            service_free(service);
    }
    return r;
}

/* One plan. `n` services were there before this reading, sorted; new ones come behind them. */
static void take_plan(Manager *manager, Plan *plan, size_t n)
{
    size_t all = manager->n_services;
    Service *service;
    int r = 0;

    manager->n_services = n;
    service = manager_service(manager, plan->name);
    manager->n_services = all;
    if (!service)
        r = add_service(manager, plan);
    else if (!streq(service->plan_hash, plan->hash))
        r = service_set_plan(service, plan);
    else
        service->orphan = false;
    if (r < 0)
        log_error("%s: cannot be supervised: %s", plan->name, strerror(-r));
}

void manager_forget_orphans(Manager *manager)
{
    size_t n = 0;

    for (size_t i = 0; i < manager->n_services; i++) {
        Service *service = manager->services[i];
        if (!service->orphan || service_is_up(service)) {
            service->index = n;
            manager->services[n++] = service;
            continue;
        }
        gate_leave(&manager->gate, &service->gate);
        if (service->gate_peer)
            lease_peer_set_tag(service->gate_peer, NULL);
        persist_forget(manager->context.persist, service->name);
        checkpoint_release(manager->context.checkpoint, service->slot);
        service_free(service);
    }
    manager->n_services = n;
}

/* ---- who waits for whom ---- */

/* Counts those that come after a service, through others as well. `seen` is stamped with the number
 * of the search, so that nothing has to be cleared. */
typedef struct Search {
    Manager *manager;
    size_t *seen, *stack;
    size_t stamp;
} Search;

static size_t index_of(Manager *manager, const char *name)
{
    Service *service = manager_service(manager, name);

    return service ? service->index : SIZE_MAX;
}

static void push_needed(Search *search, char **names, size_t *depth)
{
    STRV_FOREACH (name, names) {
        size_t i = index_of(search->manager, *name);
        if (i == SIZE_MAX || search->seen[i] == search->stamp)
            continue;
        search->seen[i] = search->stamp;
        search->manager->services[i]->gate.dependents++;
        search->stack[(*depth)++] = i;
    }
}

/* Each service adds one to all that it waits for. */
static void count_dependents_of(Search *search, size_t start)
{
    size_t depth = 0;

    search->stamp++;
    search->seen[start] = search->stamp;
    search->stack[depth++] = start;
    while (depth > 0) {
        const Spec *spec = search->manager->services[search->stack[--depth]]->spec;
        push_needed(search, spec->after, &depth);
        push_needed(search, spec->needs, &depth);
    }
}

/* The order at the gate is a kindness: without memory for it, it is that of arrival. */
static void count_dependents(Manager *manager)
{
    _cleanup_free_ size_t *seen = calloc(manager->n_services + 1, sizeof(*seen));
    _cleanup_free_ size_t *stack = calloc(manager->n_services + 1, sizeof(*stack));
    Search search = {.manager = manager, .seen = seen, .stack = stack};

    for (size_t i = 0; i < manager->n_services; i++) {
        manager->services[i]->index = i;
        manager->services[i]->gate.dependents = 0;
    }
    if (!seen || !stack)
        return;
    for (size_t i = 0; i < manager->n_services; i++)
        if (strv_length(manager->services[i]->spec->after) > 0 ||
            strv_length(manager->services[i]->spec->needs) > 0)
            count_dependents_of(&search, i);
}

int manager_read_plans(Manager *manager)
{
    Plans plans = {0};
    size_t n = manager->n_services;
    int r;

    manager->plans_read_usec = loop_now(manager->event, CLOCK_MONOTONIC);
    manager->n_bad_plans = 0;
    r = plans_read(manager->plan_folder, on_bad_plan, manager, &plans);
    if (r < 0) {
        manager_lack(manager, LACK_PLANS, "the plans cannot be read");
        return r;
    }
    manager_lack(manager, LACK_PLANS, NULL);
    for (size_t i = 0; i < n; i++)
        manager->services[i]->orphan = true;
    for (size_t i = 0; i < plans.n; i++)
        take_plan(manager, &plans.items[i], n);
    plans_done(&plans);
    manager_forget_orphans(manager);
    if (manager->n_services > 0)
        qsort(manager->services, manager->n_services, sizeof(*manager->services), compare_services);
    count_dependents(manager);
    manager_brake_window(manager);
    return 0;
}
