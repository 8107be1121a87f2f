#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""phoenix-testy as a process: what a service manager and a client see of it. The first argument is the program."""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.path.abspath(sys.argv.pop(1))
TIMEOUT = 10
BEAT = 0.02


class Testy(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="phoenix-test-testy-")
        self.path = f"{self.folder.name}/http"
        self.control = f"{self.folder.name}/crash"
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notify.bind(f"{self.folder.name}/notify")
        self.notify.settimeout(TIMEOUT)
        self.child = None

    def tearDown(self):
        if self.child:
            self.child.kill()
            self.child.communicate()
        self.notify.close()
        self.folder.cleanup()

    def start(self, *args, ready=True, env=None, where=True, **kwargs):
        args = [PROGRAM, "--control-file", self.control, *(["--unix", self.path] if where else []), *args]
        # A sanitizer must leave it to the kernel how the process ends.
        environment = {"NOTIFY_SOCKET": f"{self.folder.name}/notify",
                       "ASAN_OPTIONS": "handle_segv=0:handle_abort=0:detect_leaks=1", **(env or {})}
        self.child = subprocess.Popen(args, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      **kwargs)
        if ready:
            self.assertIn("READY=1", self.message())

    def message(self):
        return self.notify.recv(4096).decode()

    def wait_beat(self):
        while self.message() != "WATCHDOG=1":
            pass

    def assert_silent(self):
        """No beat any more: what was sent before is read, then nothing comes for the time of many beats."""
        self.notify.settimeout(0)
        try:
            while True:
                self.notify.recv(4096)
        except BlockingIOError:
            pass
        self.assertFalse(select.select([self.notify], [], [], 15 * BEAT)[0], "it still beats")
        self.notify.settimeout(TIMEOUT)

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(TIMEOUT)
        s.connect(self.path)
        return s

    def get(self, target, method="GET"):
        with self.connect() as s:
            s.sendall(f"{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            data = b""
            while chunk := s.recv(65536):
                data += chunk
        head, body = data.split(b"\r\n\r\n", 1)
        self.assertIn(f"Content-Length: {len(body)}".encode() if method != "HEAD" else b"Content-Length:", head)
        return int(head.split()[1]), body.decode()

    def exit_code(self):
        out, self.err = self.child.communicate(timeout=TIMEOUT)
        return self.child.returncode, out

    def state(self):
        with open(f"/proc/{self.child.pid}/stat", encoding="ascii") as f:
            return f.read().rpartition(")")[2].split()[0]

    # -- notify and pages

    def test_ready_beats_and_pages(self):
        self.start("--beat", "20ms", "--name", "web")
        self.wait_beat()
        status, body = self.get("/")
        self.assertEqual(status, 200)
        self.assertIn(f"phoenix-testy web\npid: {self.child.pid}\n", body)
        self.assertEqual(self.get("/", method="HEAD"), (200, ""))
        self.assertEqual(self.get("/health"), (200, "ok\n"))
        self.assertEqual(self.get("/env/HOME")[0], 404)
        self.assertEqual(self.get("/nothing")[0], 404)
        self.assertEqual(self.get("/", method="DELETE")[0], 405)
        facts = json.loads(self.get("/status")[1])
        self.assertEqual((facts["name"], facts["pid"], facts["ready"]), ("web", self.child.pid, True))
        self.assertGreaterEqual(facts["beats"], 1)

    def test_auto_beat_is_half_of_the_watchdog(self):
        self.start(env={"WATCHDOG_USEC": "40000"})
        self.wait_beat()
        self.wait_beat()
        self.assertEqual(json.loads(self.get("/status")[1])["beat_usec"], 20000)

    def test_watchdog_of_another_process(self):
        self.start(env={"WATCHDOG_USEC": "40000", "WATCHDOG_PID": "1"})
        self.assertEqual(json.loads(self.get("/status")[1])["beat_usec"], 0)

    def test_abstract_notify_socket(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            name = f"phoenix-test-{os.getpid()}"
            s.bind("\0" + name)
            s.settimeout(TIMEOUT)
            self.start(env={"NOTIFY_SOCKET": "@" + name}, ready=False)
            self.assertIn(b"READY=1", s.recv(4096))

    def test_log_beats_and_body(self):
        self.start("--beat", "20ms", "--log-beats", "--body", "hello")
        self.assertEqual(self.get("/"), (200, "hello\n"))
        lines = (line for line in self.child.stdout if line.startswith("Heartbeat"))
        self.assertEqual([next(lines), next(lines)], ["Heartbeat 1\n", "Heartbeat 2\n"])

    def test_slow_start(self):
        begin = time.monotonic()
        self.start("--slow-start", "300ms", "--beat", "10ms", ready=False)
        self.assertTrue(self.message().startswith("READY=1"))
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)
        self.assertEqual(self.get("/health")[0], 200)

    def test_no_ready(self):
        self.start("--no-ready", "--beat", "20ms", ready=False)
        self.assertEqual(self.message(), "WATCHDOG=1")
        self.assertFalse(json.loads(self.get("/status")[1])["ready"])

    # -- sockets

    def test_tcp_any_port(self):
        for address in ([], ["--address", "127.0.0.1"]):
            self.start("--port", "0", *address, where=False)
            port = int(self.child.stdout.readline().split()[-1])
            with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT) as s:
                s.sendall(b"GET /health HTTP/1.0\r\n\r\n")
                self.assertIn(b"200 OK", s.recv(4096))
            r = subprocess.run([PROGRAM, "ctl", "--port", str(port), "get", "/health"], stdout=subprocess.PIPE, text=True,
                               check=False)
            self.assertEqual((r.returncode, r.stdout), (0, "ok\n"))
            self.child.terminate()
            self.assertEqual(self.exit_code()[0], 0)
            self.assertIn("STOPPING=1", self.message())

    def test_port_in_use(self):
        with socket.socket() as s:
            s.bind(("0.0.0.0", 0))
            s.listen()
            port = str(s.getsockname()[1])
            self.start("--port", port, "--address", "0.0.0.0", ready=False, where=False)
            self.assertEqual(self.exit_code()[0], 1)
            self.assertIn(f"port {port}: Address already in use", self.err)

    def test_inherited_socket(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(self.path)
            s.listen()

            def prepare():
                os.dup2(s.fileno(), 3)
            # The wrong LISTEN_PID is what a container with an init gets.
            self.start(where=False, env={"LISTEN_FDS": "1", "LISTEN_PID": "1"}, preexec_fn=prepare, pass_fds=[3])
            self.assertEqual(self.get("/health")[0], 200)
            self.child.terminate()
            self.assertEqual(self.exit_code()[0], 0)
            self.assertTrue(os.path.exists(self.path))

    def test_stale_socket_file(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(self.path)
        self.start()
        self.assertEqual(self.get("/health")[0], 200)

    # -- clients that behave badly

    def test_slow_clients_do_not_block(self):
        self.start()
        idle = [self.connect() for _ in range(200)]
        half = self.connect()
        half.sendall(b"GET / HT")
        for _ in range(20):
            self.assertEqual(self.get("/health")[0], 200)
        self.assertLessEqual(json.loads(self.get("/status")[1])["connections"], 64)
        for s in [*idle, half]:
            s.close()

    def test_garbage(self):
        self.start()
        for data, status in ((b"\0" * 100, 400), (b"x" * 9000, 414), (b"\r\n\r\n", 400)):
            with self.connect() as s:
                s.sendall(data)
                self.assertIn(f"HTTP/1.1 {status}".encode(), s.recv(4096))
        for _ in range(50):
            self.connect().close()
        self.assertEqual(self.get("/health")[0], 200)

    def test_byte_by_byte(self):
        self.start()
        with self.connect() as s:
            for byte in b"GET /health HTTP/1.1\r\n\r\n":
                s.sendall(bytes([byte]))
            self.assertIn(b"200 OK", s.recv(4096))

    # -- commands

    def test_unhealthy(self):
        self.start()
        self.assertEqual(self.get("/control/unhealthy"), (200, "ok: unhealthy\n"))
        self.assertEqual(self.get("/health"), (503, "unhealthy\n"))
        self.assertEqual(self.get("/control/healthy", method="POST")[0], 200)
        self.assertEqual(self.get("/health")[0], 200)

    def test_wrong_commands(self):
        self.start()
        self.assertEqual(self.get("/control/nonsense")[0], 404)
        self.assertEqual(self.get("/control/exit")[0], 400)
        self.assertEqual(self.get("/control/exit?300")[0], 400)
        self.assertEqual(self.get("/control/hang?1")[0], 400)
        self.assertEqual(self.get("/health")[0], 200)

    def test_hang_keeps_the_port(self):
        self.start("--beat", "20ms", "--catch-abort")
        self.wait_beat()
        self.assertEqual(self.get("/control/hang"), (200, "ok: hang\n"))
        self.assert_silent()
        with self.connect() as s:
            s.sendall(b"GET /health HTTP/1.1\r\n\r\n")
            self.assertFalse(select.select([s], [], [], 5 * BEAT)[0], "it still serves")
            self.child.terminate()
            self.assertFalse(select.select([s], [], [], 5 * BEAT)[0])
            self.assertIsNone(self.child.poll())
            self.child.send_signal(signal.SIGABRT)
            self.assertEqual(self.exit_code()[0], 134)
            self.assertEqual(self.err, "SIGABRT received: dumping state\n")

    def test_hang_dies_of_abort(self):
        self.start()
        self.get("/control/hang")
        self.child.send_signal(signal.SIGABRT)
        self.assertEqual(self.exit_code()[0], -signal.SIGABRT)

    def test_stop_beat(self):
        self.start("--beat", "20ms")
        self.get("/control/stop-beat")
        self.assert_silent()
        self.assertEqual(self.get("/health")[0], 200)
        self.get("/control/start-beat")
        self.wait_beat()

    def test_freeze(self):
        self.start("--beat", "20ms")
        self.get("/control/freeze")
        os.waitid(os.P_PID, self.child.pid, os.WSTOPPED | os.WNOWAIT)
        self.assertEqual(self.state(), "T")
        self.assert_silent()
        self.child.send_signal(signal.SIGCONT)
        self.wait_beat()
        self.assertEqual(self.get("/health")[0], 200)

    def test_ends(self):
        for command, code in (("exit?7", 7), ("crash", -signal.SIGABRT), ("segv", -signal.SIGSEGV), ("exit?0", 0)):
            with self.subTest(command):
                self.start()
                self.assertEqual(self.get(f"/control/{command}")[0], 200)
                self.assertEqual(self.exit_code()[0], code)

    def test_ignore_sigterm(self):
        for option in (["--ignore-sigterm"], []):
            self.start(*option)
            if not option:
                self.get("/control/ignore-sigterm")
            self.child.terminate()
            lines = iter(self.child.stdout.readline, "")
            self.assertIn("SIGTERM ignored\n", lines)
            self.assertEqual(self.get("/health")[0], 200)
            self.child.kill()
            self.exit_code()

    def test_sigterm(self):
        self.start("--beat", "1h")
        self.child.terminate()
        begin = time.monotonic()
        self.assertEqual(self.exit_code()[0], 0)
        self.assertLess(time.monotonic() - begin, 0.9)
        while "STOPPING=1" not in self.message():
            pass
        self.assertFalse(os.path.exists(self.path))

    def test_sigterm_lets_answers_out(self):
        self.start()
        self.get("/control/slow?200")
        with self.connect() as s:
            s.sendall(b"GET /health HTTP/1.1\r\n\r\n")
            while json.loads(self.get("/status")[1])["requests"] < 3:
                pass
            self.child.terminate()
            self.assertIn(b"200 OK", s.recv(4096))
        self.assertEqual(self.exit_code()[0], 0)

    def test_slow(self):
        self.start()
        self.get("/control/slow?1000")
        begin = time.monotonic()
        self.assertEqual(self.get("/health")[0], 200)
        self.assertGreaterEqual(time.monotonic() - begin, 1)
        begin = time.monotonic()
        self.get("/control/slow?0")
        self.assertLess(time.monotonic() - begin, 1)

    def test_leak(self):
        self.start()
        self.get("/control/leak?40")
        while True:
            facts = json.loads(self.get("/status")[1])
            if facts["leaked_bytes"] > 8 << 20:
                break
        with open(f"/proc/{self.child.pid}/statm", encoding="ascii") as f:
            self.assertGreater(int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE"), 8 << 20)

    def test_spam(self):
        self.start()
        self.get("/control/spam?200")
        lines = [line for _, line in zip(range(42), self.child.stdout) if line.startswith("spam ")]
        self.assertIn("spam 40\n", lines)

    def test_burn_still_serves_and_spin_does_not(self):
        self.start("--beat", "20ms")
        self.get("/control/burn?1")
        self.wait_beat()
        self.assertEqual(self.get("/health")[0], 200)
        self.get("/control/spin")
        self.assert_silent()
        self.assertEqual(self.state(), "R")

    # -- control file and client

    def test_control_file(self):
        self.start("--beat", "20ms")
        with open(self.control, "w", encoding="ascii") as f:
            f.write("unhealthy\n")
        while self.get("/health")[0] != 503:
            pass
        self.assertFalse(os.path.exists(self.control))
        with open(self.control, "w", encoding="ascii"):
            pass
        lines = iter(self.child.stdout.readline, "")
        self.assertIn("command: hang\n", lines)
        self.assert_silent()
        self.assertFalse(os.path.exists(self.control))

    def test_control_file_is_there_before(self):
        with open(self.control, "w", encoding="ascii") as f:
            f.write("exit 9")
        self.start(ready=False)
        self.assertEqual(self.exit_code()[0], 9)
        self.start()

    def test_control_file_with_nonsense(self):
        with open(self.control, "w", encoding="ascii") as f:
            f.write("dance \x1b[31m")
        self.start()
        self.child.terminate()
        self.assertEqual(self.exit_code()[0], 0)
        self.assertIn(r'"dance \033[31m"', self.err)

    def test_control_file_in_a_folder_to_come(self):
        self.control = f"{self.folder.name}/later/crash"
        self.start()
        os.mkdir(f"{self.folder.name}/later")
        os.rename(self.write(f"{self.folder.name}/x", "exit 5"), self.control)
        self.assertEqual(self.exit_code()[0], 5)

    def test_control_file_may_not_be_a_link(self):
        self.start()
        os.symlink(self.write(f"{self.folder.name}/x", "exit 5"), self.control)
        # A link gives no event of its own; another file that is moved there does, and comes after it.
        os.rename(self.write(f"{self.folder.name}/y", "exit 6"), self.control)
        self.assertEqual(self.exit_code()[0], 6)

    @staticmethod
    def write(path, text):
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        return path

    def test_ctl(self):
        def ctl(*args):
            return subprocess.run([PROGRAM, "ctl", *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  timeout=TIMEOUT, check=False)
        self.assertEqual(ctl("--unix", self.path, "hang").returncode, 3)
        self.start()
        self.assertEqual(ctl("--unix", self.path, "unhealthy").stdout, "ok: unhealthy\n")
        self.assertEqual(ctl("--unix", self.path, "get", "/health").returncode, 1)
        self.assertEqual(ctl("--unix", self.path, "dance").returncode, 2)
        self.assertEqual(ctl("--unix", self.path, "exit", "x").returncode, 2)
        self.assertEqual(ctl("--unix", self.path).returncode, 2)
        self.assertEqual(ctl("--control-file", self.control, "exit", "4").returncode, 0)
        self.assertEqual(self.exit_code()[0], 4)

    # -- the rest of the command line

    def test_oneshot_prints(self):
        self.start("--no-http", "--oneshot", "5", "--print-args", "--print-env", "A", "--print-env", "B", "--", "x y",
                   "", "\u00e4\n%n$HOME;", where=False, ready=False, env={"A": 'q"\t'})
        code, out = self.exit_code()
        self.assertEqual(code, 5)
        self.assertIn('argv[0]: "' + PROGRAM, out)
        self.assertTrue(out.endswith('"x y"\nargv[13]: ""\nargv[14]: "\\303\\244\\n%n$HOME;"\n'
                                     'env A: "q\\"\\t"\nenv B: unset\n'), out)

    def test_no_http(self):
        self.start("--no-http", "--beat", "20ms", where=False)
        self.wait_beat()
        self.assertIn("serving nothing", self.child.stdout.readline())

    def test_misuse(self):
        for args in (["--port", "x"], ["--port", "65536"], ["--nonsense"], ["operand"], ["--beat", "0"],
                     ["--oneshot", "256"], ["--slow-start", "soon"], ["--unix", "a", "--port", "1"]):
            r = subprocess.run([PROGRAM, *args], stderr=subprocess.PIPE, timeout=TIMEOUT, check=False)
            self.assertEqual(r.returncode, 2, args)
            self.assertTrue(r.stderr)
        r = subprocess.run([PROGRAM, "--help"], stdout=subprocess.PIPE, text=True, check=False)
        self.assertIn("ignore-sigterm", r.stdout)
        self.assertEqual(r.returncode, 0)

    def rss_kib(self):
        with open(f"/proc/{self.child.pid}/status", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))

    def test_stays_small(self):
        self.start()
        for _ in range(50):
            self.get("/")
        before = self.rss_kib()
        with open(PROGRAM, "rb") as f:
            if b"__asan_init" in f.read():
                self.skipTest("built with a sanitizer")
        for _ in range(500):
            self.get("/status")
        self.assertLess(before, 2048)
        self.assertLess(self.rss_kib() - before, 256)


if __name__ == "__main__":
    unittest.main(verbosity=2)
