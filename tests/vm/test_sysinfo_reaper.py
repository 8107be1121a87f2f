# SPDX-License-Identifier: MIT
"""Policies where memory, CPU time, I/O and pressure are counted: the bed has none of it.

The document's policy in both scopes at once, and each budget: exceeded, one container goes; not
exceeded, none does. The module is loaded, so the system's phoenixd reads from it, and the user's,
which may not, reads cgroups.
"""

import json
import pathlib
import time

import pytest

import stress

EXAMPLE = pathlib.Path(__file__).resolve().parents[2] / "quadlet-examples/stress.json"
# For what is done at once: a loaded machine with one emulated CPU stops and looks at containers.
PATIENCE = 90
MIB = 1 << 20


@pytest.fixture(params=["system", "user"])
def scope(request):
    return request.param


def reaped(journal, scope, policy):
    """The records of a policy's decisions, as they are in the journal."""
    return [entry for entry in journal(scope=scope, matches=[f"PHOENIX_POLICY={policy}"])
            if entry.get("PHOENIX_EVENT", "").startswith("reap")]


def known_to_phoenixd(runner, policy):
    return runner("phoenix", "reap", policy, timeout=120).ok


def rows(runner, policy):
    """What phoenixd says of the containers of a policy when it is to look at once."""
    return json.loads(runner.check("phoenix", "reap", policy, "--json", timeout=120))


def by_name(runner, policy):
    return {row["name"]: row for row in rows(runner, policy)}


def by_pid(runner, policy):
    """The same names are there in both scopes."""
    return {row["pid"]: (row["verdict"], row["cause"]) for row in rows(runner, policy)}


def check_record(entry, policy, name, container, unit):
    """What is the same for each decision that had a container stopped."""
    assert entry["PHOENIX_EVENT"] == "reaped", entry
    assert entry["PHOENIX_POLICY"] == policy
    assert entry["PHOENIX_CONTAINER_NAME"] == name
    assert (entry["PHOENIX_CONTAINER"], int(entry["PHOENIX_PID"])) == container
    assert entry.get("OBJECT_SYSTEMD_UNIT", entry.get("OBJECT_SYSTEMD_USER_UNIT")) == unit
    assert entry["PHOENIX_RESULT"] in ("stopped", "killed"), entry
    assert name in entry["MESSAGE"]


def test_the_document(module, load, more, runners, spec, journal, wait_for):
    """Two of each kind in each scope: the newer one stays, and everybody else is as before."""
    for scope in runners:
        for kind, command in stress.KINDS.items():
            stress.freeze([more.start(scope, f"stress_{kind}_new", *command).cgroup], True)
    before = {scope: stress.running(runner) for scope, runner in runners.items()}
    doomed = {f"stress_{kind}_old" for kind in stress.KINDS}
    stress.freeze([c.cgroup for c in (*load.containers, *more.containers)], False)

    policy = json.loads(EXAMPLE.read_text())
    for scope in runners:
        spec(f"tidy-{scope}", policy, scope=scope, reload=False)
    for scope in runners:
        spec.reload(scope)
    for scope, runner in runners.items():
        wait_for(lambda: not doomed & set(stress.running(runner)), PATIENCE, f"{scope}: {doomed} are stopped", 1)
    for scope, runner in runners.items():
        left = {name: found for name, found in before[scope].items() if name not in doomed}
        assert stress.running(runner) == left, scope
        assert runner.properties("phoenix@keeper.service", "ActiveState", "NRestarts") == {
            "ActiveState": "active", "NRestarts": "0"}
        name = f"tidy-{scope}"
        wait_for(lambda: len(reaped(journal, scope, name)) >= len(doomed), PATIENCE, "each is told")
        records = reaped(journal, scope, name)
        told = {entry["PHOENIX_CONTAINER_NAME"]: entry for entry in records}
        assert set(told) == doomed and len(records) == len(doomed), [entry["MESSAGE"] for entry in records]
        for victim, entry in told.items():
            container = before[scope][victim]
            check_record(entry, name, victim, container, f"libpod-{container[0]}.scope")
            assert (entry["PHOENIX_CLASS"], entry["PHOENIX_RANK"]) == (victim.split("_")[1], "2")
            assert entry["PHOENIX_CAUSE"] == "surplus"
            assert "number 2 from the newest, and only 1 is kept" in entry["MESSAGE"]
            assert int(entry["PHOENIX_MEMORY_BYTES"]) > 0 and float(entry["PHOENIX_CPU_PERCENT"]) <= 100
        assert int(told["stress_disk_old"]["PHOENIX_WRITTEN_BYTES"]) > 0
        found = by_pid(runner, name)
        for scoped, alive in before.items():
            verdict = ("keep", "newest") if scoped == scope else ("spare", "other-manager")
            for kind in stress.KINDS:
                assert found[alive[f"stress_{kind}_new"][1]] == verdict, f"{kind} of {scoped}: {found}"
            assert alive["bystander"][1] not in found
        # It has an init, so the process is not the one that Podman names.
        keepers = [(row["verdict"], row["cause"]) for row in rows(runner, name) if row["name"] == "phoenix-keeper"]
        assert sorted(keepers) == [("spare", "other-manager"), ("spare", "service")], keepers


def test_within_one_interval(module, more, scope, runners, spec, journal, wait_for):
    """One more of a class, while the policy is acted by: the one before goes at the next look."""
    runner, name, interval = runners[scope], f"again-{scope}", 4
    first = more.start(scope, "race_1", *stress.KINDS["cpu"])
    spec(name, {"type": "policy", "match": {"command": "stress", "container": "race_*"}, "interval": f"{interval}s"},
         scope=scope)
    wait_for(lambda: by_name(runner, name).get("race_1", {}).get("verdict") == "keep", PATIENCE, "alone, it is kept")
    assert not reaped(journal, scope, name)
    more.start(scope, "race_2", *stress.KINDS["cpu"])
    seen = time.time()
    (entry,) = wait_for(lambda: reaped(journal, scope, name), interval + PATIENCE, "the older one goes")
    assert (entry["PHOENIX_CONTAINER"], entry["PHOENIX_RANK"]) == (first.ident, "2")
    stopped = int(entry["__REALTIME_TIMESTAMP"]) / 1e6 - seen
    assert stopped < interval + 30, f"{stopped:.1f} s after the newer one was there"
    assert "race_2" in stress.running(runner) and len(reaped(journal, scope, name)) == 1


def test_memory_budget(module, more, scope, runners, spec, journal, wait_for):
    """Together they have a little more than 72 MiB."""
    runner, name = runners[scope], f"frugal-{scope}"
    sizes = {"mem_large": 40, "mem_middle": 20, "mem_small": 12}
    made = {n: more.start(scope, n, *stress.CALM, f"{size}M", share=None) for n, size in sizes.items()}
    wait_for(lambda: sum(stress.counters(c.cgroup)["memory"] for c in made.values()) > 72 * MIB, PATIENCE,
             "they have taken their memory")
    before = stress.running(runner)
    policy = {"type": "policy", "match": {"container": "mem_*"}, "classes": {"all": {}}, "keep": 9,
              "interval": "1s", "budget": {"memory": "150M"}}
    spec(name, policy, scope=scope)
    wait_for(lambda: known_to_phoenixd(runner, name), PATIENCE)
    time.sleep(2)  # two intervals
    found = by_name(runner, name)
    assert {n: row["verdict"] for n, row in found.items()} == dict.fromkeys(sizes, "keep"), found
    for n, size in sizes.items():
        assert size * MIB <= found[n]["memory_bytes"] <= (size + 8) * MIB, found[n]
    assert stress.running(runner) == before and not reaped(journal, scope, name)

    spec(name, policy | {"budget": {"memory": "50M"}}, scope=scope)
    (entry,) = wait_for(lambda: reaped(journal, scope, name), PATIENCE, "the largest one goes")
    check_record(entry, name, "mem_large", before["mem_large"], f"libpod-{before['mem_large'][0]}.scope")
    assert (entry["PHOENIX_CLASS"], entry["PHOENIX_CAUSE"]) == ("all", "memory")
    assert int(entry["PHOENIX_MEMORY_BYTES"]) >= 40 * MIB
    assert "uses most memory, and all together use more than 50M" in entry["MESSAGE"]
    time.sleep(3)
    del before["mem_large"]
    assert stress.running(runner) == before
    assert len(reaped(journal, scope, name)) == 1, "the rest fits"


def pressure(kind):
    return float(pathlib.Path(f"/proc/pressure/{kind}").read_text().split("avg10=")[1].split()[0])


# What makes the machine wait for something: the container, and what it may have of that.
PRESSURES = {
    "memory": ("system", ("stress", "--vm", "1", "--vm-bytes", "48M"), 0.5, ()),
    "cpu": ("user", ("stress", "--cpu", "2"), 0.1, ()),
    "io": ("system", ("stress", "--io", "2", "--hdd", "1", "--hdd-bytes", "16M"), 0.3,
           ("--device-write-iops=/dev/vda:10",)),
}


@pytest.mark.parametrize("kind", PRESSURES)
def test_pressure_budget(kind, module, more, runners, spec, journal, wait_for):
    """Who uses most of what all others wait for goes; nobody does while the limit is not reached."""
    scope, command, share, options = PRESSURES[kind]
    runner, name = runners[scope], f"calm-{kind}"
    more.start(scope, "psi_calm", *stress.CALM, "4M", share=None)
    busy = more.start(scope, "psi_busy", *command, share=share, options=options)
    if kind == "memory":
        (busy.cgroup / "memory.high").write_text(str(12 * MIB))
    before = stress.running(runner)
    policy = {"type": "policy", "match": {"container": "psi_*"}, "classes": {"all": {}}, "keep": 9,
              "interval": "1s", "cooldown": "10min", "budget": {"psi": {kind: "100%"}}}
    spec(name, policy, scope=scope)
    wait_for(lambda: pressure(kind) > 12, PATIENCE, f"pressure on {kind}")
    wait_for(lambda: known_to_phoenixd(runner, name), PATIENCE)
    found = by_name(runner, name)
    assert {n: row["verdict"] for n, row in found.items()} == {"psi_calm": "keep", "psi_busy": "keep"}, found
    assert stress.running(runner) == before and not reaped(journal, scope, name)

    spec(name, policy | {"budget": {"psi": {kind: "5%"}}}, scope=scope)
    (entry,) = wait_for(lambda: reaped(journal, scope, name), PATIENCE, f"one goes at {pressure(kind)} %")
    check_record(entry, name, "psi_busy", before["psi_busy"], f"libpod-{busy.ident}.scope")
    assert (entry["PHOENIX_CLASS"], entry["PHOENIX_CAUSE"]) == ("all", f"{kind}-pressure")
    assert "uses most, and the pressure on" in entry["MESSAGE"] and "above 5%" in entry["MESSAGE"], entry["MESSAGE"]
    time.sleep(3)
    assert "psi_calm" in stress.running(runner), "one at a time"
    assert len(reaped(journal, scope, name)) == 1
