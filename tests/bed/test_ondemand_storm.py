# SPDX-License-Identifier: MIT
"""A thousand requests at the moments in which a service comes and goes; none may be lost.

Each way to be started and to be idle has two services, a container and a program, and all eight get
their requests at the same time, each from one client, one after the other. When the next one
comes is drawn: soon after the last, around the idle time, or at the first sign that the service is
about to go.
"""

import collections
import contextlib
import dataclasses
import json
import os
import pathlib
import random
import socket
import threading
import time

import pytest

SEED = os.environ.get("PHOENIX_TESTS_SEED", "4")
REQUESTS = 125  # to each of eight
IDLE_SEC = 1.0
# Somebody who waits for that long has been forgotten.
FORGOTTEN_SEC = 60
CGROUPS = pathlib.Path("/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice")

# Name, port, activation, action.
WAYS = (("proxy-stop", 18100, "proxy", "stop"), ("proxy-freeze", 18102, "proxy", "freeze"),
        ("native-freeze", 18104, "native", "freeze"), ("native-stop", 18106, "native", "stop"))


@dataclasses.dataclass(frozen=True)
class Request:
    """One of them: what it met, and how it ended (None: answered)."""

    phase: str
    sec: float
    began: tuple[float, float]  # when the process that answered was started: not before, not after
    error: str | None


class Phases:
    """What a service is doing, from its cgroups: so often that systemd had better not be asked."""

    def __init__(self, name, proxied):
        self.name, self.proxied = name, proxied
        self._slices = [CGROUPS / "app-phoenix.slice"]

    def _find(self, unit):
        # A proxy may have a slice of its own below that of the service.
        for path in (self._slices[0] / unit, *self._slices[0].glob(f"*.slice/{unit}")):
            if path.is_dir():
                return path
        return None

    def is_frozen(self, unit):
        for path in unit.glob("*payload*/cgroup.events"):
            with contextlib.suppress(OSError):  # it has gone meanwhile
                if "frozen 1" in path.read_text():
                    return True
        return False

    def __call__(self):
        unit = self._find(f"phoenix@{self.name}.service")
        if unit is None:
            return "down"
        if self.is_frozen(unit):
            return "frozen"
        if not self.proxied or self._find(f"phoenix-proxy@{self.name}.service"):
            return "up"
        return "between"  # starting, stopping, or about to be frozen


class Client(threading.Thread):
    """Asks one service again and again."""

    def __init__(self, name, port, proxied):
        super().__init__(name=name)
        self.port, self.phases = port, Phases(name, proxied)
        self.requests = []
        self._random = random.Random(f"{SEED} {name}")

    def run(self):
        for _ in range(REQUESTS):
            self._wait()
            phase = self.phases()
            self.requests.append(self._ask(phase))

    def _wait(self):
        kind = self._random.random()
        if kind < 0.4:
            time.sleep(self._random.uniform(0, 0.3))
        elif kind < 0.7:
            time.sleep(IDLE_SEC + self._random.uniform(-0.1, 0.3))
        else:
            end = time.monotonic() + 3 * IDLE_SEC
            while self.phases() == "up" and time.monotonic() < end:
                time.sleep(0.002)
            time.sleep(self._random.uniform(0, 0.15))

    def _ask(self, phase):
        began, error, answer = time.monotonic(), None, b""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=FORGOTTEN_SEC) as connection:
                connection.sendall(b"GET /status HTTP/1.0\r\n\r\n")
                while data := connection.recv(65536):
                    answer += data
        except OSError as problem:
            error = repr(problem)
        ended = time.monotonic()
        up_sec = uptime_sec(answer)
        if error is None and up_sec is None:
            error = f"not the whole answer: {answer!r}"
        up_sec = up_sec or 0
        return Request(phase, ended - began, (began - up_sec, ended - up_sec), error)

    def starts(self):
        """How many processes have surely answered: their ages, told in milliseconds, tell them apart."""
        starts, latest = 0, float("-inf")
        for request in self.requests:
            if request.began[0] > latest + 0.01:
                starts += 1
                latest = request.began[1]
            latest = min(latest, request.began[1])
        return starts

    def report(self):
        met = collections.Counter(request.phase for request in self.requests)
        worst = {phase: max(r.sec for r in self.requests if r.phase == phase) for phase in met}
        text = ", ".join(f"{phase} {met[phase]} (worst {worst[phase] * 1e3:.0f} ms)" for phase in sorted(met))
        return f"{self.name:24} {self.starts():3} starts; met {text}"


def uptime_sec(answer):
    """What the service says of itself; None when the answer is not whole."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0]:
        return None
    try:
        return json.loads(body)["uptime_usec"] / 1e6
    except (ValueError, KeyError):
        return None


def content(kind, image, port, activation, action):
    """A program has the network of the machine, and so needs a port that nobody else has."""
    inner = 8080 if kind == "docker" else port + 100
    found = {"type": kind, "image": image, "listen": [f"127.0.0.1:{port}"], "activation": activation,
             "idle": {"after": f"{IDLE_SEC:.0f}s", "action": action}}
    args = ["--control-file", ""]
    if activation == "proxy":
        return found | {"args": [*args, "--port", str(inner)], "proxyport": inner}
    return found | {"args": args}


@pytest.fixture
def clients(spec, user, testy_image, testy_binary):
    made = []
    for way, port, activation, action in WAYS:
        for offset, (kind, image) in enumerate((("docker", testy_image), ("binary", testy_binary))):
            name = f"storm-{way}-{'c' if kind == 'docker' else 'b'}"
            spec(name, content(kind, image, port + offset, activation, action), reload=False)
            made.append(Client(name, port + offset, activation == "proxy"))
    spec.reload("user")
    for client in made:
        user.check("systemctl", "--user", "start", f"phoenix@{client.name}.socket")
    yield made
    for client in made:
        user.systemctl("stop", f"phoenix@{client.name}.socket", timeout=120)


def test_storm(clients, record_property):
    for client in clients:
        client.start()
    for client in clients:
        client.join()

    report = "\n".join(client.report() for client in clients)
    worst = max(request.sec for client in clients for request in client.requests)
    print(f"seed {SEED}\n{report}\nworst of all: {worst * 1e3:.0f} ms")
    record_property("worst_sec", f"{worst:.3f}")
    lost = [f"{client.name}, request {n} ({request.phase}, {request.sec:.3f} s): {request.error}"
            for client in clients for n, request in enumerate(client.requests) if request.error]
    assert not lost, "\n".join(lost + [report])
    assert sum(len(client.requests) for client in clients) == 1000
    for client in clients:
        assert client.requests[0].phase == "down", report
        met = collections.Counter(request.phase for request in client.requests)
        if "freeze" in client.name:
            assert client.starts() == 1, report
            assert met["frozen"] >= 5, report
        else:
            assert client.starts() >= 10, report
        assert met["up"] >= 10, report
        assert met.total() - met["up"] >= 20, report
