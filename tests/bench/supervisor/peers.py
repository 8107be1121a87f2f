# SPDX-License-Identifier: MIT
"""The peers, set up to do the same: monit, podman's own health checks, s6 and runit."""

import contextlib
import json
import pathlib
import signal
import subprocess
import tempfile
import time

import proc
from fleet import (CONTAINER_PORT, HOLD, IMAGE, PORT, PROGRAMS, pages_served, testy_exec, user,
                   wait_for)

TESTY_IN_IMAGE = ["/phoenix-testy", "ctl", f"--port={CONTAINER_PORT}", "get", "/health"]


def floor(*arguments):
    """CPU usec of one bare check."""
    return float(subprocess.run([PROGRAMS / "floor", *map(str, arguments)], check=True,
                                capture_output=True, text=True).stdout.split()[-1])


@contextlib.contextmanager
def running(*argv, **options):
    """A peer in the foreground, as a process of ours."""
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          **options) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def monit(checks):
    """monit with these lines as its checks, a cycle each second."""
    with tempfile.TemporaryDirectory(dir="/run", prefix="bench-") as folder:
        path = pathlib.Path(folder) / "monitrc"
        path.write_text(f"set daemon 1\nset pidfile {folder}/pid\nset statefile {folder}/state\n"
                        f"set idfile {folder}/id\n{checks}\n")
        path.chmod(0o600)
        with running("monit", "-I", "-c", str(path)) as process:
            yield process


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
    with monit("\n".join(lines)) as process:
        before = pages_served()
        wait_for(lambda: pages_served() > before + count, 30, "monit makes its checks")
        made = pages_served()
        meter = proc.Meter(monit=[process.pid])
        time.sleep(seconds)
        cost, woken = meter.read()["monit"]
        made = pages_served() - made
        return {"cpu_usec": cost / made, "wakeups": woken / made, "checks": made,
                "memory_kib": proc.memory_kib(process.pid)}


# Runs podman COUNT times and waits for all that it leaves behind: conmon and what conmon runs.
PODMAN_COST = r"""
import ctypes, json, os, resource, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER
def cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
def reap():
    end = time.monotonic() + 10
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
    user("podman", "rm", "-f", "-t", "0", name)
    user.check("podman", "run", "-d", "--name", name, *options, "--health-cmd",
               f"CMD {' '.join(TESTY_IN_IMAGE)}", IMAGE, "--port", str(CONTAINER_PORT),
               timeout=120)
    try:
        wait_for(lambda: user("podman", "healthcheck", "run", name).ok, 30, "the first check")
        yield name
    finally:
        user("podman", "rm", "-f", "-t", "0", name)


def podman_cost(count):
    """CPU and wall usec of one `podman healthcheck run`."""
    with container("bench-peer", "--health-interval", "disable") as name:
        out = user.check("python3", "-c", PODMAN_COST, str(count), "podman", "healthcheck", "run",
                         name, timeout=600)
    cpu, wall = json.loads(out)
    return {"cpu_usec": cpu, "wall_usec": wall, "checks": count}


def load_image(archive):
    if not user("podman", "image", "exists", IMAGE).ok:
        user.check("podman", "load", "--quiet", "--input", str(archive), timeout=120)


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
        with running(*scanner, folder) as process:
            try:
                yield process
            finally:
                stop_tree(scanner[0], process, folder, count)


def stop_tree(scanner, process, folder, count):
    """Their services outlive them unless told."""
    if scanner == "s6-svscan":
        subprocess.run(["s6-svscanctl", "-t", folder], check=False)
    else:
        process.send_signal(signal.SIGHUP)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(5 + count / 20)


def tree_cost(scanner, supervisor, count, seconds):
    """Memory and wakeups per service of the supervisor that each one has."""
    held = len(proc.pids_of("hold"))
    with tree(scanner, count):
        wait_for(lambda: len(proc.pids_of("hold")) >= held + count, 60, f"{scanner[0]} starts all")
        time.sleep(0.5)
        pids = proc.pids_of(supervisor)
        meter = proc.Meter(peer=pids)
        time.sleep(seconds)
        return {"services": len(pids), "pss_kib": proc.pss_kib(pids) / len(pids),
                "rss_kib": sum(proc.memory_kib(pid)["rss"] for pid in pids) / len(pids),
                "wakeups": meter.read()["peer"][1], "seconds": seconds}


S6 = (("s6-svscan",), "s6-supervise")
RUNIT = (("runsvdir", "-P"), "runsv")


