# SPDX-License-Identifier: MIT
"""phoenixd alone with thousands of services that are only a plan, a port and a lease: this machine
could not start as many units. One process holds all leases (fake-leases.c)."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time

import proc
from fleet import PORT, PROGRAMS, http, pages_served

GENERATOR = "/usr/lib/systemd/system-generators/phoenix-generator"
PHOENIXD = "/usr/libexec/phoenix/phoenixd"
SLICE = proc.CGROUP / "system.slice"
PREFIX = "fake"
# A shell that becomes phoenixd: LISTEN_PID must be its own.
ACTIVATE = 'exec 3<&"$1"; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=lease; exec "$2" --system'


def make_plans(work, count, interval):
    specs, out = work / "specs", work / "out"
    for folder in (specs, out, work / "early", work / "late", work / "state"):
        folder.mkdir()
    for i in range(count):
        spec = {"type": "binary", "image": "/usr/bin/true", "healthcheck": http(interval, PORT + i)}
        (specs / f"{PREFIX}{i:05}.json").write_text(json.dumps(spec))
    subprocess.run([GENERATOR, "--system", out, work / "early", work / "late"], check=True,
                   env=os.environ | {"PHOENIX_SPEC_PATH": str(specs), "SYSTEMD_SCOPE": "system"})
    return out / "phoenix"


def wait_ready(notify, timeout):
    """Seconds until READY=1 came."""
    began = time.monotonic()
    notify.settimeout(timeout)
    while b"READY=1" not in notify.recv(4096):
        pass
    return time.monotonic() - began


@contextlib.contextmanager
def daemon(work, plans, listener):
    """A phoenixd of its own, with our lease socket: its process and how long it took to start."""
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(work / "notify"))
    listener.set_inheritable(True)
    environment = os.environ | {
        "PHOENIX_PLAN_DIR": str(plans), "STATE_DIRECTORY": str(work / "state"),
        "NOTIFY_SOCKET": str(work / "notify")}
    with open(work / "log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            ["sh", "-c", ACTIVATE, "activate", str(listener.fileno()), PHOENIXD],
            pass_fds=[listener.fileno()], env=environment, stdout=log, stderr=log)
    try:
        seconds = wait_ready(notify, 120)
        notify.close()  # so that nobody need read what it says from here on
        (work / "notify").unlink()
        yield process, seconds
    except Exception:
        print((work / "log").read_text(encoding="utf-8")[-4000:], file=sys.stderr)
        raise
    finally:
        process.terminate()
        process.wait(300)


def wait_quiet(process):
    """Seconds until phoenixd knows from systemd how each unit is, and sleeps."""
    began, busy = time.monotonic(), True
    while busy:
        before = proc.switches(process.pid)
        time.sleep(0.5)
        busy = proc.switches(process.pid) > before + 2
        if time.monotonic() - began > 300:
            raise TimeoutError("phoenixd does not come to rest")
    return time.monotonic() - began


@contextlib.contextmanager
def leases(path, count):
    """The fake leases; gives the seconds it took until phoenixd knew them all."""
    began = time.monotonic()
    with subprocess.Popen([PROGRAMS / "fake-leases", path, SLICE, str(count), PREFIX],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        watchdog = threading.Timer(300, process.kill)
        watchdog.start()
        try:
            if process.stdout.readline() != b"ready\n":
                raise RuntimeError("the fake leases were not taken")
            yield time.monotonic() - began
        finally:
            watchdog.cancel()
            process.stdin.close()
            process.wait(120)


def measure(count, seconds, interval="10s"):
    """Memory of phoenixd with that many services, the seconds it takes to start and to stop, and
    what a check costs among so many."""
    with tempfile.TemporaryDirectory(dir="/run", prefix="bench-") as folder:
        work = pathlib.Path(folder)
        work.chmod(0o755)
        plans = make_plans(work, count, interval)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
            path = str(work / "lease.sock")
            listener.bind(path)
            listener.listen(4096)
            with daemon(work, plans, listener) as (process, start_sec):
                known_sec = wait_quiet(process)
                idle = proc.memory_kib(process.pid)
                with leases(path, count) as join_sec:
                    time.sleep(seconds)  # each check is made several times: histories fill up
                    made = pages_served()
                    meter = proc.Meter(phoenixd=[process.pid])
                    time.sleep(seconds)
                    cost, woken = meter.read()["phoenixd"]
                    made = pages_served() - made
                    memory = proc.memory_kib(process.pid)
                ended = time.monotonic()
    return {"services": count, "start_sec": start_sec, "known_sec": known_sec,
            "join_sec": join_sec, "stop_sec": time.monotonic() - ended, "memory_kib": memory,
            "without_leases_kib": idle, "checks": made, "cpu_usec": cost / max(made, 1),
            "wakeups": woken / max(made, 1)}
