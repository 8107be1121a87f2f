# SPDX-License-Identifier: MIT
"""Memory of a frozen service is handed back to the machine: the bed has no memory controller."""

import pathlib
import time

import pytest

PORT = 8090
LEAKED = 64 << 20


@pytest.fixture
def swap(root):
    """Memory that no file stands behind has to go somewhere."""
    path = pathlib.Path("/var/phoenix-swap")
    root.check("dd", "if=/dev/zero", f"of={path}", "bs=1M", "count=256", "status=none", timeout=120)
    path.chmod(0o600)
    root.check("mkswap", path)
    root.check("swapon", path)
    yield
    root.check("swapoff", path, timeout=120)
    path.unlink()


def read(cgroup, name):
    return int((cgroup / name).read_text())


def test_frozen_service_gives_its_memory_back(swap, spec, user, wait_for, testy_binary):
    unit = spec("asleep", {"type": "binary", "image": testy_binary, "activation": "native", "listen": [str(PORT)],
                           "idle": {"after": "3s", "action": "freeze", "reclaim": True}})
    user.check("systemctl", "--user", "start", unit.replace(".service", ".socket"))
    ctl = ("/usr/lib/phoenix/tests/phoenix-testy", "ctl", f"--port={PORT}")
    user.check(*ctl, "leak", str(LEAKED >> 20), timeout=60)
    cgroup = pathlib.Path("/sys/fs/cgroup" + user.properties(unit, "ControlGroup")["ControlGroup"])
    wait_for(lambda: read(cgroup, "memory.current") > LEAKED, 60, "the memory is taken")
    user.check(*ctl, "leak", "0")
    before = read(cgroup, "memory.current")

    def is_frozen():
        return "frozen" in user.properties("phoenix-idle@asleep.service", "StatusText")["StatusText"]

    wait_for(is_frozen, 60, "frozen")
    wait_for(lambda: read(cgroup, "memory.current") < before // 3, 120, "most of it is handed back")
    assert read(cgroup, "memory.swap.current") > LEAKED // 2
    assert is_frozen(), "what takes the memory must not wake it"

    # It is all still there.
    pid = user.properties(unit, "MainPID")["MainPID"]
    began = time.monotonic()
    answer = user.check("curl", "--silent", "--fail", f"http://localhost:{PORT}/health", timeout=60)
    assert answer.strip() == "ok" and time.monotonic() - began < 30
    assert user.properties(unit, "MainPID")["MainPID"] == pid
