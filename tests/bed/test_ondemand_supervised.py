# SPDX-License-Identifier: MIT
"""What phoenixd sees of services that their connections start: how they start, stop, freeze and wake,
what it counts and tells of that, and that being killed meanwhile changes none of it."""

import concurrent.futures
import http.client
import itertools
import os
import pathlib
import re
import shutil
import signal
import socket
import time

import pytest

from supervised import Supervised

PORT, TARGET = 18180, 18190
DAEMON = "phoenixd.service"
METRICS = {"user": "/run/user/1000/phoenix/metrics.sock", "system": "/run/phoenix/metrics.sock"}
# As long as anything may take on a busy machine; nothing here is meant to take it.
LONG = 60
NUMBERS = itertools.count()


class OnDemand(Supervised):
    """One service that is started by its connections, and what phoenixd says of it."""

    def __init__(self, runner, journal, name, scope, wait_for):
        super().__init__(runner, journal, name, f"phoenix@{name}.service", scope, "binary")
        self.socket = f"phoenix@{name}.socket"
        self.wait_for = wait_for

    def state(self, unit=None):
        return self.runner.properties(unit or self.unit, "ActiveState")["ActiveState"]

    def listen(self):
        result = self.runner.systemctl("start", self.socket, timeout=LONG)
        assert result.ok, str(result)
        return self

    def get(self, path="/health"):
        with socket.create_connection(("127.0.0.1", PORT), timeout=LONG) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
        assert answer.startswith("HTTP/1.1 200 "), f"{answer!r}\n{self.story()}"

    def get_many(self, n):
        with concurrent.futures.ThreadPoolExecutor(n) as pool:
            list(pool.map(lambda _: self.get(), range(n)))

    def demand(self):
        return self.status()["on_demand"]

    def told(self, event, n=1):
        """Waits until that was told so often, and no more; the last one's reason."""
        self.wait_for(lambda: self.events().count(event) >= n, LONG, f"{event} is told")
        assert self.events().count(event) == n, self.events()
        entries = self._journal(scope=self.scope, after=self.cursor,
                                matches=(f"PHOENIX_SERVICE={self.name}", f"PHOENIX_EVENT={event}"))
        return entries[-1].get("PHOENIX_REASON", "")

    def goes_idle(self):
        self.wait_for(lambda: self.status()["idle"], LONG, "it is idle")

    def freezes(self):
        self.wait_for(lambda: self.status()["health"] == "frozen", LONG, "phoenixd sees it frozen")

    def kill_supervisor(self):
        before = int(self.runner.properties(DAEMON, "MainPID")["MainPID"])
        assert before > 0
        os.kill(before, signal.SIGKILL)

    def metrics(self):
        class Unix(http.client.HTTPConnection):
            def connect(self):
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.connect(self.host)

        connection = Unix(METRICS[self.scope])
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        found = re.findall(rf'^phoenix_ondemand_(\w+){{service="{self.name}"}} (\S+)$', text, re.M)
        return {name: float(value) for name, value in found}


@pytest.fixture
def on_demand(runners, journal, wait_for, spec, testy_binary):
    made = []

    def make(content=None, args=(), scope="user", native=False):
        name = f"ondemand-{os.getpid()}-{next(NUMBERS)}"  # counts of tests before may be kept
        base = {"type": "binary", "image": testy_binary, "listen": [PORT], "idle": "2s",
                "args": [*args] if native else ["--port", str(TARGET), *args]}
        base |= {"activation": "native"} if native else {"proxyport": TARGET}
        spec(name, base | (content or {}), scope=scope)
        made.append(OnDemand(runners[scope], journal, name, scope, wait_for))
        return made[-1].listen()

    yield make
    for service in made:
        service.runner.systemctl("stop", service.socket, service.unit, timeout=LONG)
        service.runner.systemctl("reset-failed", service.socket, service.unit, timeout=LONG)


CHECK = {"path": "/health", "interval": "200ms", "timeout": "200ms", "retries": 2, "grace": "20s", "jitter": "0%"}


# ---- starts and stops ----

@pytest.mark.parametrize("scope", ["user", "system"])
def test_starts_and_stops(on_demand, scope):
    web = on_demand(args=["--slow-start", "500ms"], scope=scope)
    assert web.status()["idle"]
    web.get_many(3)
    reason = web.told("demand-started")
    assert re.fullmatch(r"3 connections held, served after \S+( \S+)?", reason), reason
    demand = web.demand()
    assert (demand["starts"], demand["starts_today"], demand["held"]) == (1, 1, 3)
    assert demand["cold_start_p50_usec"] >= 400_000
    assert not web.status()["idle"] and demand["listening"]

    web.goes_idle()
    assert web.told("idle-stopped") == "not used for 2s"
    out = web.runner("phoenix", f"--{scope}", "status", web.name).out
    assert re.search(rf"{web.name}: idle \(listening on {PORT}\), 1 start today, cold start p50 \d+ ms\n", out), out
    assert web.runner("phoenix", f"--{scope}", "status", web.name).ok

    # By hand: neither a start for a connection nor a stop for idleness.
    web.start()
    web.get()
    web.systemctl("stop")
    assert web.told("stopped") == ""
    # By hand, and left alone.
    web.start()
    web.goes_idle()
    web.told("idle-stopped", 2)
    web.get()
    web.told("demand-started", 2)
    demand = web.demand()
    assert (demand["starts"], demand["idle_stops"], demand["other_stops"]) == (2, 2, 1)
    found = web.metrics()
    assert (found["starts_total"], found["idle_stops_total"], found["other_stops_total"]) == (2, 2, 1)
    assert (found["listening"], found["held_connections_total"]) == (1, demand["held"])
    assert found["cold_start_seconds_count"] == 2
    web.runner.systemctl("stop", web.socket)
    web.wait_for(lambda: web.metrics()["listening"] == 0, LONG, "nobody listens")


def test_first_start_of_all(on_demand, user):
    """It is what starts phoenixd, which is late for it."""
    user.systemctl("stop", DAEMON)
    web = on_demand()
    web.get_many(2)
    assert re.match(r"2 connections held, ", web.told("demand-started"))
    web.goes_idle()
    web.told("idle-stopped")


def test_without_phoenixd(on_demand, user):
    web = on_demand()
    web.get()
    web.goes_idle()
    user.systemctl("mask", "--runtime", "--now", DAEMON, "phoenixd.socket", "phoenixd-metrics.socket")
    try:
        result = user("phoenix", "status", web.name)
        assert result.ok and f"{web.name}: idle (listening on {PORT})\n" in result.out, str(result)
        assert "phoenixd is not reachable" in result.err
        assert re.search(rf"^{web.name} .* idle ", user.check("phoenix", "services"), re.M)
    finally:
        user.systemctl("unmask", "--runtime", DAEMON, "phoenixd.socket", "phoenixd-metrics.socket")
        user.systemctl("start", "phoenixd.socket", "phoenixd-metrics.socket")


# ---- freezes ----

@pytest.mark.parametrize("native", [False, True], ids=["proxy", "native"])
def test_freeze_and_thaw(on_demand, native):
    web = on_demand({"idle": {"after": "1s", "action": "freeze"}, "healthcheck": CHECK}, native=native)
    web.get()
    web.freezes()
    assert web.told("frozen") == "not used for 1s"
    pid, checks = web.property("MainPID"), web.status()["checks"]
    time.sleep(2)  # ten checks, of which two would have been the end
    status = web.status()
    assert (status["health"], status["checks"]) == ("frozen", checks)
    assert web.property("StatusText") == "frozen"
    web.get()
    reason = web.told("thawed")
    assert re.fullmatch(r"frozen for [2-9]\S*( \S+)?", reason), reason
    web.wait_for(lambda: web.status()["health"] == "healthy", LONG, "it is checked again")
    web.freezes()
    demand = web.demand()
    assert (demand["freezes"], demand["thaws"], demand["starts"]) == (2, 1, 1)
    assert demand["frozen_usec"] >= 2_000_000
    assert (web.property("MainPID"), web.restarts()) == (pid, 0)
    rows = web.runner.check("phoenix", "status")
    assert re.search(rf"^{web.name} +● frozen ", rows, re.M), rows
    assert "It is frozen now." in " ".join(web.runner.check("phoenix", "explain", web.name).split())


def test_frozen_without_checks(on_demand):
    """Nobody but phoenix-idle tells of it."""
    web = on_demand({"idle": {"after": "1s", "action": "freeze", "stop": "3s"}}, native=True)
    web.runner.systemctl("start", DAEMON)
    for n in (1, 2):
        web.get()
        web.freezes()
        web.told("frozen", n)
    web.told("thawed")
    web.goes_idle()
    assert web.told("idle-stopped") == "frozen for 3s"
    demand = web.demand()
    assert (demand["starts"], demand["freezes"], demand["thaws"], demand["idle_stops"]) == (1, 2, 1, 1)


def test_frozen_with_its_proxy(on_demand):
    """The proxy lives as long as the service, and so its state says less: what is counted is the same."""
    web = on_demand({"idle": {"after": "1s", "action": "freeze", "stop": "3s"}})
    web.get()
    web.told("demand-started")
    web.freezes()
    web.get()
    web.told("thawed")
    web.goes_idle()
    assert web.told("idle-stopped") == "frozen for 3s"
    # By hand: the proxy comes with it, which is no start for a connection.
    web.start()
    web.get()
    web.goes_idle()
    web.told("idle-stopped", 2)
    # Stopped while it is frozen: not for idleness.
    web.get()
    web.told("demand-started", 2)
    web.freezes()
    web.systemctl("stop")
    assert web.told("stopped") == ""
    demand = web.demand()
    assert (demand["starts"], demand["idle_stops"], demand["other_stops"]) == (2, 2, 1)


def test_crash_while_frozen_with_its_proxy(on_demand):
    web = on_demand({"idle": {"after": "1s", "action": "freeze"}})
    web.get()
    web.told("demand-started")
    web.freezes()
    web.systemctl("kill", "--kill-whom=main", "--signal=KILL")
    web.get()
    web.freezes()
    demand = web.demand()
    assert (demand["starts"], demand["idle_stops"], demand["other_stops"]) == (1, 0, 0)
    assert web.restarts() == 1


# ---- checks are no use ----

@pytest.mark.parametrize("action", ["stop", "freeze"])
def test_checks_do_not_keep_it_awake(on_demand, action):
    """They go to the address that is listened on, several times in the idle time."""
    web = on_demand({"idle": {"after": "2s", "action": action}, "healthcheck": CHECK}, native=True)
    began = time.monotonic()
    while time.monotonic() < began + 5:
        web.get()
        time.sleep(0.5)
    assert web.status()["health"] == "healthy"
    assert web.events().count("frozen") == web.events().count("idle-stopped") == 0
    checks = web.status()["checks"]
    assert checks >= 5
    if action == "freeze":
        web.freezes()
    else:
        web.goes_idle()
    assert web.status()["checks"] > checks
    web.get()
    assert web.restarts() == 0


# ---- a service that cannot start ----

@pytest.fixture
def program(testy_binary):
    """A program that cannot start as long as there is a file beside it; both."""
    folder = pathlib.Path("/opt/phoenix-test-ondemand")
    folder.mkdir(mode=0o755)
    blocked, path = folder / "blocked", folder / "program"
    path.write_text(f'#!/bin/sh\n[ -e {blocked} ] && exit 7\nexec {testy_binary} "$@"\n')
    path.chmod(0o755)
    blocked.touch()
    yield path, blocked
    shutil.rmtree(folder)


def test_flood_is_explained(on_demand, program):
    path, blocked = program
    web = on_demand({"image": str(path), "restart": {"delay": "500ms", "max": "500ms"}})
    web.runner.systemctl("start", DAEMON)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(web.get) for _ in range(3)]
        web.wait_for(lambda: web.demand()["waiting"] == 3, LONG, "all of them wait")
        # Between two attempts, and why the last one failed.
        web.wait_for(lambda: "3 connections wait while it starts: it exited with status 7. They are served "
                     "as soon as it is up, and closed when it is not after 2min 14s." in
                     " ".join(web.runner.check("phoenix", "explain", web.name).split()), LONG, "it is explained")
        assert "Waiting: 3 connections" in web.runner("phoenix", "status", web.name).out
        time.sleep(2)
        blocked.unlink()
        for one in waiting:
            one.result(LONG)
    assert re.match(r"3 connections held, served after \d", web.told("demand-started"))
    demand = web.demand()
    assert (demand["waiting"], demand["starts"], demand["held"]) == (0, 1, 3)


# ---- phoenixd is killed ----

def test_killed_while_it_starts(on_demand):
    web = on_demand(args=["--slow-start", "2s"])
    web.runner.systemctl("start", DAEMON)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(web.get) for _ in range(2)]
        web.told("starting")
        for _ in range(3):
            time.sleep(0.3)
            web.kill_supervisor()
            web.wait_for(lambda: web.state(DAEMON) == "active", LONG, "phoenixd is back")
        for one in waiting:
            one.result(LONG)
    assert re.match(r"2 connections held, served after [2-9]", web.told("demand-started"))
    web.goes_idle()
    web.told("idle-stopped")
    demand = web.demand()
    assert (demand["starts"], demand["held"], demand["idle_stops"], demand["other_stops"]) == (1, 2, 1, 0)


def test_killed_while_it_is_up_and_while_it_stops(on_demand):
    web = on_demand({"unit": {"Service": {"ExecStopPost": "/bin/sleep 1.5"}}})
    web.get()
    web.told("demand-started")
    web.kill_supervisor()
    web.wait_for(lambda: web.state() == "deactivating", LONG, "it stops")
    web.kill_supervisor()
    web.goes_idle()
    web.told("idle-stopped")
    web.kill_supervisor()
    web.get()
    web.told("demand-started", 2)
    demand = web.demand()
    assert (demand["starts"], demand["idle_stops"], demand["other_stops"]) == (2, 1, 0)


def test_killed_over_the_whole_stop(on_demand):
    """It is back only when the service has gone."""
    web = on_demand({"unit": {"Service": {"ExecStopPost": "/bin/sleep 1"}}})
    web.get()
    web.told("demand-started")
    pid = int(web.runner.properties(DAEMON, "MainPID")["MainPID"])
    os.kill(pid, signal.SIGSTOP)
    web.wait_for(lambda: web.state() == "inactive", LONG, "it has stopped")
    os.kill(pid, signal.SIGKILL)
    web.told("idle-stopped")
    demand = web.demand()
    assert (demand["starts"], demand["idle_stops"], demand["other_stops"]) == (1, 1, 0)


@pytest.mark.parametrize("when", ["frozen", "waking"])
def test_killed_while_it_sleeps(on_demand, when):
    web = on_demand({"idle": {"after": "1s", "action": "freeze"}, "healthcheck": CHECK})
    web.get()
    web.freezes()
    web.told("frozen")
    pid = web.property("MainPID")
    web.kill_supervisor()
    if when == "frozen":
        web.wait_for(lambda: web.status()["health"] == "frozen", LONG, "the next one sees it frozen")
        time.sleep(1)
        assert web.status()["health"] == "frozen"
    # Somebody stays connected: else it could be asleep again before it is looked at.
    with socket.create_connection(("127.0.0.1", PORT), timeout=LONG):
        web.get()
        web.told("thawed")
        web.wait_for(lambda: web.status()["health"] == "healthy", LONG, "it is checked again")
    web.freezes()
    web.told("frozen", 2)
    demand = web.demand()
    assert (demand["freezes"], demand["thaws"], demand["starts"]) == (2, 1, 1)
    assert (web.property("MainPID"), web.restarts()) == (pid, 0)


def test_counts_survive_a_stop_of_phoenixd(on_demand):
    web = on_demand()
    web.get()
    web.told("demand-started")
    web.goes_idle()
    web.told("idle-stopped")
    before = web.demand()
    web.runner.systemctl("stop", DAEMON)
    # The one that is started by the question learns of the socket in a moment.
    web.wait_for(lambda: web.demand() == before, LONG, "it counts on from there")
    assert web.metrics()["starts_total"] == 1
