# SPDX-License-Identifier: MIT
"""How long a service is away, seen by its clients: from the last bad answer, or the kill, to the
first good one. The same test service under Phoenix, podman alone, monit, s6 and runit."""

import contextlib
import os
import pathlib
import signal
import socket
import threading
import time

import peers
import proc
from fleet import CONTAINER_PORT, IMAGE, PATIENCE_SEC, TESTY_BINARY, Fleet, root, user, wait_for

LOOK = 0.002  # seconds between two looks


def status(port):
    """The status code that a client gets; 0 when it gets none."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            return int(connection.recv(4096).split()[1])
    except (OSError, IndexError, ValueError):
        return 0


def wait_up(port):
    wait_for(lambda: status(port) == 200, f"port {port} answers 200", interval=LOOK)


class Service:
    """One way to run the test service: where it is, how to reach it, what its process is."""

    def __init__(self, name, port, ctl, interval_sec=1.0, retries=3):
        self.name, self.port, self.ctl = name, port, ctl
        self.detection_sec = interval_sec * retries

    def heal_503(self):
        """Seconds from the first 503 to 200 again, and of that from the last 503 on."""
        with self.told("unhealthy"):
            wait_for(lambda: status(self.port) == 503, "it answers 503", interval=LOOK)
            return self._until_200()

    def _until_200(self):
        began = last = time.monotonic()
        while (code := status(self.port)) != 200:
            now = time.monotonic()
            if code == 503:
                last = now
            if now - began > PATIENCE_SEC:
                raise TimeoutError(f"not healed within {PATIENCE_SEC} s")
            time.sleep(LOOK)
        return time.monotonic() - began, time.monotonic() - last

    def heal_crash(self):
        """Seconds from SIGKILL to 200 again."""
        pid = self.main_pid()
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: status(self.port) == 0 or proc_of(pid) is None, "it is gone",
                 interval=LOOK)
        wait_up(self.port)
        return time.monotonic() - began

    @contextlib.contextmanager
    def told(self, command):
        """Tells the service something, and does not wait for the end of that: `podman exec` may be
        so late that the service has been restarted meanwhile, and then fails."""
        runner = user if "podman" in self.ctl else root
        telling = threading.Thread(target=lambda: runner(*self.ctl, command, timeout=PATIENCE_SEC))
        telling.start()
        try:
            yield
        finally:
            telling.join()

    def main_pid(self):
        """The only test service that listens on this port, inside whatever namespace; one that was
        just replaced may still be there."""
        want = f"--port\0{self.inner_port}\0"

        def find():
            found = [pid for pid in proc.pids_of("phoenix-testy") if want in (proc_of(pid) or "")]
            return found[0] if len(found) == 1 else None

        return wait_for(find, "there is one process of it")

    @property
    def inner_port(self):
        return CONTAINER_PORT if "podman" in self.ctl else self.port


def proc_of(pid):
    """Its command line; None when it is gone (or waits to be collected)."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8") or None
    except OSError:
        return None


def ctl_binary(port):
    return [str(TESTY_BINARY), "ctl", f"--port={port}"]


def ctl_container(name):
    return ["podman", "exec", name, "/phoenix-testy", "ctl", f"--port={CONTAINER_PORT}"]


@contextlib.contextmanager
def phoenix(kind):
    container = kind == "docker"
    port = 18080 if container else 18081
    inner = CONTAINER_PORT if container else port
    more = {"image": IMAGE, "ports": [f"127.0.0.1:{port}:{CONTAINER_PORT}"]} if container else {
        "image": str(TESTY_BINARY)}
    check = {"path": "/health", "port": inner, "interval": "1s", "retries": 3, "grace": "30s"}
    with Fleet(1, lambda _: check, kind=kind, name="benchheal",
               args=["--port", str(inner)], **more) as fleet:
        wait_up(port)
        ctl = ctl_container(f"phoenix-{fleet.names[0]}") if container else ctl_binary(port)
        yield Service(f"phoenix, {'container' if container else 'binary'}", port, ctl)


QUADLET = """[Container]
Image={image}
ContainerName={name}
Exec=--port {inner}
PublishPort=127.0.0.1:{port}:{inner}
HealthCmd={command}
HealthInterval=3s
HealthRetries=3
HealthOnFailure=kill
[Service]
Restart=always
"""


@contextlib.contextmanager
def podman():
    """As Podman's manual has it: a Quadlet, kill, and systemd restarts. (With `restart`
    podman 5.4 has stopped containers here and not started them again.) 3 s, as it stops checking
    after five checks a second apart."""
    port, name, unit = 18082, "bench-heal", "bench-heal.service"
    folder = pathlib.Path("/home/phoenix/.config/containers/systemd")
    user.check("mkdir", "-p", folder)
    path = folder / "bench-heal.container"
    path.write_text(QUADLET.format(image=IMAGE, name=name, inner=CONTAINER_PORT, port=port,
                                   command=f"CMD {' '.join(peers.TESTY_IN_IMAGE)}"))
    try:
        user.check("systemctl", "--user", "daemon-reload")
        user.check("systemctl", "--user", "start", unit, timeout=PATIENCE_SEC)
        wait_up(port)
        yield Service("podman healthcheck", port, ctl_container(name), interval_sec=3.0)
    finally:
        user("systemctl", "--user", "stop", unit, timeout=PATIENCE_SEC)
        path.unlink()
        user("systemctl", "--user", "daemon-reload")


@contextlib.contextmanager
def monit():
    """A cycle each second, as fast as it goes."""
    port = 18083
    start = f"/bin/sh -c '{TESTY_BINARY} --port {port} >/dev/null 2>&1 & sleep 0.05'"
    stop = f"/usr/bin/pkill -f -- --port.{port}$"
    checks = (f'check process web matching "testy --port {port}$"\n'
              f'  start program = "{start}" with timeout 2 seconds\n  stop program = "{stop}"\n'
              f'  if failed port {port} protocol http request "/health" for 3 cycles then restart')
    with peers.monit(checks):
        wait_up(port)
        time.sleep(4)  # monit has seen it, too
        yield Service("monit", port, ctl_binary(port))


@contextlib.contextmanager
def scanned(scanner, port):
    with peers.tree(scanner, 1, f"exec {TESTY_BINARY} --port {port}"):
        wait_up(port)
        time.sleep(1.5)  # they restart what has just started only after a second
        yield Service("s6" if scanner[0].startswith("s6") else "runit", port, ctl_binary(port))


# How to make each, whether it has checks, and whether it is ours.
ALL = (
    (lambda: phoenix("binary"), True, True),
    (lambda: phoenix("docker"), True, True),
    (podman, True, False),
    (monit, True, False),
    (lambda: scanned(peers.S6[0], 18084), False, False),
    (lambda: scanned(peers.RUNIT[0], 18085), False, False),
)


def settle(service):
    """Restarts that follow each other are delayed more and more: give each measurement a fresh
    start, and let what was just started be known as healthy."""
    for unit in ("phoenix@benchheal-00000.service", "bench-heal.service"):
        user("systemctl", "--user", "reset-failed", unit)
    time.sleep(2.5)
    wait_up(service.port)


def measure(runs, say):
    """A peer that does not heal gets a "-"; that Phoenix does not is an error."""
    results = []
    for make, checked, ours in ALL:
        with make() as service:
            say(f"heal: {service.name}")
            crashes, heals = [], []
            for n in range(runs):
                try:
                    if n > 0:
                        settle(service)
                    if checked:
                        heals.append(service.heal_503())
                        settle(service)
                    crashes.append(service.heal_crash())
                except (TimeoutError, ProcessLookupError) as error:
                    if ours:
                        raise
                    say(f"{service.name}: {error}")
                    break
            results.append({"name": service.name, "crash_sec": crashes,
                            "total_503_sec": [total for total, _ in heals],
                            "after_503_sec": [away for _, away in heals],
                            "detection_sec": service.detection_sec if checked else None})
    return results
