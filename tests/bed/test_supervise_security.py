# SPDX-License-Identifier: MIT
"""What the supervisor is not taken in by: other users, strangers at the lease socket, and services
that attack it from their own cgroup.
"""

import os
import re

import pytest

from supervised import FAST, PEER, PYTHON, Supervised

API = ("io.phoenix.Supervisor1", "/io/phoenix/Supervisor1", "io.phoenix.Supervisor1")
SOCKETS = {"user": "/run/user/1000/phoenix/lease.sock", "system": "/run/phoenix/lease.sock"}
EXPOSURE_MAX = 2.0
ATTACKER_PORT = 8095
FLOOD = 1000


@pytest.fixture
def supervised(runners, journal, spec, testy_binary):
    def make(name, port, scope="user"):
        content = {"type": "binary", "image": testy_binary, "args": ["--port", str(port)],
                   "healthcheck": {"path": "/health", "port": port} | FAST}
        unit = spec(name, content, scope=scope)
        return Supervised(runners[scope], journal, name, unit, scope, "binary").start()

    return make


# ---- over the bus ----

def test_another_user_reads_and_does_not_command(supervised, root, user):
    web = supervised("mine", 8091, scope="system")

    def call(method, signature="", *args, caller=user):
        return caller("busctl", "--system", "call", *API, method, signature, *args)

    assert '"mine"' in call("ListServices").out
    assert call("GetService", "s", "mine").ok
    assert "phoenix_service_info" in call("ReadMetrics").out
    assert user("busctl", "--system", "get-property", *API, "Services").ok

    commands = [("SetMaintenance", "sbt", "mine", "true", "0"), ("Release", "s", "mine"),
                ("ProbeNow", "s", "mine")]
    for command in commands:
        refused = call(*command)
        assert not refused.ok
        assert "AccessDenied" in refused.err or "Access denied" in refused.err, str(refused)
    assert web.status()["health"] == "healthy"

    for command in (("SetMaintenance", "sbt", "mine", "true", "18446744073709551615"),
                    ("SetMaintenance", "sbt", "mine", "false", "0"), ("ProbeNow", "s", "mine")):
        assert call(*command, caller=root).ok, command


def test_another_user_cannot_take_the_name(user):
    script = ("busctl --system call org.freedesktop.DBus /org/freedesktop/DBus "
              "org.freedesktop.DBus RequestName su io.phoenix.Supervisor1 4")
    refused = user("sh", "-c", script)
    assert not refused.ok and "Access denied" in refused.err, str(refused)


# ---- at the lease socket ----

STRANGER = """
import socket, sys
peer = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
peer.settimeout(10)
peer.connect(sys.argv[1])
try:
    peer.send(bytes.fromhex(sys.argv[2]))
    print(peer.recv(4096))
except ConnectionError:
    print(b"")
"""
# A perfect HELLO of a lease.
HELLO = (b"\x01\x00\x01\x00\x30\x00\x00\x00" + b"\x01\x00\x00\x00" + b"\x02\x00\x00\x00"
         + b"\x00" * 32).hex()


@pytest.mark.parametrize("socket_scope, caller", [("user", "user"), ("system", "system"),
                                                  ("system", "user")])
def test_a_stranger_is_turned_away(supervised, runners, socket_scope, caller):
    """A process of no service hears nothing, whoever it belongs to."""
    web = supervised("bystander", 8091, scope=socket_scope)
    answer = runners[caller].check("python3", "-c", STRANGER, SOCKETS[socket_scope], HELLO)
    assert answer.strip() == "b''"
    assert web.status()["health"] == "healthy" and web.restarts() == 0


def test_a_service_of_another_manager_is_turned_away(supervised, runners, journal, spec, wait_for):
    """A user's service at the system's socket is a stranger there."""
    web = supervised("bystander", 8091, scope="system")
    spec("abroad", {"type": "binary", "image": PYTHON, "restart": "no",
                    "args": ["-c", STRANGER, SOCKETS["system"], HELLO]})
    cursor = journal.cursor()
    runners["user"].systemctl("start", "phoenix@abroad.service")
    wait_for(lambda: "b''" in journal.messages("phoenix@abroad.service", after=cursor), 10,
             "it has been turned away")
    assert web.status()["health"] == "healthy"


class Attack:
    def __init__(self, evil, victims):
        self.evil, self.victims = evil, victims
        self.daemon = self.pid()

    def pid(self):
        shown = self.evil.runner.systemctl("show", "--property=MainPID", "--value",
                                           "phoenixd.service")
        return int(shown.out)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.daemon}/fd"))

    def run(self, wait_for):
        """Returns what the attacker says of it."""
        self.evil.systemctl("kill", "--kill-whom=main", "--signal=SIGUSR1")
        return wait_for(lambda: self.evil.said("attack: "), 60, "the attack is over")[0]

    def check_others(self, wait_for):
        """The others are as well as before, still checked, and phoenixd never died."""
        assert self.pid() == self.daemon
        for victim in self.victims:
            told = victim.status()
            assert (told["health"], told["lease"], victim.restarts()) == ("healthy", True, 0)
        self.victims[0].ctl("unhealthy")
        wait_for(self.victims[0].is_up_again, 20, "a failing one is restarted")
        assert self.pid() == self.daemon


@pytest.fixture(params=["user", "system"])
def attack(request, supervised, runners, journal, spec):
    scope = request.param

    def make(how):
        victims = [supervised(f"victim-{i}", 8091 + i, scope=scope) for i in range(3)]
        content = {"type": "binary", "image": PYTHON,
                   "args": [PEER, "lease", str(ATTACKER_PORT), how, scope],
                   "hardening": "none", "restart": {"delay": "50ms"},
                   "healthcheck": {"path": "/new", "port": ATTACKER_PORT} | FAST}
        unit = spec("evil", content, scope=scope)
        evil = Supervised(runners[scope], journal, "evil", unit, scope, "binary").start()
        return Attack(evil, victims)

    return make


def test_garbage_harms_only_its_sender(attack, wait_for):
    made = attack("garbage")
    before = made.descriptors()
    told = made.run(wait_for)
    assert told == "attack: accepted: []"
    made.check_others(wait_for)
    wait_for(lambda: made.descriptors() <= before + 2, 10, "and phoenixd keeps nothing of it")


def test_a_false_lease_harms_only_its_sender(attack, wait_for):
    """It says the right words, never answers, and sends 2,500 descriptors that nobody asked for."""
    made = attack("hello")
    before = made.descriptors()
    made.run(wait_for)
    wait_for(lambda: made.descriptors() <= before + 8, 10, "phoenixd keeps none of them")
    made.check_others(wait_for)


def test_a_flood_is_bounded(attack, wait_for):
    made = attack("flood")
    before = made.descriptors()
    refused, kept = map(int, re.findall(r"\d+", made.run(wait_for)))
    assert refused + kept == FLOOD and kept <= 8, (refused, kept)
    assert made.descriptors() <= before + 8, "it keeps as few as the attacker"
    made.check_others(wait_for)


# ---- its own sandbox ----

@pytest.mark.parametrize("scope", ["user", "system"])
def test_exposure(runners, scope):
    manager = ["--user"] if scope == "user" else []
    told = runners[scope].check("systemd-analyze", *manager, "--no-pager", "security",
                                "phoenixd.service")
    exposure = re.search(r"Overall exposure level for phoenixd.service: ([0-9.]+)", told)
    assert exposure and float(exposure[1]) <= EXPOSURE_MAX, told
