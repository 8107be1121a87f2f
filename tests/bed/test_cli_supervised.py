# SPDX-License-Identifier: MIT
"""The command on services that phoenixd supervises, as a user of it sees them.

What the supervisor does is tested elsewhere; here it is made to happen, and must be told.
"""

import json
import pathlib
import re
import uuid

import pytest

from supervised import PORTS, Supervised, http

FOLDER = pathlib.Path("/home/phoenix/.config/phoenix.d")
FAILED = "GET /health: 503 Service Unavailable"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Service(Supervised):
    """A test service as `phoenix` shows it."""

    def phoenix(self, verb, *args, **options):
        return self.runner("phoenix", verb, *args, self.name, **options)

    def told(self, verb, *args):
        return json.loads(self.phoenix(verb, "--json", *args).out)

    def lines(self, verb, *args):
        return [json.loads(line) for line in self.phoenix(verb, "--json", *args).out.splitlines()]

    def kinds(self):
        return [event["event"] for event in self.lines("events")]

    def start(self):
        result = self.phoenix("start", timeout=120)
        assert result.ok, str(result)
        return self


@pytest.fixture(params=["docker", "binary"])
def kind(request):
    return request.param


def content(kind, image, *args, **more):
    return {
        "type": kind,
        "image": image,
        "args": ["--port", PORTS[kind], "--catch-abort", *args],
        "healthcheck": http(kind=kind),
    } | more


@pytest.fixture
def service(kind, user, journal, spec, testy_image, testy_binary):
    """A name of its own, as the journal remembers those of the tests before."""

    def make(*args, **more):
        name = f"seen-{uuid.uuid4().hex[:8]}"
        image = testy_image if kind == "docker" else testy_binary
        unit = spec(name, content(kind, image, *args, **more))
        return Service(user, journal, name, unit, "user", kind)

    return make


def binaries(test):
    return pytest.mark.parametrize("kind", ["binary"], indirect=True)(test)


# ---- status and top ----


def test_status(service, user, wait_for):
    web = service().start()
    (row,) = [row for row in user.check("phoenix", "status").splitlines() if web.name in row]
    assert re.search(r"● healthy +.* yes +0  pass ", row), row

    (told,) = [s for s in json.loads(user("phoenix", "status", "--json").out) if s["name"] == web.name]
    assert (told["health"], told["last_check"]["outcome"]) == ("healthy", "pass")
    assert "probes" not in told

    told = web.told("status")
    assert told["supervised"] and told["lease"] and told["status"] == "healthy"
    assert told["probes"][0]["history"][-1]["outcome"] == "pass"
    shown = web.phoenix("status")
    assert shown.ok and f"● {web.name}: healthy\n" in shown.out
    assert re.search(r"GET /health +health +passing +0 of 3", shown.out), shown.out
    assert re.search(r"pass +[\d.]+.?s +200 OK\n", shown.out), shown.out

    web.ctl("unhealthy")
    wait_for(lambda: "failing" in web.phoenix("status").out, 10, "shown as failing")
    two = user("phoenix", "status", "--json", web.name, web.name)
    assert two.ok and [one["name"] for one in json.loads(two.out)] == [web.name] * 2
    web.phoenix("stop")
    assert web.phoenix("status").code == 1
    assert user("phoenix", "status", f"{web.name}x").code == 4


@binaries
def test_top(service, user):
    web = service("--beat", "300ms", watchdog="5s").start()
    (row,) = [row for row in json.loads(user.check("phoenix", "top", "--once", "--json"))
              if row["name"] == web.name]
    assert (row["state"], row["restarts"]) == ("healthy", 0)
    assert row["cpu_usec"] > 0 and row["latency_usec"] > 0 and row["beats_per_minute"] >= 0
    assert re.search(rf"^{web.name} +healthy ", user.check("phoenix", "top", "--once"), re.M)


@binaries
def test_top_on_a_terminal(service, user):
    web = service().start()
    out = user("script", "-qec", "stty rows 20 cols 60; phoenix top -n 2", "/dev/null",
               env={"TERM": "xterm"}).out
    assert "\x1b[?1049h" in out and out.rstrip().endswith("\x1b[?1049l")
    assert web.name in out
    lines = ESCAPE.sub("", out).splitlines()
    assert any(line.startswith("phoenix top") and len(line) <= 60 for line in lines), lines


# ---- events and logs ----


def test_events_of_a_heal(service, wait_for):
    web = service().start()
    web.ctl("unhealthy")
    wait_for(lambda: "recovered" in web.kinds(), 25, "healed")
    kinds = web.kinds()
    order = ["starting", "healthy", "failing", "unhealthy", "restarted", "recovered"]
    assert [kind for kind in kinds if kind in order[2:]][:4] == order[2:], kinds
    assert kinds[:2] == order[:2]

    failing = next(event for event in web.lines("events") if event["event"] == "failing")
    assert failing["service"] == web.name and failing["reason"] == FAILED
    assert (failing["failures"], failing["retries"]) == (1, 3)
    assert (failing["state_before"], failing["state"]) == ("healthy", "failing")
    assert failing["message"] == f"{web.name} is failing: {FAILED}, 1 of 3"

    lines = web.phoenix("events").out.splitlines()
    assert any(re.search(rf"{web.name} +failing +{FAILED}, 1 of 3$", line) for line in lines), lines
    assert any(re.search(rf"unhealthy +{FAILED}, 3 of 3", line) for line in lines), lines
    assert any(re.search(r"restarted +restart 1: ", line) for line in lines), lines
    assert web.phoenix("events", "-n", "2").out.splitlines() == lines[-2:]
    assert web.phoenix("events", "--since=10min").out.splitlines() == lines
    assert web.phoenix("events", "--since=now").out == ""


@binaries
def test_events_of_readiness(service, wait_for):
    web = service(healthcheck={"type": "tcp", "port": int(PORTS["binary"]), "interval": "300ms"},
                  readiness=http()).start()
    web.ctl("unhealthy")
    wait_for(lambda: "not-ready" in web.kinds(), 10, "out of rotation")
    assert web.told("status")["ready"] == "no"
    web.ctl("healthy")
    wait_for(lambda: web.kinds()[-1] == "ready", 10, "in rotation again")


@binaries
def test_events_that_are_followed(service, user, wait_for):
    """What is there, then what comes."""
    web = service().start()
    file = pathlib.Path(f"/tmp/{web.name}.events")
    unit = f"follow-{web.name}"
    user.check("systemd-run", "--user", "--quiet", f"--unit={unit}", f"--property=StandardOutput=file:{file}",
               "phoenix", "events", "--follow", "--json", web.name)
    try:
        wait_for(lambda: file.exists() and "healthy" in file.read_text(), 10, "what was there")
        user.check("phoenix", "maintenance", web.name, "on")
        wait_for(lambda: "maintenance-on" in file.read_text(), 10, "what came")
        for line in file.read_text().splitlines():
            assert json.loads(line)["service"] == web.name
    finally:
        user("systemctl", "--user", "stop", unit)


def test_logs(service, wait_for):
    """What it writes, what others say of it, and the events, in one."""
    web = service().start()

    def sources():
        found = {}
        for line in web.lines("logs"):
            found.setdefault(line["source"], []).append(line["message"])
        return found

    wait_for(lambda: {"payload", "systemd", "phoenixd"} <= sources().keys(), 10, "all who speak")
    found = sources()
    assert any("listening on port" in message for message in found["payload"]), found
    assert any(message.startswith("Starting phoenix@") for message in found["systemd"]), found
    assert f"{web.name} is starting" in found["phoenixd"]
    out = web.phoenix("logs").out
    assert re.search(r"\[\d+\] \| .*listening on port", out), out
    assert re.search(rf"phoenixd\[\d+\]: {web.name} is healthy", out), out


# ---- start ----


def test_start_of_what_never_is_healthy(service, kind):
    web = service("--slow-start", "60s", restart="no", healthcheck=http(kind=kind, grace="1s"))
    result = web.phoenix("start", timeout=120)
    assert result.code == 1, str(result)
    head = result.err.splitlines()[0]
    assert head == (f"cannot start {web.name}: it did not become healthy: "
                    "GET /health: connection refused, 3 of 3"), str(result)
    assert "result: exit-code" in result.err
    assert len(result.err.splitlines()) <= 14
    assert "Failed to start" in result.err

    (told,) = json.loads(web.phoenix("start", "--json", timeout=120).out)
    assert not told["ok"] and told["job"] == "failed" and told["result"] == "exit-code"
    assert told["reason"].startswith("it did not become healthy: GET /health")
    assert told["log"]
    assert "start-failed" in web.kinds()


@binaries
def test_start_shows_where_it_is(service, user):
    """On a terminal: one line that is written again and again, and gone at the end."""
    web = service("--slow-start", "2s")
    out = user("script", "-qec", f"stty cols 60; phoenix start {web.name}", "/dev/null",
               env={"TERM": "xterm"}).out
    assert f"{web.name}: " in out and "starting: GET /health" in out, repr(out)
    # The runner makes a line break of each carriage return.
    assert out.endswith("\n\x1b[K"), repr(out)
    assert all(len(ESCAPE.sub("", line)) < 60 for line in out.splitlines()), repr(out)


@binaries
def test_start_of_what_is_held(service, wait_for):
    web = service(restart={"delay": "50ms", "max": "100ms", "reset": "5min", "burst": 2},
                  healthcheck=http(retries=1)).start()
    for restarts in (1, 2):
        web.ctl("crash")
        wait_for(lambda n=restarts: web.is_up_again(n), 15, "started again")
    web.ctl("crash")
    wait_for(lambda: "held" in web.kinds(), 15, "given up")
    shown = web.phoenix("status")
    assert shown.code == 1
    assert re.search(rf"Held: restarted too often; tried again in \dmin.*phoenix start {web.name}", shown.out)
    assert web.told("status")["held_until"]
    assert "; next try in " in web.phoenix("events").out

    assert web.phoenix("start").ok
    assert web.told("status")["health"] == "healthy"
    assert web.told("status")["held_until"] is None


# ---- probe and maintenance ----


def test_probe(service, user, wait_for):
    web = service().start()
    assert web.phoenix("probe").ok
    assert web.told("probe")[0]["outcome"] == "pass"
    user.check("phoenix", "maintenance", web.name, "on")  # or it is restarted under our eyes
    web.ctl("unhealthy")
    result = web.phoenix("probe")
    assert result.code == 1 and re.search(r"fail .* 503 Service Unavailable", result.out), str(result)
    web.phoenix("stop")
    wait_for(lambda: web.phoenix("probe").code == 1, 5)
    assert "does not run" in web.phoenix("probe").err
    assert user("phoenix", "probe", f"{web.name}x").code == 4


@binaries
def test_maintenance(service, user, wait_for):
    def maintenance(*args):
        return user.check("phoenix", "maintenance", web.name, *args)

    web = service().start()
    assert "maintenance is off" in maintenance()
    assert "maintenance is on until " in maintenance("on", "--for=1h")
    assert re.search(r"Maintenance: on, until .*\(in (59min|1h)", web.phoenix("status").out)
    assert json.loads(maintenance("--json"))["until"]
    web.ctl("unhealthy")
    wait_for(lambda: web.told("status")["probes"][0]["verdict"] == "exhausted", 15, "the verdict")
    told = web.told("status")
    assert (told["health"], told["restarts"]) == ("maintenance", 0)
    web.ctl("healthy")
    wait_for(lambda: web.told("status")["probes"][0]["verdict"] == "passing", 15, "the verdict")
    assert "maintenance is off" in maintenance("off")
    assert "maintenance is on until it is turned off" in maintenance("on")
    maintenance("off")
    assert [k for k in web.kinds() if k.startswith("maintenance")] == ["maintenance-on", "maintenance-off"] * 2
    assert web.restarts() == 0


# ---- deploy, update, del ----


@pytest.fixture
def deployed(kind, user, journal, testy_image, testy_binary):
    """A service whose spec the command brings; deploy(...) writes the next one and runs a verb."""
    name = f"shop-{uuid.uuid4().hex[:8]}"
    image = testy_image if kind == "docker" else testy_binary
    shop = Service(user, journal, name, f"phoenix@{name}.service", "user", kind)

    def run(verb, *args, **more):
        text = json.dumps({"name": name, **content(kind, image, *args, **more)})
        user.check("sh", "-c", f"cat >/tmp/{name}.json", stdin=text)
        return user("phoenix", verb, f"/tmp/{name}.json", timeout=120)

    shop.run = run
    yield shop
    user("phoenix", "del", name, "--yes")


def test_deploy_update_del(deployed):
    shop = deployed
    result = shop.run("deploy", "--slow-start", "1s")
    assert result.ok and "started from" in result.out, str(result)
    assert shop.told("status")["health"] == "healthy"
    result = shop.run("update")
    assert result.ok and "restarted from" in result.out, str(result)
    assert shop.told("status")["health"] == "healthy"
    assert shop.phoenix("update", timeout=120).ok
    assert shop.phoenix("del").ok
    assert not (FOLDER / f"{shop.name}.json").exists()
    assert shop.phoenix("status").code == 4


def test_deploy_of_what_is_not_healthy(deployed):
    """The port answers, but not with 200: the old version is brought back, and is healthy."""
    shop = deployed
    assert shop.run("deploy").ok
    before = (FOLDER / f"{shop.name}.json").read_text()
    bad = http("/nothing-here", kind=shop.kind, grace="1s")
    result = shop.run("deploy", restart="no", healthcheck=bad)
    assert result.code == 1
    assert "it did not become healthy: GET /nothing-here: 404 Not Found, 3 of 3" in result.err, str(result)
    assert f"the spec of {shop.name} is the old one again, and it runs" in result.err
    assert (FOLDER / f"{shop.name}.json").read_text() == before
    told = shop.told("status")
    assert told["health"] == "healthy" and told["probes"][0]["label"].endswith("GET /health")


# ---- what phoenixd says of itself ----


@pytest.fixture
def many(spec, service, user):
    """Six services whose checks all ask the same one."""
    web = service().start()
    names = [f"{web.name}-{i}" for i in range(6)]
    for name in names:
        spec(name, {"type": "binary", "image": "/usr/bin/sleep", "args": ["infinity"],
                    "healthcheck": http(retries=20)}, reload=False)
    user.check("systemctl", "--user", "daemon-reload")
    # It remembers the last time that it braked.
    user.check("systemctl", "--user", "restart", "phoenixd")
    user.check("phoenix", "start", *names)
    return web


@binaries
def test_brake(many, user, wait_for):
    many.ctl("unhealthy")

    def first_line():
        line = user("phoenix", "status").out.splitlines()[0]
        return line if "brake" in line else None

    line = wait_for(first_line, 10, "the brake on top of the table")
    assert re.fullmatch(r"the brake is closed until \d\d:\d\d:\d\d: \d of \d checks began to fail at once:.*", line)
    result = user("phoenix", "status", "--json")
    assert "the brake is closed" in result.err
    assert many.name in [row["name"] for row in json.loads(result.out)]
    events = [json.loads(line) for line in user("phoenix", "events", "--json", "-n", "50").out.splitlines()]
    assert "brake-on" in [event["event"] for event in events]
    many.ctl("healthy")
    wait_for(lambda: not first_line(), 30, "and it goes away")


# ---- completion ----


@binaries
def test_completion_of_names(service, user):
    web = service()

    def complete(*words):
        script = (". /usr/share/bash-completion/completions/phoenix; "
                  f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _phoenix; "
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        return user.check("bash", "-c", script).split()

    for verb in ("status", "start", "maintenance", "events", "probe"):
        assert complete("phoenix", verb, web.name[:8]) == [web.name]
    assert complete("phoenix", "main") == ["maintenance"]
    assert complete("phoenix", "maintenance", web.name, "o") == ["on", "off"]
    assert "--for" in complete("phoenix", "maintenance", "--f")
