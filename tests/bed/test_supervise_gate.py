# SPDX-License-Identifier: MIT
"""Who may start when: the start gate, order across restarts, and the delays between restarts."""

import json

import pytest

from supervised import FAST, Supervised, http

SLOTS = "/home/phoenix/.config/systemd/user/phoenixd.service.d"
DAEMON = "phoenixd.service"
API = ("io.phoenix.Supervisor1", "/io/phoenix/Supervisor1", "io.phoenix.Supervisor1")
# From PID 1 being told that a start is over to it being over, on a busy machine.
SLACK_USEC = 150_000


@pytest.fixture
def slots(user):
    """slots(2): phoenixd with so many places to start."""

    def set_to(n):
        user.check("mkdir", "-p", SLOTS)
        user.check("sh", "-c", "printf '[Service]\\nEnvironment=PHOENIX_START_SLOTS=%s\\n' "
                   f"{n} >{SLOTS}/slots.conf")
        user.check("systemctl", "--user", "daemon-reload")
        user.check("systemctl", "--user", "restart", DAEMON)

    yield set_to
    user("rm", "-rf", SLOTS)
    user.check("systemctl", "--user", "daemon-reload")
    user.check("systemctl", "--user", "restart", DAEMON)


@pytest.fixture
def containers(spec, user, testy_image, wait_for):
    """containers(names, ...): that many specs, and then their units in one `systemctl start`."""

    def make(specs):
        for name, more in specs.items():
            spec(name, {"type": "docker", "image": testy_image, "network": "none",
                        "args": ["--port", "8080", "--slow-start", "500ms"],
                        "healthcheck": http(kind="docker")} | more, reload=False)
        spec.reload("user")
        units = [f"phoenix@{name}.service" for name in specs]
        result = user.systemctl("start", "--no-block", *units)
        assert result.ok, str(result)
        wait_for(lambda: set(states(user, units)) <= {"active", "failed"}, 120, "all are up",
                 interval=0.2)
        assert set(states(user, units)) == {"active"}
        return units

    return make


def states(user, units):
    out = user.systemctl("show", "--property=ActiveState", "--value", *units).out
    return out.split()


def starts(user, units):
    """When each was let in, and when it was up, in microseconds; the first one first."""
    found = []
    for unit in units:
        told = user.properties(unit, "ExecMainStartTimestampMonotonic",
                               "ActiveEnterTimestampMonotonic")
        found.append((int(told["ExecMainStartTimestampMonotonic"]),
                      int(told["ActiveEnterTimestampMonotonic"]), unit))
    return sorted(found)


def most_at_once(spans):
    """How many were under way at the same time; of each span the last SLACK_USEC do not count."""
    return max(sum(begin <= at < end - SLACK_USEC for begin, end, _ in spans)
               for at, _, _ in spans)


def test_two_at_a_time(slots, containers, user):
    slots(2)
    spans = starts(user, containers({f"gate-{i}": {} for i in range(8)}))
    assert all(end - begin >= 500_000 for begin, end, _ in spans), spans
    assert most_at_once(spans) == 2, spans
    for name, expected in (("GateSlots", "u 2"), ("GateRunning", "u 0"), ("GateWaiting", "u 0")):
        assert user.check("busctl", "--user", "get-property", *API, name).strip() == expected


def test_who_is_needed_goes_first(slots, containers, user):
    """Whoever comes first finds the gate open; the next one is the one that others wait for."""
    slots(1)
    plain = {f"gate-{i}": {} for i in range(4)}
    needy = {f"needy-{i}": {"needs": "zz-base"} for i in range(2)}
    spans = starts(user, containers(plain | {"zz-base": {}} | needy))
    order = [unit.removeprefix("phoenix@").removesuffix(".service") for *_, unit in spans]
    assert order.index("zz-base") <= 1, order
    assert most_at_once(spans) == 1, spans


def test_without_a_supervisor_there_is_no_gate(containers, user):
    """They have no checks here: a start that would wait for health goes on 20 s later, as well."""
    sockets = ("phoenixd.socket", "phoenixd-metrics.socket")
    user.check("systemctl", "--user", "mask", "--runtime", "--now", DAEMON, *sockets)
    try:
        units = containers({f"gate-{i}": {"healthcheck": []} for i in range(3)})
    finally:
        user.check("systemctl", "--user", "unmask", "--runtime", DAEMON, *sockets)
    user.check("systemctl", "--user", "start", *sockets)
    assert len(units) == 3


# ---- restarts ----

@pytest.fixture
def binary(runners, journal, spec, testy_binary):
    def make(name, *args, port=None, **more):
        content = {"type": "binary", "image": testy_binary, "args": list(args)}
        if port:
            content["args"] += ["--port", str(port)]
            content["healthcheck"] = {"path": "/health", "port": port} | FAST
        unit = spec(name, content | more)
        return Supervised(runners["user"], journal, name, unit, "user", "binary")

    return make


def entered(web, name="ActiveEnter"):
    return int(web.property(f"{name}TimestampMonotonic"))


def test_what_needs_it_waits_for_it_to_be_healthy_again(binary, wait_for):
    base = binary("base", "--slow-start", "1500ms", port=8091, restart={"delay": "50ms"}).start()
    first = entered(base)
    base.ctl("exit", "1")
    wait_for(lambda: base.restarts() == 1, 10, "it is being restarted")
    assert base.property("ActiveState") == "activating"
    behind = binary("behind", "--no-http", needs="base").start()
    assert entered(base) > first
    assert entered(behind, "InactiveExit") >= entered(base)


def test_what_needs_it_is_up_again_after_it(binary, wait_for):
    """Nothing is left down when what it needs was restarted."""
    base = binary("base", "--slow-start", "500ms", port=8091, restart={"delay": "50ms"})
    behind = binary("behind", "--no-http", needs="base").start()
    first = entered(base)
    base.ctl("unhealthy")
    wait_for(lambda: base.is_up_again() and entered(base) > first, 20, "restarted")
    wait_for(lambda: behind.property("ActiveState") == "active", 10, "up")


def predicted(web):
    explained = json.loads(web.runner.check("phoenix", "--user", "explain", "--json", web.name))
    found = explained[0] if isinstance(explained, list) else explained
    return found["restart_delays_usec"]


def monotonic(entry):
    return int(entry["__MONOTONIC_TIMESTAMP"])


def test_delays_grow_as_explain_says(binary, wait_for):
    """Six restarts of a service that never gets healthy."""
    web = binary("flapping", "--oneshot", "1", restart={"delay": "50ms", "max": "1600ms"},
                 healthcheck=http(grace="5s"))
    expected = predicted(web)[:6]
    assert expected == sorted(expected) and expected[5] > 10 * expected[0]
    web.systemctl("start", "--no-block")
    wait_for(lambda: web.restarts() >= 6, 30, "six restarts", interval=0.2)
    web.systemctl("stop")
    ended = [monotonic(entry) for entry in web.entries("Failed with result")]
    again = [monotonic(entry) for entry in web.entries("Scheduled restart job")]
    delays = [after - before for before, after in zip(ended, again)][:6]
    assert len(delays) == 6, web.story()
    for delay, wanted in zip(delays, expected):
        # The journal's time is a moment after that of PID 1.
        assert wanted - 20_000 <= delay < wanted + 1_500_000, (delays, expected)


def test_delays_begin_anew_after_healthy_time(binary, wait_for):
    web = binary("steady", port=8091,
                 restart={"delay": "50ms", "max": "10s", "reset": "1s"}).start()
    for _ in range(2):
        web.ctl("exit", "1")
        wait_for(lambda: web.restarts() >= 1, 10, "restarted")
        assert web.status()["restarts"] >= 1
        wait_for(lambda: web.restarts() == 0, 15, "healthy for long enough")
    assert web.property("ActiveState") == "active"


def test_delays_do_not_begin_anew_before(binary, wait_for):
    web = binary("unsteady", port=8091,
                 restart={"delay": "50ms", "max": "1s", "reset": "1h"}).start()
    for n in range(1, 4):
        web.ctl("exit", "1")
        wait_for(lambda n=n: web.restarts() == n and web.property("StatusText") == "healthy", 15,
                 "healthy, and the count is kept")
