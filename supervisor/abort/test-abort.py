#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""phoenix-abort against real processes in a real cgroup2 tree of its own. Skipped (77) where cgroup2 is not writable.

The tree looks like that of a Quadlet container with cgroups=split: PT.service/{.control,supervisor,libpod-payload-1}.
"""
import ctypes
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = sys.argv.pop(1)
IGNORE_ALL = "import signal,os\nfor s in (15,6): signal.signal(s, signal.SIG_IGN)\n"
READY = "os.write(1,b'r')\nwhile True: signal.pause()\n"
PLAIN = "import signal,os\n" + READY
# Like a container's init: stdout and stderr are the pipes named in the arguments, and SIGABRT makes it dump. The word
# that it is ready goes to the old stdout, of which nothing is left then.
DUMP = """import os, signal, sys
def dump(*args):
    try:
        DO
    finally:
        os._exit(134)
word = os.dup(1)
for target, fd in zip((1, 2), map(int, sys.argv[1:])): os.dup2(fd, target) if fd >= 0 else os.close(target)
for fd in set(map(int, sys.argv[1:])) - {-1}: os.close(fd)
signal.signal(6, dump)
os.write(word, b"r")
os.close(word)
while True: signal.pause()
"""
CATCH = "import signal,os\nsignal.signal(6, lambda *a: (os.write(2,b'dump'), os._exit(134)))\n" + READY


def cgroup2_mount():
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        for line in f:
            left, right = line.split(" - ")
            if right.startswith("cgroup2 "):
                return left.split()[4]
    return None


def own_cgroup():
    with open("/proc/self/cgroup", encoding="utf-8") as f:
        return next((line.strip()[3:] for line in f if line.startswith("0::")), None)


ROOT = cgroup2_mount()
TREE = f"{ROOT}{(own_cgroup() or '').rstrip('/')}/phoenix-test-{os.getpid()}"


def is_usable():
    """Needs to make cgroups and to move a process of ours there (a service manager may hold the common ancestor)."""
    try:
        os.mkdir(TREE)
        with subprocess.Popen(["sleep", "60"]) as p:
            try:
                with open(f"{TREE}/cgroup.procs", "w", encoding="utf-8") as f:
                    f.write(str(p.pid))
            finally:
                p.kill()
        return True
    except OSError as e:
        print(f"SKIP: cannot use cgroup2 here: {e}", file=sys.stderr)
        if os.path.isdir(TREE):
            os.rmdir(TREE)
        return False


def join(group):
    """To be run in the child: puts itself into a cgroup."""
    with open(f"{TREE}/PT.service/{group}/cgroup.procs", "w", encoding="utf-8") as f:
        f.write("0")


class Tree(unittest.TestCase):
    GROUPS = ("", ".control", "supervisor", "libpod-payload-1", "libpod-payload-1/sub")

    def setUp(self):
        self.children = []
        for group in self.GROUPS:
            os.mkdir(f"{TREE}/PT.service/{group}")

    def tearDown(self):
        for child in self.children:
            child.kill()
            child.wait()
            child.stdout.close()
        # What a failed test has left must not fail the next one.
        with open(f"{TREE}/PT.service/cgroup.kill", "w", encoding="utf-8") as f:
            f.write("1")
        for group in reversed(self.GROUPS):
            for _ in range(500):
                try:
                    os.rmdir(f"{TREE}/PT.service/{group}")
                    break
                except OSError:
                    time.sleep(0.01)

    def wait_for_member(self, group, pid):
        """The init can be ready before its parent has left the payload."""
        for _ in range(1000):
            with open(f"{TREE}/PT.service/{group}/cgroup.procs", encoding="utf-8") as f:
                if str(pid) in f.read().split():
                    return
            time.sleep(0.01)
        self.fail(f"{pid} never came to {group}")

    def start(self, group, code=PLAIN, pidns=False, fds=()):
        """Starts a process in the cgroup and waits for its word that its signal handlers are set."""
        def prepare():
            join(group)
            if pidns and ctypes.CDLL(None).unshare(0x20000000) != 0:
                raise OSError("unshare")
        argv = [sys.executable, "-c", code]
        if pidns:
            # The first child after unshare() is the init; its parent waits outside of the payload.
            argv = [sys.executable, "-c",
                    "import os,sys\np=os.fork()\n"
                    "if p==0: os.execv(sys.executable,[sys.executable,'-c',*sys.argv[2:]])\n"
                    "open(sys.argv[1],'w').write('0')\n"
                    "for fd in set(map(int, sys.argv[3:]))-{-1}: os.close(fd)\n"
                    "sys.exit(os.waitstatus_to_exitcode(os.waitpid(p,0)[1]) & 255)",
                    f"{TREE}/PT.service/supervisor/cgroup.procs", code]
        argv += map(str, fds)
        child = subprocess.Popen(argv, stdout=subprocess.PIPE, preexec_fn=prepare, pass_fds=set(fds) - {-1})
        self.children.append(child)
        self.assertTrue(select.select([child.stdout], [], [], 10)[0], "the child did not start")
        self.assertEqual(child.stdout.read1(1), b"r")
        if pidns:
            self.wait_for_member("supervisor", child.pid)
        return child

    def abort(self, result="watchdog", group=".control", args=(), program=PROGRAM, user=0):
        env = {"PHOENIX_CGROUP_ROOT": ROOT, "SERVICE_RESULT": result}

        def prepare():
            join(group)
            if user:
                os.setgroups([])
                os.setresgid(user, user, user)
                os.setresuid(user, user, user)
        start = time.monotonic()
        r = subprocess.run([program, *args], env=env, preexec_fn=prepare, stderr=subprocess.PIPE, text=True, timeout=30,
                           check=False)
        self.elapsed = time.monotonic() - start
        self.assertEqual(r.returncode, 0)
        return r.stderr

    def assert_killed_after(self, text, grace_msec):
        """Never before the grace is over; how much later depends on how busy the machine is."""
        found = re.search(r"SIGABRT to 2 processes of the payload, SIGKILL after (\d+) ms, gone after \d+ ms", text)
        self.assertTrue(found, text)
        self.assertGreaterEqual(int(found.group(1)), grace_msec)
        self.assertLess(int(found.group(1)), 20 * grace_msec)

    def ended(self, child):
        return child.wait(timeout=10)


class Abort(Tree):
    def test_aborts_payload_only(self):
        conmon, a, b = self.start("supervisor"), self.start("libpod-payload-1"), self.start("libpod-payload-1/sub")
        self.assertRegex(self.abort(args=["--grace", "20s"]), r"^watchdog: SIGABRT to 2 processes of the payload, gone after \d+ ms\n$")
        self.assertEqual((self.ended(a), self.ended(b)), (-signal.SIGABRT, -signal.SIGABRT))
        self.assertIsNone(conmon.poll())

    def test_stopped_process(self):
        a = self.start("libpod-payload-1")
        a.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, a.pid, os.WSTOPPED | os.WNOWAIT)
        self.assertIn("gone after", self.abort(args=["--grace", "20s"]))
        self.assertEqual(self.ended(a), -signal.SIGABRT)

    def test_who_ignores_is_killed_at_once(self):
        a = self.start("libpod-payload-1", IGNORE_ALL + READY)
        self.assertIn("SIGABRT cannot end the payload, SIGKILL at once, gone", self.abort(args=["--grace", "20s"]))
        self.assertEqual(self.ended(a), -signal.SIGKILL)
        self.assertLess(self.elapsed, 10)

    def test_grace_for_the_others(self):
        a, b = self.start("libpod-payload-1", IGNORE_ALL + READY), self.start("libpod-payload-1")
        text = self.abort(args=["--grace", "150ms"])
        self.assert_killed_after(text, 150)
        self.assertEqual((self.ended(a), self.ended(b)), (-signal.SIGKILL, -signal.SIGABRT))

    def test_frozen_cgroup(self):
        a = self.start("libpod-payload-1")
        events = os.open(f"{TREE}/PT.service/libpod-payload-1/cgroup.events", os.O_RDONLY)
        with open(f"{TREE}/PT.service/libpod-payload-1/cgroup.freeze", "w", encoding="utf-8") as f:
            f.write("1")
        poll = select.poll()
        poll.register(events, select.POLLPRI)
        while b"frozen 1" not in os.pread(events, 256, 0):
            poll.poll(1000)
        os.close(events)
        self.assertIn("SIGKILL at once", self.abort(args=["--grace", "20s"]))
        self.assertIn(self.ended(a), (-signal.SIGKILL, -signal.SIGABRT))

    def test_success_touches_nothing(self):
        a = self.start("libpod-payload-1")
        self.assertEqual(self.abort(result="success"), "")
        self.assertEqual(self.abort(result=""), "")
        self.assertIsNone(a.poll())

    def test_nothing_left_is_silent(self):
        self.assertEqual(self.abort(), "")

    def test_other_failure(self):
        a = self.start("libpod-payload-1")
        self.assertRegex(self.abort(result="exit-code", args=["--grace", "20s"]), r"^exit-code: SIGTERM to 1 process of the payload, gone")
        self.assertEqual(self.ended(a), -signal.SIGTERM)

    def test_plain_service_shares_our_cgroup(self):
        os.rmdir(f"{TREE}/PT.service/libpod-payload-1/sub")
        os.rmdir(f"{TREE}/PT.service/libpod-payload-1")
        a, b = self.start(""), self.start("", IGNORE_ALL + READY)
        other = self.start("supervisor")
        text = self.abort(group="", args=["--grace", "100ms"])
        self.assert_killed_after(text, 100)
        self.assertEqual((self.ended(a), self.ended(b)), (-signal.SIGABRT, -signal.SIGKILL))
        self.assertIsNone(other.poll())
        os.mkdir(f"{TREE}/PT.service/libpod-payload-1")
        os.mkdir(f"{TREE}/PT.service/libpod-payload-1/sub")

    def test_own_helpers_are_left_alone(self):
        """The lease of a plain service is among its processes; a program of that name from elsewhere is payload."""
        def helper(folder):
            program = shutil.copy(shutil.which("sleep"), f"{folder}/phoenix-lease")
            child = subprocess.Popen([program, "60"], stdout=subprocess.PIPE, preexec_fn=lambda: join("supervisor"))
            with open(f"{TREE}/PT.service/cgroup.procs", "w", encoding="utf-8") as f:
                f.write(str(child.pid))
            self.children.append(child)
            return child
        os.rmdir(f"{TREE}/PT.service/libpod-payload-1/sub")
        os.rmdir(f"{TREE}/PT.service/libpod-payload-1")
        try:
            with tempfile.TemporaryDirectory() as ours, tempfile.TemporaryDirectory() as theirs:
                lease, other = helper(ours), helper(theirs)
                text = self.abort(group="", args=["--grace", "20s"], program=shutil.copy(PROGRAM, f"{ours}/phoenix-abort"))
                self.assertIn("SIGABRT to 1 process of the payload, gone", text)
                self.assertEqual(self.ended(other), -signal.SIGABRT)
                self.assertIsNone(lease.poll())
        finally:
            os.mkdir(f"{TREE}/PT.service/libpod-payload-1")
            os.mkdir(f"{TREE}/PT.service/libpod-payload-1/sub")

    def test_lonely_init(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to make a PID namespace")
        a = self.start("libpod-payload-1", pidns=True)
        text = self.abort(args=["--grace", "20s"])
        self.assertRegex(text, r"PID 1 of a container, with no handler: run it with an init\), SIGKILL at once, gone")
        self.ended(a)
        self.assertLess(self.elapsed, 10)

    def test_init_with_a_handler(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to make a PID namespace")
        a = self.start("libpod-payload-1", CATCH, pidns=True)
        self.assertIn("SIGABRT to 1 process of the payload, gone after", self.abort(args=["--grace", "20s"]))
        self.assertEqual(self.ended(a), 134)

    def test_forks_cannot_outrun_it(self):
        self.start("libpod-payload-1", IGNORE_ALL + "os.write(1,b'r')\n"
                   "while True:\n  p=os.fork()\n  if p: os._exit(0)\n  os.setsid()\n")
        self.assertIn("gone after", self.abort(args=["--grace", "50ms"]))
        with open(f"{TREE}/PT.service/libpod-payload-1/cgroup.events", encoding="utf-8") as f:
            self.assertIn("populated 0", f.read())

    def test_core_dump_is_not_cut_off(self):
        with open("/proc/sys/kernel/core_pattern", encoding="utf-8") as f:
            if f.read().strip() != "core":
                self.skipTest("cores do not go to the working directory")
        with tempfile.TemporaryDirectory(prefix="phoenix-test-abort-") as folder:
            a = self.start("libpod-payload-1", f"import os,signal,resource,ctypes\nos.chdir({folder!r})\n"
                           "resource.setrlimit(resource.RLIMIT_CORE, (-1, -1))\nx=bytearray(os.urandom(1<<20)*256)\n"
                           + READY)
            text = self.abort(args=["--grace", "100ms"])
            _, status = os.waitpid(a.pid, 0)
            a.returncode = -os.WTERMSIG(status)
            self.assertRegex(text, r"SIGABRT to 1 process of the payload, gone after \d+ ms\n$")
            self.assertTrue(os.WCOREDUMP(status))
            self.assertGreater(sum(os.path.getsize(f"{folder}/{n}") for n in os.listdir(folder)), 256 << 20)

    def test_many(self):
        code = ("import signal,os\nfor i in range(700):\n  if os.fork()==0: break\nelse: os.write(1,b'r')\n"
                "while True: signal.pause()\n")
        self.start("libpod-payload-1", code)
        found = re.search(r"SIGABRT to (\d+) processes of the payload, gone", self.abort(args=["--grace", "10s"]))
        self.assertTrue(found)
        self.assertEqual(int(found.group(1)), 701)

    def test_verdict(self):
        """Run by a lease there is no result yet; conmon lives, and reads on."""
        conmon, a = self.start("supervisor"), self.start("libpod-payload-1")
        text = self.abort(result="", args=["--verdict", "--grace=20s"])
        self.assertRegex(text, r"^watchdog: SIGABRT to 1 process of the payload, gone after \d+ ms\n$")
        self.assertEqual(self.ended(a), -signal.SIGABRT)
        self.assertIsNone(conmon.poll())

    def test_waits_for_the_lease(self):
        """Also after a plain stop, so that the manager's last SIGKILL finds nobody; but not for ever."""
        with tempfile.TemporaryDirectory() as ours:
            program = shutil.copy(PROGRAM, f"{ours}/phoenix-abort")
            shutil.copy(shutil.which("sleep"), f"{ours}/phoenix-lease")
            with subprocess.Popen([f"{ours}/phoenix-lease", "600"], preexec_fn=lambda: join(".control")) as lease:
                self.assertEqual(self.abort(result="success", program=program), "")
                waited = self.elapsed
                self.assertGreater(waited, 0.19)
                self.assertIsNone(lease.poll())
                lease.kill()
            # Nobody to wait for: at once, however long a process takes to start here now.
            self.assertTrue(any(self.abort(result="success", program=program) == "" and self.elapsed < 0.19
                                for _ in range(20)), self.elapsed)

    def test_misuse(self):
        for args in (["--grace", "soon"], ["--nonsense"], ["x"]):
            r = subprocess.run([PROGRAM, *args], stderr=subprocess.PIPE, check=False)
            self.assertEqual(r.returncode, 2)
            self.assertTrue(r.stderr)


@unittest.skipUnless(os.geteuid() == 0, "needs root to make a PID namespace")
class Pump(Tree):
    """What a container says after conmon, the reader of its pipes, is gone."""

    def container(self, do, stdio="ab", before=b"", group="libpod-payload-1", start=None):
        """Starts an init whose stdout and stderr are those pipes ("aa": the same one, "-": closed), `before` being in
        the first one already. The read ends, conmon's, are in self.readers."""
        pipes = {name: os.pipe() for name in sorted(set(stdio) - {"-"})}
        self.readers = [r for r, _ in pipes.values()]
        if before:
            os.write(pipes["a"][1], before)
        fds = [pipes[name][1] if name in pipes else -1 for name in stdio]
        child = (start or self.start)(group, DUMP.replace("DO", do), pidns=True, fds=fds)
        for _, w in pipes.values():
            os.close(w)
        return child

    def conmon_dies(self):
        for r in self.readers:
            os.close(r)
        self.readers = []

    def wait_for_processes(self, n):
        """Until there are so many in .control: phoenix-abort and its pump."""
        for _ in range(1000):
            with open(f"{TREE}/PT.service/.control/cgroup.procs", encoding="utf-8") as f:
                if len(f.read().split()) == n:
                    return
            time.sleep(0.01)
        self.fail(f"never {n} processes in .control")

    def dump(self, child, **kwargs):
        """What is in the journal before the line that tells the outcome."""
        lines = self.abort(args=["--grace", "20s"], **kwargs).splitlines()
        self.assertEqual(self.ended(child), 134)
        self.assertLess(self.elapsed, 10)
        self.assertRegex(lines.pop(), r"^watchdog: SIGABRT to 1 process of the payload, gone after \d+ ms$")
        return lines

    def test_both_pipes_and_what_was_in_them(self):
        child = self.container(r"os.write(1, b'out\n'); os.write(2, b'err\n')", before=b"before\n")
        self.conmon_dies()
        self.assertEqual(sorted(self.dump(child)), ["before", "err", "out"])

    def test_one_pipe_and_no_newline(self):
        child = self.container(r"os.write(2, b'one\n'); os.write(1, b'two')", stdio="aa")
        self.conmon_dies()
        self.assertEqual(self.dump(child), ["one", "two"])

    def test_stopped(self):
        child = self.container(r"os.write(2, b'dump\n')")
        self.conmon_dies()
        with open(f"{TREE}/PT.service/libpod-payload-1/cgroup.procs", encoding="utf-8") as f:
            os.kill(int(f.read()), signal.SIGSTOP)
        self.assertEqual(self.dump(child), ["dump"])

    def test_closed(self):
        child = self.container("pass", stdio="--")
        self.assertEqual(self.dump(child), [])
        child = self.container(r"os.write(1, b'out\n')", stdio="a-")
        self.conmon_dies()
        self.assertEqual(self.dump(child), ["out"])

    def test_another_reader_keeps_its_data(self):
        child = self.container(r"os.write(1, b'out\n'); os.write(2, b'err\n')")
        os.close(self.readers.pop(0))
        self.assertEqual(self.dump(child), ["out"])
        self.assertEqual(os.read(self.readers[0], 100), b"err\n")
        self.conmon_dies()

    def test_only_for_a_dump(self):
        child = self.container("pass", before=b"before\n")
        self.conmon_dies()
        self.assertNotIn("before", self.abort(result="exit-code"))
        self.ended(child)

    def test_only_in_a_container(self):
        for group in ("libpod-payload-1/sub", "libpod-payload-1"):
            os.rmdir(f"{TREE}/PT.service/{group}")
        child = self.container("pass", group="", before=b"before\n")
        self.conmon_dies()
        self.assertEqual(self.dump(child), [])
        for group in ("libpod-payload-1", "libpod-payload-1/sub"):
            os.mkdir(f"{TREE}/PT.service/{group}")

    def test_exactly_as_much_as_allowed(self):
        child = self.container(r"for i in range((1 << 14) - 1): os.write(2, b'%063d\n' % i)")
        self.conmon_dies()
        self.assertEqual(self.dump(child), ["%063d" % i for i in range((1 << 14) - 1)])

    def test_too_much(self):
        child = self.container("while os.write(2, b'x' * 4096): pass")
        self.conmon_dies()
        lines = self.dump(child)
        self.assertEqual((len(lines[0]), set(lines[0])), (1 << 20, {"x"}))
        self.assertEqual(lines[1:], ["phoenix-abort: output of the container cut after 1 MiB"])

    def test_stuck_journal_keeps_nothing_alive(self):
        child = self.container("while os.write(2, b'x' * 4096): pass")
        self.conmon_dies()
        env = {"PHOENIX_CGROUP_ROOT": ROOT, "SERVICE_RESULT": "watchdog"}
        with subprocess.Popen([PROGRAM, "--grace", "100ms"], env=env, preexec_fn=lambda: join(".control"),
                              stderr=subprocess.PIPE) as program:
            self.ended(child)
            self.wait_for_processes(1)
            # Not assertIn(): nobody wants to see all that.
            self.assertTrue(b"not all output of the container was copied in time\n" in program.stderr.read())
            self.assertEqual(program.wait(timeout=10), 0)

    def test_somebody_else_keeps_the_pipe_open(self):
        """Then there is no end to wait for."""
        child = self.container(r"os.write(2, b'dump\n')", stdio="aa")
        writer = os.open(f"/proc/self/fd/{self.readers[0]}", os.O_WRONLY)
        self.conmon_dies()
        lines = self.dump(child)
        os.close(writer)
        self.assertEqual(lines, ["dump", "phoenix-abort: not all output of the container was copied in time"])

    def test_no_pump_is_left(self):
        child = self.container("while True: os.write(2, b'x' * 4096)")
        self.conmon_dies()
        env = {"PHOENIX_CGROUP_ROOT": ROOT, "SERVICE_RESULT": "watchdog"}
        with subprocess.Popen([PROGRAM, "--grace", "20s"], env=env, preexec_fn=lambda: join(".control"),
                              stderr=subprocess.PIPE) as program:
            # Stuck in a write: only a signal ends it.
            self.assertEqual(program.stderr.read(1), b"x")
            self.wait_for_processes(2)
            program.kill()
            self.wait_for_processes(0)
        self.assertEqual(self.ended(child), 134)

    def test_rootless(self):
        """Pipes of a subordinate UID, and a plain user whose only right is to own the user namespace."""
        user, sub = 64001, 640000

        def start(_group, code, pidns, fds):
            # The steps of rootless Podman: the user makes the namespaces, somebody with rights maps them.
            self.assertTrue(pidns)
            for fd in fds:
                os.fchown(fd, sub + 9, sub + 9)
                os.fchmod(fd, 0o600)
            launch = ("import ctypes,os,signal,sys\n"
                      "os.setgroups([]); os.setresgid(USER,USER,USER); os.setresuid(USER,USER,USER)\n"
                      "if ctypes.CDLL(None).unshare(0x30000000): sys.exit(77)\n"
                      "os.write(1,b'u'); os.read(0,1); p=os.fork()\n"
                      "if p:\n"
                      "  for fd in map(int, sys.argv[2:]): os.close(fd)\n"
                      "  sys.exit(os.waitstatus_to_exitcode(os.waitpid(p,0)[1]) & 255)\n"
                      "os.setresgid(10,10,10); os.setresuid(10,10,10)\n"
                      # As after an exec(), which such a user might not be allowed here.
                      "ctypes.CDLL(None).prctl(4,1,0,0,0); code=sys.argv.pop(1); exec(code)").replace("USER", str(user))
            child = subprocess.Popen([sys.executable, "-c", launch, code, *map(str, fds)], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, preexec_fn=lambda: join("supervisor"), pass_fds=fds)
            self.children.append(child)
            if child.stdout.read1(1) != b"u":
                self.skipTest("a plain user may not make a user namespace")
            for name in ("uid_map", "gid_map"):
                with open(f"/proc/{child.pid}/{name}", "w", encoding="utf-8") as f:
                    f.write(f"0 {user} 1\n1 {sub} 1000\n")
            child.stdin.write(b"m")
            child.stdin.close()
            self.assertEqual(child.stdout.read1(1), b"r")
            with open(f"/proc/{child.pid}/task/{child.pid}/children", encoding="utf-8") as f:
                init = f.read().strip()
            with open(f"{TREE}/PT.service/libpod-payload-1/cgroup.procs", "w", encoding="utf-8") as f:
                f.write(init)
            return child

        child = self.container(r"os.write(2, b'dump\n')", start=start)
        self.conmon_dies()
        with tempfile.TemporaryDirectory(prefix="phoenix-test-abort-") as folder:
            os.chmod(folder, 0o755)
            self.assertEqual(self.dump(child, user=user, program=shutil.copy(PROGRAM, folder)), ["dump"])


if __name__ == "__main__":
    if not ROOT or own_cgroup() is None or not is_usable():
        sys.exit(77)
    try:
        program = unittest.main(exit=False, verbosity=2)
    finally:
        os.rmdir(TREE)
    sys.exit(not program.result.wasSuccessful())
