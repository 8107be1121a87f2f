# SPDX-License-Identifier: MIT
"""What people read about services: while they restart, when they have stopped, when they beat by themselves."""

import concurrent.futures
import itertools
import os
import pathlib
import re
import shutil
import time

import pytest

from supervised import FAST, Supervised, http

# As long as anything may take on a busy machine; nothing here is meant to take it.
LONG = 60
PORT = 18380
# What was told of one is not told of the next one.
NUMBERS = itertools.count()


@pytest.fixture
def service(runners, journal, spec, testy_binary):
    made = []

    def make(**content):
        name = f"view-{os.getpid()}-{next(NUMBERS)}"
        spec(name, {"type": "binary", "image": testy_binary} | content, scope="user")
        made.append(Supervised(runners["user"], journal, name, f"phoenix@{name}.service", "user", "binary"))
        return made[-1]

    yield make
    for one in made:
        one.runner.systemctl("stop", f"phoenix@{one.name}.socket", one.unit, timeout=LONG)
        one.runner.systemctl("reset-failed", one.unit, timeout=LONG)


@pytest.fixture
def program(testy_binary):
    """A program that ends at once as long as there is a file beside it; both."""
    folder = pathlib.Path("/opt/phoenix-test-view")
    folder.mkdir(mode=0o755)
    blocked, path = folder / "blocked", folder / "program"
    path.write_text(f'#!/bin/sh\n[ -e {blocked} ] && exit 7\nexec {testy_binary} "$@"\n')
    path.chmod(0o755)
    blocked.touch()
    yield path, blocked
    shutil.rmtree(folder)


# ---- restarts ----

@pytest.mark.parametrize("verb", ["start", "deploy"])
def test_nobody_waits_in_the_dark(service, program, wait_for, verb):
    """A start that goes on through restarts says each of them, and why, and ends when it works."""
    path, blocked = program
    web = service(image=str(path), listen=[f"127.0.0.1:{PORT}"], proxyport=PORT + 1, idle="1h",
                  args=["--port", str(PORT + 1)], restart={"delay": "700ms", "max": "700ms"})
    web.runner.systemctl("start", f"phoenix@{web.name}.socket")
    what = web.name if verb == "start" else f"/home/phoenix/.config/phoenix.d/{web.name}.json"
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(web.runner, "phoenix", verb, what, timeout=LONG * 2)
        wait_for(lambda: web.restarts() >= 3, LONG, "it restarts")
        blocked.unlink()
        result = running.result()
    assert result.ok, str(result)
    lines = re.findall(rf"^{web.name}: restart.*$", result.err, re.M)
    # Several in one line, where the command was slow to look.
    assert lines and int(re.search(r"restarts? (?:\d+ to )?(\d+)", lines[-1])[1]) >= 2, str(result)
    for line in lines:
        assert re.fullmatch(rf"{web.name}: restarts? \d+( to \d+)?: it exited with status 7", line), line
    assert "restart" not in web.runner.check("phoenix", "--json", "start", web.name)


def test_restarts_that_took_place(service, program, wait_for):
    """systemd counts the one that it refuses, too; people are told of three, and why."""
    path, _ = program
    web = service(image=str(path), restart={"delay": "50ms", "max": "50ms", "burst": 3})
    web.runner.systemctl("start", "phoenixd.service")
    web.systemctl("start")
    wait_for(lambda: "held" in web.events(), LONG, "it is held")
    assert web.events().count("restarted") == 3, web.events()
    status = web.status()
    assert (status["health"], status["restarts"]) == ("held", 3)
    assert status["reason"] == "it exited with status 7"
    out = web.runner("phoenix", "events", web.name).out
    assert "restart 3: it exited with status 7" in out and "restart 4" not in out, out


# ---- what has stopped ----

def test_stopped_shows_nothing_of_before(service, wait_for):
    web = service(args=["--port", "8091"], healthcheck=http(), readiness=http("/")).start()
    wait_for(lambda: web.status()["ready"] == "yes", LONG, "it is ready")
    web.systemctl("stop")
    wait_for(lambda: web.status()["health"] == "stopped", LONG, "it is stopped")
    assert not web.status()["reason"]
    assert {probe["verdict"] for probe in web.status()["probes"]} == {"unknown"}
    out = web.runner("phoenix", "status", web.name).out
    assert "Reason:" not in out and "passing" not in out and re.search(r"^ +Ready: -$", out, re.M), out
    assert web.said("has stopped") == [f"{web.name} has stopped"]
    assert re.search(rf"{web.name} +stopped\n", web.runner("phoenix", "events", web.name).out)


# ---- heartbeats of its own ----

def test_healthy_for_longer_than_the_watchdog_of_a_lease(service, wait_for):
    """Nobody pets it but itself, and that is enough, with checks and without."""
    web = service(args=["--port", "8091"], watchdog="2s", healthcheck=http())
    plain = service(args=["--port", "8092"], watchdog="2s")
    for one in (web, plain):
        one.start()
    out = web.runner("phoenix", "status", web.name).out
    assert re.search(r"^ +Beats: (-|\d+\.\d per minute), allowed silence 2s$", out, re.M), out
    assert "0.0 per minute" not in out
    pids = [one.property("MainPID") for one in (web, plain)]
    time.sleep(20)
    assert web.status()["health"] == "healthy"
    assert web.property("StatusText") == "healthy"
    assert [one.property("MainPID") for one in (web, plain)] == pids
    assert web.restarts() == plain.restarts() == 0
    assert web.status()["beats_per_minute"] > 0


# ---- explain ----

def test_needs_are_explained(service):
    database = service(args=["--port", "8093"])
    web = service(args=["--port", "8091"], needs=[database.name], healthcheck={"path": "/health"} | FAST)
    out = " ".join(web.runner.check("phoenix", "explain", web.name).split())
    assert f"It needs {database.name}: a start of it starts them, too" in out
    result = web.runner("phoenix", "check", web.name)
    assert 'the check goes to 8000, the default of "proxyport"' in result.out + result.err, str(result)
