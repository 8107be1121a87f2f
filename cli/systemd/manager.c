/* SPDX-License-Identifier: MIT */

/* The D-Bus side of the command. Tables say which property goes into which field; properties that
 * an older or newer systemd does not have leave their field at zero. */

#include "cli/systemd/manager.h"

#include <assert.h>
#include <errno.h>
#include <systemd/sd-bus.h>

#include "base/text.h"
#include "cli/systemd/properties.h"

#define SERVICE              "org.freedesktop.systemd1"
#define OBJECT               "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE    SERVICE ".Manager"
#define UNIT_INTERFACE       SERVICE ".Unit"
#define SERVICE_INTERFACE    SERVICE ".Service"
#define TIMER_INTERFACE      SERVICE ".Timer"
#define SOCKET_INTERFACE     SERVICE ".Socket"
#define PROPERTIES_INTERFACE "org.freedesktop.DBus.Properties"

#define CALL_TIMEOUT_USEC (5 * USEC_PER_SEC)

struct Manager {
    sd_bus *bus;
};

#define P(name, type, field) PROPERTY(name, type, UnitState, field)
static const Property unit_properties[] = {
    P("Id", "s", id),
    P("LoadState", "s", load_state),
    P("ActiveState", "s", active_state),
    P("SubState", "s", sub_state),
    P("StateChangeTimestamp", "t", changed_usec),
    P("InactiveExitTimestamp", "t", active_usec),
    P("NeedDaemonReload", "b", need_daemon_reload),
    P("JobRunningTimeoutUSec", "t", job_limit_usec),
    P("FragmentPath", "s", fragment_path),
};

static const Property service_properties[] = {
    P("Result", "s", result),
    P("StatusText", "s", status_text),
    P("MainPID", "u", main_pid),
    P("NRestarts", "u", restarts),
    P("ExecMainCode", "i", exit_code),
    P("ExecMainStatus", "i", exit_status),
    P("WatchdogUSec", "t", watchdog_usec),
    P("RestartUSec", "t", restart_usec),
    P("RestartSteps", "u", restart_steps),
    P("RestartMaxDelayUSec", "t", restart_max_delay_usec),
    P("ControlGroup", "s", control_group),
};

static const Property socket_properties[] = {
    P("Result", "s", result),
};

static const Property timer_properties[] = {
    P("NextElapseUSecRealtime", "t", next_elapse_usec),
};
#undef P

void unit_state_done(UnitState *state)
{
    free(state->id);
    free(state->path);
    free(state->load_state);
    free(state->active_state);
    free(state->sub_state);
    free(state->result);
    free(state->status_text);
    free(state->fragment_path);
    free(state->control_group);
    *state = (UnitState){0};
}

void unit_states_done(UnitStates *states)
{
    for (size_t i = 0; i < states->n; i++)
        unit_state_done(&states->items[i]);
    free(states->items);
    *states = (UnitStates){0};
}

Manager *manager_free(Manager *manager)
{
    if (!manager)
        return NULL;
    sd_bus_flush_close_unref(manager->bus);
    free(manager);
    return NULL;
}

sd_bus *manager_bus(Manager *manager)
{
    return manager->bus;
}

/* The manager's own socket: it works where no D-Bus daemon runs. There is no bus driver on it. */
static int open_private(const char *folder, sd_bus **ret)
{
    _cleanup_free_ char *address = text_printf("unix:path=%s/systemd/private", folder);
    sd_bus *bus = NULL;
    int r;

    if (!address)
        return -ENOMEM;
    r = sd_bus_new(&bus);
    if (r < 0)
        return r;
    r = sd_bus_set_address(bus, address);
    if (r >= 0)
        r = sd_bus_start(bus);
    if (r < 0) {
        sd_bus_unref(bus);
        return r;
    }
    *ret = bus;
    return 0;
}

static int open_user(sd_bus **ret)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");

    if (folder && open_private(folder, ret) >= 0)
        return 0;
    return sd_bus_open_user(ret);
}

static int open_system(sd_bus **ret)
{
    if (geteuid() == 0 && open_private("/run", ret) >= 0)
        return 0;
    return sd_bus_open_system(ret);
}

int manager_open(SpecScope scope, Manager **ret)
{
    Manager *manager = calloc(1, sizeof(*manager));
    int r;

    if (!manager)
        return -ENOMEM;
    r = scope == SPEC_SCOPE_USER ? open_user(&manager->bus) : open_system(&manager->bus);
    if (r < 0) {
        free(manager);
        return r;
    }
    (void)sd_bus_set_method_call_timeout(manager->bus, CALL_TIMEOUT_USEC);
    *ret = manager;
    return 0;
}

static int get_all(Manager *manager, const char *path, const char *interface,
                   const Property *properties, size_t n, UnitState *state)
{
    sd_bus_message *reply = NULL;
    int r;

    r = sd_bus_call_method(manager->bus, SERVICE, path, PROPERTIES_INTERFACE, "GetAll", NULL,
                           &reply, "s", interface);
    if (r >= 0)
        r = properties_read(reply, properties, n, state);
    sd_bus_message_unref(reply);
    return r < 0 ? r : 0;
}

static int get_one(Manager *manager, const char *path, const char *interface, const char *name,
                   char type, void *ret)
{
    return sd_bus_get_property_trivial(manager->bus, SERVICE, path, interface, name, NULL, type,
                                       ret);
}

static UnitState *states_add(UnitStates *states)
{
    if (states->n == states->allocated) {
        size_t allocated = MAX(states->allocated * 2, (size_t)32);
        UnitState *items = reallocarray(states->items, allocated, sizeof(*items));

        if (!items)
            return NULL;
        states->items = items;
        states->allocated = allocated;
    }
    states->items[states->n] = (UnitState){0};
    return &states->items[states->n++];
}

/* One "(ssssssouso)" of ListUnitsByPatterns(). 0 at the end of the list. */
static int read_listed(sd_bus_message *m, UnitStates *states)
{
    const char *id, *description, *load, *active, *sub, *following, *path, *job_type, *job_path;
    uint32_t job;
    UnitState *state;
    int r;

    r = sd_bus_message_read(m, "(ssssssouso)", &id, &description, &load, &active, &sub, &following,
                            &path, &job, &job_type, &job_path);
    if (r <= 0)
        return r;

    state = states_add(states);
    if (!state || properties_set_string(&state->id, id) < 0 ||
        properties_set_string(&state->path, path) < 0 ||
        properties_set_string(&state->load_state, load) < 0 ||
        properties_set_string(&state->active_state, active) < 0 ||
        properties_set_string(&state->sub_state, sub) < 0)
        return -ENOMEM;
    return 1;
}

int manager_list(Manager *manager, const char *pattern, UnitStates *ret)
{
    _cleanup_unit_states_ UnitStates states = {0};
    sd_bus_message *reply = NULL;
    int r;

    r = sd_bus_call_method(manager->bus, SERVICE, OBJECT, MANAGER_INTERFACE, "ListUnitsByPatterns",
                           NULL, &reply, "asas", 0, 1, pattern);
    if (r >= 0)
        r = sd_bus_message_enter_container(reply, 'a', "(ssssssouso)");
    while (r > 0)
        r = read_listed(reply, &states);
    sd_bus_message_unref(reply);
    if (r < 0)
        return r;

    *ret = states;
    states = (UnitStates){0};
    return 0;
}

int manager_add_details(Manager *manager, UnitState *state)
{
    int r;

    assert(state->path);

    r = get_one(manager, state->path, UNIT_INTERFACE, "StateChangeTimestamp", 't',
                &state->changed_usec);
    if (r < 0)
        return r;
    return get_one(manager, state->path, SERVICE_INTERFACE, "NRestarts", 'u', &state->restarts);
}

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);

    return n >= m && streq(s + n - m, suffix);
}

static int describe_kind(Manager *manager, const char *unit, UnitState *state)
{
    if (has_suffix(unit, ".service"))
        return get_all(manager, state->path, SERVICE_INTERFACE, service_properties,
                       ELEMENTSOF(service_properties), state);
    if (has_suffix(unit, ".socket"))
        return get_all(manager, state->path, SOCKET_INTERFACE, socket_properties,
                       ELEMENTSOF(socket_properties), state);
    if (has_suffix(unit, ".timer"))
        return get_all(manager, state->path, TIMER_INTERFACE, timer_properties,
                       ELEMENTSOF(timer_properties), state);
    return 0;
}

static int load_unit(Manager *manager, const char *unit, UnitState *state)
{
    sd_bus_message *reply = NULL;
    const char *path;
    int r;

    r = sd_bus_call_method(manager->bus, SERVICE, OBJECT, MANAGER_INTERFACE, "LoadUnit", NULL,
                           &reply, "s", unit);
    if (r >= 0)
        r = sd_bus_message_read(reply, "o", &path);
    if (r >= 0)
        r = properties_set_string(&state->path, path);
    sd_bus_message_unref(reply);
    return r < 0 ? r : 0;
}

int manager_describe(Manager *manager, const char *unit, UnitState *ret)
{
    _cleanup_unit_state_ UnitState state = {0};
    int r;

    r = load_unit(manager, unit, &state);
    if (r < 0)
        return r;
    r = get_all(manager, state.path, UNIT_INTERFACE, unit_properties, ELEMENTSOF(unit_properties),
                &state);
    if (r < 0)
        return r;
    r = describe_kind(manager, unit, &state);
    if (r < 0)
        return r;

    *ret = state;
    state = (UnitState){0};
    return 0;
}

const UnitState *unit_states_find(const UnitStates *states, const char *unit)
{
    for (size_t i = 0; i < states->n; i++)
        if (streq(states->items[i].id, unit))
            return &states->items[i];
    return NULL;
}
