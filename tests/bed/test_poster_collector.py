# SPDX-License-Identifier: MIT
"""phoenixd and the collector of this machine together: what the collector gives back is what phoenixd has
sent, whichever of the two is killed, and when.
"""

import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from test_poster import STATE, Poster

COLLECTOR = ("127.0.0.1", 5000)
WIRE = 9251
UNITS = ("phoenix-collector.socket", "phoenix-collector.service")


class Wire:
    """Stands between the two and writes down what was sent, by key."""

    def __init__(self):
        self.sent = {}
        self.stored = set()
        wire = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                batch = json.loads(body)
                before = wire.sent.setdefault(batch["key"], body)
                assert before == body, "the same key for something else"
                status, answer = wire.forward(self.path, body, self.headers)
                if status in (200, 201):
                    wire.stored.add(batch["key"])
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args):  # pylint: disable=arguments-differ
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", WIRE), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @staticmethod
    def forward(path, body, headers):
        names = ("Content-Type", "Idempotency-Key")
        connection = http.client.HTTPConnection(*COLLECTOR, timeout=20)
        try:
            connection.request("POST", path, body, {name: headers[name] for name in names})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            return 502, b""
        finally:
            connection.close()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def samples(self):
        return [sample for body in list(self.sent.values()) for sample in json.loads(body)["samples"]]


@pytest.fixture
def wire():
    made = Wire()
    yield made
    made.close()


@pytest.fixture
def store(root):
    """The collector with nothing in it."""
    root("systemctl", "stop", *UNITS)
    shutil.rmtree("/var/lib/private/phoenix-collector", ignore_errors=True)
    root.check("systemctl", "start", "phoenix-collector.socket")
    yield
    root("systemctl", "stop", *UNITS)


def checksums(samples):
    """One for each, of what it says, however it is written."""
    return sorted(hashlib.sha256(json.dumps(sample, sort_keys=True).encode()).hexdigest()
                  for sample in samples)


def get(path):
    with urllib.request.urlopen(f"http://{COLLECTOR[0]}:{COLLECTOR[1]}{path}", timeout=30) as answer:
        return json.load(answer)


def kill(root, unit, wait_for):
    pid = int(root.check("systemctl", "show", "--value", "--property=MainPID", unit))
    if pid == 0:
        return
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: int(root.check("systemctl", "show", "--value", "--property=MainPID", unit))
             not in (0, pid), 20, f"{unit} is back")


@pytest.fixture
def poster(root, journal, spec):
    name = "end-to-end"
    shutil.rmtree(STATE["system"] / name, ignore_errors=True)
    made = Poster(root, journal, name, "system")
    spec(name, {"type": "collector", "url": f"http://127.0.0.1:{WIRE}", "interval": "1s"},
         scope="system")
    root.systemctl("start", "phoenixd.service")
    yield made
    shutil.rmtree(made.spool, ignore_errors=True)


def test_what_was_sent_is_what_is_there(store, wire, poster, root, wait_for):
    chance = random.Random(5)
    wait_for(lambda: len(wire.stored) >= 2, 30, "it posts")
    for round_ in range(6):
        before = len(wire.sent)
        kill(root, UNITS[1] if round_ % 2 else "phoenixd.service", wait_for)
        some = before + chance.randint(1, 3)
        wait_for(lambda: len(wire.sent) >= some, 40, "it goes on")
    root.check("systemctl", "stop", *UNITS)
    n = len(wire.sent)
    wait_for(lambda: len(poster.waiting()) >= 3, 20, "batches wait while the collector is away")
    root.check("systemctl", "start", UNITS[0])
    wait_for(lambda: len(wire.sent) >= n + 3 and wire.stored >= set(wire.sent), 60, "all is posted")

    # Nothing more is sent from here on.
    root.check("rm", "/etc/phoenix.d/end-to-end.json")
    root.check("systemctl", "daemon-reload")
    wait_for(lambda: wire.stored >= set(wire.sent) and not poster.waiting(), 30, "the last one")
    stored = get("/logs")
    assert checksums(stored) == checksums(wire.samples())
    assert len(stored) >= 10
    assert [h["name"] for h in get("/api/v1/hosts")["hosts"]] == [os.uname().nodename]


def test_the_switch_of_one_line(store, root, journal, spec, wait_for):
    """The collector of this machine, and nothing but its type."""
    name = "switch"
    shutil.rmtree(STATE["system"] / name, ignore_errors=True)
    one = Poster(root, journal, name, "system")
    spec(name, '{"type": "collector"}\n', scope="system")
    root.systemctl("start", "phoenixd.service")
    wait_for(lambda: one.view()["Posted"] >= 1, 30, "posted")
    assert one.view()["Url"] == "http://localhost:5000" and not one.view()["Away"]
    out = root.check("phoenix", "--system", "status", "--json", name)
    status = json.loads(out)
    assert status["posted"] >= 1 and not status["away"] and status["last_stored"], out
    assert "takes what is posted to it" in root.check("phoenix", "--system", "status", name)
    assert get("/logs?limit=1")[0]["sysinfo"]["Memory"]["Total_Memory_MB"] > 0
    root.check("systemctl", "stop", *UNITS)
    wait_for(lambda: one.view()["Away"], 40, "away")
    result = root("phoenix", "--system", "status")
    assert "the collector switch does not take what is posted to it" in result.out, str(result)
