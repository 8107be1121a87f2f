# SPDX-License-Identifier: MIT
"""Pytest fixtures of the tests that run inside a bed host or the VM, as root.

The tests call what a user would call. These helpers run commands as root or as uid 1000 in its
own user manager, wait for something to become true, read the journal, and drop spec files that
are cleaned away afterwards. The conftest.py of each tier takes everything from here.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import time

import pytest

USER = "phoenix"
UID = 1000
ARCHIVES = pathlib.Path("/usr/share/phoenix/tests")
TESTY_BINARY = pathlib.Path("/usr/lib/phoenix/tests/phoenix-testy")
SPEC_DIRS = {
    "system": pathlib.Path("/etc/phoenix.d"),
    "user": pathlib.Path("/home/phoenix/.config/phoenix.d"),
}

# Beside the cgroups of logged-in users, because that is what the commands of a test stand for.
USER_CGROUP = "/sys/fs/cgroup/user.slice/user-1000.slice/bed-exec"

USER_ENVIRONMENT = {
    "HOME": "/home/phoenix",
    "USER": USER,
    "LOGNAME": USER,
    "PATH": "/usr/local/bin:/usr/bin:/usr/sbin",
    "LANG": "C.UTF-8",
    "XDG_RUNTIME_DIR": f"/run/user/{UID}",
    "DBUS_SESSION_BUS_ADDRESS": f"unix:path=/run/user/{UID}/bus",
}


@dataclasses.dataclass
class Result:
    """What a command printed and how it ended."""

    argv: tuple
    code: int
    out: str
    err: str

    @property
    def ok(self):
        return self.code == 0

    def __str__(self):
        return f"{' '.join(self.argv)}: exit code {self.code}\n{self.out}{self.err}"


class Runner:
    """Runs commands for one user: call it for a Result, .check() for its output or a failed test."""

    def __init__(self, scope):
        self.scope = scope

    def __call__(self, *argv, stdin=None, env=None, cwd=None, timeout=60):
        argv = tuple(str(arg) for arg in argv)
        command, environment, directory = argv, dict(os.environ), cwd or "/root"
        if self.scope == "user":
            # Which processes a cgroup takes is root's to say, so join it before becoming the user.
            join = f'mkdir -p {USER_CGROUP}; echo 0 >{USER_CGROUP}/cgroup.procs; exec "$@"'
            command = ("sh", "-c", join, "user", "setpriv", f"--reuid={UID}", f"--regid={UID}",
                       "--init-groups", "--", *argv)
            environment, directory = dict(USER_ENVIRONMENT), cwd or "/home/phoenix"
        environment.update(env or {})
        done = subprocess.run(command, input=stdin, env=environment, cwd=directory,
                              stdin=None if stdin is not None else subprocess.DEVNULL,
                              capture_output=True, text=True, errors="replace",
                              timeout=timeout, check=False)
        return Result(argv, done.returncode, done.stdout, done.stderr)

    def check(self, *argv, **options):
        result = self(*argv, **options)
        assert result.ok, str(result)
        return result.out

    def systemctl(self, *argv, **options):
        """systemctl of this user's own manager."""
        manager = ("--user",) if self.scope == "user" else ()
        return self("systemctl", *manager, *argv, **options)

    def properties(self, unit, *names):
        """Properties of a unit, by name; all of them when no name is given."""
        wanted = [f"--property={','.join(names)}"] if names else []
        result = self.systemctl("show", unit, *wanted)
        assert result.ok, str(result)
        return dict(line.split("=", 1) for line in result.out.splitlines() if "=" in line)


class Journal:
    """The journal of both managers, as lists of dicts of their fields."""

    def __init__(self, runners):
        self._runners = runners

    def cursor(self):
        """Where the journal ends now; give it as `after` to see only what is written from here."""
        entries = self._read("system", ["--lines=1"])
        return entries[-1]["__CURSOR"] if entries else None

    def __call__(self, unit=None, scope="user", after=None, matches=()):
        """Entries of a unit (what it wrote and what its manager said of it), oldest first."""
        options = list(matches)
        if unit:
            options.append(f"--user-unit={unit}" if scope == "user" else f"--unit={unit}")
        if after:
            options.append(f"--after-cursor={after}")
        return self._read(scope, options)

    def messages(self, *args, **options):
        return [entry.get("MESSAGE", "") for entry in self(*args, **options)]

    def _read(self, scope, options):
        self._runners["system"].check("journalctl", "--sync")
        out = self._runners[scope].check("journalctl", "--output=json", "--all", "--quiet",
                                         "--boot", *options)
        return [{key: _field(value) for key, value in json.loads(line).items()}
                for line in out.splitlines()]


def _field(value):
    """Fields that are not text come as arrays of bytes."""
    if isinstance(value, list) and all(isinstance(byte, int) for byte in value):
        return bytes(value).decode(errors="replace")
    return value


class Specs:
    """Drops specs and removes them, with their units, when the test is over."""

    def __init__(self, runners):
        self._runners = runners
        self._written = []

    def __call__(self, name, content, scope="user", reload=True):
        """Writes NAME.json (a dict, or text as it is), reloads, and returns the unit's name."""
        directory = SPEC_DIRS[scope]
        runner = self._runners[scope]
        runner.check("mkdir", "-p", directory)
        path = directory / f"{name}.json"
        text = content if isinstance(content, (str, bytes)) else json.dumps(content, indent=2)
        if isinstance(text, str):
            text = text.encode()
        path.write_bytes(text)
        owner = UID if scope == "user" else 0
        os.chown(path, owner, owner)
        if (name, scope) not in self._written:
            self._written.append((name, scope))
        if reload:
            self.reload(scope)
        return f"phoenix@{name}.service"

    def reload(self, scope):
        result = self._runners[scope].systemctl("daemon-reload")
        assert result.ok, str(result)

    def cleanup(self):
        for name, scope in reversed(self._written):
            units = [f"phoenix@{name}.{kind}" for kind in ("timer", "socket", "service")]
            units += [f"phoenix-proxy@{name}.service"]
            self._runners[scope].systemctl("stop", *units)
            self._runners[scope].systemctl("reset-failed", *units, f"phoenix-*@{name}.*")
            (SPEC_DIRS[scope] / f"{name}.json").unlink(missing_ok=True)
        for scope in {scope for _, scope in self._written}:
            self.reload(scope)


@pytest.fixture(scope="session")
def runners():
    return {"system": Runner("system"), "user": Runner("user")}


@pytest.fixture(scope="session")
def root(runners):
    """root("systemctl", "status", ...): runs a command as root."""
    return runners["system"]


@pytest.fixture(scope="session")
def user(runners):
    """user("systemctl", "--user", ...): runs a command as uid 1000, in its session."""
    return runners["user"]


@pytest.fixture(scope="session")
def wait_for():
    """wait_for(predicate, timeout, what): its first true answer, or a failed test."""

    def wait(predicate, timeout=10.0, what="", interval=0.05):
        end = time.monotonic() + timeout
        while True:
            answer = predicate()
            if answer:
                return answer
            if time.monotonic() >= end:
                pytest.fail(f"not within {timeout} s: {what or predicate}; last: {answer!r}")
            time.sleep(interval)

    return wait


@pytest.fixture(scope="session")
def journal(runners):
    return Journal(runners)


@pytest.fixture
def spec(runners):
    specs = Specs(runners)
    yield specs
    specs.cleanup()


def _load_image(runners, name):
    archive = ARCHIVES / f"{name}.tar"
    if not archive.exists():
        pytest.skip(f"{archive} is not in the product layer")
    image = f"localhost/{name}"
    for runner in runners.values():
        if not runner("podman", "image", "exists", image).ok:
            runner.check("podman", "load", "--quiet", "--input", archive)
    return image


@pytest.fixture(scope="session")
def testy_image(runners):
    """The test program's image, loaded for root and for the user; its name."""
    return _load_image(runners, "phoenix-testy")


@pytest.fixture(scope="session")
def testy_debug_image(runners):
    """The same with a shell and a few commands in it."""
    return _load_image(runners, "phoenix-testy-debug")


@pytest.fixture(scope="session")
def stress_image(runners):
    """stress(1), which keeps CPUs, memory, disk and sync(2) busy."""
    return _load_image(runners, "phoenix-stress")


@pytest.fixture(scope="session")
def collector_image(runners):
    """phoenix-collector with what it needs, made as a user makes it; for root and for the user."""
    tool = pathlib.Path("/usr/share/phoenix/collector-image/build-image")
    if not tool.exists():
        pytest.skip(f"{tool} is not in the product layer")
    for runner in runners.values():
        runner.check(tool, timeout=180)
    return "localhost/phoenix-collector"


@pytest.fixture(scope="session")
def testy_binary():
    if not TESTY_BINARY.exists():
        pytest.skip(f"{TESTY_BINARY} is not in the product layer")
    return str(TESTY_BINARY)


def _must_run(report):
    """Where tests must run (CI), a skipped one is a failed one."""
    if os.environ.get("PHOENIX_TESTS_MUST_RUN") != "1":
        return
    if report.outcome != "skipped" or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"PHOENIX_TESTS_MUST_RUN=1 does not allow this: {reason}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    _must_run(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    outcome = yield
    _must_run(outcome.get_result())
