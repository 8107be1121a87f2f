# SPDX-License-Identifier: MIT
"""The verbs that show what phoenixd knows, on services that it supervises."""

import json
import pathlib

import pytest

CHECKED = {"type": "binary", "args": ["--port", "8121"],
           "healthcheck": {"path": "/", "port": 8121, "interval": "1s", "retries": 3}}


@pytest.fixture(autouse=True)
def phoenixd():
    if not pathlib.Path("/usr/libexec/phoenix/phoenixd").exists():
        pytest.skip("phoenixd is not in the product layer")


@pytest.fixture
def web(spec, user, testy_binary):
    spec("seen", {**CHECKED, "image": testy_binary})
    user.check("phoenix", "start", "seen")
    return "seen"


def status(user, name):
    return json.loads(user("phoenix", "status", "--json", name).out)


def test_status_is_healthy_after_start(user, web):
    told = status(user, web)
    assert told["health"] == "healthy"
    assert told["supervised"] and told["lease"]
    assert told["probes"][0]["history"][-1]["outcome"] == "pass"
    assert "● seen: healthy" in user.check("phoenix", "status", web)


def test_probe_now(user, web):
    assert json.loads(user.check("phoenix", "probe", "--json", web))[0]["outcome"] == "pass"


def test_maintenance(user, web):
    user.check("phoenix", "maintenance", web, "on", "--for=1h")
    assert status(user, web)["maintenance_until"]
    user.check("phoenix", "maintenance", web, "off")
    assert not status(user, web)["maintenance"]


def test_events_tell_the_start(user, web, wait_for):
    def kinds():
        out = user.check("phoenix", "events", "--json", web)
        return [json.loads(line)["event"] for line in out.splitlines()]

    wait_for(lambda: "healthy" in kinds(), 10, "the event")
    assert kinds().index("starting") < kinds().index("healthy")
