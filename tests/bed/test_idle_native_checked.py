# SPDX-License-Identifier: MIT
"""A service that accepts its connections itself and has health checks: the checks go to the socket
that is listened on, and are no use of it, whichever kind of address that is."""

import contextlib
import itertools
import os
import socket
import time

import pytest

from supervised import Supervised

PORT = 18280
# As long as anything may take on a busy machine; nothing here is meant to take it.
LONG = 60
NUMBERS = itertools.count()
CHECK = {"interval": "1s", "timeout": "500ms", "retries": 2, "grace": "20s", "jitter": "0%"}
PATHS = {"user": "/run/user/1000/phoenix-test-checked.sock", "system": "/run/phoenix-test-checked.sock"}
# What is listened on, and the check of it; None: the default, which follows from "listen".
ADDRESSES = {
    "port": (str(PORT), {"path": "/health"}),
    "ipv4": (f"127.0.0.1:{PORT}", {"path": "/health"}),
    "ipv6": (f"[::1]:{PORT}", {"path": "/health"}),
    "ipv6-tcp": (f"[::1]:{PORT}", {"type": "tcp", "port": PORT, "host": "::1"}),
    "ipv6-localhost": (f"[::1]:{PORT}", {"path": "/health", "port": PORT, "host": "localhost"}),
    "unix": (None, {"type": "unix"}),
}


class Checked(Supervised):
    """One such service, what it listens on, and what became of it."""

    def __init__(self, runner, journal, scope, address, wait_for):
        self.address, self.wait_for = address, wait_for
        name = f"checked-{os.getpid()}-{next(NUMBERS)}"
        super().__init__(runner, journal, name, f"phoenix@{name}.service", scope, "binary")
        self.socket = f"phoenix@{name}.socket"

    def connect(self):
        if self.address.startswith("/"):
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(LONG)
            client.connect(self.address)
            return client
        host, _, port = self.address.rpartition(":")
        return socket.create_connection((host.strip("[]") or "127.0.0.1", int(port)), timeout=LONG)

    def get(self, path="/health"):
        with contextlib.closing(self.connect()) as client:
            client.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            answer = b"".join(iter(lambda: client.recv(65536), b""))
        assert b" 200 " in answer.splitlines()[0], f"{answer!r}\n{self.story()}"

    def checks(self):
        """How many were made, of all that are there."""
        return self.status()["checks"]

    def wait_checks(self, n):
        target = self.checks() + n
        self.wait_for(lambda: self.checks() >= target, LONG, f"{n} more checks")


@pytest.fixture
def checked(runners, journal, wait_for, spec, testy_binary):
    made = []

    def make(kind="port", action="stop", scope="user", after="3s", **more):
        address, check = ADDRESSES[kind]
        if kind == "unix":
            address, check = PATHS[scope], check | {"socket": PATHS[scope]}
        service = Checked(runners[scope], journal, scope, address, wait_for)
        spec(service.name, {"type": "binary", "image": testy_binary, "listen": [address], "activation": "native",
                            "idle": {"after": after, "action": action}, "healthcheck": CHECK | check} | more,
             scope=scope)
        made.append(service)
        result = service.runner.systemctl("start", service.socket, timeout=LONG)
        assert result.ok, str(result)
        return service

    yield make
    for service in made:
        service.runner.systemctl("stop", service.socket, service.unit, timeout=LONG)
        service.runner.systemctl("reset-failed", service.socket, service.unit, timeout=LONG)


@pytest.mark.parametrize("action", ["stop", "freeze"])
@pytest.mark.parametrize("kind", list(ADDRESSES))
def test_checks_are_no_use(checked, kind, action):
    web = checked(kind, action)
    # In use for longer than the idle time, with one connection that says nothing.
    with contextlib.closing(web.connect()):
        web.get()
        web.wait_checks(5)
        assert web.property("ActiveState") == "active"
        assert web.status()["health"] == "healthy"
        assert not {"frozen", "idle-stopped"} & set(web.events())
    if action == "stop":
        web.wait_for(lambda: web.property("ActiveState") == "inactive", LONG, "nobody needs it")
        web.wait_for(lambda: "idle-stopped" in web.events(), LONG, "it is told")
    else:
        web.wait_for(lambda: web.status()["health"] == "frozen", LONG, "nobody needs it")
    assert web.restarts() == 0
    web.get()


@pytest.mark.parametrize("kind", ["port", "unix"])
def test_in_the_manager_of_the_system(checked, kind):
    web = checked(kind, scope="system")
    web.get()
    web.wait_checks(1)
    web.wait_for(lambda: web.property("ActiveState") == "inactive", LONG, "nobody needs it")
    web.get()


def test_short_uses_between_checks(checked):
    """What comes and goes between two checks of a unix socket is seen all the same."""
    web = checked("unix", after="4s")
    end = time.monotonic() + 12
    while time.monotonic() < end:
        web.get()
        time.sleep(0.7)
    assert web.property("ActiveState") == "active"
    assert "idle-stopped" not in web.events()
    web.wait_for(lambda: web.property("ActiveState") == "inactive", LONG, "nobody needs it")


def test_checks_under_way_when_it_freezes(checked):
    """Each check takes most of its time, so that a freeze hits one; it says nothing about the service."""
    check = CHECK | {"path": "/health", "interval": "300ms", "timeout": "250ms", "retries": 1}
    web = checked("ipv4", "freeze", after="1s", healthcheck=check)
    web.get("/control/slow?200")
    pid = web.property("MainPID")
    for n in range(1, 6):
        web.wait_for(lambda n=n: web.events().count("frozen") >= n, LONG, "nobody needs it")
        time.sleep(1)
        assert web.status()["health"] == "frozen"
        web.get()
    assert (web.property("MainPID"), web.restarts()) == (pid, 0)
    assert not {"failing", "unhealthy"} & set(web.events()), web.events()


def test_container(checked, testy_image):
    """Its network is its own, and the socket the host's: the check goes to where clients go."""
    web = checked(type="docker", image=testy_image, network=["none"], args=["--name", "testy"])
    web.get()
    web.wait_checks(2)
    web.wait_for(lambda: web.property("ActiveState") == "inactive", LONG, "nobody needs it")
    web.get()


def test_a_client_that_has_vanished(checked):
    """The sockets ask after peers that are silent, so that one that is gone for ever is noticed."""
    web = checked()
    web.get()
    found = web.runner.properties(web.socket, "KeepAlive", "KeepAliveTimeUSec", "KeepAliveIntervalUSec",
                                  "KeepAliveProbes")
    assert found == {"KeepAlive": "yes", "KeepAliveTimeUSec": "2min", "KeepAliveIntervalUSec": "15s",
                     "KeepAliveProbes": "8"}
    with contextlib.closing(web.connect()) as client:
        ours = "%d" % client.getsockname()[1]
        # The kernel's own timer of that connection, at the service's end.
        out = web.runner.check("ss", "-tnoH", "state", "established", f"( sport = :{PORT} and dport = :{ours} )")
        assert "keepalive" in out, out
