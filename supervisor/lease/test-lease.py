#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""phoenix-lease, whole, between a supervisor and a service manager that are sockets of this test.

The service is a "sleep" that the lease is told is the main process. What only a real unit has (cgroups, namespaces of
a container) is tested in the bed.

usage: test-lease.py PHOENIX-LEASE [UNITTEST OPTION...]
"""
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

LEASE = os.path.abspath(sys.argv.pop(1))
LONG = 20  # seconds; nothing here takes so long but on a machine that is very busy

HELLO, ANSWER = 1, 2
WELCOME, RESUME, PET, STATUS, READY, FAIL, TRIGGER, ABORTED, REQUEST, CANCEL, GO = range(32, 43)
SOCKET, CONNECT, STAT, EXEC = range(1, 5)
SERVICE, GATE = 1, 2
WAITING, STARTED = 1, 2


def packet(kind, body=b"", version=1, size=None):
    return struct.pack("=HHI", version, kind, 8 + len(body) if size is None else size) + body


def request(number, op, text=b"", timeout=LONG, domain=0):
    return packet(REQUEST, struct.pack("=IIQII", number, op, int(timeout * 1e6), domain, 0) + text)


def words(*argv):
    return b"".join(os.fsencode(word) + b"\0" for word in argv)


class Answer:
    def __init__(self, body, fds):
        self.id, self.error, self.exit_code, _, self.elapsed, self.mtime = struct.unpack("=IiIIQQ", body[:32])
        self.text, self.fds = body[32:], fds


class Connection:
    """What the supervisor has of one lease."""

    def __init__(self, sock):
        self.socket = sock
        sock.settimeout(LONG)

    def receive(self):
        data, fds, _, _ = socket.recv_fds(self.socket, 8192, 4)
        if not data:
            return None, b"", []
        version, kind, size = struct.unpack("=HHI", data[:8])
        assert (version, size) == (1, len(data)), data
        return kind, data[8:], fds

    def hello(self):
        kind, body, _ = self.receive()
        assert kind == HELLO, kind
        return struct.unpack("=IIQQQQ", body)

    def answer(self):
        kind, body, fds = self.receive()
        assert kind == ANSWER, kind
        return Answer(body, fds)

    def send(self, *args):
        self.socket.send(packet(*args))

    def ask(self, *args, **options):
        self.socket.send(request(*args, **options))

    def is_closed(self):
        return self.receive()[0] is None

    def close(self):
        self.socket.close()


class LeaseTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="phoenix-test-lease-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = f"{self.folder}/lease.sock"
        self.listener = None
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(f"{self.folder}/notify")
        self.notify.settimeout(LONG)
        self.addCleanup(self.notify.close)
        self.main = subprocess.Popen(["sleep", "600"], env={"PATH": os.environ["PATH"], "OF_THE_SERVICE": "yes",
                                                            "NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "1"})
        self.addCleanup(self.end_main)

    def end_main(self):
        self.main.kill()
        self.main.wait()

    def listen(self):
        if self.listener:
            self.listener.close()
            os.unlink(self.path)
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen()
        self.listener.settimeout(LONG)
        self.addCleanup(self.listener.close)

    def run_lease(self, *options, main=True, notify=True):
        env = {"PATH": os.environ["PATH"]}
        if main:
            env["MAINPID"] = str(self.main.pid)
        if notify:
            env["NOTIFY_SOCKET"] = f"{self.folder}/notify"
        process = subprocess.Popen([LEASE, f"--socket={self.path}", *options, "web"], env=env, stderr=subprocess.PIPE,
                                   text=True)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def accept(self):
        connection = Connection(self.listener.accept()[0])
        self.addCleanup(connection.close)
        return connection

    def ended(self, process):
        return process.wait(timeout=LONG), process.stderr.read()

    def started(self, *options, **more):
        """A lease whose foreground has been told that the service is healthy."""
        self.listen()
        process = self.run_lease(*options, **more)
        connection = self.accept()
        self.hello = connection.hello()
        self.pid = struct.unpack("=iII", connection.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        self.pidfd = os.pidfd_open(self.pid)
        self.addCleanup(os.close, self.pidfd)
        connection.send(WELCOME)
        connection.send(READY)
        self.assertEqual(self.ended(process), (0, ""))
        return connection

    def assert_gone(self):
        """The child has ended."""
        self.assertTrue(select.select([self.pidfd], [], [], LONG)[0], "the lease is still there")

    def told(self):
        return self.notify.recv(4096).decode().rstrip("\n").split("\n")

    def told_nothing(self):
        return not select.select([self.notify], [], [], 0)[0]


class Foreground(LeaseTest):
    def test_ready(self):
        self.started("--watchdog=30s")
        role, phase, watchdog, dev, ino, main = self.hello
        self.assertEqual((role, phase, watchdog, main), (SERVICE, WAITING, 30_000_000, self.main.pid))
        st = os.stat(f"/proc/{self.main.pid}/ns/net")
        self.assertEqual((dev, ino), (st.st_dev, st.st_ino))

    def test_fail(self):
        self.listen()
        process = self.run_lease()
        connection = self.accept()
        connection.hello()
        connection.send(WELCOME)
        connection.send(FAIL, b"GET /health: 503")
        self.assertEqual(self.ended(process), (1, "web is not healthy: GET /health: 503\n"))
        self.assertTrue(connection.is_closed())

    def test_no_supervisor(self):
        process = self.run_lease("--patience=50ms")
        self.assertEqual(self.ended(process), (0, "phoenix-lease: web: supervisor does not answer, going on without "
                                                  "health checks\n"))
        # It goes on trying, and says that nobody waits for it any more.
        self.listen()
        self.assertEqual(self.accept().hello()[:2], (SERVICE, STARTED))

    def test_silent_supervisor(self):
        """One that takes the connection and says nothing is none."""
        self.listen()
        self.assertIn("does not answer", self.ended(self.run_lease("--patience=50ms"))[1])

    def test_supervisor_dies_while_waiting(self):
        self.listen()
        process = self.run_lease("--patience=300ms")
        first = self.accept()
        first.hello()
        first.send(WELCOME)
        first.close()
        second = self.accept()
        self.assertEqual(second.hello()[1], WAITING)
        second.send(WELCOME)
        second.send(READY)
        self.assertEqual(self.ended(process), (0, ""))

    def test_main_process_ends_while_waiting(self):
        self.listen()
        process = self.run_lease()
        connection = self.accept()
        connection.hello()
        self.end_main()
        self.assertEqual(self.ended(process), (0, ""))
        self.assertTrue(connection.is_closed())

    def test_main_process_gone_before(self):
        self.end_main()
        self.assertEqual(self.ended(self.run_lease()), (0, ""))

    def test_sigterm(self):
        self.listen()
        process = self.run_lease()
        self.accept().hello()
        process.terminate()
        self.assertEqual(self.ended(process), (0, ""))

    def test_misuse(self):
        for args in ([], ["web"], ["--socket=/x"], ["--socket=/x", "a", "b"], ["--socket=x", "a"],
                     ["--socket=/x", "--grace=soon", "a"], ["--socket=/x", "--nonsense", "a"],
                     ["--socket=/x", ""], ["--socket=/" + "x" * 200, "a"]):
            r = subprocess.run([LEASE, *args], stderr=subprocess.PIPE, check=False, timeout=LONG)
            self.assertEqual(r.returncode, 2, args)
            self.assertTrue(r.stderr.startswith(b"phoenix-lease: "))

    def test_about(self):
        for option in ("--help", "--version"):
            r = subprocess.run([LEASE, option], stdout=subprocess.PIPE, check=True, timeout=LONG)
            self.assertTrue(r.stdout.startswith(b"phoenix-lease "))


class Resident(LeaseTest):
    def test_pet_and_status(self):
        connection = self.started("--watchdog=30s")
        connection.send(PET)
        self.assertEqual(self.told(), ["WATCHDOG=1"])
        connection.send(STATUS, "healthy – 3 ms".encode())
        self.assertEqual(self.told(), ["STATUS=healthy – 3 ms"])

    def test_status_is_one_line(self):
        connection = self.started()
        connection.send(STATUS, b"x\nMAINPID=1\nWATCHDOG=trigger")
        self.assertEqual(self.told(), ["STATUS=x MAINPID=1 WATCHDOG=trigger"])

    def test_main_process_ends(self):
        connection = self.started("--watchdog=30s")
        self.end_main()
        self.assert_gone()
        self.assertTrue(connection.is_closed())
        self.assertTrue(self.told_nothing())

    def test_sigterm(self):
        connection = self.started()
        os.kill(self.pid, signal.SIGTERM)
        self.assert_gone()
        self.assertTrue(connection.is_closed())

    def test_holds_nothing_open(self):
        self.started()
        names = [os.readlink(f"/proc/{self.pid}/fd/{n}") for n in os.listdir(f"/proc/{self.pid}/fd")]
        self.assertEqual(names.count("/dev/null"), 3)
        self.assertEqual([n for n in names if n.startswith("pipe:")], [])
        self.assertEqual(os.readlink(f"/proc/{self.pid}/cwd"), "/")

    def test_resume(self):
        connection = self.started()
        connection.send(RESUME)
        self.assertEqual(connection.hello()[:2], (SERVICE, STARTED))

    def test_late_failure_ends_nothing(self):
        connection = self.started()
        connection.send(FAIL, b"too late")
        connection.send(PET)
        self.assertEqual(self.told(), ["WATCHDOG=1"])

    def test_reconnects(self):
        connection = self.started()
        for _ in range(3):
            connection.close()
            connection = self.accept()
            self.assertEqual(connection.hello()[:2], (SERVICE, STARTED))

    def test_holds_without_supervisor(self):
        connection = self.started("--watchdog=900ms")
        self.listener.close()
        os.unlink(self.path)
        self.listener = None
        connection.close()
        begin = time.monotonic()
        for _ in range(3):
            self.assertEqual(self.told(), ["STATUS=supervisor away, holding", "WATCHDOG=1"])
        self.assertGreater(time.monotonic() - begin, 0.5)
        self.listen()
        connection = self.accept()
        self.assertEqual(connection.hello()[:2], (SERVICE, STARTED))

    def test_holds_when_supervisor_is_silent(self):
        """One that is stopped keeps the connection: half of the watchdog time is long enough to wait for it."""
        connection = self.started("--watchdog=1s")
        self.assertEqual(self.told(), ["STATUS=supervisor away, holding", "WATCHDOG=1"])
        connection.send(PET)
        while self.told() != ["WATCHDOG=1"]:
            pass

    def test_does_not_pet_for_a_service_that_beats(self):
        connection = self.started()
        self.listener.close()
        os.unlink(self.path)
        self.listener = None
        connection.close()
        self.assertEqual(self.told(), ["STATUS=supervisor away, holding"])

    def test_manager_that_does_not_read(self):
        """Nothing blocks on a full queue, and the newest status comes through in the end."""
        connection = self.started()
        for i in range(1000):
            connection.send(STATUS, str(i).encode())
        connection.send(RESUME)
        connection.hello()
        while self.told()[0] != "STATUS=999":
            pass

    def test_trigger(self):
        connection = self.started()
        connection.send(TRIGGER, struct.pack("=Q", 500000) + b"GET /health: 503, 3 of 3")
        self.assertEqual(self.told(), ["STATUS=GET /health: 503, 3 of 3", "WATCHDOG=trigger"])
        self.assert_gone()

    def test_trigger_in_a_full_queue(self):
        connection = self.started()
        filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(filler.close)
        filler.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while True:
                filler.sendto(b"X=1", f"{self.folder}/notify")
        connection.send(TRIGGER, struct.pack("=Q", 500000) + b"why")
        while (told := self.told()) == ["X=1"]:
            pass
        self.assertEqual(told, ["STATUS=why", "WATCHDOG=trigger"])
        self.assert_gone()

    def test_abort_says_nothing(self):
        connection = self.started()
        connection.send(ABORTED, struct.pack("=Q", 0))
        self.assert_gone()
        self.assertTrue(self.told_nothing())

    def test_hostile_packets(self):
        """Each ends the connection, none the lease."""
        connection = self.started()
        for bad in (b"x", b"x" * 5000, packet(PET, b"x"), packet(PET, version=2), packet(PET, size=9), packet(99),
                    packet(HELLO, bytes(40)), packet(STATUS, b"a\0b"), packet(STATUS, b"x" * 513), packet(GO),
                    packet(TRIGGER, struct.pack("=Q", 1 << 60)), request(1, 9), request(1, SOCKET, domain=1),
                    request(1, STAT, b"relative"), request(1, EXEC, b"no end")):
            connection.socket.send(bad)
            self.assertTrue(connection.is_closed(), bad)
            connection = self.accept()
            connection.hello()
            connection.send(WELCOME)
        connection.send(RESUME)
        connection.hello()

    def test_descriptors_are_not_taken(self):
        connection = self.started()
        before = len(os.listdir(f"/proc/{self.pid}/fd"))
        socket.send_fds(connection.socket, [packet(RESUME)], [0, 1, 2])
        connection.hello()
        self.assertEqual(len(os.listdir(f"/proc/{self.pid}/fd")), before)


class Requests(LeaseTest):
    def setUp(self):
        super().setUp()
        self.connection = self.started()

    def ask(self, *args, **options):
        self.connection.ask(*args, **options)
        answer = self.connection.answer()
        self.assertEqual(answer.id, args[0])
        return answer

    def test_socket(self):
        for domain in (socket.AF_INET, socket.AF_INET6):
            answer = self.ask(7, SOCKET, domain=domain)
            if domain == socket.AF_INET6 and answer.error:
                continue
            self.assertEqual((answer.error, len(answer.fds)), (0, 1))
            with socket.socket(fileno=answer.fds[0]) as sock:
                self.assertEqual((sock.family, sock.type), (domain, socket.SOCK_STREAM))
        self.assertNotIn("socket:", os.listdir(f"/proc/{self.pid}/fd"))

    def test_stat(self):
        path = f"{self.folder}/beat"
        with open(path, "wb"):
            pass
        os.utime(path, ns=(0, 1_234_567_890_123_456_000))
        answer = self.ask(1, STAT, path.encode())
        self.assertEqual((answer.error, answer.mtime), (0, 1_234_567_890_123_456))
        self.assertEqual(self.ask(2, STAT, b"/no/such/file").error, -2)

    def test_connect(self):
        path = f"{self.folder}/app.sock"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()
            answer = self.ask(1, CONNECT, path.encode())
            self.assertEqual((answer.error, len(answer.fds)), (0, 1))
            with socket.socket(fileno=answer.fds[0]) as client:
                with server.accept()[0] as peer:
                    peer.send(b"hello")
                    client.setblocking(True)
                    self.assertEqual(client.recv(5), b"hello")
        self.assertEqual(self.ask(2, CONNECT, path.encode()).error, -111)
        self.assertEqual(self.ask(3, CONNECT, b"/nobody").error, -2)

    def test_connect_leaves_no_trace(self):
        """The time of the file is how phoenix-idle learns of connections; nobody else's is touched."""
        path = f"{self.folder}/app.sock"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path)
            server.listen()
            mtime = os.stat(path).st_mtime_ns
            os.utime(path, ns=(0, mtime))
            os.close(self.ask(1, CONNECT, path.encode()).fds[0])
            self.assertEqual((os.stat(path).st_atime_ns, os.stat(path).st_mtime_ns), (0, mtime))
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(path)
            if os.stat(path).st_atime_ns == 0:
                self.skipTest("a file system without times of access")
            before = os.stat(path).st_atime_ns
            os.close(self.ask(2, CONNECT, path.encode()).fds[0])
            self.assertEqual(os.stat(path).st_atime_ns, before)

    def test_connect_abstract(self):
        name = f"phoenix-test-{os.getpid()}"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"\0{name}")
            server.listen()
            answer = self.ask(1, CONNECT, f"@{name}".encode())
            self.assertEqual((answer.error, len(answer.fds)), (0, 1))
            os.close(answer.fds[0])

    def test_exec(self):
        answer = self.ask(1, EXEC, words("sh", "-c", "echo out; echo err >&2; exit 3"))
        self.assertEqual((answer.error, answer.exit_code, answer.text), (0, 3, b"out err "))
        self.assertGreater(answer.elapsed, 0)

    def test_exec_signal(self):
        self.assertEqual(self.ask(1, EXEC, words("sh", "-c", "kill -9 $$")).exit_code, 137)

    def test_exec_not_found(self):
        answer = self.ask(1, EXEC, words("/no/such/program"))
        self.assertEqual((answer.error, answer.text), (-2, b""))

    def test_exec_environment(self):
        """Of the service, but not its way to the manager; no input."""
        answer = self.ask(1, EXEC, words("sh", "-c", "env; cat"))
        names = {word.split(b"=")[0] for word in answer.text.split()}
        self.assertEqual(names - {b"PWD", b"OLDPWD", b"SHLVL", b"_"}, {b"PATH", b"OF_THE_SERVICE"})

    def test_exec_has_only_its_own_descriptors(self):
        answer = self.ask(1, EXEC, words("sh", "-c", "exec ls -l /proc/self/fd/ | grep -c -- '->'"))
        self.assertEqual(answer.text.strip(), b"4")  # 0, 1, 2 and the folder itself

    def test_exec_keeps_the_end_of_the_output(self):
        answer = self.ask(1, EXEC, words("sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done"))
        self.assertEqual(len(answer.text), 512)
        self.assertTrue(answer.text.endswith(b"19998 19999 "))

    def test_exec_timeout(self):
        """All of its group is ended, also what ignores SIGTERM."""
        script = f"trap '' TERM; echo begun; sleep 600 & echo $! >{self.folder}/pid; wait; wait"
        answer = self.ask(1, EXEC, words("sh", "-c", script), timeout=0.5)
        self.assertEqual((answer.error, answer.text), (-110, b"begun "))
        with open(f"{self.folder}/pid", encoding="utf-8") as file:
            self.assert_dead(int(file.read()))

    def assert_dead(self, pid):
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        self.assertTrue(select.select([fd], [], [], LONG)[0])
        os.close(fd)

    def start_exec(self, number, name):
        """Starts a program that waits, and returns its PID."""
        fifo = f"{self.folder}/{name}"
        os.mkfifo(fifo)
        self.connection.ask(number, EXEC, words("sh", "-c", f"echo $$ >{fifo}; exec sleep 600"), timeout=600)
        with open(fifo, encoding="utf-8") as file:
            return int(file.read())

    def test_background_child_does_not_hold_the_answer_up(self):
        answer = self.ask(1, EXEC, words("sh", "-c", "sleep 600 & echo done"))
        self.assertEqual((answer.error, answer.exit_code, answer.text), (0, 0, b"done "))
        self.assertLess(answer.elapsed, LONG * 1_000_000)

    def test_cancel(self):
        pid = self.start_exec(5, "a")
        self.connection.send(CANCEL, struct.pack("=II", 5, 0))
        self.assert_dead(pid)
        self.assertEqual(self.ask(6, STAT, b"/").error, 0)  # the next answer is not that of 5
        self.connection.send(CANCEL, struct.pack("=II", 77, 0))
        self.assertEqual(self.ask(7, STAT, b"/").error, 0)

    def test_too_many(self):
        pids = [self.start_exec(i, f"f{i}") for i in range(8)]
        self.assertEqual(self.ask(99, EXEC, words("true")).error, -16)
        self.assertEqual(self.ask(98, SOCKET, domain=socket.AF_INET).error, 0)
        self.connection.close()
        for pid in pids:
            self.assert_dead(pid)

    def test_program_ends_with_the_service(self):
        pid = self.start_exec(1, "a")
        self.end_main()
        self.assert_gone()
        self.assert_dead(pid)

    def test_program_ends_with_sigkill_of_the_lease(self):
        pid = self.start_exec(1, "a")
        os.kill(self.pid, signal.SIGKILL)
        self.assert_dead(pid)

    def test_pets_go_on_while_a_program_runs(self):
        self.start_exec(1, "a")
        self.connection.send(PET)
        self.assertEqual(self.told(), ["WATCHDOG=1"])


class Gate(LeaseTest):
    def test_go(self):
        self.listen()
        process = self.run_lease("--gate", main=False)
        connection = self.accept()
        self.assertEqual(connection.hello()[:3], (GATE, WAITING, 0))
        connection.send(WELCOME)
        self.assertEqual(self.told(), ["STATUS=waiting for its turn to start", "EXTEND_TIMEOUT_USEC=30000000"])
        self.assertIsNone(process.poll())
        connection.send(GO)
        self.assertEqual(self.ended(process), (0, ""))

    def test_no_supervisor(self):
        code, text = self.ended(self.run_lease("--gate", "--patience=50ms", main=False))
        self.assertEqual(code, 0)
        self.assertIn("supervisor does not answer, starting without waiting", text)

    def test_supervisor_that_comes_back(self):
        self.listen()
        process = self.run_lease("--gate", main=False)
        first = self.accept()
        first.hello()
        first.send(WELCOME)
        first.close()
        second = self.accept()
        second.hello()
        second.send(GO)
        self.assertEqual(self.ended(process), (0, ""))

    def test_sigterm(self):
        self.listen()
        process = self.run_lease("--gate", main=False)
        self.accept().hello()
        process.terminate()
        self.assertEqual(self.ended(process), (0, ""))


if __name__ == "__main__":
    unittest.main()
