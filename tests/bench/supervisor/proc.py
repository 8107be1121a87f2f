# SPDX-License-Identifier: MIT
"""What the kernel says a process costs: CPU, memory, and how often it was woken."""

import os
import pathlib

PROC = pathlib.Path("/proc")
TICK = os.sysconf("SC_CLK_TCK")
CGROUP = pathlib.Path("/sys/fs/cgroup")


def pids_of(name):
    """Processes with this name (as in /proc/PID/comm: 15 characters; systemd puts some of them in
    brackets)."""
    found = []
    for entry in PROC.glob("[0-9]*/comm"):
        try:
            if entry.read_text().strip().strip("()") == name[:15]:
                found.append(int(entry.parent.name))
        except OSError:
            pass  # it has ended meanwhile
    return found


def cpu_usec(pid):
    """CPU of the process itself, all threads, to the nanosecond: utime and stime of /proc/PID/stat
    are the same sum in ticks of 10 ms."""
    tasks = (PROC / str(pid) / "task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1000


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
        self._before = {name: self._look(pids) for name, pids in groups.items()}

    @staticmethod
    def _look(pids):
        return (sum(cpu_usec(pid) + children_usec(pid) for pid in pids),
                sum(switches(pid) for pid in pids))

    def read(self):
        """{group: (CPU usec, wakeups)}"""
        result = {}
        for name, pids in self.groups.items():
            cpu, woken = self._look(pids)
            before = self._before[name]
            result[name] = (cpu - before[0], woken - before[1])
        return result
