# SPDX-License-Identifier: MIT
"""What Phoenix is for: a service that hangs, freezes or dies is running again, by PID 1's own doing.

Each case is acted out rootless in a container and as a plain binary, and once in the system manager.
"""

import pytest

WATCHDOG = "2s"
# The stop timeout that the pitfall would cost is 10 s; a heal that takes half of it did not fall in.
PROMPT = 5.0
BEAT = ("--beat", "500ms")


class Service:
    """One running test service, and what can be asked of it."""

    def __init__(self, runner, journal, unit, scope, container):
        self.runner, self.unit, self.scope, self.container = runner, unit, scope, container
        self._journal = journal
        self.cursor = journal.cursor()

    def ctl(self, *command):
        if self.container:
            return self.runner("podman", "exec", self.container, "/phoenix-testy", "ctl", *command)
        return self.runner("/usr/lib/phoenix/tests/phoenix-testy", "ctl", "--port=8091", *command)

    def property(self, name):
        return self.runner.properties(self.unit, name)[name]

    def restarts(self):
        return int(self.property("NRestarts"))

    def is_up_again(self, restarts=1):
        return self.restarts() >= restarts and self.property("ActiveState") == "active"

    def entries(self):
        return self._journal(self.unit, scope=self.scope, after=self.cursor)

    def said(self, text):
        return [entry for entry in self.entries() if text in entry.get("MESSAGE", "")]

    def seconds_down(self, text):
        """From PID 1's line that says `text` to the service being ready again."""
        noticed = int(self.said(text)[0]["__MONOTONIC_TIMESTAMP"])
        ready = int(self.property("ActiveEnterTimestampMonotonic"))
        return (ready - noticed) / 1e6


def heal_spec(kind, image, *args):
    arguments = ["--port", "8091" if kind == "binary" else "8080", "--catch-abort", *BEAT, *args]
    return {"type": kind, "image": image, "args": arguments, "watchdog": WATCHDOG}


@pytest.fixture(params=["docker", "binary"])
def kind(request):
    return request.param


@pytest.fixture
def service(kind, runners, journal, spec, testy_image, testy_binary):
    def start(*args, scope="user", **more):
        image = testy_image if kind == "docker" else testy_binary
        unit = spec("heal", heal_spec(kind, image, *args) | more, scope=scope)
        runner = runners[scope]
        started = Service(runner, journal, unit, scope, "phoenix-heal" if kind == "docker" else None)
        runner.check("systemctl", *(["--user"] if scope == "user" else []), "start", unit)
        assert started.property("ActiveState") == "active"
        return started

    return start


def test_hang_is_noticed_and_healed(service, wait_for):
    """The port stays open and the process lives; only the heartbeat tells."""
    web = service()
    web.ctl("hang")
    wait_for(web.is_up_again, 15, "restarted after a hang")
    assert web.said("Watchdog timeout")
    assert web.said("SIGABRT received"), "the application itself must get SIGABRT"
    assert web.seconds_down("Watchdog timeout") < PROMPT
    assert web.property("Result") == "success"


def test_hang_of_one_that_ignores_sigterm(service, wait_for):
    """As a truly hung one does. podman rm would wait its whole stop timeout for it."""
    web = service("--ignore-sigterm", unit={"Service": {"TimeoutStopSec": "3s"}})
    web.ctl("hang")
    wait_for(web.is_up_again, 15, "restarted after a hang without SIGTERM")
    assert web.seconds_down("Watchdog timeout") < PROMPT


def test_frozen_by_sigstop(service, wait_for):
    web = service()
    web.ctl("freeze")
    wait_for(web.is_up_again, 15, "restarted after SIGSTOP")
    assert web.said("Watchdog timeout")
    assert web.seconds_down("Watchdog timeout") < PROMPT


def test_spinning(service, wait_for):
    web = service()
    web.ctl("spin")
    wait_for(web.is_up_again, 15, "restarted out of an endless loop")
    assert web.said("Watchdog timeout")


@pytest.mark.parametrize("death", [("crash",), ("segv",), ("exit", "3"), ("exit", "0")])
def test_death_is_healed_at_once(service, wait_for, death):
    web = service()
    web.ctl(*death)
    wait_for(web.is_up_again, 10, f"restarted after {death}")
    assert not web.said("Watchdog timeout")


def test_again_and_again(service, wait_for):
    web = service()
    for number in range(1, 4):
        web.ctl("crash")
        wait_for(lambda n=number: web.is_up_again(n), 15, f"restart number {number}")
    assert web.restarts() >= 3


def test_beats_are_counted_by_the_manager(service, wait_for):
    web = service("--beat", "200ms", "--log-beats")
    first = int(web.property("WatchdogTimestampMonotonic"))
    wait_for(lambda: int(web.property("WatchdogTimestampMonotonic")) > first, 5, "a next beat")
    assert web.property("WatchdogUSec") == WATCHDOG
    wait_for(lambda: len(web.said("Heartbeat")) >= 3, 5, "heartbeats in the journal")


def test_slow_start_is_awaited(service):
    """Type=notify: start returns when the application says READY=1, not before."""
    web = service("--slow-start", "1s")
    entered = int(web.property("ActiveEnterTimestampMonotonic"))
    began = int(web.property("InactiveExitTimestampMonotonic"))
    assert entered - began >= 900_000


def test_stop_is_graceful_and_final(service, wait_for):
    web = service()
    web.runner.systemctl("stop", web.unit)
    assert web.property("ActiveState") == "inactive"
    assert web.property("Result") == "success"
    assert not web.said("SIGABRT received") and not web.said("Watchdog")
    assert web.restarts() == 0


def test_stop_of_one_that_ignores_sigterm_ends(service, kind):
    """Only a verdict is quick; a graceful stop takes its own time, and then it ends all the same."""
    settings = {"Service": {"TimeoutStopSec": "3s"}}
    if kind == "docker":
        settings["Container"] = {"StopTimeout": 2}
    web = service("--ignore-sigterm", unit=settings)
    web.runner.systemctl("stop", web.unit, timeout=30)
    assert web.property("ActiveState") in ("inactive", "failed")
    assert not web.said("SIGABRT received")


def test_system_scope(service, wait_for):
    web = service(scope="system")
    web.ctl("hang")
    wait_for(web.is_up_again, 15, "restarted in the system manager")
    assert web.said("Watchdog timeout")
    assert web.said("SIGABRT received")
    assert web.seconds_down("Watchdog timeout") < PROMPT


def test_nothing_is_left_behind(service, wait_for):
    """After the heals and the stop: no container, no process of the old one."""
    web = service()
    web.ctl("hang")
    wait_for(web.is_up_again, 15, "restarted")
    web.runner.systemctl("stop", web.unit)
    left = web.runner("pgrep", "--full", "phoenix-testy").out.split()
    assert not left
    if web.container:
        names = web.runner.check("podman", "ps", "--all", "--format", "{{.Names}}").split()
        assert web.container not in names
