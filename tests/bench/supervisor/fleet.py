# SPDX-License-Identifier: MIT
"""Services of Phoenix under checks, in the user's manager, and what their supervision costs."""

import json
import os
import pathlib
import socket
import sys
import time

import proc

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "lib"))

from fixtures import SPEC_DIRS, TESTY_BINARY, UID, Runner  # noqa: E402 pylint: disable=wrong-import-position

PROGRAMS = pathlib.Path("/usr/lib/phoenix/tests/bench")
HOLD = str(PROGRAMS / "hold")
IMAGE = "localhost/phoenix-testy"
PORT = 20000
CONTAINER_PORT = 8080
RUNTIME = f"/run/user/{UID}"
MANAGER_CGROUP = proc.CGROUP / f"user.slice/user-{UID}.slice/user@{UID}.service"
PATIENCE_SEC = 120  # for what takes a second or so, on a machine that is slow and busy

user = Runner("user")
root = Runner("system")


def wait_for(predicate, what, timeout=PATIENCE_SEC, interval=0.05):
    end = time.monotonic() + timeout
    while not (answer := predicate()):
        if time.monotonic() > end:
            raise TimeoutError(f"not within {timeout} s: {what}")
        time.sleep(interval)
    return answer


def page(port, path="/health", host="127.0.0.1"):
    """The body of a page; None when there is none or it is not 200."""
    try:
        with socket.create_connection((host, port), timeout=10) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            text = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    except OSError:
        return None
    head, _, body = text.partition("\r\n\r\n")
    return body if " 200 " in head.split("\r\n", maxsplit=1)[0] else None


def pages_served():
    return int(wait_for(lambda: page(PORT, "/count"), "the pages say their count"))


def metrics():
    """None when they did not come whole: their last line is "# EOF"."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(f"{RUNTIME}/phoenix/metrics.sock")
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            text = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    except OSError:
        return None
    return text if text.endswith("# EOF\n") else None


def metric_sum(name):
    text = wait_for(metrics, "phoenixd gives its metrics")
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith((f"{name}{{", f"{name} ")))


def checks_made():
    return int(metric_sum("phoenix_service_probe_results_total"))


def phoenixd():
    return wait_for(lambda: int(user.properties("phoenixd.service", "MainPID")["MainPID"]),
                    "phoenixd runs")


def manager():
    """The user's systemd, which hears every heartbeat."""
    return int(root.properties(f"user@{UID}.service", "MainPID")["MainPID"])


def http(interval, port=PORT):
    return {"path": "/health", "port": port, "interval": interval, "grace": "60s"}


def tcp(interval, port=PORT):
    return {"type": "tcp", "port": port, "interval": interval, "grace": "60s"}


def execute(interval, argv):
    return {"exec": argv, "interval": interval, "grace": "60s"}


class Fleet:
    """COUNT services with one check each; check(port) makes it."""

    def __init__(self, count, check, kind="binary", name="bench", **more):
        self.names = [f"{name}-{i:05}" for i in range(count)]
        folder = SPEC_DIRS["user"]
        user.check("mkdir", "-p", folder)
        for i, service in enumerate(self.names):
            spec = {"type": kind, "image": HOLD, "healthcheck": check(PORT + i)} | more
            path = folder / f"{service}.json"
            path.write_text(json.dumps(spec))
            os.chown(path, UID, UID)
        self.start_sec = 0.0

    def units(self):
        return [f"phoenix@{name}.service" for name in self.names]

    def start(self, timeout=900):
        user.check("systemctl", "--user", "daemon-reload", timeout=timeout)
        began = time.monotonic()
        user.check("systemctl", "--user", "start", *self.units(), timeout=timeout)
        self.start_sec = time.monotonic() - began
        return self

    def stop(self):
        user("systemctl", "--user", "stop", *self.units(), timeout=600)
        user("systemctl", "--user", "reset-failed")
        for name in self.names:
            (SPEC_DIRS["user"] / f"{name}.json").unlink(missing_ok=True)
        user("systemctl", "--user", "daemon-reload", timeout=300)

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_):
        self.stop()

    def leases(self):
        """The lease of each."""
        folders = {path.name: path for path in MANAGER_CGROUP.rglob("phoenix@*.service")}
        return [wait_for(lambda folder=folders[unit]: lease_in(folder), f"{unit} has one lease")
                for unit in self.units()]

    def watch(self, seconds):
        """What supervision costs in that time: {"phoenixd": (usec, wakeups), ...} and how many
        checks were made. On a machine that is very slow it takes longer until there was one of
        each service."""
        daemon, leases, made = phoenixd(), self.leases(), checks_made()
        meter = proc.Meter(phoenixd=[daemon], lease=leases, manager=[manager()])
        end = time.monotonic() + PATIENCE_SEC
        while True:
            time.sleep(seconds)
            costs = meter.read()
            checks = checks_made() - made
            if checks >= len(self.names):
                return costs, checks
            if time.monotonic() > end:
                raise TimeoutError(f"{checks} checks of {len(self.names)} services")


def lease_in(folder):
    """The lease in the cgroup of a unit; None while the one that waited for the start is there, too.
    What a lease has started has its name until it has become the program of a check."""
    pids = proc.pids_in(folder, "phoenix-lease")
    found = [pid for pid in pids if proc.parent(pid) not in pids]
    return found[0] if len(found) == 1 else None


def containers(count, check):
    return Fleet(count, lambda _: check, kind="docker", name="benchc", image=IMAGE,
                 args=["--port", str(CONTAINER_PORT)])


def testy_exec(port):
    return [str(TESTY_BINARY), "ctl", f"--port={port}", "get", "/health"]
