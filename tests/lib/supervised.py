# SPDX-License-Identifier: MIT
"""A service with health checks, as the tests of the supervisor see it: from the outside."""

import json
import pathlib

PORTS = {"binary": "8091", "docker": "8080"}
FAST = {"interval": "300ms", "timeout": "500ms", "retries": 3, "grace": "10s", "jitter": "0%"}
EVENTS = "PHOENIX_EVENT"
# Programs that phoenix-testy cannot stand in for.
PYTHON = "/usr/bin/python3"
PEER = str(pathlib.Path(__file__).resolve().with_name("peer.py"))


def http(path="/health", kind="binary", **more):
    return {"path": path, "port": int(PORTS[kind])} | FAST | more


class Supervised:
    """One test service under checks, in one manager."""

    def __init__(self, runner, journal, name, unit, scope, kind):
        self.runner, self.name, self.unit, self.scope, self.kind = runner, name, unit, scope, kind
        self._journal = journal
        self.cursor = journal.cursor()

    def systemctl(self, verb, *more):
        return self.runner.systemctl(verb, self.unit, *more, timeout=90)

    def start(self):
        result = self.systemctl("start")
        assert result.ok, f"{result}\n{self.story()}"
        return self

    def ctl(self, *command):
        port = f"--port={PORTS[self.kind]}"
        if self.kind == "docker":
            return self.runner("podman", "exec", f"phoenix-{self.name}", "/phoenix-testy", "ctl",
                               port, *command)
        return self.runner("/usr/lib/phoenix/tests/phoenix-testy", "ctl", port, *command)

    def property(self, name):
        return self.runner.properties(self.unit, name)[name]

    def restarts(self):
        return int(self.property("NRestarts"))

    def is_up_again(self, restarts=1):
        return self.restarts() >= restarts and self.property("ActiveState") == "active"

    def messages(self):
        return self._journal.messages(self.unit, scope=self.scope, after=self.cursor)

    def said(self, text):
        return [message for message in self.messages() if text in message]

    def entries(self, text):
        entries = self._journal(self.unit, scope=self.scope, after=self.cursor)
        return [entry for entry in entries if text in entry.get("MESSAGE", "")]

    def story(self):
        return "\n".join(self.messages())

    def events(self):
        """What phoenixd told of it, oldest first."""
        entries = self._journal(scope=self.scope, after=self.cursor,
                                matches=(f"PHOENIX_SERVICE={self.name}",))
        return [entry[EVENTS] for entry in entries if EVENTS in entry]

    def status(self):
        scope = ["--user"] if self.scope == "user" else ["--system"]
        # Its exit code says whether the service is healthy.
        return json.loads(self.runner("phoenix", *scope, "status", "--json", self.name).out)

    def seconds_down(self, text):
        """From PID 1's line that says `text` to the service being healthy again."""
        noticed = int(self.entries(text)[0]["__MONOTONIC_TIMESTAMP"])
        return (int(self.property("ActiveEnterTimestampMonotonic")) - noticed) / 1e6
