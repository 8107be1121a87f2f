# SPDX-License-Identifier: MIT
"""Health checks as systemd's watchdog: what the verdict of a check does to a service.

Acted out rootless in a container and as a plain binary, and in the system manager.
"""

import time

import pytest

from supervised import FAST, PORTS, Supervised, http

VERDICT = "Watchdog request (last status: GET /health: 503 Service Unavailable, 3 of 3)!"
# The stop timeout of a container that ignores SIGTERM is 10 s; a heal below this did not wait for it.
PROMPT = 5.0


@pytest.fixture(params=["docker", "binary"])
def kind(request):
    return request.param


@pytest.fixture
def supervised(kind, runners, journal, spec, testy_image, testy_binary):
    def make(*args, name="checked", scope="user", **more):
        content = {
            "type": kind,
            "image": testy_image if kind == "docker" else testy_binary,
            "args": ["--port", PORTS[kind], "--catch-abort", *args],
            "healthcheck": http(kind=kind),
        } | more
        unit = spec(name, content, scope=scope)
        return Supervised(runners[scope], journal, name, unit, scope, kind)

    return make


@pytest.mark.parametrize("scope", ["user", "system"])
def test_503_is_healed_by_pid1_with_the_reason(supervised, wait_for, scope):
    web = supervised(scope=scope).start()
    web.ctl("unhealthy")
    wait_for(web.is_up_again, 20, "restarted after three times 503")
    wait_for(lambda: web.said(VERDICT), 5, "the reason in the manager's own line")
    assert web.seconds_down("Watchdog request") < PROMPT
    wait_for(lambda: "recovered" in web.events(), 5, "the recovery is told")
    events = web.events()
    for word in ("starting", "healthy", "failing", "unhealthy", "restarted", "recovered"):
        assert word in events, events
    assert not web.said("(phoenix-lease) with signal"), "the lease must end by itself"
    assert not web.said("conmon exited prematurely")


def test_start_returns_when_healthy(supervised):
    """The port opens after 1.5 s; `systemctl start` and units behind it wait for that."""
    web = supervised("--slow-start", "1500ms").start()
    entered = int(web.property("ActiveEnterTimestampMonotonic"))
    began = int(web.property("InactiveExitTimestampMonotonic"))
    assert entered - began >= 1_400_000
    assert web.property("ActiveState") == "active"
    assert web.property("StatusText") == "healthy"


def test_slow_start_beyond_grace_fails_with_the_reason(supervised, kind, wait_for):
    web = supervised("--slow-start", "60s", restart="no",
                     healthcheck=http(kind=kind, grace="1s"))
    result = web.systemctl("start")
    assert not result.ok
    assert web.property("ActiveState") == "failed"
    wait_for(lambda: web.said("is not healthy: GET /health: connection refused, 3 of 3"), 5,
             "why the start failed")
    assert "start-failed" in web.events()


def test_hang_of_the_accept_loop(supervised, wait_for):
    """The port is open and the process lives; no answer comes."""
    web = supervised("--ignore-sigterm", unit={"Service": {"TimeoutStopSec": "2s"}}).start()
    web.ctl("hang")
    wait_for(web.is_up_again, 20, "restarted after a hang")
    assert web.said("no answer within 500ms, 3 of 3")
    assert web.seconds_down("Watchdog request") < PROMPT
    wait_for(lambda: web.said("SIGABRT received"), 5, "the application itself gets SIGABRT")


def test_slow_answer(supervised, wait_for):
    web = supervised().start()
    web.ctl("slow", "2000")
    wait_for(web.is_up_again, 20, "restarted for being slow")
    assert web.said("no answer within 500ms")


def test_connection_refused(supervised, kind, wait_for):
    """Something else than the process dies: its port."""
    web = supervised(healthcheck={"type": "tcp", "port": 9} | FAST | {"grace": "1s"}, restart="no")
    assert not web.systemctl("start").ok
    wait_for(lambda: web.said("tcp 9: connection refused, 3 of 3"), 5, "the reason")


def test_below_retries_nothing_happens(supervised, kind, wait_for):
    web = supervised(healthcheck=http(kind=kind, retries=1000)).start()
    web.ctl("unhealthy")
    wait_for(lambda: "failing" in web.property("StatusText"), 10, "shown as failing")
    web.ctl("healthy")
    wait_for(lambda: web.property("StatusText") == "healthy", 10, "shown as healthy again")
    assert web.restarts() == 0
    assert [e for e in web.events() if e in ("failing", "recovered")] == ["failing", "recovered"]


def test_an_app_that_beats_and_hangs(supervised, kind, wait_for):
    """systemd's own timer rules; the checks see nothing wrong for a long time."""
    web = supervised("--beat", "300ms", watchdog="2s",
                     healthcheck=http(kind=kind, interval="1min", timeout="30s")).start()
    web.ctl("stop-beat")
    wait_for(web.is_up_again, 20, "restarted by systemd's timer")
    assert web.said("Watchdog timeout")


def test_an_app_that_beats_and_fails_its_check(supervised, wait_for):
    web = supervised("--beat", "300ms", watchdog="5s").start()
    wait_for(lambda: 150 < (web.status()["beats_per_minute"] or 0) < 250, 30, "200 beats a minute")
    web.ctl("unhealthy")
    wait_for(web.is_up_again, 20, "restarted for its check")
    assert web.said(VERDICT)


def test_exec_check_inside(supervised, kind, wait_for):
    """The image is made of one static file: nothing but the program itself can be run in it."""
    program = "/phoenix-testy" if kind == "docker" else "/usr/lib/phoenix/tests/phoenix-testy"
    argv = [program, "ctl", f"--port={PORTS[kind]}", "get", "/health"]
    web = supervised(healthcheck={"exec": argv} | FAST | {"timeout": "2s"}).start()
    web.ctl("unhealthy")
    wait_for(web.is_up_again, 20, "restarted for its exec check")
    assert web.said("Watchdog request (last status: exec")


def test_no_network_but_its_own_loopback(supervised, wait_for):
    web = supervised(network="none").start()
    assert web.property("ActiveState") == "active"
    assert web.property("StatusText") == "healthy"


def test_readiness_out_and_in(supervised, kind, wait_for):
    """Out of rotation is no reason to be killed."""
    web = supervised(healthcheck={"type": "tcp", "port": int(PORTS[kind])} | FAST,
                     readiness=http(kind=kind)).start()
    web.ctl("unhealthy")
    wait_for(lambda: web.property("StatusText").startswith("healthy, not ready: GET /health: 503"),
             15, "out of rotation")
    web.ctl("healthy")
    wait_for(lambda: web.property("StatusText") == "healthy", 15, "in rotation again")
    assert web.restarts() == 0
    assert [e for e in web.events() if e.endswith("ready")] == ["not-ready", "ready"]


def test_stop_is_not_delayed_and_silent(supervised):
    web = supervised().start()
    began = time.monotonic()
    assert web.systemctl("stop").ok
    assert time.monotonic() - began < PROMPT
    assert not [line for line in web.said("with signal") if "phoenix-lease" in line], web.story()
    assert web.property("Result") == "success"


def test_held_after_burst_and_released(supervised, kind, wait_for):
    web = supervised(restart={"delay": "50ms", "max": "100ms", "reset": "5min", "burst": 2},
                     healthcheck=http(kind=kind, retries=1)).start()
    for _ in range(3):
        wait_for(lambda: web.property("ActiveState") in ("active", "failed"), 15, "up or given up")
        web.ctl("crash")
        time.sleep(0.5)
    wait_for(lambda: web.said("Start request repeated too quickly"), 20, "systemd gives up")
    wait_for(lambda: "held" in web.events(), 10, "and that is said")
    assert web.status()["health"] == "held"
    scope = ["--user"]
    assert web.runner("phoenix", *scope, "start", web.name, timeout=60).ok
    wait_for(lambda: web.status()["health"] == "healthy", 15, "by hand it goes on at once")


def test_maintenance_kills_nothing(supervised, wait_for):
    web = supervised().start()
    web.runner.check("phoenix", "--user", "maintenance", web.name, "on", "--for", "1h")
    web.ctl("unhealthy")
    wait_for(lambda: any(p["verdict"] == "exhausted" for p in web.status()["probes"]), 15,
             "the verdict is shown")
    assert web.restarts() == 0
    assert web.status()["health"] == "maintenance"
    web.runner.check("phoenix", "--user", "maintenance", web.name, "off")
    wait_for(web.is_up_again, 20, "and counts again afterwards")


def test_order_after_healthy(supervised, kind, spec, runners, journal, testy_binary, wait_for):
    """What comes after a service starts when that is healthy, not when it runs."""
    web = supervised("--slow-start", "1500ms")
    spec("behind", {"type": "binary", "image": testy_binary, "args": ["--no-http"],
                    "needs": web.name})
    assert runners["user"].systemctl("start", "phoenix@behind.service", timeout=60).ok
    healthy = int(web.property("ActiveEnterTimestampMonotonic"))
    began = runners["user"].properties("phoenix@behind.service", "InactiveExitTimestampMonotonic")
    assert int(began["InactiveExitTimestampMonotonic"]) >= healthy
