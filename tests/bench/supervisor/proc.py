# SPDX-License-Identifier: MIT
"""What the kernel says a process costs: CPU, memory, and how often it was woken."""

import contextlib
import os
import pathlib

PROC = pathlib.Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")
CGROUP = pathlib.Path("/sys/fs/cgroup")


def pids_of(name):
    """Processes with this name (as in /proc/PID/comm: 15 characters; systemd puts some of them in
    brackets)."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir(PROC))) if name_of(pid) == name[:15]]


def name_of(pid):
    """None when it has ended."""
    try:
        return (PROC / str(pid) / "comm").read_text().strip().strip("()")
    except OSError:
        return None


def pids_in(cgroup, name=None):
    """Processes in a cgroup and those below it; with a name, only those of that name."""
    found = []
    for procs in cgroup.rglob("cgroup.procs"):
        with contextlib.suppress(OSError):  # it has been removed meanwhile
            found += map(int, procs.read_text().split())
    return [pid for pid in found if name in (None, name_of(pid))]


def parent(pid):
    """0 when it has ended."""
    try:
        return int((PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()[1])
    except OSError:
        return 0


def cpu_usec(pid):
    """CPU of the process itself, all threads, to the nanosecond: utime and stime of /proc/PID/stat
    are the same sum in ticks of 10 ms."""
    used = 0
    for task in (PROC / str(pid) / "task").iterdir():
        with contextlib.suppress(OSError):  # the thread has ended meanwhile
            used += int((task / "schedstat").read_text().split()[0])
    return used / 1000


def children_usec(pid):
    """CPU of its children that have ended, and theirs. In ticks of 10 ms: of few checks it tells
    little, which is why exec checks in a smoke run are only a sign of life."""
    fields = (PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    return (int(fields[13]) + int(fields[14])) * 1_000_000 / TICK


def switches(pid):
    """How often it has slept and was woken again."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches"):
            return int(line.split()[1])
    return 0


def memory_kib(pid):
    """RSS, PSS, and what is nobody else's (private_dirty)."""
    found = {}
    for line in (PROC / str(pid) / "smaps_rollup").read_text().splitlines():
        key, _, value = line.partition(":")
        if key in ("Rss", "Pss", "Private_Dirty"):
            found[key.lower()] = int(value.split()[0])
    return found


def pss_kib(pids):
    return sum(memory_kib(pid)["pss"] for pid in pids)


class Meter:
    """CPU and wakeups of groups of processes between its making and read()."""

    def __init__(self, **groups):
        self.groups = groups
        self._before = {name: self._look(name) for name in groups}

    def _look(self, group):
        try:
            return (sum(cpu_usec(pid) + children_usec(pid) for pid in self.groups[group]),
                    sum(switches(pid) for pid in self.groups[group]))
        except OSError as error:
            raise RuntimeError(f"{group}: a process has ended while it was measured") from error

    def read(self):
        """{group: (CPU usec, wakeups)}"""
        result = {}
        for name, before in self._before.items():
            cpu, woken = self._look(name)
            result[name] = (cpu - before[0], woken - before[1])
        return result
