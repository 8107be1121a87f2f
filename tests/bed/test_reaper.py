# SPDX-License-Identifier: MIT
"""Policies: which containers phoenixd stops, which it leaves alone, and what it tells of it.

Rootful and rootless, with real containers of stress(1). This machine has no controllers, so memory
reads 0 here; budgets are tested on their own (tests/unit/test-reap.c).
"""

import json
import re
import time

import pytest

ARGS = {"cpu": ("--cpu", "1"), "io": ("--io", "1"), "ram": ("--vm", "1", "--vm-bytes", "16M"),
        "disk": ("--hdd", "1", "--hdd-bytes", "16M")}
# From a round to the next, with all that a loaded machine needs to stop and start ten containers.
PATIENCE = 60
QUADLETS = {"system": "/run/containers/systemd", "user": "/run/user/1000/containers/systemd"}


@pytest.fixture(params=["system", "user"])
def scope(request):
    return request.param


@pytest.fixture
def run(runners, stress_image):
    """run(scope, name, command...): a container of its own, without any unit but its scope."""
    names = []

    def start(scope, name, *command):
        names.append((scope, name))
        runners[scope].check("nice", "-n", "19", "podman", "run", "--detach", "--name", name, "--network=none",
                             stress_image, *command, timeout=120)
        return name

    yield start
    for scope, name in names:
        runners[scope]("podman", "rm", "--force", "--time=0", name)


@pytest.fixture
def stress(runners, stress_image):
    """The workload, turned on; off again at the end, whatever happens."""
    on = []

    def turn_on(scope):
        on.append(scope)
        runners[scope].check("phoenix", "stress", "on")

    yield turn_on
    for scope in on:
        runners[scope].check("phoenix", "stress", "off", timeout=120)


@pytest.fixture
def quadlet(runners, stress_image):
    """quadlet(scope, name, unit, service): a container as a service that Quadlet makes; its unit."""
    made = []

    def make(scope, name, unit="", service=""):
        runner, path = runners[scope], f"{QUADLETS[scope]}/{name}.container"
        made.append((runner, name, path))
        runner.check("mkdir", "-p", QUADLETS[scope])
        runner.check("tee", path, stdin=(
            f"[Unit]\n{unit}\n[Container]\nImage={stress_image}\nContainerName={name}\nNetwork=none\nPull=never\n"
            f"Exec=sleep 3600\nPodmanArgs=--stop-timeout=2\n[Service]\n{service}\n"))
        assert runner.systemctl("daemon-reload").ok
        result = runner.systemctl("start", f"{name}.service", timeout=120)
        assert result.ok, str(result)
        return f"{name}.service"

    yield make
    for runner, name, path in made:
        runner.check("rm", "-f", path)
        runner("podman", "rm", "--force", "--time=0", name)
        runner.systemctl("stop", f"{name}.service")
        runner.systemctl("daemon-reload")


def running(runner):
    """Name -> PID of what Podman runs here."""
    out = runner.check("podman", "ps", "--format", "{{.Names}} {{.Pid}}")
    return {name: int(pid) for name, pid in (line.split() for line in out.splitlines())}


def started(pid):
    with open(f"/proc/{pid}/stat", encoding="latin-1") as stat:
        return int(stat.read().rpartition(")")[2].split()[19])


def kind_of(name):
    return name.split("_")[1]


def newest(pids):
    """Of those of each kind, the names that may be the newest: the kernel counts hundredths of a second."""
    found = {}
    for name, pid in pids.items():
        found.setdefault(kind_of(name), {})[name] = started(pid)
    return {kind: {n for n, at in names.items() if at == max(names.values())} for kind, names in found.items()}


def events(runner, name):
    out = runner.check("phoenix", "events", name, "--json")
    return [e for e in map(json.loads, out.splitlines()) if e["event"].startswith("reap")]


def policy(**more):
    return {"type": "policy", "match": "stress", "interval": "3s", "grace": "8s", "cooldown": "5s"} | more


def dry_run(runner, *args):
    return json.loads(runner.check("phoenix", "reap", "--dry-run", "--json", *args))


def stops(runner, name):
    """The counters: (class, result) -> number."""
    bus = "--user" if runner.scope == "user" else "--system"
    text = json.loads(runner.check("busctl", bus, "--json=short", "call", "io.phoenix.Supervisor1",
                                   "/io/phoenix/Supervisor1", "io.phoenix.Supervisor1", "ReadMetrics"))["data"][0]
    pattern = rf'^phoenix_policy_stops_total\{{policy="{name}",class="(\w+)",result="(\w+)"\}} (\d+)$'
    return {(kind, result): int(n) for kind, result, n in re.findall(pattern, text, re.MULTILINE)}


def test_the_document(scope, runners, run, stress, spec, stress_image, wait_for):
    """Ten containers of random kind; the newest of each kind stays, and everybody else is untouched."""
    runner, other = runners[scope], runners["user" if scope == "system" else "system"]
    name = f"doc-{scope}"
    spec(f"own-{scope}", {"type": "docker", "image": stress_image, "args": ["stress", "--cpu", "1"],
                          "network": "none", "unit": {"Service": {"Nice": 19}}}, scope=scope)
    runner.check("phoenix", "start", f"own-{scope}", timeout=120)
    run(scope, "bystander", "sleep", "3600")
    run(scope, "stress_cpu_precious", "stress", *ARGS["cpu"])
    for i in range(2):
        run(other.scope, f"theirs-{i}", "stress", *ARGS["io"])
    stress(scope)
    wait_for(lambda: sum(n.startswith("stress_") for n in running(runner)) == 11, PATIENCE, "ten and the spared one")
    before, theirs = running(runner), running(other)
    load = {n: pid for n, pid in before.items() if n.startswith("stress_") and n != "stress_cpu_precious"}
    assert all(re.fullmatch(r"stress_(cpu|io|ram|disk)_[a-z0-9]{8}", n) for n in load), load
    for n in load:
        assert runner.properties(f"phoenix-stress-{kind_of(n)}@{n[-8:]}.service", "Slice", "CPUWeight", "IOWeight") == {
            "Slice": "-.slice", "CPUWeight": "1", "IOWeight": "1"}, "their weights count among all units"
    winners = newest(load)

    content = policy(spare=["*_precious"])
    trial = spec(name, content | {"action": "none"}, scope=scope, reload=False)
    assert trial
    rows = dry_run(runner, name)
    doomed = {row["name"] for row in rows if row["verdict"] == "stop"}
    assert len(doomed) == 10 - len(winners), rows
    assert doomed <= set(load)
    verdicts = {row["name"]: (row["verdict"], row["cause"]) for row in rows}
    assert verdicts["stress_cpu_precious"] == ("spare", "spared")
    assert verdicts[f"phoenix-own-{scope}"] == ("spare", "service")
    assert verdicts["theirs-0"][0] == "spare" if "theirs-0" in verdicts else True
    assert "bystander" not in verdicts
    assert running(runner) == before, "a dry run stops nothing"
    assert not events(runner, name)

    spec(name, content, scope=scope)
    # One interval, and what it takes to stop them.
    wait_for(lambda: not doomed & set(running(runner)), PATIENCE, f"{doomed} are stopped")
    left = running(runner)
    assert left == {n: pid for n, pid in before.items() if n not in doomed}
    survivors = set(left) & set(load)
    assert len(survivors) == len(winners)
    for kind, names in winners.items():
        assert len(names & survivors) == 1, (kind, names, survivors)
    assert running(other) == theirs

    wait_for(lambda: len(events(runner, name)) >= len(doomed), PATIENCE, "each is told")
    told = events(runner, name)
    assert {e["container_name"] for e in told} == doomed and len(told) == len(doomed)
    for event in told:
        assert (event["event"], event["policy"], event["cause"]) == ("reaped", name, "surplus")
        assert event["class"] == kind_of(event["container_name"])
        assert event["unit"] == f"phoenix-stress-{event['class']}@{event['container_name'][-8:]}.service"
        assert event["rank"] > 1 and event["pid"] == before[event["container_name"]]
        assert event["result"] in ("stopped", "killed")
        assert "from the newest, and only 1 is kept" in event["reason"]
    counts = stops(runner, name)
    assert sum(counts.values()) == len(doomed)
    assert counts[("cpu", "failed")] == 0
    assert "No containers deleted" in runner.check("phoenix", "reap", name, timeout=120)

    out = runner.check("phoenix", "stress", "off", timeout=120)
    assert f"{len(survivors)} container" in out
    assert not [n for n in running(runner) if n in load]
    assert not runner.check("podman", "ps", "--all", "--format", "{{.Names}}", "--filter", "name=^stress_(io|ram|disk)_")
    assert json.loads(runner.check("phoenix", "stress", "status", "--json"))["on"] is False
    assert runner.properties("phoenix-stress.timer", "ActiveState")["ActiveState"] == "inactive"
    assert not runner("ls", QUADLETS[scope]).out.strip()


def test_reap_by_hand(scope, runners, run, spec, wait_for):
    """What the command does and prints; the interval is too long to have a part in it."""
    runner, name = runners[scope], f"hand-{scope}"
    for i in range(3):
        run(scope, f"hand-{i}", "stress", *ARGS["ram"])
    spec(name, policy(interval="1d", match={"container": "hand-*"}, keep=9), scope=scope)
    wait_for(lambda: runner("phoenix", "reap", name, timeout=120).ok, 20, "phoenixd knows the policy")
    assert len(running(runner).keys() & {"hand-0", "hand-1", "hand-2"}) == 3
    spec(name, policy(interval="1d", match={"container": "hand-*"}, keep=1, action="none"), scope=scope)
    wait_for(lambda: len(events(runner, name)) == 2, 20, "it tells of two")
    rows = json.loads(runner.check("phoenix", "reap", name, "--json", timeout=120))
    assert [(r["verdict"], r["result"]) for r in rows] == [("keep", ""), ("stop", ""), ("stop", "")]
    assert {e["event"] for e in events(runner, name)} == {"reap-due"} and len(events(runner, name)) == 2, "told once"
    assert len(running(runner).keys() & {"hand-0", "hand-1", "hand-2"}) == 3

    (path,) = {"system": ["/etc/phoenix.d"], "user": ["/home/phoenix/.config/phoenix.d"]}[scope]
    text = json.dumps(policy(interval="1d", match={"container": "hand-*"}, keep=1))
    runner.check("tee", f"{path}/{name}.json", stdin=text)
    dry = runner.check("phoenix", "reap", "--dry-run", name)
    assert "Containers that would be deleted:" in dry and dry.count("and only 1 is kept") == 4
    spec.reload(scope)  # a changed policy has its round at once
    wait_for(lambda: set(running(runner)) & {"hand-0", "hand-1", "hand-2"} == {"hand-2"}, PATIENCE)
    wait_for(lambda: [e["event"] for e in events(runner, name)].count("reaped") == 2, 20)
    assert runner("phoenix", "reap", "nonsense").code == 4
    explained = " ".join(runner.check("phoenix", "explain", name).split())
    assert "It is a policy" in explained and "has this version of the spec" in explained
    assert runner("phoenix", "start", name).code != 0
    runner.check("phoenix", "del", "--yes", name)


def test_that_ignores_sigterm(scope, runners, run, spec, wait_for):
    runner, name = runners[scope], f"stubborn-{scope}"
    run(scope, "stubborn", "sh", "-c", "trap '' TERM; while :; do sleep 1; done")
    spec(name, policy(match={"container": "stubborn"}, classes={"all": {}}, keep=0, grace="1s"), scope=scope)
    wait_for(lambda: "stubborn" not in running(runner), PATIENCE, "it is killed")
    (event,) = wait_for(lambda: events(runner, name), 20)
    assert (event["event"], event["result"], event["class"]) == ("reaped", "killed", "all")
    assert event["reason"].endswith("it did not stop in time and was killed")
    assert stops(runner, name)[("all", "killed")] == 1


def test_that_restarts_itself(scope, runners, quadlet, spec, wait_for):
    """systemctl kill would be no use here: only the manager can stop it for good."""
    runner, name = runners[scope], f"again-{scope}"
    unit = quadlet(scope, "restless", service="Restart=always\nRestartSec=100ms")
    spec(name, policy(match={"container": "restless"}, classes={"all": {}}, keep=0), scope=scope)
    wait_for(lambda: "restless" not in running(runner), PATIENCE)
    (event,) = wait_for(lambda: events(runner, name), 20)
    assert (event["event"], event["unit"]) == ("reaped", unit)
    time.sleep(3)
    assert "restless" not in running(runner)
    state = runner.properties(unit, "ActiveState", "NRestarts")
    assert state["ActiveState"] in ("inactive", "failed") and state["NRestarts"] == "0"


def test_that_cannot_be_stopped(scope, runners, quadlet, spec, wait_for):
    """A failure is told, and tried again when the cool-down is over; not in each round."""
    runner, name = runners[scope], f"refused-{scope}"
    quadlet(scope, "adamant", unit="RefuseManualStop=yes")
    spec(name, policy(match={"container": "adamant"}, classes={"all": {}}, keep=0, interval="1s", cooldown="6s"),
         scope=scope)
    wait_for(lambda: len(events(runner, name)) >= 2, PATIENCE, "it is tried again")
    first, second = events(runner, name)[:2]
    assert first["event"] == second["event"] == "reap-failed"
    assert "may be requested by dependency only" in first["reason"] or "refuse" in first["reason"].lower(), first
    assert "adamant" in running(runner)
    rows = json.loads(runner.check("phoenix", "reap", name, "--json"))
    assert rows[0]["verdict"] in ("wait", "stop")
    times = [time.mktime(time.strptime(e["time"][:19], "%Y-%m-%dT%H:%M:%S")) for e in (first, second)]
    assert times[1] - times[0] >= 5


def test_services_that_it_names(scope, runners, spec, stress_image, wait_for):
    runner = runners[scope]
    for service in ("worker-1", "worker-2", "bystander-1"):
        spec(service, {"type": "docker", "image": stress_image, "args": ["sleep", "3600"], "network": "none"},
             scope=scope, reload=False)
    spec.reload(scope)
    runner.check("phoenix", "start", "bystander-1", "worker-1", timeout=120)
    runner.check("phoenix", "start", "worker-2", timeout=120)
    spec(f"crew-{scope}", policy(match={"services": "worker-*"}, classes={"all": {}}), scope=scope)
    # sleep(1) dies of SIGTERM, which systemd takes for a failure.
    wait_for(lambda: runner.properties("phoenix@worker-1.service", "ActiveState")["ActiveState"] in ("inactive", "failed"),
             PATIENCE)
    (event,) = wait_for(lambda: events(runner, f"crew-{scope}"), 20)
    assert (event["unit"], event["container_name"]) == ("phoenix@worker-1.service", "phoenix-worker-1")
    for service in ("worker-2", "bystander-1"):
        assert runner.properties(f"phoenix@{service}.service", "ActiveState", "NRestarts") == {
            "ActiveState": "active", "NRestarts": "0"}


def test_that_is_in_the_folders_of_the_machine(runners, run, spec, wait_for):
    """With any scope it is the system's: no user's phoenixd acts by it as well."""
    root, user = runners["system"], runners["user"]
    names = {"shared-1", "shared-2"}
    for name in sorted(names):
        run("user", name, "stress", *ARGS["ram"])
    spec("mine", policy(match={"container": "nothing-*"}), scope="user", reload=False)
    shared = policy(match={"container": "shared-*"}, interval="1s")
    spec("shared", shared, scope="system")
    spec.reload("user")
    wait_for(lambda: user("phoenix", "reap", "mine", timeout=120).ok, PATIENCE, "the user's phoenixd has its own")
    assert user("phoenix", "reap", "shared").code == 4
    wait_for(lambda: root("phoenix", "reap", "shared", timeout=120).ok, PATIENCE)
    assert not events(user, "shared") and names <= set(running(user))

    spec("shared", shared | {"scope": "user"}, scope="system")
    spec.reload("user")
    wait_for(lambda: names & set(running(user)) == {"shared-2"}, PATIENCE, "one for users is the user's")


def test_phoenixd_is_there_as_long_as_a_policy_is(scope, runners, spec, wait_for):
    """Dropping a policy and a reload are all it takes; without one nothing holds phoenixd up."""
    runner, name = runners[scope], f"upheld-{scope}"

    def is_up():
        return runner.properties("phoenixd.service", "ActiveState")["ActiveState"] == "active"

    assert runner.systemctl("stop", "phoenixd.service").ok
    wait_for(lambda: not is_up(), 20)
    spec(name, policy(), scope=scope)
    wait_for(is_up, 20, "phoenixd is started")
    assert runner.systemctl("kill", "--signal=KILL", "phoenixd.service").ok
    wait_for(is_up, 20, "and again")
    runner.check("phoenix", "del", "--yes", name)
    runner.systemctl("stop", "phoenixd.service")
    wait_for(lambda: not is_up(), 20)
    time.sleep(2)
    assert not is_up()


@pytest.fixture
def podman_socket(runners):
    """podman_socket(scope): Podman answers at its socket, until the end of the test."""
    on = []

    def turn_on(scope):
        on.append(scope)
        assert runners[scope].systemctl("start", "podman.socket").ok

    yield turn_on
    for scope in on:
        runners[scope].systemctl("stop", "podman.socket", "podman.service")


def test_labels(scope, runners, run, spec, wait_for, stress_image, podman_socket):
    """Without Podman's socket nothing is touched, and that is said; with it those of the label are stopped."""
    runner, name = runners[scope], f"labels-{scope}"

    def labelled(container, *labels):
        run(scope, container, "sleep", "3600")  # made to be removed at the end
        runner.check("podman", "rm", "--force", "--time=0", container)
        options = [f"--label={label}" for label in labels]
        runner.check("podman", "run", "--detach", "--name", container, "--network=none", "--stop-timeout=1", *options,
                     stress_image, "sleep", "3600", timeout=120)

    for i in range(2):
        labelled(f"batch-{i}", "com.example.role=batch", "other=1")
    labelled("web", "com.example.role=web")
    labelled("plain")
    content = policy(match={"label": "com.example.role=bat*"}, classes={"all": {}})
    spec(name, content, scope=scope)
    wait_for(lambda: "cannot be asked for labels" in runner("phoenix", "reap", "--dry-run", name).err, 20)
    rows = dry_run(runner, name)
    assert {row["name"] for row in rows} >= {"batch-0", "batch-1", "web", "plain"}
    assert {(row["verdict"], row["cause"]) for row in rows} == {("spare", "labels-unknown")}
    wait_for(lambda: runner("phoenix", "reap", name, timeout=60).ok, 20, "phoenixd knows the policy")
    assert {"batch-0", "batch-1", "web", "plain"} <= set(running(runner))
    assert not events(runner, name)
    runner.check("phoenix", "del", "--yes", name)

    podman_socket(scope)
    rows = []
    spec(name, content | {"action": "none"}, scope=scope, reload=False)
    rows = dry_run(runner, name)
    assert {(row["name"], row["verdict"]) for row in rows} == {("batch-1", "keep"), ("batch-0", "stop")}
    spec(name, content, scope=scope)
    # phoenixd tries an engine that did not answer again after half a minute.
    wait_for(lambda: "batch-0" not in running(runner), 2 * PATIENCE, "the older one is stopped")
    assert {"batch-1", "web", "plain"} <= set(running(runner))
    (event,) = wait_for(lambda: events(runner, name), 20)
    assert (event["event"], event["container_name"], event["class"]) == ("reaped", "batch-0", "all")


FAKE_DOCKER = """
import json, os, socket, sys
path, container = sys.argv[1], sys.argv[2]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
body = json.dumps([{"Id": container, "Names": ["/from-docker"], "Labels": {"role": "batch"}}])
while True:
    peer, _ = listener.accept()
    if peer.recv(4096).startswith(b"GET /containers/json HTTP/1.0"):
        peer.sendall(b"HTTP/1.0 200 OK\\r\\n\\r\\n" + body.encode())
    peer.close()
"""


def test_docker(root, spec, wait_for, tmp_path):
    """A scope as Docker makes it, and somebody who answers as Docker does: the name and the labels are its."""
    container = "d" * 64
    (tmp_path / "docker.py").write_text(FAKE_DOCKER)
    assert not root("test", "-e", "/run/docker.sock").ok
    root.check("systemd-run", "--unit=fake-docker", "--collect", "python3", str(tmp_path / "docker.py"), "/run/docker.sock",
               container)
    root.check("sh", "-c", f"systemd-run --scope --unit=docker-{container} --collect sleep 3600 >/dev/null 2>&1 &")
    try:
        wait_for(lambda: root("test", "-S", "/run/docker.sock").ok, 20)
        wait_for(lambda: root.properties(f"docker-{container}.scope", "ActiveState")["ActiveState"] == "active", 20)
        spec("docker-trial", policy(match={"label": "role", "container": "from-*"}, classes={"all": {}}, keep=0),
             scope="system")
        wait_for(lambda: root.properties(f"docker-{container}.scope", "ActiveState")["ActiveState"] != "active", PATIENCE)
        (event,) = wait_for(lambda: events(root, "docker-trial"), 20)
        assert (event["event"], event["container_name"]) == ("reaped", "from-docker")
    finally:
        root.systemctl("stop", "fake-docker.service", f"docker-{container}.scope")
        root("rm", "-f", "/run/docker.sock")
