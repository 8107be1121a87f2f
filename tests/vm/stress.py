# SPDX-License-Identifier: MIT
"""Containers of stress(1), and what the files of their cgroups say, read here without any code of Phoenix."""

import contextlib
import dataclasses
import pathlib
import time

CGROUPS = pathlib.Path("/sys/fs/cgroup")

KINDS = {
    "cpu": ("stress", "--cpu", "1"),
    "ram": ("stress", "--vm", "1", "--vm-bytes", "32M"),
    "io": ("stress", "--io", "1"),
    "disk": ("stress", "--hdd", "1", "--hdd-bytes", "16M"),
}
# Takes its memory and sleeps.
CALM = ("stress", "--vm", "1", "--vm-hang", "0", "--vm-bytes")
# Of one CPU: a dozen of them must leave the machine to the test.
SHARE = 0.05


@dataclasses.dataclass
class Container:
    """One that was started here, by `podman run`."""

    scope: str
    name: str
    command: tuple
    ident: str
    cgroup: pathlib.Path


def payload_of(pid):
    """The cgroup of the container that a process is in: crun makes another one within."""
    path = pathlib.Path(f"/proc/{pid}/cgroup").read_text().strip().split("::", 1)[1]
    return CGROUPS / path.lstrip("/").removesuffix("/container")


def running(runner):
    """Name -> (ID, PID) of what Podman runs for this user."""
    out = runner.check("podman", "ps", "--no-trunc", "--format", "{{.Names}} {{.ID}} {{.Pid}}")
    return {name: (ident, int(pid)) for name, ident, pid in (line.split() for line in out.splitlines())}


def counters(cgroup):
    """What the kernel has counted for a cgroup; only the memory can become less."""
    stat = dict(line.split() for line in (cgroup / "cpu.stat").read_text().splitlines())
    found = {"cpu_usec": int(stat["usage_usec"]), "memory": int((cgroup / "memory.current").read_text()),
             "rbytes": 0, "wbytes": 0, "rios": 0, "wios": 0}
    for line in (cgroup / "io.stat").read_text().splitlines():
        for word in line.split()[1:]:
            name, _, value = word.partition("=")
            if name in found:
                found[name] += int(value)
    return found


def names_in(cgroup):
    """The names of all processes in a cgroup and below."""
    found = []
    for path in cgroup.rglob("cgroup.procs"):
        for pid in path.read_text().split():
            with contextlib.suppress(OSError):
                found.append(pathlib.Path(f"/proc/{pid}/comm").read_text().strip())
    return found


def wait_for_command(cgroup, name, patience=60):
    """Podman does not wait until the runtime has become the container's command."""
    end = time.monotonic() + patience
    while name not in (names := names_in(cgroup)):
        assert time.monotonic() < end, f"{cgroup}: {name} is not run; there is {names}"
        time.sleep(0.05)


class Stress:
    """Starts containers, and removes all of them in the end."""

    def __init__(self, runners, image):
        self._runners = runners
        self._image = image
        self.containers = []

    def start(self, scope, name, *command, share=SHARE, options=()):
        limit = (f"--cpus={share}",) if share else ()
        ident = self._runners[scope].check("podman", "run", "--detach", "--name", name, "--network=none", *limit,
                                           *options, self._image, *command, timeout=120).strip()
        (cgroup,) = CGROUPS.rglob(f"libpod-{ident}.scope")
        container = Container(scope, name, command, ident, cgroup)
        self.containers.append(container)
        wait_for_command(cgroup, command[0])
        return container

    @contextlib.contextmanager
    def thawed(self):
        """Those that are frozen may run, for a while."""
        frozen = [c.cgroup for c in self.containers if (c.cgroup / "cgroup.freeze").read_text().strip() == "1"]
        freeze(frozen, False)
        yield
        freeze([cgroup for cgroup in frozen if cgroup.exists()], True)

    def remove(self):
        for scope, runner in self._runners.items():
            names = [c.name for c in self.containers if c.scope == scope]
            if names:
                runner("podman", "rm", "--force", "--time=0", *names, timeout=180)
        self.containers = []


def freeze(cgroups, frozen, patience=60):
    """Freezes them, or lets them go on, and waits until the kernel has done so."""
    for cgroup in cgroups:
        (cgroup / "cgroup.freeze").write_text(str(int(frozen)))
    end = time.monotonic() + patience
    for cgroup in cgroups:
        while f"frozen {int(frozen)}" not in (cgroup / "cgroup.events").read_text():
            assert time.monotonic() < end, f"{cgroup} is not {'frozen' if frozen else 'thawed'}"
            time.sleep(0.05)
