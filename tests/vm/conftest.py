# SPDX-License-Identifier: MIT
"""The fixtures are those of all tests that run inside a machine (tests/lib/fixtures.py), and those of
what only the VM has: the kernel module, and containers whose use of the machine is counted.
"""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

# pylint: disable=wrong-import-position
from fixtures import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import,unused-wildcard-import
from fixtures import Specs  # noqa: E402

import stress  # noqa: E402

MODULE = f"/usr/lib/modules/{os.uname().release}/updates/phoenix_sysinfo.ko"


class Module:
    """The kernel module, loaded and unloaded as its README says."""

    def __init__(self, root):
        self._root = root

    def load(self, *parameters):
        self._root.check("insmod", MODULE, *parameters)

    def unload(self):
        return self._root("rmmod", "phoenix_sysinfo")


@pytest.fixture(scope="session")
def module(root):
    loaded = Module(root)
    loaded.load()
    yield loaded
    loaded.unload()


@pytest.fixture(scope="session")
def load(runners, stress_image):
    """In each scope the four kinds, one that sleeps, and a service of Phoenix. Those of the four kinds are
    frozen, so that what a test does is not done by the rest of one slow CPU: `load.thawed()`.
    """
    containers, specs = stress.Stress(runners, stress_image), Specs(runners)
    for scope, runner in runners.items():
        unit = specs("keeper", {"type": "docker", "image": stress_image, "args": [*stress.CALM, "8M"], "scope": scope,
                                "network": "none"}, scope=scope)
        result = runner.systemctl("start", unit, timeout=180)
        assert result.ok, str(result)
        containers.start(scope, "bystander", "sleep", "3600", share=None)
        for kind, command in stress.KINDS.items():
            stress.freeze([containers.start(scope, f"stress_{kind}_old", *command).cgroup], True)
    yield containers
    containers.remove()
    specs.cleanup()


@pytest.fixture
def more(runners, stress_image):
    """Containers of one test."""
    containers = stress.Stress(runners, stress_image)
    yield containers
    containers.remove()
