# SPDX-License-Identifier: MIT
"""The VM itself: what the bed does not have and the other tests here take for granted."""

import pathlib


def test_system_is_running(root):
    assert root("systemctl", "is-system-running").out.strip() == "running"


def test_user_manager_is_running(user):
    assert user("systemctl", "--user", "is-system-running").out.strip() == "running"


def test_controllers_reach_the_user_manager():
    path = pathlib.Path("/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service")
    controllers = set((path / "cgroup.controllers").read_text().split())
    assert {"cpu", "io", "memory", "pids"} <= controllers


def test_memory_limit_holds(root):
    """The kernel, not the shell, ends a service that takes more than it may."""
    result = root("systemd-run", "--wait", "--quiet", "--property=MemoryMax=32M",
                  "--property=MemorySwapMax=0", "--unit=too-much",
                  "python3", "-c", "x = bytearray(128 << 20)")
    assert not result.ok
    assert root.properties("too-much.service", "Result")["Result"] == "oom-kill"
    root("systemctl", "reset-failed", "too-much.service")
