# SPDX-License-Identifier: MIT
"""The mass-failure brake: when nearly all checks begin to fail at once, nobody is restarted for it
at first.

Twelve services ask one of two others for their health, eight the one and four the other.
"""

import json

import pytest

from supervised import Supervised

N, OF_FEW = 12, 4
# Time from the first failure to the verdict is 2 s, and nothing is ended for 3 s.
CHECK = {"path": "/health", "interval": "1s", "timeout": "900ms", "retries": 3, "grace": "30s",
         "jitter": "0%"}
HOLD_USEC = 3_000_000
PORTS = {"many": 9301, "few": 9302}


class Fleet:
    def __init__(self, runner, journal, binary):
        self.runner, self.binary = runner, binary
        self.names = [f"braked-{i:02}" for i in range(N)]
        self.few = self.names[:OF_FEW]
        self._journal = journal
        self.cursor = journal.cursor()

    def units(self):
        return [f"phoenix@{name}.service" for name in self.names]

    def tell(self, which, command):
        self.runner.check(self.binary, "ctl", f"--port={PORTS[which]}", command)

    def tell_all(self, command):
        for which in PORTS:
            self.tell(which, command)

    def restarts(self):
        out = self.runner.systemctl("show", "--property=NRestarts", "--value", *self.units()).out
        return dict(zip(self.names, map(int, out.split())))

    def services(self):
        told = json.loads(self.runner("phoenix", "--user", "status", "--json").out)
        return {item["name"]: item for item in told if item["name"] in self.names}

    def health(self):
        return {item["health"] for item in self.services().values()}

    def events(self, word):
        return self._journal(scope="user", after=self.cursor,
                             matches=(f"PHOENIX_EVENT={word}",))

    def times(self, word):
        return [int(event["__MONOTONIC_TIMESTAMP"]) for event in self.events(word)]

    def brake(self):
        out = self.runner.check("busctl", "--user", "get-property", "io.phoenix.Supervisor1",
                                "/io/phoenix/Supervisor1", "io.phoenix.Supervisor1", "Brake")
        return out.strip() == "b true"


@pytest.fixture
def fleet(runners, journal, spec, testy_binary, wait_for):
    user = runners["user"]
    for name, port in PORTS.items():
        unit = spec(name, {"type": "binary", "image": testy_binary, "args": ["--port", str(port)]})
        assert Supervised(user, journal, name, unit, "user", "binary").start()
    made = Fleet(user, journal, testy_binary)
    for name in made.names:
        port = PORTS["few" if name in made.few else "many"]
        spec(name, {"type": "binary", "image": testy_binary, "args": ["--no-http"],
                    "restart": {"delay": "50ms", "max": "200ms"},
                    "healthcheck": CHECK | {"port": port}}, reload=False)
    spec.reload("user")
    # It remembers the last time that it braked.
    user.check("systemctl", "--user", "restart", "phoenixd.service")
    result = user.systemctl("start", *made.units(), timeout=60)
    assert result.ok, str(result)
    wait_for(lambda: made.health() == {"healthy"}, 20, "all are healthy")
    return made


def test_a_passing_fault_restarts_nobody(fleet, wait_for):
    fleet.tell_all("unhealthy")
    wait_for(lambda: fleet.events("brake-on"), 10, "the brake closes")
    assert fleet.brake()
    wait_for(lambda: fleet.events("unhealthy"), 10, "verdicts that would end somebody")
    fleet.tell_all("healthy")
    wait_for(lambda: fleet.events("brake-off"), 10, "the brake opens")
    wait_for(lambda: fleet.health() == {"healthy"}, 10, "all are healthy again")
    assert set(fleet.restarts().values()) == {0}
    assert not fleet.brake()
    (brake,) = fleet.events("brake-on")
    assert "checks began to fail at once" in brake["PHOENIX_REASON"]


def test_a_lasting_fault_restarts_all_afterwards(fleet, wait_for):
    fleet.tell_all("unhealthy")
    wait_for(lambda: min(fleet.restarts().values()) >= 1, 30, "all are restarted", interval=0.2)
    (closed,) = fleet.times("brake-on")
    assert min(fleet.times("restarted")) >= closed + HOLD_USEC - 100_000
    fleet.tell_all("healthy")
    wait_for(lambda: fleet.health() == {"healthy"}, 30, "all are healthy again")


def test_four_of_twelve_are_restarted_at_once(fleet, wait_for):
    fleet.tell("few", "unhealthy")
    wait_for(lambda: all(fleet.restarts()[name] for name in fleet.few), 20, "they are restarted")
    fleet.tell("few", "healthy")
    wait_for(lambda: fleet.health() == {"healthy"}, 30, "all are healthy again")
    assert not fleet.events("brake-on")
    assert {n for name, n in fleet.restarts().items() if name not in fleet.few} == {0}
