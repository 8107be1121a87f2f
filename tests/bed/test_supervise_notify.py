# SPDX-License-Identifier: MIT
"""Who is told when a service fails: a web server, and a program."""

import json
import os
import signal
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from supervised import Supervised, http

HOOK_PORT = 9210
URL = f"http://127.0.0.1:{HOOK_PORT}/hook"
QUEUE = {"user": "/home/phoenix/.local/state/phoenix/_supervisor/notify",
         "system": "/var/lib/phoenix/_supervisor/notify"}


class Hook:
    """A receiver of webhooks: keeps what was posted, and answers what it is told to."""

    def __init__(self):
        self.posts = []
        self.status = 204
        self._server = None

    def open(self):
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.posts.append((hook.status, dict(self.headers), json.loads(body)))
                self.send_response(hook.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):  # pylint: disable=arguments-differ
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", HOOK_PORT), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def told(self, status=204):
        """What was answered with this status, oldest first."""
        return [body for answer, _, body in self.posts if answer == status]

    def words(self):
        return [body["event"] for body in self.told()]


@pytest.fixture
def hook():
    made = Hook()
    yield made
    made.close()


@pytest.fixture
def supervised(runners, journal, spec, testy_binary):
    """A binary that tells; its check can be made to fail, and `restart` heals it."""

    def make(onfailure, name, scope="user", **more):
        content = {"type": "binary", "image": testy_binary, "args": ["--port", "8091"],
                   "restart": {"delay": "50ms"}, "healthcheck": http(),
                   "onfailure": onfailure} | more
        unit = spec(name, content, scope=scope)
        web = Supervised(runners[scope], journal, name, unit, scope, "binary")
        # What an earlier test has not delivered is none of ours, nor is how often it was told.
        runners[scope].systemctl("stop", "phoenixd.service")
        runners["system"]("sh", "-c", f"rm -f {QUEUE[scope]}/*")
        return web.start()

    return make


def queued():
    """Notifications that wait on disk."""
    names = os.listdir(QUEUE["user"]) if os.path.isdir(QUEUE["user"]) else []
    return [name for name in names if not name.startswith(".")]


def heal(web, wait_for, times=1):
    """One failure, up to the service being well again."""
    before = web.restarts()
    recovered = web.events().count("recovered")
    web.ctl("unhealthy")
    wait_for(lambda: web.is_up_again(before + times), 20, "restarted")
    wait_for(lambda: web.events().count("recovered") > recovered, 10, "recovered")


def test_a_failure_in_three_posts(supervised, hook, wait_for):
    hook.open()
    web = supervised({"url": URL}, "told-all")
    web.ctl("spam", "100")
    wait_for(lambda: len(web.messages()) > 30, 10, "it has logged more than is told")
    heal(web, wait_for)
    wait_for(lambda: len(hook.posts) >= 3, 15, "all of it is told")
    assert hook.words() == ["unhealthy", "restarted", "recovered"]

    for _, headers, body in hook.posts:
        assert headers["Idempotency-Key"] == body["id"] == str(uuid.UUID(body["id"]))
        assert headers["Content-Type"] == "application/json"
        assert (body["version"], body["count"]) == (1, 1)
        assert (body["service"], body["unit"]) == (web.name, web.unit)
        assert body["host"] and body["message"] and body["time"].endswith("Z")
        assert [probe["label"] for probe in body["probes"]] == ["http GET /health"]
        assert len(body["log"]) == 20, body["log"]
        assert all(set(line) >= {"time", "message"} for line in body["log"])
    assert len({body["id"] for body in hook.told()}) == 3

    unhealthy, restarted, recovered = hook.told()
    assert (unhealthy["state_before"], unhealthy["state"]) == ("failing", "unhealthy")
    assert unhealthy["reason"].startswith("GET /health: 503 Service Unavailable")
    assert unhealthy["probes"][0]["samples"][-1]["outcome"] == "fail"
    assert any("spam" in line["message"] for line in unhealthy["log"]), unhealthy["log"]
    assert restarted["restarts"] == 1
    assert recovered["state"] == "healthy"
    assert any("Watchdog request" in line["message"] for line in recovered["log"]), recovered["log"]


def test_a_server_that_is_down_is_told_later(supervised, hook, user, wait_for):
    """Nothing is lost with phoenixd, and what happened again in the meantime is told once."""
    web = supervised({"url": URL}, "told-late")
    heal(web, wait_for)
    wait_for(lambda: len(queued()) == 3, 10, "three wait")
    pid = int(user.check("systemctl", "--user", "show", "--value", "--property=MainPID",
                         "phoenixd.service"))
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: web.status()["lease"], 10, "phoenixd is back")
    heal(web, wait_for)
    hook.open()
    wait_for(lambda: len(hook.told()) >= 3, 60, "all are told when the server is up")
    wait_for(lambda: not queued(), 10, "none waits any more")
    assert sorted(hook.words()) == ["recovered", "restarted", "unhealthy"]
    assert [body["count"] for body in hook.told()] == [2, 2, 2]
    assert web.restarts() == 2


def test_the_same_id_when_it_is_tried_again(supervised, hook, wait_for):
    hook.open()
    hook.status = 503
    web = supervised({"url": URL, "on": "unhealthy"}, "told-again")
    heal(web, wait_for)
    wait_for(lambda: len(hook.told(503)) >= 2, 15, "tried, and tried again")
    hook.status = 204
    wait_for(hook.told, 30, "delivered")
    wait_for(lambda: not queued(), 10, "none waits any more")
    assert len({body["id"] for _, _, body in hook.posts}) == 1
    assert {body["event"] for _, _, body in hook.posts} == {"unhealthy"}
    assert len(hook.told()) == 1


def test_what_is_refused_is_given_up(supervised, hook, journal, wait_for):
    hook.open()
    hook.status = 404
    web = supervised({"url": URL, "on": ["recovered"]}, "told-wrong")
    heal(web, wait_for)
    wait_for(lambda: hook.told(404), 15, "tried")
    wait_for(lambda: not queued(), 10, "given up")
    wait_for(lambda: [line for line in journal.messages("phoenixd.service", after=web.cursor)
                      if "HTTP 404" in line], 5, "and that is said")
    assert len(hook.posts) == 1


def test_the_same_again_within_a_minute_waits(supervised, hook, wait_for):
    hook.open()
    web = supervised({"url": URL}, "told-once")
    heal(web, wait_for)
    wait_for(lambda: len(hook.told()) == 3, 15, "the first failure is told")
    heal(web, wait_for)
    heal(web, wait_for)
    wait_for(lambda: len(queued()) == 3, 10, "the others wait, as one of each kind")
    assert len(hook.posts) == 3


@pytest.mark.parametrize("scope", ["user", "system"])
def test_a_program_is_told(supervised, journal, scope, wait_for):
    """It is a unit of its own, outside the service, and told of nothing but what was asked for."""
    # It lives a moment longer, so that the journal finds out which unit it is.
    script = ('echo "told: $PHOENIX_EVENT, $PHOENIX_SERVICE, $PHOENIX_UNIT, $PHOENIX_STATE, '
              '$PHOENIX_REASON"; echo "told: $PHOENIX_NOTIFICATION"\n'
              'while read -r group; do case $group in 0::*) echo "$group";; esac; done '
              '</proc/self/cgroup\nexec sleep 2')
    name = f"told-{scope}"
    web = supervised({"exec": ["/bin/sh", "-c", script], "on": ["unhealthy"]}, name, scope=scope)
    heal(web, wait_for)

    def told():
        lines = journal.messages(f"phoenix-notify-{name}.service", scope=scope, after=web.cursor)
        said = [line.removeprefix("told: ") for line in lines if line.startswith("told: ")]
        cgroups = [line for line in lines if line.startswith("0::")]
        return said + cgroups if len(said) == 2 and cgroups else None

    words, body, cgroup = wait_for(told, 15, "the program has run")
    assert words.startswith(f"unhealthy, {name}, {web.unit}, unhealthy, GET /health: 503")
    body = json.loads(body)
    assert (body["event"], body["service"], body["count"]) == ("unhealthy", name, 1)
    assert 0 < len(body["log"]) <= 20
    assert cgroup.endswith(f"/phoenix-notify-{name}.service")
