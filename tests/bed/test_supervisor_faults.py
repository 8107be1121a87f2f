# SPDX-License-Identifier: MIT
"""What happens to services when the supervisor, or what it stands on, goes wrong: nothing.

A fleet of small programs is checked all the time, and some of them really fail meanwhile.
"""

import json
import os
import random
import signal
import time

import pytest

from supervised import FAST

BASE = 9100
FLEET = 100
FAILING = 10
LONG = os.environ.get("PHOENIX_TESTS_LONG") == "1"
KILLS = int(os.environ.get("PHOENIX_TEST_KILLS", "1000" if LONG else "200"))
DAEMON = "phoenixd.service"
API = ("io.phoenix.Supervisor1", "/io/phoenix/Supervisor1", "io.phoenix.Supervisor1")


class Fleet:
    def __init__(self, runner, journal, names, binary):
        self.runner, self.names, self.binary = runner, names, binary
        self._journal = journal
        self.cursor = journal.cursor()

    def units(self, names=None):
        return [f"phoenix@{name}.service" for name in (names or self.names)]

    def restarts(self):
        out = self.runner.systemctl("show", "--property=Id,NRestarts", *self.units()).out
        pairs = (block.split("\n") for block in out.strip().split("\n\n"))
        return {line[0].split("@")[1].removesuffix(".service"): int(line[1].split("=")[1])
                for line in (sorted(pair) for pair in pairs)}

    def ctl(self, name, *command):
        port = BASE + self.names.index(name)
        return self.runner(self.binary, "ctl", f"--port={port}", *command)

    def daemon(self):
        return int(self.runner.properties(DAEMON, "MainPID")["MainPID"])

    def daemon_restarts(self):
        return int(self.runner.properties(DAEMON, "NRestarts")["NRestarts"])

    def services(self):
        out = self.runner.check("phoenix", "--user", "status", "--json", timeout=60)
        return {item["name"]: item for item in json.loads(out)}

    def states(self):
        services = self.services()
        return [services[name]["health"] for name in self.names if name in services]

    def degraded(self):
        return self.runner.check("busctl", "--user", "get-property", *API, "Degraded")

    def all_healthy(self, wait_for, timeout=60):
        wait_for(lambda: self.states() == ["healthy"] * len(self.names), timeout, "all are healthy",
                 interval=0.5)

    def events(self, word):
        entries = self._journal(scope="user", after=self.cursor,
                                matches=(f"PHOENIX_EVENT={word}",))
        return [entry.get("PHOENIX_SERVICE") for entry in entries]


@pytest.fixture
def fleet(runners, journal, spec, testy_binary, wait_for):
    def make(n=FLEET, wait=True, **check):
        names = [f"fleet-{i:03}" for i in range(n)]
        for i, name in enumerate(names):
            port = BASE + i
            spec(name, {"type": "binary", "image": testy_binary, "args": ["--port", str(port)],
                        "healthcheck": {"path": "/health", "port": port} | FAST | check,
                        "restart": {"delay": "100ms", "max": "1s"}}, reload=False)
        spec.reload("user")
        made = Fleet(runners["user"], journal, names, testy_binary)
        result = made.runner.systemctl("start", *made.units(), timeout=120)
        assert result.ok, result.err[-2000:]
        if wait:
            made.all_healthy(wait_for)
        return made

    return make


def kill_again_and_again(fleet, n, failing):
    """SIGKILL at any moment, also while phoenixd is still coming up."""
    chance = random.Random(4)
    at = {n * (i + 1) // (len(failing) + 1): name for i, name in enumerate(failing)}
    done = 0
    while done < n:
        pid = fleet.daemon()
        if pid:
            try:
                os.kill(pid, signal.SIGKILL)
                done += 1
            except ProcessLookupError:
                pass
        if done in at:
            fleet.ctl(at.pop(done), "unhealthy")
        time.sleep(chance.uniform(0.02, 0.3))


def test_kill_9_harms_no_service_and_hides_no_failure(fleet, wait_for):
    web = fleet()
    failing = random.Random(7).sample(web.names, FAILING)
    kill_again_and_again(web, KILLS, failing)
    wait_for(lambda: all(web.restarts()[name] >= 1 for name in failing), 60,
             "every failing one is restarted", interval=0.5)
    web.all_healthy(wait_for, 60)
    restarts = web.restarts()
    assert {name: n for name, n in restarts.items() if n and name not in failing} == {}
    for word in ("unhealthy", "restarted", "recovered"):
        assert set(failing) <= set(web.events(word)), word
    assert web.daemon_restarts() >= KILLS


def test_a_stopped_supervisor_is_restarted_before_any_service(fleet, wait_for):
    web = fleet(10)
    before = web.daemon_restarts()
    os.kill(web.daemon(), signal.SIGSTOP)
    wait_for(lambda: web.daemon_restarts() > before, 14, "restarted by its own watchdog")
    web.all_healthy(wait_for, 30)
    assert set(web.restarts().values()) == {0}


def test_reexec_and_reload_storms(fleet, wait_for):
    web = fleet(20)
    for _ in range(3):
        assert web.runner.systemctl("daemon-reexec", timeout=60).ok
        for _ in range(5):
            assert web.runner.systemctl("daemon-reload", timeout=60).ok
    web.ctl(web.names[3], "unhealthy")
    wait_for(lambda: web.restarts()[web.names[3]] >= 1, 20, "a failing one is restarted")
    web.all_healthy(wait_for, 30)
    assert sum(web.restarts().values()) == web.restarts()[web.names[3]]


def test_restart_of_the_bus(fleet, wait_for):
    """Leases need no bus: verdicts go on; commands work again when the bus is back."""
    web = fleet(10)
    assert web.runner.systemctl("restart", "dbus.service", timeout=60).ok
    web.ctl(web.names[0], "unhealthy")
    wait_for(lambda: web.restarts()[web.names[0]] >= 1, 20, "a failing one is restarted")
    web.all_healthy(wait_for, 60)
    wait_for(lambda: web.events("restored"), 40, "it is said that the bus is back")


def test_restart_of_journald(fleet, root, wait_for):
    web = fleet(10)
    root.check("systemctl", "restart", "systemd-journald.service")
    web.ctl(web.names[1], "unhealthy")
    wait_for(lambda: web.restarts()[web.names[1]] >= 1, 20, "a failing one is restarted")
    wait_for(lambda: web.names[1] in web.events("recovered"), 20, "and it is written down")


@pytest.fixture
def limited(runners):
    """phoenixd with other settings, and a restart of it before and after."""
    user = runners["user"]
    folder = "/home/phoenix/.config/systemd/user/phoenixd.service.d"

    def apply():
        user.check("systemctl", "--user", "daemon-reload")
        user.check("systemctl", "--user", "restart", DAEMON)

    def limit(setting):
        user.check("mkdir", "-p", folder)
        user.check("sh", "-c", f"printf '[Service]\\n{setting}\\n' >{folder}/test.conf")
        apply()

    def lift():
        user("rm", "-rf", folder)
        apply()

    limit.lift = lift
    yield limit
    lift()


def test_few_descriptors(fleet, limited, wait_for):
    """With 64 descriptors not all can be supervised; all run, and the lack is said."""
    limited("LimitNOFILE=64")
    web = fleet(100, wait=False)
    wait_for(lambda: "descriptors" in web.degraded(), 30, "the lack is said")
    assert set(web.restarts().values()) == {0}
    limited.lift()
    web.all_healthy(wait_for, 90)
    assert set(web.restarts().values()) == {0}


def test_full_state_disk(fleet, runners, root, wait_for):
    """Nothing can be written down; everything else goes on, and it is said."""
    state = "/home/phoenix/.local/state/phoenix/_supervisor"
    web = fleet(10)
    root.check("mount", "-t", "tmpfs", "-o", "size=4k,uid=1000,gid=1000", "tmpfs", state)
    try:
        root("sh", "-c", f"head -c 8k /dev/zero >{state}/full 2>&-")
        web.runner.check("systemctl", "--user", "restart", DAEMON)
        web.ctl(web.names[0], "unhealthy")
        wait_for(lambda: web.restarts()[web.names[0]] >= 1, 20, "a failing one is restarted")
        wait_for(lambda: "state" in web.degraded(), 20, "the lack is said")
    finally:
        web.runner("systemctl", "--user", "stop", DAEMON)
        root.check("umount", "-l", state)
        web.runner("systemctl", "--user", "start", DAEMON)
    web.all_healthy(wait_for)
