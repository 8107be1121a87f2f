# SPDX-License-Identifier: MIT
"""phoenix-idle beside a service: idle is noticed, frozen or stopped, and nobody who comes is lost.

The units are written here and have what is needed for that only, so that what fails is phoenix-idle. Those that the
generator writes are tested with specs.
"""

import contextlib
import os
import pathlib
import random
import socket
import struct
import time

import pytest

IDLE = "/usr/libexec/phoenix/phoenix-idle"
PROXYD = "/usr/lib/systemd/systemd-socket-proxyd"
LEASE = "/usr/libexec/phoenix/phoenix-lease"
UNITS = {
    "user": pathlib.Path("/home/phoenix/.config/systemd/user"),
    "system": pathlib.Path("/run/systemd/system"),
}
QUADLETS = pathlib.Path("/home/phoenix/.config/containers/systemd")
SLICES = {
    "user": "user.slice/user-1000.slice/user@1000.service/app.slice/app-phoenix.slice",
    "system": "system.slice/system-phoenix.slice",
}
CGROUPS = pathlib.Path("/sys/fs/cgroup")
PORT, TARGET = 7811, 7812
PATH = {"user": "/run/user/1000/phoenix-test-idle.sock", "system": "/run/phoenix-test-idle.sock"}
# Seconds: nothing takes so long but on a machine that is very busy.
LONG = 30
# Far more than a stop takes, and far less than the stop timeout of the units here.
PROMPT = 5

SOCKET = """
[Socket]
ListenStream={address}
{more}
"""
SERVICE = """
[Unit]
Wants=phoenix@{name}.socket phoenix-idle@{name}.service
After=phoenix@{name}.socket
PartOf=phoenix@{name}.socket
StopWhenUnneeded=yes
StartLimitIntervalSec=0
[Service]
Type=notify
NotifyAccess=all
Delegate=yes
DelegateSubgroup=payload
ExecStart={testy} {args} --control-file ""
Restart=always
RestartSec=20ms
TimeoutStopSec=60s
"""
PROXY = """
[Unit]
Requires=phoenix@{name}.service phoenix@{name}.socket
After=phoenix@{name}.service phoenix@{name}.socket
StartLimitIntervalSec=0
[Service]
Type=notify
Slice={slice}
ExecStart={proxyd} --exit-idle-time={after} 127.0.0.1:{target}
"""
JUDGE = """
[Unit]
Requires=phoenix@{name}.service {slice}
After=phoenix@{name}.service {slice}
StartLimitIntervalSec=0
[Service]
Type=notify
Slice={top}.slice
KillMode=process
Restart=on-failure
RestartSec=100ms
ExecStart={idle} --after={after} {options} {name}
{hardening}
"""
# As far as it can be without a file system of its own, which costs a start some milliseconds.
HARDENING = """
NoNewPrivileges=yes
RestrictAddressFamilies=AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallFilter=pidfd_getfd
"""


class OnDemand:
    """One service on demand, its units written by hand."""

    def __init__(self, runner, journal, name, scope):
        self.runner, self.name, self.scope = runner, name, scope
        self._journal, self._cursor = journal, journal.cursor()
        self.service, self.socket = f"phoenix@{name}.service", f"phoenix@{name}.socket"
        self.idle, self.proxy = f"phoenix-idle@{name}.service", f"phoenix-proxy@{name}.service"
        self.address = ("127.0.0.1", PORT)
        self._files = []

    def write(self, unit, text, folder=None):
        folder = folder or UNITS[self.scope]
        self.runner.check("mkdir", "-p", folder)
        path = folder / unit
        path.write_text(text)
        self._files.append(path)

    def start(self):
        self.runner.check(*self.manager, "daemon-reload")
        self.systemctl("start", self.socket)

    @property
    def manager(self):
        return ("systemctl", "--user") if self.scope == "user" else ("systemctl",)

    def systemctl(self, *argv):
        return self.runner.check(*self.manager, *argv)

    def cleanup(self):
        units = (self.socket, self.proxy, self.service, self.idle)
        self.runner.systemctl("stop", *units)
        self.runner.systemctl("reset-failed", *units)
        for path in self._files:
            path.unlink(missing_ok=True)
        self.runner.systemctl("daemon-reload")

    def state(self, unit=None):
        return self.runner.properties(unit or self.service, "ActiveState")["ActiveState"]

    def status(self):
        return self.runner.properties(self.idle, "StatusText")["StatusText"]

    def pid(self, unit=None):
        return int(self.runner.properties(unit or self.service, "MainPID")["MainPID"])

    def payload(self):
        unit = CGROUPS / SLICES[self.scope] / self.service
        groups = [g for g in unit.iterdir() if g.name == "payload" or g.name.startswith("libpod-payload")]
        assert len(groups) == 1, groups
        return groups[0]

    def frozen(self):
        try:
            return "frozen 1" in (self.payload() / "cgroup.events").read_text()
        except FileNotFoundError:
            return False

    def connect(self, timeout=LONG):
        family = socket.AF_UNIX if isinstance(self.address, str) else socket.AF_INET
        client = socket.socket(family)
        client.settimeout(timeout)
        client.connect(self.address)
        return client

    def get(self):
        """A request of its own connection; its answer, after how long."""
        began = time.monotonic()
        with contextlib.closing(self.connect()) as client:
            client.sendall(b"GET /health HTTP/1.0\r\n\r\n")
            answer = b""
            while data := client.recv(4096):
                answer += data
        assert b" 200 " in answer.splitlines()[0], answer
        return time.monotonic() - began

    def said(self, text):
        return any(text in line for line in
                   self._journal.messages(self.idle, scope=self.scope, after=self._cursor))


@pytest.fixture(params=["user", "system"])
def scope(request):
    return request.param


@pytest.fixture
def on_demand(runners, journal, testy_binary):
    made = []

    def prepare(name, scope, args, after, options, proxy=False, unix=False, socket_more=""):
        service = OnDemand(runners[scope], journal, name, scope)
        made.append(service)
        web_address = f"127.0.0.1:{PORT}"
        top = SLICES[scope].rsplit("/", 1)[1].removesuffix(".slice")
        slice_name = f"{top}-{name}.slice" if proxy else ""
        # A user's manager has none to take away.
        hardening = HARDENING + ("CapabilityBoundingSet=CAP_SYS_PTRACE\n" if scope == "system" else "")
        if unix:
            service.address = PATH[scope]
        service.write(service.socket, SOCKET.format(
            address=PATH[scope] if unix else web_address,
            more=socket_more + (f"\nService={service.proxy}" if proxy else "")))
        if args is not None:
            service.write(service.service, SERVICE.format(name=name, testy=testy_binary, args=args))
        options += f" --proxy={slice_name}" if proxy else f" --listen={PATH[scope] if unix else web_address}"
        if proxy:
            service.write(service.proxy, PROXY.format(name=name, slice=slice_name, proxyd=PROXYD, after=after,
                                                      target=TARGET))
        service.write(service.idle, JUDGE.format(name=name, slice=slice_name, top=top, idle=IDLE, after=after,
                                                 options=options, hardening=hardening))
        return service

    def make(name="ondemand", scope="user", after="1s", options="", proxy=False, **more):
        args = f"--address 127.0.0.1 --port {TARGET}" if proxy else ""
        service = prepare(name, scope, args, after, options, proxy, **more)
        service.start()
        return service

    make.prepare = prepare
    yield make
    for service in made:
        service.cleanup()


def wait_frozen(service, wait_for):
    wait_for(service.frozen, LONG, "frozen")
    wait_for(lambda: service.status().startswith("frozen since "), LONG, "the status says so")


# ---- sockets of its own ----

def test_native_is_stopped_and_started_again(on_demand, wait_for, scope):
    web = on_demand(scope=scope, options="--action=stop")
    assert web.state() == "inactive"
    web.get()
    first = web.pid()
    assert web.state() == "active"
    wait_for(lambda: web.state(web.idle) == "active", LONG, "phoenix-idle is there")
    wait_for(lambda: web.state() == "inactive", LONG, "idle, so stopped")
    assert web.said("not used for 1s, to be stopped")
    assert web.state(web.socket) == "active"
    assert web.state(web.idle) == "inactive"
    result = web.runner.properties(web.service, "Result")["Result"]
    assert result == "success", "it ended by itself, not by the stop timeout"
    web.get()
    assert web.pid() != first


def test_native_is_frozen_and_thawed(on_demand, wait_for, scope):
    web = on_demand(scope=scope, options="--action=freeze")
    web.get()
    first = web.pid()
    for _ in range(3):
        wait_frozen(web, wait_for)
        assert web.state() == "active"
        web.get()
        assert not web.frozen()
        assert web.status() == "idle after 1s without use"
    assert web.pid() == first


def test_a_start_by_hand_is_idle_in_the_end(on_demand, wait_for):
    web = on_demand(options="--action=stop --min=3s")
    web.systemctl("start", web.service)
    began = time.monotonic()
    wait_for(lambda: web.state() == "inactive", LONG, "idle, so stopped")
    assert time.monotonic() - began > 2.5
    assert web.state(web.socket) == "active"


def test_open_connection_is_use(on_demand, wait_for):
    web = on_demand(options="--action=freeze")
    client = web.connect()
    time.sleep(3)
    assert not web.frozen()
    wait_for(lambda: web.status() == "in use", LONG, "a look found it")
    client.sendall(b"GET /health HTTP/1.0\r\n\r\n")
    assert b"200" in client.recv(4096)
    client.close()
    wait_frozen(web, wait_for)


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
def test_short_connections_are_use(on_demand, wait_for, unix):
    """They begin and end between two looks."""
    web = on_demand(after="2s", options="--action=stop", unix=unix)
    web.get()
    first, end = web.pid(), time.monotonic() + 7
    while time.monotonic() < end:
        time.sleep(0.3)
        web.get()
        assert web.pid() == first
    wait_for(lambda: web.state() == "inactive", LONG, "idle, so stopped")


def test_unix_socket(on_demand, wait_for, scope):
    web = on_demand(scope=scope, options="--action=freeze", unix=True)
    web.get()
    for _ in range(2):
        wait_frozen(web, wait_for)
        web.get()
    client = web.connect()
    time.sleep(3)
    assert not web.frozen()
    client.close()
    wait_frozen(web, wait_for)
    assert not web.said("go unseen")


def test_connections_of_health_checks_are_no_use(on_demand, wait_for):
    web = on_demand(options="--action=stop --except=127.9.9.9")
    web.get()

    def is_stopped():
        with contextlib.closing(socket.socket()) as check:
            check.bind(("127.9.9.9", 0))
            if web.state() != "active":
                return True
            check.connect(web.address)
        return False

    wait_for(is_stopped, LONG, "stopped although it is checked again and again", interval=0.2)
    assert web.said("not used for 1s, to be stopped")


def test_all_addresses(on_demand, wait_for):
    """Whoever comes to one of several sockets keeps it in use, and wakes it."""
    path = PATH["user"]
    web = on_demand.prepare("ondemand", "user", "", "1s", f"--action=freeze --listen=@phoenix-test --listen={path}",
                            socket_more=f"ListenStream=@phoenix-test\nListenStream={path}")
    web.start()
    for address in (web.address, "\0phoenix-test", path, web.address):
        web.address = address
        web.get()
        wait_frozen(web, wait_for)
    assert web.said("short connections to a unix socket go unseen"), "it knows what it cannot see"


def test_frozen_for_long_is_stopped(on_demand, wait_for):
    web = on_demand(options="--action=freeze --stop=2s")
    web.get()
    wait_frozen(web, wait_for)
    wait_for(lambda: web.state() == "inactive", LONG, "frozen long enough")
    assert web.said("frozen for 2s, to be stopped")
    assert web.runner.properties(web.service, "Result")["Result"] == "success"
    web.get()


def test_stop_of_a_frozen_service_is_prompt(on_demand, wait_for, scope):
    web = on_demand(scope=scope, options="--action=freeze")
    web.get()
    wait_frozen(web, wait_for)
    began = time.monotonic()
    web.systemctl("stop", web.service)
    assert time.monotonic() - began < PROMPT
    assert web.state() == "inactive"


def test_killed_while_frozen(on_demand, wait_for):
    """Whoever comes in between waits, and the next phoenix-idle finds him."""
    web = on_demand(options="--action=freeze")
    web.get()
    wait_frozen(web, wait_for)
    before, pid = web.pid(web.idle), web.pid()
    web.systemctl("kill", "--signal=KILL", web.idle)
    assert web.frozen()
    web.get()
    assert web.pid() == pid
    wait_for(lambda: web.pid(web.idle) not in (0, before), LONG, "phoenix-idle is back")
    wait_frozen(web, wait_for)
    web.systemctl("kill", "--signal=KILL", web.idle)
    wait_for(lambda: web.status().startswith("frozen since "), LONG, "it takes over what is frozen")
    assert web.frozen()
    web.get()
    assert web.pid() == pid


def test_crash_of_the_service(on_demand, wait_for):
    web = on_demand(options="--action=freeze")
    web.get()
    first = web.pid()
    wait_frozen(web, wait_for)
    web.systemctl("kill", "--signal=KILL", web.service)
    web.get()
    assert web.pid() != first
    wait_frozen(web, wait_for)
    web.get()


def test_no_group_to_freeze(on_demand, wait_for):
    """An old systemd: it cannot be frozen, which is said once; it can be stopped."""
    web = on_demand.prepare("ondemand", "user", "", "1s", "--action=freeze")
    unit = UNITS["user"] / web.service
    unit.write_text(unit.read_text().replace("DelegateSubgroup=payload", ""))
    web.start()
    web.get()
    wait_for(lambda: "it cannot be frozen" in web.status(), LONG, "the status says so")
    assert web.said("it cannot be frozen: No such file or directory")
    web.get()
    judge = UNITS["user"] / web.idle
    judge.write_text(judge.read_text().replace("--action=freeze", "--action=stop"))
    web.systemctl("daemon-reload")
    web.systemctl("restart", web.idle)
    wait_for(lambda: web.state() == "inactive", LONG, "stopped instead")


def test_needed_by_another_unit(on_demand, wait_for):
    """It is idle, but somebody wants it: it is not stopped, and does not stay frozen."""
    web = on_demand(options="--action=stop")
    web.write("phoenix-test-needs.service", f"[Unit]\nRequires={web.service}\n[Service]\nExecStart=sleep infinity\n")
    web.systemctl("daemon-reload")
    web.systemctl("start", "phoenix-test-needs.service")
    pid = web.pid()
    try:
        wait_for(lambda: web.state(web.idle) == "inactive", LONG, "phoenix-idle has ended")
        wait_for(lambda: not web.frozen(), LONG, "thawed, as nothing stops it")
        web.get()
        assert web.pid() == pid
    finally:
        web.systemctl("stop", "phoenix-test-needs.service")
    wait_for(lambda: web.state() == "inactive", LONG, "needed no more")


def test_sockets_that_cannot_be_watched(on_demand, wait_for):
    """What could not be woken is not put to sleep."""
    web = on_demand.prepare("ondemand", "user", "", "1s", "--action=freeze")
    judge = UNITS["user"] / web.idle
    judge.write_text(judge.read_text().replace("SystemCallFilter=pidfd_getfd", "SystemCallErrorNumber=EPERM"))
    web.start()
    web.get()
    wait_for(lambda: "its sockets cannot be watched" in web.status(), LONG, "the status says so")
    assert web.said("its sockets cannot be watched: Operation not permitted")
    assert not web.frozen()
    web.get()


# ---- with a proxy ----

def test_proxy_freeze(on_demand, wait_for, scope):
    web = on_demand(scope=scope, options="--action=freeze", proxy=True)
    web.get()
    pid = web.pid()
    for _ in range(3):
        wait_for(lambda: web.status() == "in use" or web.frozen(), LONG, "the proxy runs")
        wait_frozen(web, wait_for)
        assert web.state(web.proxy) == "inactive"
        web.get()
    assert web.pid() == pid
    web.systemctl("stop", web.socket)
    wait_for(lambda: web.state() == "inactive", LONG, "stopped with its socket")


def test_proxy_start_by_hand(on_demand, wait_for):
    web = on_demand(options="--action=freeze --stop=3s", proxy=True)
    web.systemctl("start", web.service)
    wait_frozen(web, wait_for)
    web.get()
    wait_frozen(web, wait_for)
    wait_for(lambda: web.state() == "inactive", LONG, "frozen long enough")
    web.get()


def frozen_proxy(on_demand, scope, options):
    """The proxy stays, asleep like the service, instead of being started for each use."""
    web = on_demand.prepare("ondemand", scope, f"--address 127.0.0.1 --port {TARGET}", "1s",
                            f"--action=freeze --with-proxy {options}")
    top = SLICES[scope].rsplit("/", 1)[1]
    web.write(web.proxy, PROXY.format(name="ondemand", slice=top, proxyd=PROXYD, after="infinity", target=TARGET)
              + "Delegate=yes\nDelegateSubgroup=payload\n"
              + ("DynamicUser=yes\n" if scope == "system" else "PrivateUsers=yes\n"))
    for unit, old, new in ((web.socket, "\n[Socket]", f"\n[Socket]\nService={web.proxy}"),
                           (web.service, "Wants=", f"Wants={web.proxy} "),
                           (web.idle, "After=", f"After={web.proxy} "),
                           (web.idle, "CapabilityBoundingSet=", "CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_KILL ")):
        path = UNITS[scope] / unit
        path.write_text(path.read_text().replace(old, new))
    web.start()
    return web


def test_frozen_proxy(on_demand, wait_for, scope):
    web = frozen_proxy(on_demand, scope, "--stop=5s")
    web.get()
    pid, proxy = web.pid(), web.pid(web.proxy)
    for _ in range(3):
        wait_frozen(web, wait_for)
        web.get()
    assert (web.pid(), web.pid(web.proxy)) == (pid, proxy)
    wait_frozen(web, wait_for)
    wait_for(lambda: web.state() == "inactive", LONG, "frozen long enough")
    assert web.said("frozen for 5s, to be stopped")
    assert web.state(web.proxy) == "inactive"
    assert web.state(web.socket) == "active"
    web.get()
    wait_frozen(web, wait_for)
    began = time.monotonic()
    web.systemctl("stop", web.socket)
    wait_for(lambda: web.state() == "inactive", LONG, "stopped with its socket")
    assert time.monotonic() - began < PROMPT


def test_frozen_proxy_start_by_hand(on_demand, wait_for):
    web = frozen_proxy(on_demand, "user", "--stop=2s")
    web.systemctl("start", web.service)
    wait_frozen(web, wait_for)
    wait_for(lambda: web.state() == "inactive", LONG, "frozen long enough")
    web.get()


def test_frozen_proxy_is_killed(on_demand, wait_for):
    """Its socket starts another one, which does not know that the service sleeps."""
    web = frozen_proxy(on_demand, "user", "")
    web.get()
    wait_frozen(web, wait_for)
    web.systemctl("kill", "--signal=KILL", web.proxy)
    web.get()
    wait_frozen(web, wait_for)
    web.get()


def test_frozen_service_is_killed(on_demand, wait_for):
    web = frozen_proxy(on_demand, "user", "")
    web.get()
    pid = web.pid()
    wait_frozen(web, wait_for)
    web.systemctl("kill", "--signal=KILL", web.service)
    wait_for(lambda: web.pid() not in (0, pid), LONG, "started again")
    web.get()
    wait_frozen(web, wait_for)
    web.get()


@pytest.mark.parametrize("way", ["native", "proxy-slice", "frozen-proxy"])
def test_killed_service_is_not_called_frozen(on_demand, wait_for, way):
    """Nobody comes and nobody tells phoenix-idle, and the restart takes its time."""
    web = (frozen_proxy(on_demand, "user", "") if way == "frozen-proxy" else
           on_demand(options="--action=freeze", proxy=way == "proxy-slice"))
    path = UNITS["user"] / web.service
    path.write_text(path.read_text().replace("RestartSec=20ms", "RestartSec=3s\nRestartMode=direct"))
    web.systemctl("daemon-reload")
    web.get()
    wait_frozen(web, wait_for)
    idle = web.pid(web.idle)
    web.systemctl("kill", "--signal=KILL", web.service)
    wait_for(lambda: not web.status().startswith("frozen"), 2, "it is dead, and not asleep")
    assert web.pid(web.idle) == idle
    if way == "frozen-proxy":
        return  # what ends the proxy of a service that has crashed is in the units of the generator
    web.get()
    wait_frozen(web, wait_for)
    web.get()


def test_proxy_slice_stopped(on_demand, wait_for):
    """What phoenix-idle watches goes away; Requires= takes all of it along, and it comes back."""
    web = on_demand(options="--action=freeze", proxy=True)
    web.get()
    wait_frozen(web, wait_for)
    web.systemctl("stop", "app-phoenix-ondemand.slice")
    web.get()
    wait_frozen(web, wait_for)
    web.get()


# ---- containers ----

def test_container(on_demand, wait_for, testy_image):
    """Podman's own group is what is frozen; conmon and the way to stop it stay awake."""
    web = on_demand.prepare("ondemand", "user", None, "1s", "--action=freeze --stop=4s")
    web.write("phoenix@ondemand.container", f"""
[Unit]
Wants={web.socket} {web.idle}
After={web.socket}
PartOf={web.socket}
StopWhenUnneeded=yes
StartLimitIntervalSec=0
[Container]
Image={testy_image}
ContainerName=phoenix-ondemand
Exec=--name testy
Network=none
[Service]
TimeoutStopSec=60s
""", folder=QUADLETS)
    web.start()
    web.get()
    pid = web.pid()
    for _ in range(2):
        wait_frozen(web, wait_for)
        assert web.payload().name.startswith("libpod-payload")
        web.get()
    assert web.pid() == pid
    wait_frozen(web, wait_for)
    wait_for(lambda: web.state() == "inactive", LONG, "frozen long enough, and stopped by Podman")
    assert web.runner.properties(web.service, "Result")["Result"] == "success"
    web.get()


# ---- who comes at the wrong moment ----

def spaced_requests(service, seed, after, n):
    """Requests around the moment in which the service becomes idle; the longest time of one."""
    rng, worst = random.Random(seed), 0
    for _ in range(n):
        time.sleep(max(0, after + rng.uniform(-0.05, 0.25)))
        worst = max(worst, service.get())
    return worst


@pytest.mark.parametrize("kind", ["native-stop", "native-freeze", "unix-stop", "proxy-freeze",
                                  "frozenproxy-freeze"])
def test_nobody_is_lost(on_demand, kind):
    how, action = kind.split("-")
    if how == "frozenproxy":
        web = frozen_proxy(on_demand, "user", "")
    else:
        web = on_demand(options=f"--action={action}", proxy=how == "proxy", unix=how == "unix")
    web.get()
    worst = spaced_requests(web, seed=kind, after=1.0, n=40)
    print(f"{kind}: longest {worst * 1000:.0f} ms")
    assert worst < PROMPT


# ---- what it costs ----

def test_no_wakeups_while_nothing_happens(on_demand, wait_for):
    def switches(pid):
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        return sum(int(line.split()[1]) for line in status.splitlines() if "ctxt_switches" in line)

    web = on_demand(options="--action=freeze")
    client = web.connect()
    wait_for(lambda: web.status() == "in use", LONG, "a look found it")
    pid = web.pid(web.idle)
    before = switches(pid)
    time.sleep(3)
    assert switches(pid) == before, "an open connection costs nothing"
    client.close()
    wait_frozen(web, wait_for)
    before = switches(pid)
    time.sleep(3)
    assert switches(pid) == before, "a frozen service costs nothing"


def test_many_connections_are_few_wakeups(on_demand):
    def cpu(pid):
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    web = on_demand(after="20s", options="--action=freeze")
    web.get()
    pid = web.pid(web.idle)
    before = cpu(pid)
    for _ in range(2000):
        web.get()
    assert cpu(pid) - before < 0.2


# ---- the lease of a frozen service ----

FROZEN, THAWED = 3, 4


@pytest.fixture
def leased(runners, journal, testy_binary):
    """A service with a lease, whose supervisor is this test."""
    path = "/run/phoenix-test-lease.sock"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(path)
    os.chmod(path, 0o666)
    listener.listen()
    listener.settimeout(LONG)
    service = OnDemand(runners["user"], journal, "leased", "user")
    service.write(service.service, f"""
[Service]
Type=notify
NotifyAccess=all
Delegate=yes
DelegateSubgroup=payload
WatchdogSec=2s
ExecStart={testy_binary} --port 0 --beat never --control-file ""
ExecStartPost=+{LEASE} --socket={path} --watchdog=2s --patience=1s leased
Restart=always
RestartSec=20ms
""")
    service.listener = listener
    yield service
    service.cleanup()
    listener.close()
    os.unlink(path)


def packet(kind):
    return struct.pack("=HHI", 1, kind, 8)


def receive(connection):
    return struct.unpack_from("=HHI", connection.recv(4096))[1]


def freeze_by_hand(service, value):
    (service.payload() / "cgroup.freeze").write_text(value)


def test_lease_of_a_frozen_service(leased, wait_for):
    hello, welcome, ready = 1, 32, 36
    leased.systemctl("daemon-reload")
    leased.runner.check(*leased.manager, "start", "--no-block", leased.service)
    connection = leased.listener.accept()[0]
    connection.settimeout(LONG)
    assert [receive(connection), receive(connection)] == [hello, THAWED]
    connection.send(packet(welcome))
    connection.send(packet(ready))
    wait_for(lambda: leased.state() == "active", LONG, "started")
    pid = leased.pid()

    freeze_by_hand(leased, "1")
    assert receive(connection) == FROZEN
    status = lambda: leased.runner.properties(leased.service, "StatusText")["StatusText"]  # noqa: E731
    wait_for(lambda: status() == "frozen", LONG, "the status says so")
    # Twice the watchdog time: nobody but the lease pets.
    time.sleep(4)
    assert leased.pid() == pid
    # A supervisor that comes is told.
    connection.close()
    connection = leased.listener.accept()[0]
    connection.settimeout(LONG)
    assert [receive(connection), receive(connection)] == [hello, FROZEN]
    connection.send(packet(welcome))
    freeze_by_hand(leased, "0")
    assert receive(connection) == THAWED
    wait_for(lambda: status() == "thawed", LONG, "the status says so")
    assert leased.pid() == pid
    # Petting is the supervisor's again; when he does not, the lease holds.
    wait_for(lambda: status() == "supervisor away, holding", LONG, "it goes on")
    assert leased.pid() == pid
    connection.close()
