# SPDX-License-Identifier: MIT
"""Every example, dropped in as a user would, all at once: what can run here runs, in both managers."""

import json
import pathlib
import shutil

import pytest

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent.parent / "quadlet-examples"
NOT_HERE = {
    "frozen": "its image is in a registry",
    "kiosk": "is for another machine",
    "orders": "its image is in a registry",
    "web": "its image is in a registry",
}


@pytest.fixture(params=["user", "system"])
def scope(request):
    return request.param


@pytest.fixture
def runner(runners, scope):
    return runners[scope]


@pytest.fixture
def examples(spec, scope, testy_image, collector_image):
    archive = pathlib.Path("/etc/phoenix.d/offline.tar")
    archive.parent.mkdir(exist_ok=True)
    shutil.copy("/usr/share/phoenix/tests/phoenix-testy.tar", archive)
    for path in sorted(EXAMPLES.glob("*.json")):
        spec(path.stem, path.read_text(), scope=scope, reload=False)
    spec.reload(scope)
    yield sorted(path.stem for path in EXAMPLES.glob("*.json"))
    archive.unlink()


def test_examples_start(examples, runner, scope):
    for name in examples:
        content = json.loads((EXAMPLES / f"{name}.json").read_text())
        if name in NOT_HERE or content["type"] in ("policy", "collector") or content.get("scope", scope) != scope:
            continue
        unit = f"phoenix@{name}.{'timer' if 'schedule' in content else 'service'}"
        result = runner.systemctl("start", unit, timeout=60)
        assert result.ok, f"{result}{runner.systemctl('status', unit).out}"
        if content.get("duration") != "oneshot":
            state = runner.properties(unit, "ActiveState")["ActiveState"]
            assert state == "active", runner.systemctl("status", unit).out
        # They share ports, and each is its own story.
        runner.systemctl("stop", unit, timeout=60)


def test_policies_explain_themselves(examples, runner):
    """Nothing is to be started of them, and whoever tries is told so."""
    for name in ("stress", "batch", "labels"):
        unit = f"phoenix@{name}.service"
        assert not runner.systemctl("start", unit).ok
        assert "is a policy, not a service" in runner.systemctl("status", unit).out
        runner.systemctl("reset-failed", unit)


def test_collectors_explain_themselves(examples, runner, scope):
    """Nothing is to be started of them, and whoever tries is told so."""
    for name in ("posted", "central"):
        unit = f"phoenix@{name}.service"
        assert not runner.systemctl("start", unit).ok
        assert "is a collector, not a service" in runner.systemctl("status", unit).out
        runner.systemctl("reset-failed", unit)


def test_examples_of_the_other_manager_explain_themselves(examples, runner, scope):
    for name in examples:
        content = json.loads((EXAMPLES / f"{name}.json").read_text())
        if content.get("scope", scope) == scope:
            continue
        unit = f"phoenix@{name}.service"
        assert not runner.systemctl("start", unit).ok
        assert content["scope"] in runner.systemctl("status", unit).out
        runner.systemctl("reset-failed", unit)
