# SPDX-License-Identifier: MIT
"""The log manager in a container, as the document has it: the example's spec, published to loopback, its
data in a volume, watched by Phoenix like any other service."""

import json
import os
import pathlib
import shutil
import signal
import socket

import pytest

from collector import Collector, entry
from supervised import Supervised
from test_poster import STATE, Poster

EXAMPLE = pathlib.Path(__file__).resolve().parent.parent.parent / "quadlet-examples" / "collector-container.json"
NAME = "logs"
VOLUME = "phoenix-logs"
PORT = 5001
STARTUP = 120


@pytest.fixture(params=["system", "user"])
def scope(request):
    return request.param


@pytest.fixture
def service(scope, runners, journal, spec, collector_image):
    runner = runners[scope]
    content = json.loads(EXAMPLE.read_text())
    assert content["image"] == collector_image
    runner("podman", "volume", "rm", "--force", VOLUME)
    content["healthcheck"] = {"path": content["healthcheck"], "interval": "500ms", "timeout": "2s", "retries": 2}
    unit = spec(NAME, content, scope=scope)
    made = Supervised(runner, journal, NAME, unit, scope, "container")
    result = runner.systemctl("start", unit, timeout=STARTUP)
    assert result.ok, f"{result}{runner.systemctl('status', unit).out}"
    yield made
    spec.cleanup()
    runner("podman", "volume", "rm", "--force", VOLUME)


def payload(runner):
    """The process of the collector itself, behind the container's init."""
    pid = int(runner.check("podman", "inspect", "--format", "{{.State.Pid}}", f"phoenix-{NAME}"))
    children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else pid


def test_what_was_posted_outlives_the_container(service, scope, runners, wait_for):
    runner, collector = runners[scope], Collector(PORT)
    assert "healthy" in runner.check("phoenix", "status", NAME)
    entries = [entry(i, host="elsewhere") for i in range(3)]
    for one in entries:
        assert collector.post(one).status == 201
    addresses = [line.split()[3].split("/")[0] for line in
                 runners["system"].check("ip", "-o", "-4", "addr", "show", "scope", "global").splitlines()]
    assert addresses
    for address in addresses:
        with pytest.raises(OSError):
            socket.create_connection((address, PORT), timeout=5).close()
    assert runner.systemctl("restart", service.unit, timeout=STARTUP).ok
    assert collector.logs() == entries

    # A hung one is found by its check, and nothing that was acknowledged is lost.
    restarts = int(runner.properties(service.unit, "NRestarts")["NRestarts"])
    os.kill(payload(runner), signal.SIGSTOP)
    wait_for(lambda: int(runner.properties(service.unit, "NRestarts")["NRestarts"]) > restarts, 90, "it is restarted")
    wait_for(lambda: runner.properties(service.unit, "ActiveState")["ActiveState"] == "active", STARTUP)
    assert collector.logs() == entries


def test_its_pictures(service, scope, runners):
    runner, collector = runners[scope], Collector(PORT)
    assert collector.post(entry(40, host="elsewhere")).status == 201
    answer = collector.get("/generate_graphs")
    assert answer.status == 200, answer.text
    folder = pathlib.Path(runner.check("podman", "volume", "inspect", "--format", "{{.Mountpoint}}", VOLUME).strip())
    for name in ("system_metrics.png", "containers_metrics.png"):
        data = (folder / "graphs" / name).read_bytes()
        assert data.startswith(b"\x89PNG") and data == collector.get(f"/{name}").body
        # Without a font there would be lines, and no words.
        assert len(data) > 15000, (name, len(data))
    assert "<html" in collector.get("/").text
    assert collector.get("/chart.min.js").status == 200


def test_phoenixd_posts_to_it(service, scope, runners, journal, spec, wait_for):
    runner = runners[scope]
    shutil.rmtree(STATE[scope] / "inside", ignore_errors=True)
    one = Poster(runner, journal, "inside", scope)
    spec("inside", {"type": "collector", "url": f"http://localhost:{PORT}", "interval": "1s"}, scope=scope)
    runner.systemctl("start", "phoenixd.service")
    wait_for(lambda: one.view()["Posted"] >= 3, 60, "posted")
    (host,) = Collector(PORT).get("/api/v1/hosts").json()["hosts"]
    assert host["name"] == one.view()["Host"]
    rows = Collector(PORT).get("/api/v1/services").json()["services"]
    assert [(row["name"], row["state"]) for row in rows] == [(NAME, "healthy")], "it hears of itself, too"
