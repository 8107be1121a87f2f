# SPDX-License-Identifier: MIT
"""The fixtures are those of all tests that run inside a machine; see tests/lib/fixtures.py.

In a bed whose programs look at themselves (with sanitizers, or phoenixd under valgrind), what they
find fails the test in which they found it.
"""

import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lib"))

from fixtures import *  # noqa: E402,F401,F403 pylint: disable=wildcard-import,unused-wildcard-import,wrong-import-position

REPORTS = pathlib.Path("/dev/shm")
_read = {}


def new_reports():
    """What was found since the last time: one text, empty when all is well."""
    found = []
    for path in sorted(REPORTS.glob("phoenix-report*")):
        text = path.read_text(errors="replace")
        new = text[_read.get(path, 0):]
        _read[path] = len(text)
        if new.strip():
            found.append(f"{path.name}:\n{new}")
    return "\n".join(found)


@pytest.fixture(scope="session", autouse=True)
def reports_at_the_end(runners):
    """Leaks are found when a process ends, so phoenixd ends before the session does."""
    new_reports()  # those of an earlier session were told there
    yield
    if "PHOENIX_BED_REPORTS" in os.environ:
        for runner in runners.values():
            runner.systemctl("stop", "phoenixd.service", timeout=60)
    found = new_reports()
    assert not found, found


@pytest.fixture(autouse=True)
def reports():
    yield
    found = new_reports()
    assert not found, found
