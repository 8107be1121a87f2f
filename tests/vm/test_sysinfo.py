# SPDX-License-Identifier: MIT
"""The kernel module and the reader of cgroupfs, held against each other and against the kernel's files.

In the VM, because the bed has neither controllers nor a kernel of its own. What is told of a container:

- counters (CPU time, bytes and operations) lie between two looks at the cgroup around it, exactly;
- of frozen containers they are equal, exactly, and the memory within MEMORY_SLACK;
- rates differ by no more than RATE_SLACK points, with 100 for one CPU.
"""

import errno
import json
import os
import pathlib
import stat
import subprocess
import time

import pytest

import stress

FILE = "/proc/phoenix_sysinfo"
SOURCES = ("module", "cgroup")
# The kernel keeps up to 64 pages per CPU and cgroup ready, which come and go at any time.
MEMORY_SLACK = 1 << 20
RATE_SLACK = 3.0
# The module's answers are up to 200 ms old.
CACHE_SECONDS = 0.25
COUNTERS = {"cpu_usec": "CPU_Usage_usec", "rbytes": "Read_Bytes", "wbytes": "Write_Bytes",
            "rios": "IOReadOps", "wios": "IOWriteOps"}
# What is the same at any moment. The unit is found out by the reader of either.
IDENTITY = ("PID", "Name", "ContainerID", "Cmdline", "ID", "Runtime", "Cgroup", "Cgroup_ID", "Unit", "User", "Missing")


def sysinfo(runner, source="auto", *options):
    return readings(runner.check("phoenix", "sysinfo", "--json", f"--source={source}", *options))[-1]


def readings(text):
    found, decoder = [], json.JSONDecoder()
    while text.strip():
        reading, end = decoder.raw_decode(text.lstrip())
        found.append(reading)
        text = text.lstrip()[end:]
    return found


def by_id(reading):
    found = {c["ID"]: c for c in reading["Docker_Containers"]}
    assert len(found) == len(reading["Docker_Containers"]), "one entry for each container"
    return found


def everything(runners):
    """ID -> (PID, name) of all that Podman runs, for root and for the user."""
    return {ident: (pid, name) for runner in runners.values()
            for name, (ident, pid) in stress.running(runner).items()}


def look_around(root, cgroups):
    """What both sources say, and what the kernel's files say just before and just after."""
    before = {ident: stress.counters(cgroup) for ident, cgroup in cgroups.items()}
    time.sleep(CACHE_SECONDS)
    told = {source: sysinfo(root, source) for source in SOURCES}
    return before, told, {ident: stress.counters(cgroup) for ident, cgroup in cgroups.items()}


def cgroups_of(runners):
    return {ident: stress.payload_of(pid) for ident, (pid, _) in everything(runners).items()}


def check_sums(reading):
    """The document's fields come of the exact ones."""
    total = reading["Memory_Total_Bytes"]
    assert reading["Memory"]["Total_Memory_MB"] == total >> 20
    assert reading["Memory"]["Free_Memory_MB"] == reading["Memory_Free_Bytes"] >> 20
    assert abs(reading["Memory"]["Used_Memory_MB"] - ((total - reading["Memory_Free_Bytes"]) >> 20)) <= 1
    for one in reading["Docker_Containers"]:
        assert one["MemoryUsage_MB"] == one["Memory_Bytes"] >> 20, one
        assert one["MemoryUsage_percent"] == pytest.approx(100 * one["Memory_Bytes"] / total, abs=0.011), one
        assert one["Write_KBytes"] == one["Write_Bytes"] >> 10 and one["Read_KBytes"] == one["Read_Bytes"] >> 10, one
        assert one["DiskUse_MB"] == (one["Read_Bytes"] + one["Write_Bytes"]) >> 20, one


def test_the_same_containers(module, load, runners, root):
    """Names, command lines, processes and units: what Podman says, from both sources."""
    expected = everything(runners)
    told = {source: by_id(sysinfo(root, source)) for source in SOURCES}
    for source in SOURCES:
        assert set(told[source]) == set(expected), source
    for ident, (pid, name) in expected.items():
        ours, theirs = (told[source][ident] for source in SOURCES)
        assert [ours.get(f) for f in IDENTITY] == [theirs.get(f) for f in IDENTITY], name
        assert abs(ours["Start_usec"] - theirs["Start_usec"]) <= 10_000, "the kernel's files count hundredths"
        assert "Missing" not in ours, name
        # The service has an init, whose child is what it is about.
        assert ours["PID"] == pid or name == "phoenix-keeper", name
    for container in load.containers:
        one = told["module"][container.ident]
        assert one["Cmdline"] == " ".join(container.command) + " " and one["Name"] == container.command[0]
        assert one["Unit"] == f"libpod-{container.ident}.scope"
        assert one.get("User") == (1000 if container.scope == "user" else None)
    services = [(c["Unit"], c.get("User")) for c in told["module"].values() if not c["Unit"].startswith("libpod-")]
    assert sorted(services, key=str) == [("phoenix@keeper.service", 1000), ("phoenix@keeper.service", None)]


def test_counters_while_they_run(module, load, runners, root, wait_for):
    cgroups = cgroups_of(runners)

    def have_begun():
        now = {c.name + c.scope: stress.counters(c.cgroup) for c in load.containers if c.name != "bystander"}
        return all(v["cpu_usec"] > 50_000 for v in now.values()) and all(
            v["wios"] > 0 for name, v in now.items() if "_io_" in name or "_disk_" in name)

    with load.thawed():
        wait_for(have_begun, 60, "each has done what it is for")
        before, told, after = look_around(root, cgroups)
    for source in SOURCES:
        check_sums(told[source])
        for ident, one in by_id(told[source]).items():
            for counter, field in COUNTERS.items():
                low, high = before[ident][counter], after[ident][counter]
                assert low <= one[field] <= high, f"{source}, {one['Cmdline']}: {field} {low} <= {one[field]} <= {high}"
    module_total, reader_total = (told[source]["Memory_Total_Bytes"] for source in SOURCES)
    assert module_total == reader_total
    free = [told[source]["Memory_Free_Bytes"] for source in SOURCES]
    assert abs(free[0] - free[1]) < module_total / 10, free


def test_equal_while_they_are_frozen(module, load, runners, root, wait_for):
    """The same moment, for as long as it takes: nothing runs, and nothing is left to be written."""
    cgroups = cgroups_of(runners)
    os.sync()

    def is_still():
        before, told, after = look_around(root, cgroups)
        return (told, after) if before == after else None

    told, now = wait_for(is_still, 60, "frozen containers use nothing")
    for ident, kernel in now.items():
        ours, theirs = (by_id(told[source])[ident] for source in SOURCES)
        for counter, field in COUNTERS.items():
            assert ours[field] == theirs[field] == kernel[counter], f"{ours['Cmdline']}: {field}, {kernel}"
        for one in (ours, theirs):
            assert abs(one["Memory_Bytes"] - kernel["memory"]) <= MEMORY_SLACK, f"{one}, {kernel}"
        assert abs(ours["MemoryUsage_percent"] - theirs["MemoryUsage_percent"]) <= 0.1, ours["Cmdline"]
    for scope in runners:
        held = {c.name: by_id(told["module"])[c.ident] for c in load.containers if c.scope == scope}
        assert held["stress_disk_old"]["Write_Bytes"] > held["stress_cpu_old"]["Write_Bytes"], scope
        assert held["stress_io_old"]["IOWriteOps"] > held["stress_cpu_old"]["IOWriteOps"], scope
        assert held["stress_ram_old"]["Memory_Bytes"] > held["bystander"]["Memory_Bytes"], scope
        assert held["stress_cpu_old"]["CPU_Usage_usec"] > held["bystander"]["CPU_Usage_usec"], scope


def test_rates(module, load, root):
    """CPU %: of containers that may have SHARE of a CPU, and of one that does nothing."""
    measured = {}
    with load.thawed():
        began = {c.ident: (stress.counters(c.cgroup)["cpu_usec"], time.monotonic()) for c in load.containers}
        running = [subprocess.Popen(["phoenix", "sysinfo", "--json", f"--source={source}", "--interval=5s", "-n", "2"],
                                    stdout=subprocess.PIPE, text=True) for source in SOURCES]
        told = [readings(process.communicate(timeout=60)[0]) for process in running]
        for c in load.containers:
            before, since = began[c.ident]
            used = stress.counters(c.cgroup)["cpu_usec"] - before
            measured[c.ident] = used / (time.monotonic() - since) / 1e4
    rates = [{c["ID"]: c["CPUUsage_percent"] for c in source[1]["Docker_Containers"]} for source in told]
    for c in load.containers:
        seen = (f"{c.name} ({c.scope}): module {rates[0][c.ident]}, reader {rates[1][c.ident]}, "
                f"cgroup {measured[c.ident]:.2f}")
        assert abs(rates[0][c.ident] - rates[1][c.ident]) <= RATE_SLACK, seen
        assert abs(rates[0][c.ident] - measured[c.ident]) <= RATE_SLACK, seen
        if c.name == "bystander":
            assert rates[0][c.ident] <= 0.5, seen
        elif c.name == "stress_cpu_old":
            assert 100 * stress.SHARE / 4 <= rates[0][c.ident] <= 100 * stress.SHARE + RATE_SLACK, seen
    for source in told:
        assert 0 < source[1]["Memory"]["CPU_Usage_Percentage"] <= 100


def test_who_may_read_it(module, load, root, user, runners, stress_image):
    info = os.stat(FILE)
    assert (stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid) == (0o440, 0, 0)
    assert sysinfo(root)["Source"] == "module"

    denied = user("cat", FILE)
    assert not denied.ok and "Permission denied" in denied.err, str(denied)
    result = user("phoenix", "sysinfo", "--source=module")
    assert result.code == 3 and "may not be read by this user" in result.err, str(result)
    # Without the module it is said to the user as well.
    assert sysinfo(user)["Source"] == "cgroup"
    assert set(by_id(sysinfo(user))) == set(everything(runners))

    inside = ("busybox", "cat", FILE)
    for runner, why in ((root, "Operation not permitted"), (user, "Permission denied")):
        result = runner("podman", "exec", "bystander", *inside)
        assert not result.ok and why in result.err and not result.out, str(result)
    once = ("podman", "run", "--rm", "--network=none")
    result = root(*once, "--privileged", stress_image, *inside)
    assert not result.ok and "Operation not permitted" in result.err, str(result)
    assert "Docker_Containers" in root.check(*once, "--pid=host", stress_image, *inside)

    assert module.unload().ok
    module.load("gid=1000")
    try:
        assert os.stat(FILE).st_gid == 1000
        assert sysinfo(user)["Source"] == "module"
        assert set(by_id(sysinfo(user))) == set(everything(runners))
    finally:
        module.unload()
        module.load()


def whole_readings(path):
    """What was written so far, without one that is being written."""
    text = path.read_text()
    return readings(text[:text.rfind("\n}\n") + 3])


def test_unloaded_while_it_is_read(module, load, root, tmp_path, wait_for):
    """Who holds the file open is told that it is over; who looks again and again goes on without it."""
    path = tmp_path / "told"

    def said(*expected):
        sources = [reading["Source"] for reading in whole_readings(path)]
        return [b for a, b in zip([""] + sources, sources) if a != b] == list(expected)

    with open(path, "w", encoding="utf-8") as out:
        process = subprocess.Popen(["phoenix", "sysinfo", "--json", "--interval=300ms"], stdout=out)
    try:
        with open(FILE, "rb", buffering=0) as held:
            assert held.read(100).startswith(b"{\n")
            wait_for(lambda: said("module"), 30, "it is told from the module")
            began = time.monotonic()
            result = module.unload()
            assert result.ok, str(result)
            assert time.monotonic() - began < 20, "it does not wait for who has the file open"
            with pytest.raises(OSError) as error:
                held.read(100)
            assert error.value.errno == errno.EIO
        assert not pathlib.Path(FILE).exists()
        result = root("phoenix", "sysinfo", "--source=module")
        assert result.code == 3 and "is not loaded" in result.err, str(result)
        wait_for(lambda: said("module", "cgroup"), 30, "it is told without the module")
        module.load()
        wait_for(lambda: said("module", "cgroup", "module"), 30, "and with it again")
    finally:
        if not pathlib.Path(FILE).exists():
            module.load()
        process.terminate()
        process.wait(timeout=30)
    alive = {c.ident for c in load.containers}
    for reading in whole_readings(path):
        assert alive <= set(by_id(reading)), reading["Source"]
        for one in reading["Docker_Containers"]:
            assert one["CPUUsage_percent"] <= 100, one
