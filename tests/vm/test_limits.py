# SPDX-License-Identifier: MIT
"""Limits of a spec where the kernel enforces them: the bed has no cgroup controllers, the VM has.

Rootless, as most services run: the controllers are delegated to the user's manager.
"""

import pathlib
import time

import pytest

SPAWN = """
import threading, time
threads = []
try:
    for _ in range(200):
        thread = threading.Thread(target=time.sleep, args=(60,), daemon=True)
        thread.start()
        threads.append(thread)
except RuntimeError:
    pass
print("threads", len(threads), flush=True)
"""


@pytest.fixture(params=["docker", "binary"])
def kind(request):
    return request.param


@pytest.fixture
def image(kind, testy_image, testy_binary):
    return testy_image if kind == "docker" else testy_binary


def ctl(user, kind, name, *command):
    if kind == "docker":
        return user("podman", "exec", f"phoenix-{name}", "/phoenix-testy", "ctl", *command)
    return user("/usr/lib/phoenix/tests/phoenix-testy", "ctl", "--port=8080", *command)


def cgroup_of(user, unit):
    return pathlib.Path("/sys/fs/cgroup" + user.properties(unit, "ControlGroup")["ControlGroup"])


def test_memory_limit_heals_a_leak(kind, image, spec, user, wait_for):
    """The kernel ends what leaks, systemd starts it again."""
    unit = spec("leaky", {"type": kind, "image": image, "watchdog": "30s",
                          "limits": {"memory": "80M"}, "args": ["--port", "8080"]})
    result = user.systemctl("start", unit, timeout=180)
    assert result.ok, result
    assert (cgroup_of(user, unit) / "memory.max").read_text().strip() == str(80 << 20)
    ctl(user, kind, "leaky", "leak", "200")
    wait_for(lambda: int(user.properties(unit, "NRestarts")["NRestarts"]) >= 1, 120, "a restart")
    wait_for(lambda: user.properties(unit, "ActiveState")["ActiveState"] == "active", 120, "active")
    peak = int((cgroup_of(user, unit) / "memory.peak").read_text())
    assert peak <= 80 << 20


def cpu_seconds(cgroup):
    for line in (cgroup / "cpu.stat").read_text().splitlines():
        if line.startswith("usage_usec "):
            return int(line.split()[1]) / 1e6
    raise AssertionError("no usage in cpu.stat")


def test_cpu_quota_holds(kind, image, spec, user):
    unit = spec("busy", {"type": kind, "image": image, "limits": {"cpu": "10%"},
                         "args": ["--port", "8080"]})
    result = user.systemctl("start", unit, timeout=180)
    assert result.ok, result
    cgroup = cgroup_of(user, unit)
    assert (cgroup / "cpu.max").read_text().split() == ["10000", "100000"]
    ctl(user, kind, "busy", "burn", "1")
    before, began = cpu_seconds(cgroup), time.monotonic()
    time.sleep(10)
    share = (cpu_seconds(cgroup) - before) / (time.monotonic() - began)
    assert 0.01 < share < 0.2, f"{share:.0%} of a CPU"


def test_tasks_limit_holds(spec, user, journal, wait_for):
    cursor = journal.cursor()
    unit = spec("threads", {"type": "binary", "image": "/usr/bin/python3", "duration": "oneshot",
                            "args": ["-c", SPAWN], "limits": {"tasks": 20}})
    assert user.systemctl("start", unit, timeout=120).ok
    said = wait_for(lambda: [m for m in journal.messages(unit, after=cursor)
                             if m.startswith("threads ")], 60, "the count of threads")
    assert 10 <= int(said[0].split()[1]) < 20


def test_limits_reach_the_container(spec, user, testy_image):
    unit = spec("bounded", {"type": "docker", "image": testy_image,
                            "limits": {"tasks": 50, "files": 512, "io": 50}})
    result = user.systemctl("start", unit, timeout=180)
    assert result.ok, result
    assert (cgroup_of(user, unit) / "pids.max").read_text().strip() == "50"
    pid = user.check("pgrep", "--full", "^/phoenix-testy").split()[0]
    limits = pathlib.Path(f"/proc/{pid}/limits").read_text()
    assert [line.split()[3] for line in limits.splitlines() if line.startswith("Max open")] == ["512"]
