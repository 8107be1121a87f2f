# SPDX-License-Identifier: MIT
"""The same small web service, made in each of the ways that are compared, in the user's manager."""

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))

from fixtures import SPEC_DIRS, UID, Runner  # noqa: E402 pylint: disable=wrong-import-position

PROGRAMS = pathlib.Path("/usr/lib/phoenix/tests/bench")
WEB, CLIENT = str(PROGRAMS / "web"), str(PROGRAMS / "client")
IMAGE = "localhost/bench-web"
PROXYD = "/usr/lib/systemd/systemd-socket-proxyd"
INNER_PORT = 8080
RUNTIME = f"/run/user/{UID}"
UNITS = pathlib.Path("/home/phoenix/.config/systemd/user")
PAYLOADS = pathlib.Path(f"/sys/fs/cgroup/user.slice/user-{UID}.slice/user@{UID}.service")
IDLE = "1s"
PATIENCE_SEC = 60  # for what takes a second or so, on a machine that is slow and busy

user = Runner("user")


def wait_for(predicate, what, interval=0.01):
    end = time.monotonic() + PATIENCE_SEC
    while not (answer := predicate()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {PATIENCE_SEC} s: {what}")
        time.sleep(interval)
    return answer


def load_image():
    """The program and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        archive = pathlib.Path(folder) / "web.tar"
        subprocess.run(["tar", "-C", PROGRAMS, "-cf", archive, "web"], check=True)
        os.chmod(folder, 0o755)
        user.check("podman", "import", "--quiet", "--change", 'ENTRYPOINT ["/web"]', archive, IMAGE)


@dataclasses.dataclass(frozen=True)
class First:
    """How a request went. Times are of CLOCK_MONOTONIC, in microseconds."""

    began: int
    came: int
    refused: int  # nobody listened, or thrown out without an answer
    started: int  # the service's own first moment
    listened: int

    @property
    def usec(self):
        return self.came - self.began


class Service:
    """One way to it. What starts it by a connection is in `listeners`, what runs then in `units`."""

    def __init__(self, name, address):
        self.name, self.address = name, address
        self.listeners, self.units, self.files = [], [], []

    def write(self, path, text):
        user.check("mkdir", "-p", path.parent)
        path.write_text(text)
        os.chown(path, UID, UID)
        self.files.append(path)

    def up(self):
        if self.listeners:
            user.check("systemctl", "--user", "start", *self.listeners)
        else:
            user.check("systemctl", "--user", "start", *self.units)

    def remove(self):
        user("systemctl", "--user", "stop", *self.listeners, *self.units)
        user("systemctl", "--user", "reset-failed", *self.listeners, *self.units)
        for path in self.files:
            path.unlink(missing_ok=True)

    def cool(self):
        """Nothing of it runs. Who waits for idleness in each run waits for most of the time."""
        user.check("systemctl", "--user", "stop", *self.units)
        user("systemctl", "--user", "reset-failed", *self.units)
        wait_for(lambda: set(user.check("systemctl", "--user", "show", "--property=ActiveState",
                                        "--value", *self.units).split()) == {"inactive"},
                 f"{self.name} is down")

    def first(self):
        result = subprocess.run([CLIENT, "first", self.address], capture_output=True, text=True,
                                timeout=2 * PATIENCE_SEC, check=False)
        if result.returncode != 0:
            raise RuntimeError(f"{self.name}: {result.stderr}")
        began, came, refused, lost, started, listened = map(int, result.stdout.split())
        return First(began, came, refused + lost, started, listened)

    def load(self, seconds, connections, how):
        """Requests per second and latencies in microseconds."""
        result = subprocess.run([CLIENT, "load", self.address, str(seconds), str(connections), how],
                                capture_output=True, text=True, timeout=seconds + PATIENCE_SEC,
                                check=False)
        if result.returncode != 0:
            raise RuntimeError(f"{self.name}, {how}: {result.stderr}")
        n, usec, p50, p99, worst = map(int, result.stdout.split())
        return {"per_sec": n / usec * 1e6, "p50_usec": p50, "p99_usec": p99, "max_usec": worst}


class Phoenix(Service):
    """A spec. `way`: proxy, native, unix (a proxy to a unix socket, without any network), or direct
    (no socket of ours: up from the start)."""

    def __init__(self, name, port, container, way, action="stop"):
        super().__init__(name, f"127.0.0.1:{port}")
        self.word = f"bench-{port}"
        self.service = f"phoenix@{self.word}.service"
        self.units = [self.service]
        spec = {"type": "docker", "image": IMAGE} if container else {"type": "binary", "image": WEB}
        inner = INNER_PORT if container else port + 1000
        if way == "direct":
            inner = INNER_PORT if container else port
        if way != "direct":
            spec |= {"listen": [self.address], "idle": {"after": IDLE, "action": action}}
            self.listeners = [f"phoenix@{self.word}.socket"]
        elif container:
            spec["ports"] = [f"{self.address}:{inner}"]
        if way == "native":
            spec["activation"] = "native"
        elif way == "unix":
            spec |= {"network": "none", "proxysocket": "/run/web/web.sock",
                     "args": ["--unix", "/run/web/web.sock"]}
        else:
            spec |= {"proxyport": inner, "args": ["--port", str(inner)]}
        if way in ("proxy", "unix"):
            self.units = [f"phoenix-proxy@{self.word}.service", self.service]
        self.write(SPEC_DIRS["user"] / f"{self.word}.json", json.dumps(spec))

    def remove(self):
        super().remove()
        user("systemctl", "--user", "stop", f"phoenix-idle@{self.word}.service")

    @staticmethod
    def is_frozen(unit):
        for path in PAYLOADS.glob(f"*/*/{unit}/*/cgroup.events"):
            with contextlib.suppress(OSError):
                if "frozen 1" in path.read_text():
                    return True
        return False

    def freeze(self):
        """As idleness does it, together with its proxy."""
        wait_for(lambda: all(map(self.is_frozen, self.units)), f"{self.name} is frozen")


class Recipe(Service):
    """The units of the document, written by hand, with its changes for "scale down"."""

    def __init__(self, name, port, container):
        super().__init__(name, f"127.0.0.1:{port}")
        word = f"bench-recipe-{port}"
        inner = port + 1000
        service, proxy = f"{word}.service", f"{word}-proxy.service"
        self.listeners, self.units = [f"{word}-proxy.socket"], [proxy, service]
        self.write(UNITS / service,
                   self._container(word, inner) if container else self._binary(inner))
        self.write(UNITS / self.listeners[0], f"[Socket]\nListenStream={self.address}\n")
        self.write(UNITS / proxy, f"""[Unit]
Requires={service}
After={service}
Requires={self.listeners[0]}
After={self.listeners[0]}
[Service]
ExecStart={PROXYD} --exit-idle-time={IDLE} 127.0.0.1:{inner}
""")

    @staticmethod
    def _container(word, inner):
        """As Podman writes it, without its [Install], and with the one line."""
        user.check("podman", "create", "--name", word, "--publish",
                   f"127.0.0.1:{inner}:{INNER_PORT}", IMAGE, "--port", str(INNER_PORT))
        text = user.check("podman", "generate", "systemd", "--new", "--name", word)
        user.check("podman", "rm", word)
        head, _, _ = text.partition("[Install]")
        return head.replace("[Unit]\n", "[Unit]\nStopWhenUnneeded=yes\n")

    @staticmethod
    def _binary(inner):
        """What the document would say of a program."""
        return f"[Unit]\nStopWhenUnneeded=yes\n[Service]\nExecStart={WEB} --port {inner}\n"


@contextlib.contextmanager
def together(services):
    """All of them listen, or run."""
    try:
        user.check("systemctl", "--user", "daemon-reload")
        for service in services:
            service.up()
        yield services
    finally:
        for service in services:
            service.remove()
        user("systemctl", "--user", "daemon-reload")
