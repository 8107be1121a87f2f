/* SPDX-License-Identifier: MIT */

/* Asking after the collector of this machine: where its socket listens, and whether its service is
 * given a token and a certificate. Nothing is started by that. */

#include <dlfcn.h>

#include "base/text.h"
#include "cli/doctor/gather.h"

#define LIBCURL "libcurl.so.4"
#define OPTIONS "PHOENIX_COLLECTOR_OPTIONS="

static int get(Manager *manager, const char *unit, const char *interface, const char *name,
               const char *signature, sd_bus_message **ret)
{
    _cleanup_unit_state_ UnitState state = {0};
    int r = manager_describe(manager, unit, &state);

    if (r >= 0 && !state.path)
        r = -ENOENT;
    return r < 0 ? r
                 : sd_bus_get_property(manager_bus(manager), "org.freedesktop.systemd1", state.path,
                                       interface, name, NULL, ret, signature);
}

static bool is_loopback(const char *address)
{
    static const char *const local[] = {"127.", "[::1]:", "/", "@"};

    for (size_t i = 0; i < ELEMENTSOF(local); i++)
        if (strncmp(address, local[i], strlen(local[i])) == 0)
            return true;
    return false;
}

/* The first address that others reach. */
static int find_open(Manager *manager, char **ret)
{
    sd_bus_message *m = NULL;
    const char *kind, *address;
    int r =
        get(manager, COLLECTOR_SOCKET, "org.freedesktop.systemd1.Socket", "Listen", "a(ss)", &m);

    if (r >= 0)
        r = sd_bus_message_enter_container(m, 'a', "(ss)");
    while (r >= 0 && !*ret && (r = sd_bus_message_read(m, "(ss)", &kind, &address)) > 0) {
        if (!is_loopback(address)) {
            *ret = strdup(address);
            r = *ret ? r : -ENOMEM;
        }
    }
    sd_bus_message_unref(m);
    return r;
}

/* "a(ss)" or "a(say)": each begins with the name of the credential. */
static bool has_credential_in(Manager *manager, const char *property, const char *item,
                              const char *credential)
{
    _cleanup_free_ char *signature = text_printf("a(%s)", item);
    sd_bus_message *m = NULL;
    const char *name;
    bool found = false;
    int r = signature ? get(manager, COLLECTOR_SERVICE, "org.freedesktop.systemd1.Service",
                            property, signature, &m)
                      : -ENOMEM;

    if (r >= 0)
        r = sd_bus_message_enter_container(m, 'a', signature + 1);
    while (r >= 0 && !found && (r = sd_bus_message_enter_container(m, 'r', item)) > 0) {
        r = sd_bus_message_read(m, "s", &name);
        found = r > 0 && streq(name, credential);
        if (r >= 0)
            r = sd_bus_message_skip(m, item + 1);
        if (r >= 0)
            r = sd_bus_message_exit_container(m);
    }
    sd_bus_message_unref(m);
    return found;
}

static bool has_credential(Manager *manager, const char *credential)
{
    return has_credential_in(manager, "LoadCredential", "ss", credential) ||
           has_credential_in(manager, "LoadCredentialEncrypted", "ss", credential) ||
           has_credential_in(manager, "SetCredential", "say", credential) ||
           has_credential_in(manager, "SetCredentialEncrypted", "say", credential);
}

static void take_options(CollectorHere *here, const char *options)
{
    here->without_token = strstr(options, "--without-token");
    here->without_tls = strstr(options, "--without-tls");
    here->has_tls |= strstr(options, "--tls-cert") && strstr(options, "--tls-key");
}

/* Its options, as far as they are given where the unit wants them. */
static void gather_options(Manager *manager, CollectorHere *here)
{
    sd_bus_message *m = NULL;
    const char *assignment;
    int r = get(manager, COLLECTOR_SERVICE, "org.freedesktop.systemd1.Service", "Environment", "as",
                &m);

    if (r >= 0)
        r = sd_bus_message_enter_container(m, 'a', "s");
    while (r >= 0 && (r = sd_bus_message_read(m, "s", &assignment)) > 0)
        if (strncmp(assignment, OPTIONS, strlen(OPTIONS)) == 0)
            take_options(here, assignment + strlen(OPTIONS));
    sd_bus_message_unref(m);
}

int gather_collector(Manager *manager, Machine *machine)
{
    _cleanup_unit_state_ UnitState socket = {0};
    int r = manager_describe(manager, COLLECTOR_SOCKET, &socket);

    if (r < 0)
        return r;
    machine->collector.installed = socket.load_state && !streq(socket.load_state, "not-found");
    machine->collector.listens = socket.active_state && streq(socket.active_state, "active");
    if (!machine->collector.installed)
        return 0;
    r = find_open(manager, &machine->collector.open);
    machine->collector.has_token = has_credential(manager, "token");
    machine->collector.has_tls =
        has_credential(manager, "tls-cert") && has_credential(manager, "tls-key");
    gather_options(manager, &machine->collector);
    return r;
}

/* As phoenixd does it, from the same folders. */
int gather_libcurl(Machine *machine)
{
    void *library = dlopen(LIBCURL, RTLD_LAZY | RTLD_LOCAL);
    const char *words = library ? NULL : dlerror();

    if (library) {
        dlclose(library);
        return 0;
    }
    machine->no_libcurl = strdup(words ? words : LIBCURL);
    return machine->no_libcurl ? 0 : -ENOMEM;
}
