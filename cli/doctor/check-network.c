/* SPDX-License-Identifier: MIT */

/* How containers get a network, and services their ports. */

#include <inttypes.h>

#include "cli/doctor/checks.h"
#include "cli/doctor/config.h"
#include "cli/doctor/mend.h"

#define PORT_START "net.ipv4.ip_unprivileged_port_start"

/* Since this version containers of users get pasta, before they got slirp4netns. */
#define PASTA_SINCE VERSION(5, 0)

static void check_rootless_network(Doctor *doctor)
{
    const Machine *machine = doctor->machine;
    unsigned podman = version_parse(machine->podman);
    _cleanup_free_ char *set =
        config_of_containers(machine, "network", "default_rootless_network_cmd");
    bool pasta = set ? streq(set, "pasta") : podman == 0 || podman >= PASTA_SINCE;
    const char *name = pasta ? "pasta" : "slirp4netns";
    _cleanup_free_ char *path = machine_find_program(machine, name);

    if (!path) {
        doctor_add_lack(doctor, "%s is not installed", name);
        doctor_add_meaning(doctor, "Rootless containers with a network of their own do not start.");
        doctor_add_services_needing(doctor, NEED_CONTAINER);
        mend_by_package(doctor, pasta ? PACKAGE_PASST : PACKAGE_SLIRP4NETNS);
    } else if (!machine_has(machine, "/dev/net/tun")) {
        doctor_add_lack(doctor, "/dev/net/tun is not there");
        doctor_add_meaning(doctor,
                           "%s needs it: rootless containers with a network of their own do "
                           "not start.",
                           name);
        doctor_add_services_needing(doctor, NEED_CONTAINER);
        doctor_add_root_mend(doctor, "echo tun >/etc/modules-load.d/tun.conf && modprobe tun");
    } else {
        doctor_add_ok(doctor, "%s", path);
    }
}

static void check_bridge(Doctor *doctor)
{
    static const char *const programs[] = {
        "/usr/lib/podman/netavark",
        "/usr/libexec/podman/netavark",
        "/usr/local/libexec/podman/netavark",
        "/usr/lib/cni/bridge",
        "/usr/libexec/cni/bridge",
        "/opt/cni/bin/bridge",
    };
    const char *path = machine_first(doctor->machine, programs, ELEMENTSOF(programs));

    if (path) {
        doctor_add_ok(doctor, "%s", path);
        return;
    }
    doctor_add_lack(doctor, "netavark is not installed");
    doctor_add_meaning(doctor, "Containers with a network of their own do not start.");
    doctor_add_services_needing(doctor, NEED_CONTAINER);
    mend_by_package(doctor, PACKAGE_NETAVARK);
}

void check_network(Doctor *doctor)
{
    if (machine_is_rootless(doctor->machine))
        check_rootless_network(doctor);
    else
        check_bridge(doctor);
}

/* The lowest port of all services. */
static unsigned lowest_port(const Doctor *doctor)
{
    const SpecEntry *entry;
    unsigned lowest = 0;

    for (size_t i = 0; (entry = doctor_next_needing(doctor, NEED_PORT, &i));) {
        unsigned port = needs_lowest_port(entry->spec);

        lowest = lowest == 0 ? port : MIN(lowest, port);
    }
    return lowest;
}

void check_ports(Doctor *doctor)
{
    unsigned lowest = lowest_port(doctor);
    const SpecEntry *entry;
    uint64_t start;

    if (!machine_read_number(doctor->machine, "/proc/sys/net/ipv4/ip_unprivileged_port_start",
                             &start)) {
        doctor_add_warning(doctor, PORT_START " cannot be read");
        doctor_add_meaning(doctor, "So it is not known which ports users may listen on.");
        return;
    }
    if (lowest == 0 || lowest >= start) {
        doctor_add_ok(doctor, "users may listen on %" PRIu64 " and above", start);
        return;
    }
    doctor_add_missing(doctor, "port %u is below " PORT_START " (%" PRIu64 ")", lowest, start);
    doctor_add_meaning(doctor, "Users may not listen on it, so these services do not start.");
    for (size_t i = 0; (entry = doctor_next_needing(doctor, NEED_PORT, &i));)
        if (needs_lowest_port(entry->spec) < start)
            doctor_add_service(doctor, entry->unit);
    mend_by_sysctl(doctor, PORT_START, lowest);
}
