# SPDX-License-Identifier: MIT
"""The peers, set up to do the same: monit, podman's own health checks, s6 and runit."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
import time

import proc
from fleet import (CONTAINER_PORT, HOLD, IMAGE, PATIENCE_SEC, PORT, PROGRAMS, pages_served,
                   testy_exec, user, wait_for)

TESTY_IN_IMAGE = ["/phoenix-testy", "ctl", f"--port={CONTAINER_PORT}", "get", "/health"]


def floor(*arguments):
    """CPU usec of one bare check."""
    return float(subprocess.run([PROGRAMS / "floor", *map(str, arguments)], check=True,
                                capture_output=True, text=True).stdout.split()[-1])


class Peer:
    """A peer in the foreground, as a process of ours, in a cgroup of its own: what it starts leaves
    it by all kinds of forks, and has to be counted and, at the end, to be gone."""

    JOIN = 'echo 0 >"$1/cgroup.procs"; shift; exec "$@"'

    def __init__(self, *argv):
        self.cgroup = proc.CGROUP / f"bench-peer-{os.getpid()}"
        self.cgroup.mkdir()
        self.process = subprocess.Popen(["sh", "-c", self.JOIN, "join", str(self.cgroup), *argv],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def pids(self, name=None):
        return proc.pids_in(self.cgroup, name)

    def end(self):
        """Not in its own way: nothing of it is worth keeping, and it would leave services behind."""
        (self.cgroup / "cgroup.kill").write_text("1")
        self.process.kill()  # if it has not even joined
        self.process.wait()
        wait_for(lambda: "populated 0" in (self.cgroup / "cgroup.events").read_text(),
                 "nothing is left of the peer")
        self.cgroup.rmdir()


@contextlib.contextmanager
def running(*argv):
    peer = Peer(*argv)
    try:
        yield peer
    finally:
        peer.end()


@contextlib.contextmanager
def monit(checks):
    """monit with these lines as its checks, a cycle each second."""
    with tempfile.TemporaryDirectory(dir="/run", prefix="bench-") as folder:
        path = pathlib.Path(folder) / "monitrc"
        path.write_text(f"set daemon 1\nset pidfile {folder}/pid\nset statefile {folder}/state\n"
                        f"set idfile {folder}/id\n{checks}\n")
        path.chmod(0o600)
        with running("monit", "-I", "-c", str(path)) as peer:
            yield peer


MONIT_CHECKS = {
    "http": 'check host web{n} with address 127.0.0.1\n'
            '  if failed port {port} protocol http request "/health" then alert',
    "tcp": "check host web{n} with address 127.0.0.1\n  if failed port {port} type tcp then alert",
    "exec": 'check program web{n} with path "{exec}"\n  if status != 0 then alert',
}


def monit_cost(kind, count, seconds):
    """CPU usec, wakeups per check; its programs count as its own."""
    lines = [MONIT_CHECKS[kind].format(n=n, port=PORT + n, exec=" ".join(testy_exec(PORT + n)))
             for n in range(count)]
    with monit("\n".join(lines)) as peer:
        before = pages_served()
        wait_for(lambda: pages_served() > before + count, "monit makes its checks")
        before = pages_served()
        meter = proc.Meter(monit=[peer.process.pid])
        time.sleep(seconds)
        wait_for(lambda: pages_served() > before + count, "monit makes them again")
        cost, woken = meter.read()["monit"]
        made = pages_served() - before
        return {"cpu_usec": cost / made, "wakeups": woken / made, "checks": made,
                "memory_kib": proc.memory_kib(peer.process.pid)}


# Runs podman COUNT times and waits for all that it leaves behind: conmon and what conmon runs.
PODMAN_COST = r"""
import ctypes, json, os, resource, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
def cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
def reap():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.005)
        except ChildProcessError:
            return
    sys.exit("podman has left something behind that does not end")
before, wall = cpu(), []
for _ in range(int(sys.argv[1])):
    began = time.monotonic()
    subprocess.run(sys.argv[2:], check=True)
    wall.append(time.monotonic() - began)
    reap()
print(json.dumps([(cpu() - before) / len(wall) * 1e6, sum(wall) / len(wall) * 1e6]))
"""


@contextlib.contextmanager
def container(name, *options):
    """The test service under podman alone, rootless."""
    user("podman", "rm", "-f", "-t", "0", name, timeout=PATIENCE_SEC)
    user.check("podman", "run", "-d", "--name", name, *options, "--health-cmd",
               f"CMD {' '.join(TESTY_IN_IMAGE)}", IMAGE, "--port", str(CONTAINER_PORT),
               timeout=PATIENCE_SEC)
    try:
        wait_for(lambda: user("podman", "healthcheck", "run", name, timeout=PATIENCE_SEC).ok,
                 "the first check passes")
        yield name
    finally:
        user("podman", "rm", "-f", "-t", "0", name, timeout=PATIENCE_SEC)


def podman_cost(count):
    """CPU and wall usec of one `podman healthcheck run`."""
    with container("bench-peer", "--health-interval", "disable") as name:
        out = user.check("python3", "-c", PODMAN_COST, str(count), "podman", "healthcheck", "run",
                         name, timeout=600)
    cpu, wall = json.loads(out)
    return {"cpu_usec": cpu, "wall_usec": wall, "checks": count}


def load_image(archive):
    if not user("podman", "image", "exists", IMAGE).ok:
        user.check("podman", "load", "--quiet", "--input", str(archive), timeout=600)


@contextlib.contextmanager
def tree(scanner, count, command=f"exec {HOLD}"):
    """COUNT services under s6-svscan or runsvdir."""
    with tempfile.TemporaryDirectory(dir="/run", prefix="bench-") as folder:
        for n in range(count):
            service = pathlib.Path(folder) / f"web{n}"
            service.mkdir()
            script = service / "run"
            script.write_text(f"#!/bin/sh\n{command}\n")
            script.chmod(0o755)
        with running(*scanner, folder) as peer:
            yield peer


def tree_cost(scanner, supervisor, count, seconds):
    """Memory and wakeups per service of the supervisor that each one has."""
    with tree(scanner, count) as peer:
        wait_for(lambda: len(peer.pids("hold")) == len(peer.pids(supervisor)) == count,
                 f"{scanner[0]} starts all")
        time.sleep(0.5)
        pids = peer.pids(supervisor)
        meter = proc.Meter(peer=pids)
        time.sleep(seconds)
        return {"services": len(pids), "pss_kib": proc.pss_kib(pids) / len(pids),
                "rss_kib": sum(proc.memory_kib(pid)["rss"] for pid in pids) / len(pids),
                "wakeups": meter.read()["peer"][1], "seconds": seconds}


S6 = (("s6-svscan",), "s6-supervise")
RUNIT = (("runsvdir", "-P"), "runsv")


