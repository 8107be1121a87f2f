# SPDX-License-Identifier: MIT
"""Where the time of a cold start goes: what systemd noted of the units, what the service says of
itself, and what the client saw, on one clock."""

import json

from services import user

SYSTEMD = "org.freedesktop.systemd1"
# Ends of phases, in the order in which they come. Not all ways have all.
PHASES = ("job begins", "gate begins", "gate ends", "program runs", "program listens",
          "start command ends", "healthy", "proxy begins", "proxy listens", "first byte")


def _get(unit, interface, name):
    path = user.check("busctl", "--user", "--json=short", "call", SYSTEMD, "/org/freedesktop/systemd1",
                      f"{SYSTEMD}.Manager", "GetUnit", "s", unit)
    value = user.check("busctl", "--user", "--json=short", "get-property", SYSTEMD,
                       json.loads(path)["data"][0], f"{SYSTEMD}.{interface}", name)
    return json.loads(value)["data"]


def _command(unit, name):
    """Begin and end of the last command of a kind; 0 where there is none."""
    commands = _get(unit, "Service", name)
    return (commands[-1][4], commands[-1][6]) if commands else (0, 0)


def look(service, first):
    """{phase: microseconds since the client began}, right after a cold start."""
    unit = service.units[-1]
    gate = _command(unit, "ExecStartPre")
    lease = _command(unit, "ExecStartPost")
    times = {"job begins": _get(unit, "Unit", "InactiveExitTimestampMonotonic"),
             "gate begins": gate[0], "gate ends": gate[1],
             "program runs": first.started, "program listens": first.listened,
             "start command ends": lease[0],
             "healthy": _get(unit, "Unit", "ActiveEnterTimestampMonotonic"),
             "first byte": first.came}
    if len(service.units) > 1:
        proxy = service.units[0]
        times["proxy begins"] = _get(proxy, "Unit", "InactiveExitTimestampMonotonic")
        times["proxy listens"] = _get(proxy, "Unit", "ActiveEnterTimestampMonotonic")
    return {name: times[name] - first.began for name in PHASES if times.get(name, 0) >= first.began}
