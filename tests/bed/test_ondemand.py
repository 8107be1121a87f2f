# SPDX-License-Identifier: MIT
"""Services that their connections start: behind the proxy, and with the sockets themselves.

What has to hold is always the same: nothing runs before somebody connects; who connects is answered
and never refused, whatever the service is doing just then; and when nobody is there, it goes.
"""

import concurrent.futures
import json
import os
import pathlib
import socket
import stat
import time

import pytest

PORT = 18080
IDLE = 2
TESTY = "/usr/lib/phoenix/tests/phoenix-testy"
SCOPES = ("user", "system")
# As long as anything may take on a busy machine; nothing here is meant to take it.
LONG = 60
# Of a proxy; a service that is frozen has a longer one. A stop that works takes a tenth of it.
STOP_TIMEOUT = 12


@pytest.fixture(autouse=True)
def resolver():
    """Rootless bridges cannot be made on a machine that has never heard of a name server."""
    path = pathlib.Path("/etc/resolv.conf")
    made = not path.exists()
    if made:
        path.write_text("nameserver 127.0.0.1\n", encoding="ascii")
    yield
    if made:
        path.unlink()


class Demand:
    """One service that is started by connections, in one manager, seen from the outside."""

    def __init__(self, runner, journal, wait_for, name, scope):
        self.runner, self.name, self.scope = runner, name, scope
        self.service, self.socket = f"phoenix@{name}.service", f"phoenix@{name}.socket"
        self.proxy, self.timer = f"phoenix-proxy@{name}.service", f"phoenix-up@{name}.timer"
        self.idle = f"phoenix-idle@{name}.service"
        self._journal, self._wait_for = journal, wait_for
        self.cursor = journal.cursor()

    def systemctl(self, verb, unit, *more):
        return self.runner.systemctl(verb, unit, *more, timeout=120)

    def start(self, unit=None):
        result = self.systemctl("start", unit or self.socket)
        assert result.ok, f"{result}\n{self.story()}"
        return self

    def state(self, unit):
        return self.runner.properties(unit, "ActiveState")["ActiveState"]

    def is_in(self, state, *units):
        return all(self.state(unit) == state for unit in units)

    def restarts(self):
        return int(self.runner.properties(self.service, "NRestarts")["NRestarts"])

    def starts(self):
        return len([m for m in self.messages(self.service) if m.startswith("Started ")])

    def is_frozen(self, unit=None):
        """Whether its payload is, or that of its proxy; also while there is none."""
        group = self.runner.properties(unit or self.service, "ControlGroup")["ControlGroup"]
        found = pathlib.Path(f"/sys/fs/cgroup{group}").glob("*payload*/cgroup.events")
        return any("frozen 1" in path.read_text() for path in found)

    def messages(self, unit):
        return self._journal.messages(unit, scope=self.scope, after=self.cursor)

    def story(self):
        return "\n".join(message for unit in (self.socket, self.service, self.proxy)
                         for message in self.messages(unit))

    def get(self, path="/health", host="127.0.0.1", port=PORT, timeout=LONG):
        """The answer to one request on a connection of its own; OSError when there is none."""
        with socket.create_connection((host, port), timeout=timeout) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    def is_answered(self, **options):
        try:
            answer = self.get(**options)
        except OSError as error:
            raise AssertionError(f"{error!r}\n{self.story()}") from error
        assert answer.startswith("HTTP/1.1 200 "), f"{answer!r}\n{self.story()}"
        return answer

    def sleeps(self, seconds=LONG):
        """Waits until nothing but the socket is there."""
        self._wait_for(lambda: self.is_in("inactive", self.service, self.proxy), seconds,
                       "the idle service is stopped")
        assert self.state(self.socket) == "active", self.story()
        assert not self.messages(self.service)[-1].endswith("failed."), self.story()
        return self


@pytest.fixture
def demand(runners, journal, wait_for, spec):
    made = []

    def make(content, scope="user", name="demand"):
        content = {"listen": [PORT], "idle": f"{IDLE}s"} | content
        spec(name, {key: value for key, value in content.items() if value is not None},
             scope=scope)
        made.append(Demand(runners[scope], journal, wait_for, name, scope))
        return made[-1]

    yield make
    for one in made:
        one.systemctl("stop", one.socket)


@pytest.fixture
def workload(testy_image, testy_binary):
    """A spec of a program that serves on this port, or on this unix socket."""

    def make(kind, place=8089, **more):
        args = ["--port", str(place)] if isinstance(place, int) else ["--unix", place]
        where = "proxyport" if isinstance(place, int) else "proxysocket"
        return {"type": kind, "image": testy_image if kind == "docker" else testy_binary,
                "args": args, where: place} | more

    return make


def own_folder(scope):
    return "/run/user/1000/phoenix-demand" if scope == "user" else "/run/phoenix-demand"


def shared_folder(runners, scope):
    folder = "/home/phoenix/demand" if scope == "user" else "/srv/demand"
    runners[scope].check("mkdir", "-p", folder)
    return folder


# ---- each way from the proxy to the service ----

WAYS = {
    "default-network": ("docker", 8080, {}, SCOPES),
    "bridge": ("docker", 8080, {"network": "bridge"}, SCOPES),
    "host-network": ("docker", 8089, {"network": "host"}, SCOPES),
    "socket": ("docker", "/run/app/app.sock", {"network": "none"}, SCOPES),
    "socket-in-tmp": ("docker", "/tmp/app.sock", {"network": "none"}, SCOPES),
    "socket-on-volume": ("docker", "/data/app.sock", {"network": "none", "user": "0",
                                                       "volumes": ["FOLDER:/data"]}, SCOPES),
    "program": ("binary", 8089, {}, SCOPES),
    "program-socket": ("binary", "OWN/app.sock", {}, SCOPES),
    "program-socket-on-volume": ("binary", "/mnt/app.sock", {"volumes": ["FOLDER:/mnt"],
                                                              "user": "root"}, SCOPES),
    "program-socket-mounted": ("binary", "/opt/app.sock", {}, ("system",)),
    "program-namespace": ("binary", 8089, {"network": "none"}, ("system",)),
}


@pytest.mark.parametrize("way, scope", [(way, scope) for way, (*_, scopes) in WAYS.items()
                                        for scope in scopes])
def test_way(demand, workload, runners, way, scope):
    kind, place, more, _ = WAYS[way]
    text = json.dumps([place, more]).replace("OWN", own_folder(scope))
    place, more = json.loads(text.replace("FOLDER", shared_folder(runners, scope)))
    web = demand(workload(kind, place, **more), scope=scope).start()
    assert web.is_in("inactive", web.service, web.proxy)
    for _ in range(2):
        web.is_answered()
        assert web.is_in("active", web.service)
        web.sleeps()
    assert web.systemctl("stop", web.socket).ok
    with pytest.raises(ConnectionRefusedError):
        web.get()


@pytest.mark.parametrize("scope, network", [("user", None), ("user", "bridge"), ("system", None)])
def test_nobody_else_reaches_the_target(demand, workload, root, scope, network):
    """Neither another address of this machine, nor who asks for the port everywhere."""
    web = demand(workload("docker", 8080, network=network), scope=scope).start()
    web.is_answered()
    command = [word for word in web.runner.systemctl("cat", web.proxy).out.splitlines()
               if word.startswith("ExecStart=")][0]
    host, port = command.split()[-1].split(":")
    assert host.startswith("127.")
    assert web.get(host=host, port=int(port)).startswith("HTTP/1.1 200 ")
    others = json.loads(root.check("ip", "-json", "address"))
    addresses = [entry["local"] for link in others for entry in link["addr_info"]
                 if not entry["local"].startswith(("127.", "fe80"))]
    assert addresses
    for address in [*addresses, "127.0.0.1"]:
        with pytest.raises(OSError):
            web.get(host=address, port=int(port), timeout=3)


def test_clients_from_elsewhere(demand, workload, root):
    """The proxy of the system's manager may only connect to this machine; who connects to it may be
    anywhere."""
    web = demand(workload("binary"), scope="system").start()
    root("ip", "netns", "delete", "elsewhere")
    root.check("sh", "-ec", """
        ip netns add elsewhere
        ip link add demand0 type veth peer name eth0 netns elsewhere
        ip address add 192.0.2.1/24 dev demand0
        ip link set demand0 up
        ip -n elsewhere address add 192.0.2.2/24 dev eth0
        ip -n elsewhere link set eth0 up""")
    try:
        got = root("ip", "netns", "exec", "elsewhere", "curl", "--silent", "--max-time", LONG,
                   "http://192.0.2.1:18080/health")
        assert got.ok and got.out, f"{got}\n{web.story()}"
    finally:
        root("ip", "netns", "delete", "elsewhere")
        root("ip", "link", "delete", "demand0")


# ---- coming and going ----

@pytest.mark.parametrize("kind", ["docker", "binary"])
def test_many_at_once_wait_for_one_start(demand, workload, kind):
    web = demand(workload(kind) | {"args": ["--port", "8089", "--slow-start", "1s"]}).start()
    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: web.is_answered(), range(50)))
    assert len(answers) == 50
    assert web.starts() == 1


@pytest.mark.parametrize("kind", ["docker", "binary"])
def test_start_by_hand_lasts_for_the_idle_time(demand, workload, kind):
    web = demand(workload(kind))
    web.start(web.service)
    began = time.monotonic()
    assert web.is_in("active", web.socket, web.service)
    web.sleeps()
    assert time.monotonic() - began > IDLE / 2
    web.is_answered()


def test_stays_up_as_long_as_it_has_to(demand, workload):
    web = demand(workload("binary", idle={"after": "1s", "min": "6s"})).start()
    web.is_answered()
    began = time.monotonic()
    web.sleeps()
    assert time.monotonic() - began > 4


def test_stays_up_while_somebody_is_connected(demand, workload):
    web = demand(workload("binary")).start()
    web.is_answered()
    with socket.create_connection(("127.0.0.1", PORT), timeout=LONG) as connection:
        time.sleep(2 * IDLE)
        assert web.is_in("active", web.service, web.proxy)
        connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    web.sleeps()


def test_without_idle_it_stays(demand, workload):
    web = demand(workload("binary", idle=None)).start()
    web.is_answered()
    time.sleep(2 * IDLE)
    assert web.is_in("active", web.service)


def test_who_needs_it_keeps_it_up(demand, workload, spec, user, testy_binary):
    web = demand(workload("binary"))
    other = spec("needy", {"type": "binary", "image": testy_binary, "args": ["--port", "8090"],
                           "needs": "demand"})
    assert user.systemctl("start", other).ok
    time.sleep(2 * IDLE + 1)
    assert web.is_in("active", web.service)
    assert user.systemctl("stop", other).ok
    web.sleeps()


@pytest.mark.parametrize("kind", ["docker", "binary"])
def test_stop_in_progress_delays_only_by_the_stop(demand, workload, wait_for, kind):
    """A program that ignores SIGTERM takes the whole stop timeout; who comes in then is served."""
    web = demand(workload(kind) | {"args": ["--port", "8089", "--ignore-sigterm"],
                                   "idle": "1s"}).start()
    for _ in range(3):
        web.is_answered()
        wait_for(lambda: web.state(web.service) == "deactivating", LONG, "it is being stopped")
        began = time.monotonic()
        web.is_answered()
        assert time.monotonic() - began < 15


def test_every_phase(demand, workload):
    """Requests around the idle time hit starts and stops where they like; none is lost."""
    web = demand(workload("binary", idle="1s")).start()
    for step in range(40):
        web.is_answered()
        time.sleep(0.9 + step * 0.01)
    assert web.starts() > 1


# ---- when it fails ----

@pytest.mark.parametrize("kind", ["docker", "binary"])
def test_crash(demand, workload, kind, wait_for):
    """Who comes after a crash waits for the restart; and when nobody comes, it goes as ever."""
    web = demand(workload(kind, restart={"delay": "500ms"})).start()

    def crash():
        if kind == "docker":
            web.runner.check("podman", "kill", "--signal=KILL", "phoenix-demand")
        else:
            web.systemctl("kill", web.service, "--kill-whom=main", "--signal=KILL")

    web.is_answered()
    crash()
    wait_for(lambda: web.state(web.proxy) != "active", LONG, "the proxy has ended with it")
    web.is_answered()
    assert web.restarts() == 1
    crash()
    wait_for(lambda: web.restarts() == 2, LONG, "restarted")
    web.sleeps()
    web.is_answered()


def test_restart_by_hand(demand, workload):
    web = demand(workload("binary")).start()
    web.is_answered()
    assert web.systemctl("restart", web.service).ok
    web.sleeps()
    web.is_answered()


def test_stop_by_hand(demand, workload):
    """Of the service alone: the socket stays, and the next connection starts it again."""
    web = demand(workload("binary", idle=None)).start()
    web.is_answered()
    assert web.systemctl("stop", web.service).ok
    web.sleeps()
    web.is_answered()


@pytest.fixture
def flood():
    """flood(web): 20 clients who want an answer, however long it takes."""
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        def begin(web):
            return [pool.submit(web.get, timeout=2 * LONG) for _ in range(20)]
        yield begin


def test_flood_while_the_image_is_missing(demand, workload, user, flood, testy_image):
    missing = "localhost/phoenix-missing"
    user("podman", "image", "rm", missing)
    web = demand(workload("docker", 8080, image=missing, restart={"max": "2s"},
                          unit={"Container": {"Pull": "never"}})).start()
    try:
        waiting = flood(web)
        time.sleep(12)
        assert 2 <= web.restarts() <= 40, web.story()
        assert web.state(web.socket) == "active", web.story()
        assert not any(request.done() for request in waiting)
        user.check("podman", "tag", testy_image, missing)
        answers = [request.result() for request in waiting]
        assert all(answer.startswith("HTTP/1.1 200 ") for answer in answers), web.story()
        web.sleeps()
    finally:
        web.systemctl("stop", web.socket)
        user("podman", "untag", missing, missing)


@pytest.mark.parametrize("activation", ["proxy", "native"])
def test_flood_while_the_program_is_missing(demand, workload, flood, testy_binary, activation):
    program = pathlib.Path("/var/lib/phoenix-demand-program")
    content = workload("binary", image=str(program), restart={"max": "2s"}, activation=activation)
    if activation == "native":
        content |= {"args": [], "idle": None, "proxyport": None}
    web = demand(content, scope="system").start()
    try:
        waiting = flood(web)
        time.sleep(10)
        assert 2 <= web.restarts() <= 40, web.story()
        assert web.state(web.socket) == "active", web.story()
        program.write_bytes(pathlib.Path(testy_binary).read_bytes())
        program.chmod(0o755)
        answers = [request.result() for request in waiting]
        assert all(answer.startswith("HTTP/1.1 200 ") for answer in answers), web.story()
    finally:
        web.systemctl("stop", web.socket)
        program.unlink(missing_ok=True)


MARK = pathlib.Path("/var/tmp/phoenix-demand-mark")
CANNOT_START = {
    "image": {"type": "docker", "image": "localhost/demand-none", "args": None, "proxyport": 8080,
              "unit": {"Container": {"Pull": "never"}, "Service": {"TimeoutStartSec": "6s"}}},
    "exits": {"image": "/usr/bin/false"},
    "hangs": {"image": "/usr/bin/sleep", "args": ["1000"]},
    "sick": {"hardening": "none", "healthcheck": {"exec": ["/usr/bin/test", "-e", str(MARK)],
                                                  "interval": "200ms", "retries": 2, "grace": "1s"}},
    "sick-for-long": {"hardening": "none", "healthcheck": {
        "exec": ["/usr/bin/test", "-e", str(MARK)], "interval": "200ms", "grace": "1min"}},
}


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("how", CANNOT_START)
def test_who_waits_for_what_cannot_start(demand, workload, how, scope):
    """As long as a start may take; then the connection is closed, and not reset, which the journal
    says. Who comes then waits for another start, and the socket stays open."""
    MARK.unlink(missing_ok=True)
    content = workload("binary", restart={"max": "2s"},
                       unit={"Service": {"TimeoutStartSec": "6s"}}) | CANNOT_START[how]
    web = demand({key: value for key, value in content.items() if value is not None}, scope=scope)
    web.start()
    for _ in range(2):
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            began = time.monotonic()
            waiting = [pool.submit(web.get) for _ in range(3)]
            assert [request.result() for request in waiting] == [""] * 3, web.story()
            assert 4 < time.monotonic() - began < LONG
    said = [m for m in web.messages(web.proxy) if "did not start" in m]
    assert len(said) >= 2 and all(f"{web.service} did not start: " in m for m in said), said
    assert not any("Failed to connect" in m for m in web.messages(web.proxy)), web.story()
    assert web.state(web.socket) == "active", web.story()
    if how.startswith("sick"):
        MARK.touch()
        try:
            web.is_answered()
        finally:
            MARK.unlink()


def test_what_is_not_tried_again(demand, workload):
    """Its first failure is the last: who waits is told so at once."""
    web = demand(workload("binary", image="/usr/bin/false", restart="no")).start()
    for n in (1, 2):
        assert web.get() == "", web.story()
        assert len([m for m in web.messages(web.service) if m.startswith("Starting ")]) == n
    assert web.state(web.socket) == "active", web.story()


def test_what_it_needs_is_broken(demand, workload, spec, user, wait_for):
    """Nobody can be served; but nothing spins, and all is well as soon as the cause is gone."""
    mark = pathlib.Path("/var/tmp/phoenix-demand-well")
    mark.unlink(missing_ok=True)
    spec("broken", {"type": "binary", "image": "/usr/bin/test", "args": ["-e", str(mark)],
                    "duration": "oneshot", "hardening": "none"})
    web = demand(workload("binary", needs=["broken"])).start()
    end = time.monotonic() + 5
    while time.monotonic() < end:
        with pytest.raises((OSError, AssertionError)):
            assert web.get(timeout=LONG)
    tries = [m for m in web.messages("phoenix@broken.service") if m.startswith("Starting ")]
    assert 1 <= len(tries) <= 60, len(tries)
    mark.touch()
    try:
        wait_for(lambda: answers(web), LONG, "it is served again")
    finally:
        mark.unlink()


def answers(web):
    try:
        return web.get(timeout=LONG).startswith("HTTP/1.1 200 ")
    except OSError:
        return False


def test_closed_socket_is_opened_again(demand, workload, wait_for):
    """By an address that somebody else has."""
    with socket.create_server(("127.0.0.1", PORT)):
        web = demand(workload("binary", listen=[f"127.0.0.1:{PORT}"]))
        assert not web.systemctl("start", web.socket).ok
    wait_for(lambda: web.state(web.socket) == "active", LONG, "the socket is open")
    web.is_answered()


def test_specs_that_clash(demand, workload, spec, user, testy_image):
    """Both say so; who is not part of it is left alone."""
    web = demand(workload("binary"))
    other = spec("other", {"type": "docker", "image": testy_image, "ports": [f"{PORT}:80"]})
    fine = spec("fine", workload("binary", 8090, listen=["127.0.0.2:18081"]))
    for unit, culprit in ((web.service, "other"), (other, "demand")):
        assert not user.systemctl("start", unit).ok
        said = user.properties(unit, "StatusText")["StatusText"]
        assert f'"{culprit}"' in said and str(PORT) in said, said
    assert not user.systemctl("start", web.socket).ok
    assert user.systemctl("start", fine.replace(".service", ".socket")).ok
    assert web.get(host="127.0.0.2", port=18081).startswith("HTTP/1.1 200 ")


# ---- sockets ----

def test_several_addresses(demand, workload, user):
    path = "/run/user/1000/demand.sock"
    web = demand(workload("binary", listen=[f"127.0.0.1:{PORT}", f"[::1]:{PORT}",
                                            {"stream": path, "mode": "0600"}, "@demand"])).start()
    for _ in range(2):
        for address in ("127.0.0.1", "::1"):
            web.is_answered(host=address)
        for address in (path, "\0demand"):
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(LONG)
                connection.connect(address)
                connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
        web.sleeps()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert web.systemctl("stop", web.socket).ok
    assert not os.path.exists(path)


@pytest.mark.parametrize("kind, scope", [(kind, scope) for kind in ("docker", "binary")
                                         for scope in SCOPES])
def test_native(demand, testy_image, testy_binary, kind, scope):
    """The sockets themselves: no proxy, and no network in the way of a container."""
    path = "/run/user/1000/demand.sock" if scope == "user" else "/run/demand.sock"
    content = {"type": kind, "image": testy_image if kind == "docker" else testy_binary,
               "activation": "native", "idle": None, "listen": [PORT, path]}
    web = demand(content | ({"network": "none"} if kind == "docker" else {}), scope=scope).start()
    assert web.is_in("inactive", web.service)
    assert "LISTEN" not in web.is_answered(path="/env/LISTEN_FDS")
    assert web.get("/env/LISTEN_FDS").split("\r\n\r\n")[1] == "2\n"
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(b"GET /health HTTP/1.0\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    assert not web.systemctl("cat", web.proxy).ok
    # What is connected while it is stopped by hand is served by the next one.
    assert web.systemctl("stop", web.service).ok
    web.is_answered()
    assert web.systemctl("stop", web.socket).ok
    assert web.state(web.service) == "inactive"


# ---- freezing, and sockets of its own, when idle ----

FREEZE = {"after": f"{IDLE}s", "action": "freeze"}


@pytest.mark.parametrize("activation", ["proxy", "native"])
@pytest.mark.parametrize("kind, scope", [(kind, scope) for kind in ("docker", "binary")
                                         for scope in SCOPES])
def test_frozen(demand, workload, wait_for, kind, scope, activation):
    content = workload(kind, idle=FREEZE, activation=activation)
    if activation == "native":
        content |= {"args": [], "proxyport": None}
    web = demand(content, scope=scope, name="demand-frozen").start()
    web.is_answered()
    pid = web.runner.properties(web.service, "MainPID")["MainPID"]
    for _ in range(2):
        wait_for(web.is_frozen, LONG, "idle, so frozen")
        assert web.is_in("active", web.service, web.socket)
        web.is_answered()
        assert not web.is_frozen()
    assert web.runner.properties(web.service, "MainPID")["MainPID"] == pid


@pytest.mark.parametrize("activation", ["proxy", "native"])
def test_frozen_for_long_is_stopped(demand, workload, wait_for, activation):
    content = workload("binary", idle=FREEZE | {"stop": "3s"}, activation=activation)
    if activation == "native":
        content |= {"args": [], "proxyport": None}
    web = demand(content).start()
    for _ in range(2):
        web.is_answered()
        wait_for(web.is_frozen, LONG, "idle, so frozen")
        web.sleeps()


def main_pid(web, unit):
    return int(web.runner.properties(unit, "MainPID")["MainPID"])


@pytest.fixture
def frozen(demand, workload, wait_for):
    """A service that was used, and is frozen together with its proxy."""

    def make(kind="binary", scope="user", **more):
        web = demand(workload(kind, idle=FREEZE, **more), scope=scope).start()
        web.is_answered()
        return refreeze(web)

    def refreeze(web):
        wait_for(web.is_frozen, LONG, "idle, so frozen")
        wait_for(lambda: web.is_frozen(web.proxy), LONG, "its proxy, too")
        return web

    make.again = refreeze
    return make


@pytest.mark.parametrize("kind, scope", [(kind, scope) for kind in ("docker", "binary")
                                         for scope in SCOPES])
def test_proxy_is_frozen_with_it(frozen, kind, scope):
    web = frozen(kind, scope)
    pid = main_pid(web, web.proxy)
    took = []
    for _ in range(3):
        frozen.again(web)
        began = time.monotonic()
        web.is_answered()
        took.append(time.monotonic() - began)
    print(f"{kind}, {scope}: answered after", ", ".join(f"{t * 1000:.1f} ms" for t in took))
    assert main_pid(web, web.proxy) == pid
    assert web.starts() == 1


def test_frozen_after_a_start_by_hand(demand, workload, frozen):
    """Nobody has connected, and so nobody but the service itself has started the proxy."""
    web = demand(workload("binary", idle=FREEZE))
    web.start(web.service)
    frozen.again(web)
    web.is_answered()


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("what", ["service", "socket", "proxy"])
def test_stop_of_what_is_frozen(frozen, what, scope):
    """It is thawed before it is told to end; else that would take its stop timeout."""
    web = frozen(scope=scope)
    began = time.monotonic()
    assert web.systemctl("stop", getattr(web, what)).ok
    assert time.monotonic() - began < STOP_TIMEOUT
    assert web.state(web.proxy) == "inactive", web.story()
    if what != "proxy":
        assert web.state(web.service) == "inactive", web.story()
    else:
        assert not web.is_frozen(), "nobody would wake it"
    assert not any("timed out" in message or "SIGKILL" in message
                   for unit in (web.service, web.proxy) for message in web.messages(unit))
    if what == "socket":
        return
    web.is_answered()
    frozen.again(web).is_answered()


@pytest.mark.parametrize("kind", ["docker", "binary"])
@pytest.mark.parametrize("what", ["service", "proxy"])
def test_restart_of_what_is_frozen(frozen, what, kind):
    web = frozen(kind)
    began = time.monotonic()
    assert web.systemctl("restart", getattr(web, what)).ok
    assert time.monotonic() - began < STOP_TIMEOUT
    for _ in range(2):
        frozen.again(web).is_answered()


@pytest.mark.parametrize("kind", ["docker", "binary"])
@pytest.mark.parametrize("what", ["service", "proxy", "idle"])
def test_kill_of_what_is_frozen(frozen, wait_for, what, kind):
    """Each of the three; who comes then is served, and all of it is frozen again."""
    web = frozen(kind)
    unit = getattr(web, what)
    pid = main_pid(web, unit)
    web.systemctl("kill", unit, "--kill-whom=main", "--signal=KILL")
    web.is_answered()
    wait_for(lambda: main_pid(web, unit) not in (0, pid), LONG, "it is back")
    for _ in range(2):
        frozen.again(web).is_answered()


@pytest.mark.parametrize("what", ["service", "proxy", "idle"])
def test_kill_of_what_is_frozen_is_seen_by_nobody(frozen, wait_for, what):
    """It comes back and is frozen again although nobody connects."""
    web = frozen(restart={"delay": "500ms"})
    unit = getattr(web, what)
    pid = main_pid(web, unit)
    web.systemctl("kill", unit, "--kill-whom=main", "--signal=KILL")
    wait_for(lambda: main_pid(web, unit) not in (0, pid), LONG, "it is back")
    frozen.again(web).is_answered()


def test_crash_of_what_is_frozen_refuses_nobody(frozen):
    """Who connects before the service is back waits for it."""
    web = frozen(restart={"delay": "3s"})
    for seconds in (0, 0.01, 0.05, 1):
        web.systemctl("kill", web.service, "--kill-whom=main", "--signal=KILL")
        time.sleep(seconds)
        web.is_answered()
        frozen.again(web)


@pytest.mark.parametrize("kind", ["docker", "binary"])
def test_native_stops_when_idle(demand, testy_image, testy_binary, kind):
    web = demand({"type": kind, "image": testy_image if kind == "docker" else testy_binary,
                  "activation": "native"}).start()
    for _ in range(2):
        web.is_answered()
        web.sleeps()


# ---- the proxy itself ----

@pytest.mark.parametrize("kind", ["docker", "binary"])
def test_restart_cuts_and_refuses_nobody(demand, workload, kind):
    web = demand(workload(kind, idle=None)).start()
    end = time.monotonic() + 12
    count = [0] * 8

    def ask(number):
        while time.monotonic() < end:
            web.is_answered()
            count[number] += 1

    with concurrent.futures.ThreadPoolExecutor(len(count)) as pool:
        clients = [pool.submit(ask, number) for number in range(len(count))]
        for _ in range(3):
            time.sleep(2)
            assert web.systemctl("restart", web.service).ok
        for client in clients:
            client.result()
    assert min(count) > 3, count


@pytest.mark.parametrize("scope, place, most", [
    ("user", 8089, 3.5), ("system", 8089, 2.5), ("user", "OWN/app.sock", 3.5),
    ("system", "OWN/app.sock", 3.0),
])
def test_proxy_is_kept_small(demand, workload, root, scope, place, most):
    if isinstance(place, str):
        place = place.replace("OWN", own_folder(scope))
    web = demand(workload("binary", place), scope=scope).start()
    web.is_answered()
    pid = web.runner.properties(web.proxy, "MainPID")["MainPID"]
    status = dict(line.split(":\t", 1) for line in
                  pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    uid, capabilities = status["Uid"].split()[0], int(status["CapEff"], 16)
    if scope == "user":
        assert uid == "1000" and capabilities == 0
    elif isinstance(place, int):
        assert uid not in ("0", "1000") and capabilities == 0
    else:
        assert capabilities == 1 << 1  # CAP_DAC_OVERRIDE, to get to the socket
    assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2"
    manager = ["--user"] if scope == "user" else []
    said = web.runner("systemd-analyze", *manager, "security", "--no-pager", "--json=short",
                      f"--threshold={int(most * 10)}", web.proxy)
    assert said.ok, said
    slices = [web.runner.properties(unit, "Slice")["Slice"] for unit in (web.proxy, web.service)]
    assert slices[0] == slices[1]


def test_proxy_serves_no_more_than_it_may(demand, workload):
    """systemd-socket-proxyd counts generously, by one."""
    web = demand(workload("binary", listen=[{"stream": f"{PORT}", "maxconnections": 2}])).start()
    web.is_answered()
    held = [socket.create_connection(("127.0.0.1", PORT), timeout=LONG) for _ in range(3)]
    time.sleep(1)  # until all of them are accepted
    with socket.create_connection(("127.0.0.1", PORT), timeout=LONG) as another:
        assert another.recv(100) == b""
    for connection in held:
        connection.close()
    web.is_answered()
