/* SPDX-License-Identifier: MIT */
/* From the generator's output to services: new ones, changed ones, those that are gone. */
#include <errno.h>
#include <malloc.h>
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

/* Among the first n, which are sorted. */
static Service *find_service(Manager *manager, size_t n, const char *name)
{
    Service **found =
        n == 0 ? NULL
               : bsearch(name, manager->services, n, sizeof(*manager->services), compare_name);

    return found ? *found : NULL;
}

Service *manager_service(Manager *manager, const char *name)
{
    return find_service(manager, manager->n_services, name);
}

static int compare_services(const void *a, const void *b)
{
    return strcmp((*(Service *const *)a)->name, (*(Service *const *)b)->name);
}

static int make_room(Manager *manager)
{
    if (manager->n_services < manager->allocated)
        return 0;
    size_t n = MAX(manager->allocated * 2, (size_t)64);
    Service **services = reallocarray(manager->services, n, sizeof(*services));
    if (!services)
        return -ENOMEM;
    manager->services = services;
    manager->allocated = n;
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

static int add_service(Manager *manager, Plan **plan)
{
    int r = make_room(manager);

    if (r >= 0)
        r = service_new(&manager->context, plan, &manager->services[manager->n_services]);
    if (r >= 0)
        manager->n_services++;
    return r;
}

static uint64_t newest_hash(const Service *service)
{
    return service->next_plan ? service->next_plan->hash : service->plan->hash;
}

/* One plan. `n` services were there before this reading, sorted; new ones come behind them. */
static void take_plan(Manager *manager, Plan **plan, size_t n)
{
    Service *service = find_service(manager, n, (*plan)->name);
    int r = 0;

    if (!service) {
        r = add_service(manager, plan);
    } else if (newest_hash(service) == (*plan)->hash) {
        service->orphan = false;
    } else {
        r = service_set_plan(service, TAKE_PTR(*plan));
    }
    if (r < 0)
        log_error("%s: cannot be supervised: %s", service ? service->name : (*plan)->name,
                  strerror(-r));
}

void manager_forget_orphans(Manager *manager)
{
    size_t n = 0;

    for (size_t i = 0; i < manager->n_services; i++) {
        Service *service = manager->services[i];
        if (!service->orphan || service_is_up(service)) {
            service->index = (uint32_t)n;
            manager->services[n++] = service;
            continue;
        }
        manager_leave_gate(manager, service);
        persist_forget(manager->context.persist, service->name);
        checkpoint_release(manager->context.checkpoint, service->slot);
        service_free(service);
    }
    manager->n_services = n;
}

/* ---- who waits for whom ---- */

/* What a service waits for, as indices of services: `needed` from its own `first` to that of the
 * next one. `seen` is stamped with the number of the search, so that nothing has to be cleared. */
typedef struct Search {
    Manager *manager;
    uint32_t *first, *needed;
    uint32_t *seen, *stack;
} Search;

static void search_done(Search *search)
{
    free(search->first);
    free(search->needed);
    free(search->seen);
    free(search->stack);
}

static uint32_t add_needed(Search *search, char *const *names, uint32_t n)
{
    STRV_FOREACH (name, names) {
        const Service *service = manager_service(search->manager, *name);
        if (service)
            search->needed[n++] = service->index;
    }
    return n;
}

/* Names are looked up once, and not for each service that waits for them through others. */
static int search_init(Search *search, Manager *manager)
{
    size_t n_services = manager->n_services, n_names = 0;
    uint32_t n = 0;

    for (size_t i = 0; i < n_services; i++) {
        const Plan *plan = manager->services[i]->plan;
        n_names += strv_length(plan->after) + strv_length(plan->needs);
    }
    *search = (Search){
        .manager = manager,
        .first = calloc(n_services + 1, sizeof(uint32_t)),
        .needed = calloc(n_names + 1, sizeof(uint32_t)),
        .seen = calloc(n_services + 1, sizeof(uint32_t)),
        .stack = calloc(n_services + 1, sizeof(uint32_t)),
    };
    if (!search->first || !search->needed || !search->seen || !search->stack)
        return -ENOMEM;
    for (size_t i = 0; i < n_services; i++) {
        const Plan *plan = manager->services[i]->plan;
        search->first[i] = n;
        n = add_needed(search, plan->after, n);
        n = add_needed(search, plan->needs, n);
    }
    search->first[n_services] = n;
    return 0;
}

/* Adds one to each that the service waits for, through others as well. */
static void count_dependents_of(Search *search, uint32_t start)
{
    uint32_t stamp = start + 1;
    size_t depth = 0;

    search->seen[start] = stamp;
    search->stack[depth++] = start;
    while (depth > 0) {
        uint32_t i = search->stack[--depth];
        for (uint32_t k = search->first[i]; k < search->first[i + 1]; k++) {
            uint32_t needed = search->needed[k];
            if (search->seen[needed] == stamp)
                continue;
            search->seen[needed] = stamp;
            search->manager->services[needed]->dependents++;
            search->stack[depth++] = needed;
        }
    }
}

/* The order at the gate is a kindness: without memory for it, it is that of arrival. */
static void count_dependents(Manager *manager)
{
    _cleanup_(search_done) Search search;

    for (uint32_t i = 0; i < manager->n_services; i++) {
        manager->services[i]->index = i;
        manager->services[i]->dependents = 0;
    }
    if (search_init(&search, manager) < 0)
        return;
    for (uint32_t i = 0; i < manager->n_services; i++)
        if (search.first[i + 1] > search.first[i])
            count_dependents_of(&search, i);
}

/* ---- reading ---- */

static void take_plans(Manager *manager, Plans *plans)
{
    size_t n = manager->n_services;

    for (size_t i = 0; i < n; i++)
        manager->services[i]->orphan = true;
    for (size_t i = 0; i < plans->n; i++)
        take_plan(manager, &plans->items[i], n);
    manager_forget_orphans(manager);
    if (manager->n_services > 0)
        qsort(manager->services, manager->n_services, sizeof(*manager->services), compare_services);
    count_dependents(manager);
    manager_brake_window(manager);
    reaper_set_policies(manager->reaper, plans->policies, plans->n_policies);
    manager_set_collectors(manager, plans->collectors, plans->n_collectors);
}

void manager_read_plans(Manager *manager)
{
    PlansStamp stamp = plans_stamp(manager->plan_folder);
    Plans plans = {0};

    manager->plans_read_usec = loop_now(manager->event, CLOCK_MONOTONIC);
    if (plans_stamp_same(&stamp, &manager->plans_stamp))
        return;
    manager->n_bad_plans = 0;
    int r = plans_read(manager->plan_folder, on_bad_plan, manager, &plans);
    manager_lack(manager, LACK_PLANS, r < 0 ? "the plans cannot be read" : NULL);
    manager->plans_stamp = r < 0 ? (PlansStamp){0} : stamp;
    if (r < 0)
        return;
    take_plans(manager, &plans);
    plans_done(&plans);
    /* JSON of all plans, in small pieces between what stays. */
    (void)malloc_trim(0);
}
