#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""phoenix-drain in front of a server, with sockets passed to it as systemd does: what happens to the
connections when it is told to end.

usage: test-drain.py PHOENIX-DRAIN
"""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

DRAIN = ""

# A line "SECONDS" is answered with "done" after that time; every connection has its own thread. Waits
# for connections with epoll and EPOLLONESHOT, as systemd-socket-proxyd does, and dies when
# its entry is not there; as "blocking" it waits in accept(2).
SERVER = r"""
import os, select, socket, sys, threading, time
assert os.environ["LISTEN_PID"] == str(os.getpid()), "the sockets are not meant for the server"
assert "NOTIFY_SOCKET" not in os.environ
fds = range(3, 3 + int(os.environ["LISTEN_FDS"]))
sockets = {fd: socket.socket(fileno=fd) for fd in fds}

def serve(c):
    with c:
        for line in c.makefile():
            time.sleep(float(line))
            c.sendall(b"done\n")

def accept(s):
    c, _ = s.accept()
    threading.Thread(target=serve, args=(c,), daemon=True).start()

def accept_forever(s):
    while True:
        accept(s)

if sys.argv[1:] == ["blocking"]:
    for s in sockets.values():
        threading.Thread(target=accept_forever, args=(s,), daemon=True).start()
    threading.Event().wait()
late = sys.argv[1:] == ["late"]
if late:
    accept(sockets[3])
    time.sleep(2)
epoll = select.epoll()
for fd in fds:
    epoll.register(fd, select.EPOLLIN | select.EPOLLONESHOT)
if len(sys.argv) > 1 and not late:
    time.sleep(0.1)
    sys.exit(int(sys.argv[1]))
while True:
    for fd, _ in epoll.poll():
        epoll.unregister(fd)
        accept(sockets[fd])
        epoll.register(fd, 0)
        epoll.modify(fd, select.EPOLLIN | select.EPOLLONESHOT)
"""

# Makes the descriptors 3... of its own and says for whom they are, as systemd does.
START = r"""
import fcntl, os, sys
fds = [int(n) for n in sys.argv[1].split(",")]
moved = [fcntl.fcntl(fd, fcntl.F_DUPFD, 100) for fd in fds]
for i, fd in enumerate(moved):
    os.dup2(fd, 3 + i)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)))
os.execv(sys.argv[2], sys.argv[2:])
"""


def tcp(family=socket.AF_INET, address="127.0.0.1"):
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.bind((address, 0))
    listening.listen(64)
    return listening


def connect(listening):
    client = socket.socket(listening.family, socket.SOCK_STREAM)
    client.settimeout(20)
    name = listening.getsockname()
    client.connect(("::1", *name[1:]) if name[0] == "::" else name)
    return client


class Case(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(f"{self.temp.name}/notify")
        self.notify.settimeout(20)
        self.sockets, self.process = [], None

    def tearDown(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process:
            self.process.stderr.close()
        for s in [*self.sockets, self.notify]:
            s.close()
        self.temp.cleanup()

    def listen(self, *args):
        self.sockets.append(tcp(*args))
        return self.sockets[-1]

    def unix(self):
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(f"{self.temp.name}/socket")
        listening.listen(64)
        self.sockets.append(listening)
        return listening

    def client(self, listening):
        self.sockets.append(connect(listening))
        return self.sockets[-1]

    def ask(self, client, seconds):
        client.sendall(f"{seconds}\n".encode())

    def answer(self, client):
        return client.recv(100).decode()

    def start(self, *listening, options=(), server=()):
        fds = [s.fileno() for s in listening]
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, ",".join(map(str, fds)), DRAIN, *options, "--",
             sys.executable, "-c", SERVER, *server],
            pass_fds=fds, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "NOTIFY_SOCKET": f"{self.temp.name}/notify"})
        self.told("READY=1")

    def served(self, listening):
        """A client that has had an answer, so that its connection is surely accepted."""
        client = self.client(listening)
        self.ask(client, 0)
        self.assertEqual(self.answer(client), "done\n")
        return client

    def server(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return int(children.read_text())

    def told(self, text):
        """Waits until the manager has been told so."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if text in self.notify.recv(1000).decode():
                return
        self.fail(text)

    def terminate(self, status=0):
        self.process.send_signal(signal.SIGTERM)
        return self.end(status)

    def end(self, status=0):
        self.assertEqual(self.process.wait(timeout=30), status)
        return self.process.stderr.read()


class Service(Case):
    """The unit behind the server, as its cgroup says how it is."""

    def setUp(self):
        super().setUp()
        own = pathlib.Path("/proc/self/cgroup").read_text().split("0::/", 1)[1].split("\n")[0]
        root = pathlib.Path(self.temp.name) / "cgroups"
        (root / own).mkdir(parents=True)
        self.slice = (root / own).parent if own else root
        os.environ["PHOENIX_CGROUP_ROOT"] = f"{self.temp.name}/cgroups"
        self.processes = []

    def tearDown(self):
        del os.environ["PHOENIX_CGROUP_ROOT"]
        for process in self.processes:
            process.kill()
            process.wait()
        super().tearDown()

    def named(self, name):
        """The PID of a process of that name, which sleeps."""
        self.processes.append(subprocess.Popen(
            [sys.executable, "-c", "import pathlib, time, sys\n"
             f"pathlib.Path('/proc/self/comm').write_text('{name}')\nprint(flush=True)\n"
             "time.sleep(1000)"], stdout=subprocess.PIPE))
        with self.processes[-1].stdout as said:
            said.readline()
        return self.processes[-1].pid

    def unit(self, *names, control=(), populated=True, folder=None):
        unit = (folder or self.slice) / "phoenix@web.service"
        for path, found in ((unit, names), (unit / ".control", control)):
            if path == unit or found:
                path.mkdir()
                (path / "cgroup.procs").write_text("".join(f"{self.named(n)}\n" for n in found))
        (unit / "cgroup.events").write_text(f"populated {int(populated)}\nfrozen 0\n")

    def check(self, up, supervised=True):
        listening = self.listen()
        client = self.client(listening)
        self.ask(client, 0)
        options = ["--service", "phoenix@web.service", *(["--supervised"] if supervised else [])]
        began = time.monotonic()
        self.start(listening, options=options)
        if up:
            self.assertEqual(self.answer(client), "done\n")
            client.close()
            self.assertEqual(self.terminate(), "")
            return
        self.assertEqual(self.answer(client), "", "closed, and not reset")
        self.assertIn("phoenix@web.service did not start: 1 connection that waited for it is closed",
                      self.end())
        self.assertGreater(time.monotonic() - began, 0.9, "the next one would come at once")

    def test_is_not_there(self):
        self.check(False)

    def test_has_no_process(self):
        self.unit(populated=False)
        self.check(False)

    def test_has_not_asked_yet_whether_it_is_healthy(self):
        self.unit("server")
        self.check(False)

    def test_is_not_healthy_yet(self):
        self.unit("server", "phoenix-lease", "(phoenix-lease)")
        self.check(False)

    def test_is_about_to_start(self):
        """All its processes are in groups below: those of a container, before there is a lease."""
        self.unit()
        self.check(False)

    def test_is_healthy(self):
        self.unit("server", "(phoenix-lease)")
        self.check(True)

    def test_is_a_healthy_container(self):
        self.unit("conmon", control=("(phoenix-lease)",))
        self.check(True)

    def test_is_in_a_slice_above(self):
        self.unit("(phoenix-lease)", folder=pathlib.Path(self.temp.name) / "cgroups")
        self.check(True)

    def test_is_not_supervised(self):
        self.unit("server")
        self.check(True, supervised=False)

    def test_is_not_supervised_nor_there(self):
        self.check(False, supervised=False)

    def test_who_comes_meanwhile_waits_for_the_next(self):
        listening = self.listen()
        self.start_turning_away(listening)
        with self.client(listening) as client:
            self.assertEqual(self.end(), "")
            self.unit("(phoenix-lease)")
            self.start(listening, options=("--service", "phoenix@web.service"))
            self.ask(client, 0)
            self.assertEqual(self.answer(client), "done\n")

    def start_turning_away(self, listening):
        """Nobody is waiting at first, and so nobody is turned away."""
        ready, self.told = self.told, lambda text: None
        try:
            self.start(listening, options=("--service", "phoenix@web.service"))
        finally:
            self.told = ready
        time.sleep(0.3)

    def test_is_stopped_meanwhile(self):
        listening = self.listen()
        began = time.monotonic()
        self.start_turning_away(listening)
        self.assertEqual(self.terminate(), "")
        self.assertLess(time.monotonic() - began, 0.9)


class Drain(Case):
    def test_nobody_is_connected(self):
        self.start(self.listen())
        self.assertEqual(self.terminate(), "")

    def test_nobody_needs_it(self):
        self.start(self.listen(), options=("--if-needed",))
        self.assertEqual(self.process.wait(20), 0)

    def test_somebody_needs_it(self):
        listening = self.listen()
        with self.client(listening) as client:
            self.start(listening, options=("--if-needed",))
            self.ask(client, 0)
            self.assertEqual(self.answer(client), "done\n")
            self.assertIsNone(self.process.poll())

    def check_waits(self, listening):
        self.start(listening)
        client = self.served(listening)
        self.ask(client, 1)
        time.sleep(0.2)
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.answer(client), "done\n")
        self.assertIsNone(self.process.poll(), "the client has not hung up yet")
        client.close()
        self.assertEqual(self.end(), "")

    def test_waits_for_ipv4(self):
        self.check_waits(self.listen())

    def test_waits_for_ipv6(self):
        self.check_waits(self.listen(socket.AF_INET6, "::1"))

    def test_waits_for_any_address(self):
        self.check_waits(self.listen(socket.AF_INET6, "::"))

    def test_waits_for_unix(self):
        self.check_waits(self.unix())

    def test_waits_for_all_sockets(self):
        first, second = self.listen(), self.unix()
        self.start(first, second)
        one, two = self.served(first), self.served(second)
        self.process.send_signal(signal.SIGTERM)
        one.close()
        time.sleep(0.3)
        self.assertIsNone(self.process.poll())
        two.close()
        self.assertEqual(self.end(), "")

    def test_half_closed_is_open(self):
        """A client that has said all it has to say still waits for its answer."""
        listening = self.listen()
        self.start(listening)
        client = self.served(listening)
        self.ask(client, 1)
        client.shutdown(socket.SHUT_WR)
        time.sleep(0.2)
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.answer(client), "done\n")
        self.assertEqual(self.end(), "")

    def test_who_comes_meanwhile_is_served_by_the_next(self):
        self.check_comes_meanwhile(self.listen())

    def check_comes_meanwhile(self, listening):
        self.start(listening)
        old = self.served(listening)
        self.process.send_signal(signal.SIGTERM)
        self.told("STATUS=draining, 1 connection is open")
        answers = []

        def late():
            with connect(listening) as client:
                self.ask(client, 0)
                answers.append(self.answer(client))

        thread = threading.Thread(target=late)
        thread.start()
        time.sleep(0.5)
        self.assertIsNone(self.process.poll())
        old.close()
        self.assertEqual(self.end(), "")
        self.assertEqual(answers, [])
        self.start(listening)
        thread.join(timeout=20)
        self.assertEqual(answers, ["done\n"])
        self.terminate()

    def test_who_comes_meanwhile_unix(self):
        self.check_comes_meanwhile(self.unix())

    def check_bounded(self, listening):
        self.start(listening, options=("--time", "500ms"))
        clients = [self.served(listening) for _ in range(2)]
        told = self.terminate()
        self.assertIn("2 connections did not end in time and are cut", told)
        self.assertEqual([self.answer(c) for c in clients], ["", ""])

    def test_bounded(self):
        self.check_bounded(self.listen())

    def test_bounded_unix(self):
        self.check_bounded(self.unix())

    def test_a_second_signal_ends_it(self):
        listening = self.listen()
        self.start(listening, options=("--time", "1h"))
        client = self.served(listening)
        self.process.send_signal(signal.SIGTERM)
        self.told("STATUS=draining, 1 connection is open")
        self.assertIn("1 connection did not end in time and is cut", self.terminate())
        self.assertEqual(self.answer(client), "")

    def test_under_load(self):
        """Connections come one after another, from many: each has its answer, across ten servers."""
        listening = self.listen()
        results, stop = [], threading.Event()

        def clients():
            while not stop.is_set():
                try:
                    with connect(listening) as client:
                        self.ask(client, 0.01)
                        results.append(self.answer(client))
                except OSError as error:
                    results.append(error)

        threads = [threading.Thread(target=clients) for _ in range(8)]
        self.start(listening)
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                time.sleep(0.1)
                self.assertEqual(self.terminate(), "")
                self.start(listening)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.terminate()
        self.assertGreater(len(results), 8)  # as many as clients: a busy machine is slow
        self.assertEqual(set(results), {"done\n"})

    def test_server_that_cannot_be_made_deaf(self):
        """It goes on to accept; a moment without a connection has to do."""
        listening = self.listen()
        self.start(listening, server=("blocking",))
        old = self.served(listening)
        self.process.send_signal(signal.SIGTERM)
        self.told("STATUS=draining, 1 connection is open")
        new = self.served(listening)
        old.close()
        self.ask(new, 0.5)
        self.assertEqual(self.answer(new), "done\n")
        new.close()
        self.assertEqual(self.end(), "")

    def test_ended_before_it_waits_for_connections(self):
        """It is made deaf when it begins to."""
        listening, other = self.listen(), self.listen()
        self.start(listening, other, server=("late",))
        old = self.served(listening)
        self.process.send_signal(signal.SIGTERM)
        self.told("STATUS=draining, 1 connection is open")
        time.sleep(3)
        new = self.client(other)
        self.ask(new, 0)
        new.settimeout(1)
        self.assertRaises(TimeoutError, new.recv, 100)
        self.ask(old, 0)
        self.assertEqual(self.answer(old), "done\n")
        old.close()
        self.assertEqual(self.end(), "")

    def test_says_why_it_could_not_be_made_deaf(self):
        listening = self.listen()
        self.start(listening, options=("--time", "100ms"), server=("blocking",))
        self.served(listening)
        self.assertIn("does not wait with epoll", self.terminate())

    def test_continued_by_others(self):
        """As by a manager that sends SIGTERM and SIGCONT to all processes of the unit."""
        listening = self.listen()
        for _ in range(5):
            self.start(listening, options=("--time", "5s"))
            self.served(listening).close()
            server, end = self.server(), time.monotonic() + 1
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(ProcessLookupError):  # it has ended
                while time.monotonic() < end:
                    os.kill(server, signal.SIGTERM)
                    os.kill(server, signal.SIGCONT)
            self.assertEqual(self.end(), "")

    def test_asks_for_time(self):
        self.start(self.listen(), options=("--time", "30s"))
        self.served(self.sockets[0])
        self.process.send_signal(signal.SIGTERM)
        self.told("EXTEND_TIMEOUT_USEC=35000000")

    def test_other_ports_and_addresses_do_not_count(self):
        listening, other = self.listen(), self.listen()
        same_port = socket.socket()
        self.sockets.append(same_port)
        same_port.bind(("127.0.0.2", listening.getsockname()[1]))
        same_port.listen()
        accepted = []
        for s in (other, same_port):
            self.client(s)
            accepted.append(s.accept()[0])
            self.sockets.append(accepted[-1])
        self.start(listening)
        self.assertEqual(self.terminate(), "")


class Server(Case):
    def test_its_status_is_ours(self):
        self.start(self.listen(), server=("7",))
        self.assertEqual(self.end(7), "")

    def test_its_signal_is_ours(self):
        listening = self.listen()
        self.start(listening)
        self.served(listening)
        os.kill(self.server(), signal.SIGUSR1)
        self.assertEqual(self.end(128 + signal.SIGUSR1), "")

    def test_dies_with_us(self):
        listening = self.listen()
        self.start(listening)
        client = self.served(listening)
        self.process.kill()
        self.process.wait()
        self.assertEqual(self.answer(client), "")


class Options(unittest.TestCase):
    def drain(self, *args):
        return subprocess.run([DRAIN, *args], capture_output=True, text=True, timeout=20)

    def test_options(self):
        self.assertEqual(self.drain("--help").returncode, 0)
        self.assertIn("phoenix-drain ", self.drain("--version").stdout)
        self.assertEqual(self.drain().returncode, 2)
        self.assertEqual(self.drain("--time", "soon", "--", "/bin/true").returncode, 2)
        self.assertEqual(self.drain("--nothing").returncode, 2)

    def test_without_sockets(self):
        done = self.drain("--", "/bin/true")
        self.assertEqual(done.returncode, 125)
        self.assertIn("there are none", done.stderr)

    def test_program_that_is_not_there(self):
        listening = tcp()
        done = subprocess.run([sys.executable, "-c", START, str(listening.fileno()), DRAIN, "--",
                               "/nonexistent"], pass_fds=[listening.fileno()],
                              capture_output=True, text=True, timeout=20)
        listening.close()
        self.assertEqual(done.returncode, 126)
        self.assertIn("No such file", done.stderr)


if __name__ == "__main__":
    DRAIN = os.path.abspath(sys.argv.pop(1))
    unittest.main()
