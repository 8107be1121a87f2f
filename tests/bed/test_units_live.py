# SPDX-License-Identifier: MIT
"""phoenixd's side of systemd (supervisor/daemon/units/units.h) against the real managers, as its own test
program drives it: units that come, beat, die and restart, daemon-reexec, a restart of the bus."""

import pytest

PROGRAM = "/usr/lib/phoenix/tests/test-units-live"


@pytest.fixture
def logind(root):
    """Does not come back to a bus that was restarted; until it does, whatever asks for it waits 25 seconds."""
    yield
    root.systemctl("restart", "systemd-logind")


@pytest.mark.usefixtures("logind")
@pytest.mark.parametrize("scope", ["user", "system"])
def test_units_live(runners, scope):
    result = runners[scope](PROGRAM, env={"PHOENIX_TEST_MANAGER": "1"}, timeout=120)
    assert result.ok, str(result)
