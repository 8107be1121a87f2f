#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command as a user calls it, without a service manager: exit statuses, what is said where, and
that JSON is JSON. Specs come from temporary folders over PHOENIX_SPEC_PATH.

usage: test-cli.py PHOENIX GENERATOR ("-": tests that need the generator are skipped)
"""

import json
import os
import pathlib
import pty
import subprocess
import sys
import tempfile
import unittest

PHOENIX = ""
GENERATOR = "-"

GOOD = {"type": "binary", "image": "/usr/bin/sleep", "args": ["infinity"]}


class Case(unittest.TestCase):
    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.temp.name)
        self.specs = self.root / "specs"
        self.lower = self.root / "lower"
        self.specs.mkdir()
        self.lower.mkdir()

    def tearDown(self):
        self.temp.cleanup()

    def put(self, name, content, folder=None):
        path = (folder or self.specs) / f"{name}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def environment(self, **more):
        env = {
            "PATH": os.environ["PATH"],
            "PHOENIX_SPEC_PATH": f"{self.specs}:{self.lower}",
            "PHOENIX_PLAN_DIR": str(self.root / "plans"),
            "PHOENIX_GENERATOR": GENERATOR if GENERATOR != "-" else "/nonexistent/generator",
            # No service manager is there, whatever runs on this machine.
            "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent/bus",
            "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus",
            "XDG_RUNTIME_DIR": str(self.root / "run"),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", ""),
            "LC_ALL": "C.UTF-8",
        }
        env.update(more)
        return env

    def phoenix(self, *args, status=0, stdin="", **env):
        done = subprocess.run([PHOENIX, *map(str, args)], input=stdin, capture_output=True,
                              encoding="utf-8", timeout=60, env=self.environment(**env))
        self.assertEqual(done.returncode, status, f"{args}: {done.stdout}{done.stderr}")
        return done

    def user(self, *args, **more):
        """A manager that nobody answers for, as root too."""
        return self.phoenix("--user", *args, **more)


class Usage(Case):
    def test_help(self):
        out = self.phoenix("--help").stdout
        for verb in ("check", "show", "explain", "services", "schema"):
            self.assertIn(f"\n  {verb} ", out)
            page = self.phoenix(verb, "--help").stdout
            self.assertTrue(page.startswith(f"phoenix {verb} "), page)
            self.assertEqual(page, self.phoenix("help", verb).stdout)
        self.assertNotIn("\x1b", out)
        self.phoenix("help", "nothing", status=2)

    def test_version(self):
        self.assertRegex(self.phoenix("--version").stdout, r"^phoenix \d+\.\d+\.\d+\n$")

    def test_wrong(self):
        for args, says in [
            ([], "a verb is missing"),
            (["chekc"], 'did you mean "check"'),
            (["zzz"], "phoenix --help"),
            ([""], "unknown verb"),
            (["check", "--jsno"], 'did you mean "--json"'),
            (["-x"], '"-x"'),
            (["check", "--all"], 'takes no --all'),
            (["show"], "something is missing"),
            (["show", "a", "b"], "too many"),
            (["services", "web"], "too many"),
            (["--user", "--system", "check"], "exclude"),
            (["show", "--spec", "--plan", "web"], "exclude"),
            (["explain", "./web.json"], "NAME"),
            (["logs", "web", "--lines"], "--lines needs a value"),
            (["logs", "web", "--lines=x"], '"x" is no N'),
            (["logs", "web", "--since=soon"], '"soon" is no WHEN'),
            (["check", "-f"], "takes no --follow"),
            (["maintenance", "web", "on", "--for=x\x1b"], '"x?" is no SPAN'),
            (["bad\x1b[31m"], "bad?[31m"),
        ]:
            with self.subTest(args=args):
                done = self.phoenix(*args, status=2)
                self.assertIn(says, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_full_output(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PHOENIX, "--help"], stdout=full, stderr=subprocess.PIPE,
                                  encoding="utf-8", timeout=60, env=self.environment())
        self.assertEqual(done.returncode, 3)
        self.assertIn("No space left", done.stderr)


class Check(Case):
    def test_good(self):
        self.put("web", GOOD)
        self.assertEqual(self.phoenix("check").stdout, "1 spec, 0 errors, 0 warnings\n")

    def test_empty(self):
        self.assertEqual(self.phoenix("check").stdout, "0 specs, 0 errors, 0 warnings\n")

    def test_findings(self):
        path = self.put("web", '{\n  "type": "binary", "image": "/bin/true",\n'
                               '  "restart": {"delay": "5 parsecs"},\n  "helthcheck": 1\n}\n')
        lines = self.phoenix("check", status=1).stdout.splitlines()
        self.assertTrue(lines[0].startswith(f'{path}:3:24: restart.delay: "5 parsecs" '), lines)
        self.assertEqual(lines[1], '      "restart": {"delay": "5 parsecs"},')
        self.assertEqual(lines[2], " " * 27 + "^~~~~~~~~~~")
        self.assertIn("warning: helthcheck: unknown key", lines[3])
        self.assertEqual(lines[-1], "1 spec, 1 error, 1 warning")

    def test_strict(self):
        self.put("web", {**GOOD, "helthcheck": 1})
        self.phoenix("check")
        self.phoenix("check", "--strict", status=1)

    def test_json(self):
        path = self.put("web", '{"type": "binary",\n "image": 7, "x\\u001b": 1}')
        found = json.loads(self.phoenix("check", "--json", status=1).stdout)
        self.assertGreaterEqual(len(found), 2)
        for finding in found:
            self.assertEqual(set(finding), {"file", "line", "column", "key", "severity", "code",
                                            "message", "hint"})
            self.assertEqual(finding["file"], str(path))
        image = [f for f in found if f["key"] == "image"][0]
        self.assertEqual((image["line"], image["column"], image["severity"], image["code"]),
                         (2, 11, "error", "wrong-type"))
        self.put("web", GOOD)
        self.assertEqual(json.loads(self.phoenix("check", "--json").stdout), [])

    def test_between_files(self):
        self.put("web", {**GOOD, "needs": ["db"]})
        path = self.put("dbx", GOOD)
        found = json.loads(self.phoenix("check", "--json", status=1).stdout)
        self.assertEqual([f["code"] for f in found], ["missing-spec"])
        path.rename(self.specs / "db.json")
        self.phoenix("check")
        # A file by itself is not blamed for what is missing beside it.
        self.phoenix("check", self.specs / "web.json")

    def test_arguments(self):
        good = self.put("good", GOOD)
        bad = self.put("bad", "{")
        self.phoenix("check", good)
        self.phoenix("check", bad, status=1)
        self.phoenix("check", good, bad, status=1)
        self.phoenix("check", "good")
        self.phoenix("check", "bad", status=1)
        out = self.phoenix("check", self.specs, status=1).stdout
        self.assertTrue(out.endswith("2 specs, 1 error, 0 warnings\n"), out)
        self.phoenix("check", self.root / "none.json", status=1)
        self.assertIn('did you mean "good"', self.phoenix("check", "godo", status=4).stderr)

    def test_stdin(self):
        self.phoenix("check", "-", stdin=json.dumps(GOOD))
        out = self.phoenix("check", "-", stdin='{"type": 1}', status=1).stdout
        self.assertTrue(out.startswith("stdin:1:10: type: "), out)
        self.assertIn("\n    {", out)
        self.phoenix("check", "-", stdin="", status=1)
        self.assertIn("larger than 1 MiB", self.phoenix("check", "-", stdin=" " * (1 << 20) + "{}",
                                             status=1).stdout)

    def test_masked(self):
        self.put("web", GOOD, self.lower)
        (self.specs / "web.json").symlink_to("/dev/null")
        self.assertEqual(self.phoenix("check").stdout,
                         "0 specs, 0 errors, 0 warnings, 1 masked\n")

    def test_hostile(self):
        """Nothing of a file reaches the terminal as a control character."""
        self.put("web", b'{"type": "\\u001b[31m", "\x1b]0;x\x07": 1, "a": "\xff"}'.decode("latin1"))
        (self.specs / "a\x1b[1m.json").write_text("{\x1b[2J")
        for args in (["check"], ["check", "--json"], ["services", "--all"], ["show", "--spec", "web"]):
            done = self.phoenix("--user", *args, status=1 if "check" in args else 0)
            shown = (done.stdout + done.stderr).replace("\n", "").replace("\t", "")
            self.assertFalse([c for c in shown if ord(c) < 32 or 127 <= ord(c) < 160], repr(shown))

    def test_colour(self):
        """Colours on a terminal, unless NO_COLOR or --no-color says otherwise."""
        self.put("web", "{")
        self.assertIn("\x1b[31m", self.on_terminal("check"))
        self.assertNotIn("\x1b", self.on_terminal("check", NO_COLOR="1"))
        self.assertNotIn("\x1b", self.on_terminal("check", "--no-color"))
        self.assertNotIn("\x1b", self.on_terminal("check", TERM="dumb"))

    def on_terminal(self, *args, **env):
        parent, child = pty.openpty()
        process = subprocess.Popen([PHOENIX, *args], stdout=child, stderr=child,
                                   env=self.environment(**{"TERM": "xterm", **env}))
        os.close(child)
        out = b""
        while True:
            try:
                data = os.read(parent, 65536)
            except OSError:
                break
            if not data:
                break
            out += data
        os.close(parent)
        process.wait(timeout=60)
        return out.decode()


class Show(Case):
    def test_spec(self):
        path = self.put("web", json.dumps(GOOD) + "\n")
        self.assertEqual(self.phoenix("show", "--spec", "web").stdout,
                         f"# {path}\n{json.dumps(GOOD)}\n")
        self.assertEqual(self.phoenix("show", "--spec", path).stdout,
                         f"# {path}\n{json.dumps(GOOD)}\n")
        shown = json.loads(self.phoenix("show", "--spec", "--json", "web").stdout)
        self.assertEqual(json.loads(shown["text"]), GOOD)

    def test_plan(self):
        self.put("web", GOOD)
        plan = json.loads(self.phoenix("show", "--plan", "web").stdout)
        self.assertEqual((plan["name"], plan["restart"]["policy"]), ("web", "always"))
        self.assertEqual(plan, json.loads(self.phoenix("show", "--plan", "phoenix@web.service").stdout))

    def test_plan_of_broken(self):
        path = self.put("web", "{")
        for name in ("web", path):
            done = self.phoenix("show", "--plan", name, status=1)
            self.assertEqual(done.stdout, "")
            self.assertIn(f"{path}:1:", done.stderr)

    def test_missing(self):
        self.put("web", GOOD)
        self.assertIn('did you mean "web"', self.phoenix("show", "wbe", status=4).stderr)
        self.assertIn(str(self.specs), self.phoenix("show", "zzzz", status=4).stderr)
        self.phoenix("show", "./none.json", status=4)

    def test_no_generator(self):
        self.put("web", GOOD)
        done = self.phoenix("show", "web", status=3, PHOENIX_GENERATOR="/nonexistent/generator")
        self.assertIn("cannot be run: No such file", done.stderr)

    def test_units(self):
        if GENERATOR == "-":
            self.skipTest("no generator")
        path = self.put("web", GOOD)
        out = self.phoenix("show", "web").stdout
        self.assertTrue(out.startswith("# "), out)
        self.assertIn("/phoenix@web.service\n", out)
        self.assertNotIn("web.json\n{", out)
        self.assertIn("\nExecStart=", out)
        self.assertIn(f"\nSourcePath={path}\n", out)
        files = json.loads(self.phoenix("show", "--json", "web").stdout)
        self.assertIn("phoenix@web.service", [os.path.basename(f["path"]) for f in files])

    def test_units_of_file(self):
        """A file that lies in no folder of specs is shown as if it did."""
        if GENERATOR == "-":
            self.skipTest("no generator")
        path = self.put("api", GOOD, self.root)
        out = self.phoenix("show", path).stdout
        self.assertIn(f"\nSourcePath={path}\n", out)
        self.assertNotIn("/tmp/phoenix-show-", out)

    def test_stub(self):
        if GENERATOR == "-":
            self.skipTest("no generator")
        self.put("web", '{"type": "binary"}')
        out = self.phoenix("show", "web").stdout
        self.assertIn("phoenix-stub", out)
        self.assertIn("\nState=stub\n", out)


class Explain(Case):
    def explain(self, name, **more):
        """The paragraph as one line."""
        out = self.user("explain", name, **more).stdout
        return " ".join(out.split("\n\n")[0].split())

    def test_good(self):
        path = self.put("web", {**GOOD, "watchdog": "10s", "enable": True})
        lower = self.put("web", GOOD, self.lower)
        told = self.explain("web")
        for part in (f"web is defined by {path}, which hides {lower}.",
                     "phoenix@web.service runs the program /usr/bin/sleep.",
                     "heartbeat (WATCHDOG=1) every 10s",
                     "However it ends, it is started again",
                     "It starts with the user's manager.",
                     "the service manager does not answer"):
            self.assertIn(part, told)

    def test_series(self):
        if GENERATOR == "-":
            self.skipTest("no generator")
        self.put("web", {**GOOD, "restart": {"delay": "1s", "max": "4s", "jitter": "0%"}})
        self.assertIn("after 1s, 2s, 4s from the 3rd restart on",
                      self.explain("web", PHOENIX_SYSTEMD_VERSION="257"))
        self.assertIn("it is started again after 1s.",
                      self.explain("web", PHOENIX_SYSTEMD_VERSION="252"))
        told = json.loads(self.user("explain", "--json", "web", PHOENIX_SYSTEMD_VERSION="257").stdout)
        self.assertEqual(told["restart_delays_usec"], [1000000, 2000000, 4000000])

    def test_stub_of_good(self):
        """What is wrong with the machine rather than the spec is told, too."""
        if GENERATOR == "-":
            self.skipTest("no generator")
        self.put("web", {"type": "docker", "image": "localhost/web", "enable": True})
        self.assertIn("The spec is good, but phoenix@web.service is only a stub here: "
                      "type: containers need Podman's Quadlet", self.explain("web", PHOENIX_QUADLET=""))

    def test_lacks(self):
        """What a machine does without is told where it matters only."""
        if GENERATOR == "-":
            self.skipTest("no generator")
        self.put("web", {**GOOD, "listen": [18080], "idle": {"after": "9s", "action": "freeze"}})
        lack = "idle.action: a program cannot be frozen before systemd 254; it is stopped instead"
        self.assertIn(f"On this machine: {lack}.", self.explain("web", PHOENIX_SYSTEMD_VERSION="252"))
        told = json.loads(self.user("explain", "--json", "web", PHOENIX_SYSTEMD_VERSION="252").stdout)
        self.assertEqual(told["lacks"], [lack])
        self.assertNotIn("On this machine", self.explain("web", PHOENIX_SYSTEMD_VERSION="257"))

    def test_fates(self):
        self.put("broken", "{")
        self.put("far", {**GOOD, "machine": "no-such-machine"})
        self.put("sys", {**GOOD, "scope": "system"})
        (self.specs / "gone.json").symlink_to("/dev/null")
        self.assertIn("It has 1 error (below), so phoenix@broken.service is only a stub",
                      self.explain("broken"))
        self.assertIn("for the machine no-such-machine", self.explain("far"))
        self.assertIn('see "phoenix --system"', self.explain("sys"))
        self.assertIn("masks the name, so nothing is generated", self.explain("gone"))
        self.assertIn("broken.json:1:", self.user("explain", "broken").stdout)

    def test_oneshot(self):
        self.put("tick", {"type": "binary", "image": "/bin/true", "schedule": "*/15 * * * *"})
        told = self.explain("tick")
        for part in ("until it ends by itself", "It is not restarted",
                     'Its timer does not start with the user\'s manager: "enable" is false',
                     'Its schedule is "*/15 * * * *"'):
            self.assertIn(part, told)

    def test_loaded(self):
        plans = self.root / "plans"
        path = self.put("web", GOOD)
        self.assertNotIn("daemon-reload", self.explain("web"))
        plans.mkdir()
        self.assertIn('has not read the spec yet: run "systemctl --user daemon-reload"',
                      self.explain("web"))
        plan = self.phoenix("show", "--plan", "web").stdout
        (plans / "web.json").write_text(plan)
        self.assertIn("has this version of the spec", self.explain("web"))
        self.put("web", {**GOOD, "enable": True})
        self.assertIn("The spec has changed since", self.explain("web"))
        path.write_text("{")
        self.assertIn("still has the unit of an earlier version", self.explain("web"))

    def test_loaded_stub(self):
        """A stub has no plan: its age tells."""
        (self.root / "plans").mkdir()
        path = self.put("web", "{")
        stub = self.root / "phoenix@web.service"
        self.assertIn("has not read the spec yet", self.explain("web"))
        stub.write_text("")
        self.assertIn("has this version of the spec", self.explain("web"))
        os.utime(path, (2**33, 2**33))
        self.assertIn("The spec has changed since", self.explain("web"))
        path.unlink()
        path.symlink_to("/dev/null")
        self.assertIn("still has the unit of an earlier version", self.explain("web"))

    def test_json(self):
        path = self.put("web", GOOD)
        told = json.loads(self.user("explain", "--json", "web").stdout)
        for key, value in {"name": "web", "unit": "phoenix@web.service", "file": str(path),
                           "fate": "generated", "type": "binary", "boot": False, "state": None,
                           "loaded": "unknown", "findings": []}.items():
            self.assertEqual(told[key], value, key)
        self.put("web", "{")
        told = json.loads(self.user("explain", "--json", "web").stdout)
        self.assertEqual((told["fate"], len(told["findings"])), ("broken", 1))

    def test_missing(self):
        self.put("web", GOOD)
        done = self.user("explain", "wbe", status=4)
        self.assertEqual(done.stdout, "")
        self.assertIn('did you mean "web"', done.stderr)


class Services(Case):
    def rows(self, *args):
        out = self.user("services", *args).stdout.split("\n\n")[0]
        return {line.split()[0]: line.split()[1:] for line in out.splitlines()[1:]}

    def test_table(self):
        self.put("web", {**GOOD, "enable": True})
        self.put("bad", "{")
        self.put("far", {**GOOD, "machine": "no-such-machine"})
        self.put("sys", {**GOOD, "scope": "system"})
        (self.specs / "gone.json").symlink_to("/dev/null")
        rows = self.rows()
        self.assertEqual(sorted(rows), ["bad", "web"])
        self.assertEqual(rows["web"][:6], ["binary", "any", "unknown", "-", "-", "yes"])
        self.assertEqual(rows["bad"][:6], ["-", "-", "broken", "-", "-", "no"])
        done = self.user("services")
        self.assertIn("3 more that are not generated here", done.stdout)
        self.assertEqual(done.stderr.count("does not answer"), 1)
        rows = self.rows("--all")
        self.assertEqual(sorted(rows), ["bad", "far", "gone", "sys", "web"])
        self.assertEqual(rows["far"][2], "elsewhere")
        self.assertEqual(rows["gone"][2], "masked")
        self.assertEqual(rows["sys"][2], "other-scope")

    def test_json(self):
        self.put("web", GOOD)
        self.put("far", {**GOOD, "machine": "no-such-machine"})
        rows = json.loads(self.user("services", "--json").stdout)
        self.assertEqual([r["name"] for r in rows], ["web"])
        rows = json.loads(self.user("services", "--json", "--all").stdout)
        self.assertEqual([(r["name"], r["fate"]) for r in rows],
                         [("far", "elsewhere"), ("web", "generated")])

    def test_none(self):
        self.assertEqual(json.loads(self.user("services", "--json").stdout), [])
        self.assertEqual(len(self.user("services").stdout.splitlines()), 1)

    def test_names(self):
        self.put("web", GOOD)
        self.put("bad", "{")
        self.assertEqual(self.phoenix("names").stdout, "bad\nweb\n")


class Doctor(Case):
    """On whatever machine this is; what is found on which is in test-cli-doctor.c."""

    def doctor(self, *args):
        """Its exit status says what its findings say, so it is not asked for a certain one."""
        done = subprocess.run([PHOENIX, "--user", "doctor", *args], capture_output=True,
                              encoding="utf-8", timeout=60, env=self.environment())
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout

    def test_json(self):
        self.put("web", {"type": "docker", "image": "localhost/x"})
        code, out = self.doctor("--json")
        found = json.loads(out)
        self.assertGreater(len(found), 20)
        for finding in found:
            self.assertEqual(set(finding), {"check", "state", "found", "means", "services", "mend"})
            self.assertIn(finding["state"], ("ok", "warning", "missing"))
            self.assertEqual(finding["means"] is None, finding["state"] == "ok", finding)
            for mend in finding["mend"]:
                self.assertEqual(set(mend), {"command", "root"})
        self.assertEqual(code, int(any(f["state"] == "missing" for f in found)))
        # No manager is reached in this environment, and a spec needs one.
        manager = [f for f in found if f["check"] == "manager"][0]
        self.assertEqual(manager["state"], "missing")
        self.assertEqual(code, 1)

    def test_text(self):
        self.put("web", GOOD)
        code, out = self.doctor()
        lines = out.splitlines()
        self.assertEqual(lines[0].split(), ["CHECK", "STATE", "FOUND"])
        self.assertRegex(lines[-1], r"^\d+ missing, \d+ warnings?, \d+ ok$")
        self.assertIn("\nmanager: ", out)
        self.assertEqual(code, 1)

    def test_name(self):
        self.put("web", GOOD)
        self.put("box", {"type": "docker", "image": "localhost/x"})
        checks = {f["check"] for f in json.loads(self.doctor("--json", "web")[1])}
        self.assertIn("linger", checks)
        self.assertNotIn("podman", checks)
        checks = {f["check"] for f in json.loads(self.doctor("--json", "phoenix@box.service")[1])}
        self.assertIn("podman", checks)
        self.assertIn('did you mean "web"', self.user("doctor", "wbe", status=4).stderr)

    def test_elsewhere(self):
        self.put("web", {**GOOD, "machine": "nowhere"})
        code, out = self.doctor("--json", "web")
        self.assertEqual([f["check"] for f in json.loads(out)], ["specs"])
        self.assertIn("nowhere", out)
        self.assertEqual(code, 0)

    def test_broken(self):
        self.put("bad", '{"type": "\x1b[31m"}')
        code, out = self.doctor()
        self.assertEqual(code, 1)
        self.assertIn("\n    phoenix check\n", out)
        self.assertNotIn("\x1b", out)


class Sysinfo(Case):
    """On cgroups and processes that are made up."""

    IDS = {number: f"{number:012x}" + "c" * 52 for number in range(1, 7)}
    TITLES = "| PID | Name   | Container ID | CPU %  | RAM % | RAM MB | Disk MB | IO Read Ops | IO Write Ops |\n"

    def setUp(self):
        super().setUp()
        self.write("proc/meminfo", "MemTotal: 1048576 kB\nMemFree: 262144 kB\n")
        self.write("proc/stat", "cpu  10 0 10 80 0 0 0 0 0 0\n")

    def write(self, path, text):
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="latin-1")

    def container(self, pid, name, *args, cgroup="machine.slice/libpod-{}.scope", io=True):
        folder = "cgroup/" + cgroup.format(self.IDS[pid])
        self.write(f"{folder}/cgroup.procs", f"{pid}\n")
        self.write(f"{folder}/cpu.stat", "usage_usec 0\n")
        self.write(f"{folder}/memory.current", f"{144 << 20}\n")
        if io:
            self.write(f"{folder}/io.stat", f"8:0 rbytes=0 wbytes={3 << 20} rios=0 wios=7\n")
        self.write(f"proc/{pid}/stat", f"{pid} ({name}) S 0" + " 0" * 17 + f" {pid} 0 0\n")
        self.write(f"proc/{pid}/status", f"Name:\tx\nNSpid:\t{pid}\t1\n")
        self.write(f"proc/{pid}/cmdline", "".join(f"{word}\0" for word in (name, *args)))

    def sysinfo(self, *args, **options):
        return self.phoenix("sysinfo", *args, PHOENIX_CGROUP_ROOT=str(self.root / "cgroup"),
                            PHOENIX_PROC_ROOT=str(self.root / "proc"), **options)

    def test_tables(self):
        self.container(1, "stress", "--cpu", "1")
        self.container(3, "stress", "--vm", "1", cgroup="system.slice/docker-{}.scope")
        self.container(2, "stress", "--vm", "1", cgroup="system.slice/web.service/libpod-payload-{}")
        out = self.sysinfo().stdout
        border = "+-----+--------+--------------+-------+-------+--------+---------+-------------+--------------+\n"
        titles = self.TITLES.replace("CPU %  ", "CPU % ")
        row = "| {}   | stress | {} | 0.00  | 14.06 | 144    | 3       | 0           | 7            |\n"
        self.assertEqual(out, "Memory: 1024 MB, free 256 MB, used 768 MB  CPU: 20.00 %  Containers: 3  (from cgroups)\n"
                         "\nCPU:\n" + border + titles + border + row.format(1, self.IDS[1][:12]) + border +
                         "\nRAM:\n" + border + titles + border + row.format(2, self.IDS[2][:12]) + border +
                         row.format(3, self.IDS[3][:12]) + border)

    def test_others_and_what_is_missing(self):
        self.container(1, "\x1b[31m\nx", "\xff", io=False)
        self.container(2, "stress", "--hdd", "1")
        out = self.sysinfo().stdout
        self.assertRegex(out, r"(?s)DISK:.*OTHER:.*\| 1   \| \?\[31m\?x ")
        self.assertIn("1 container: disk and I/O are not counted, and show as 0", out)
        self.assertNotIn("Delegate=", out)  # for a user's containers only
        self.assertNotIn("memory is not counted", out)

    def test_nothing(self):
        self.write("cgroup/cgroup.procs", "")
        self.assertRegex(self.sysinfo().stdout, r"^Memory: .*  Containers: 0  \(from cgroups\)\n$")
        self.assertEqual(json.loads(self.sysinfo("--json").stdout)["Docker_Containers"], [])

    def test_json(self):
        self.container(4, "a\\\"b", "\xff", "\x01",
                       cgroup="user.slice/user-7.slice/user@7.service/app.slice/x.service/libpod-payload-{}")
        told = json.loads(self.sysinfo("--json").stdout)
        self.assertEqual(list(told)[:2], ["Memory", "Docker_Containers"])
        self.assertEqual(told["Memory"], {"Total_Memory_MB": 1024, "Free_Memory_MB": 256, "Used_Memory_MB": 768,
                                          "CPU_Usage_Percentage": 20.0})
        (one,) = told["Docker_Containers"]
        self.assertEqual(list(one)[:12], [
            "PID", "Name", "ContainerID", "Cmdline", "MemoryUsage_percent", "MemoryUsage_MB", "CPUUsage_percent",
            "DiskUse_MB", "Write_KBytes", "Read_KBytes", "IOReadOps", "IOWriteOps"])
        self.assertEqual((one["PID"], one["Name"], one["ContainerID"]), (4, "a\\\"b", self.IDS[4][:12]))
        self.assertEqual(one["Cmdline"], "a\\\"b \ufffd \x01 ")
        self.assertEqual((one["Unit"], one["User"], one["Runtime"]), ("x.service", 7, "podman"))
        self.assertEqual((one["Write_KBytes"], one["IOWriteOps"]), (3072, 7))

    def test_rounds(self):
        self.container(1, "stress", "--cpu", "1")
        out = self.sysinfo("--interval=10ms", "-n", "3").stdout
        self.assertEqual(out.count("Containers: 1"), 3)

    def test_module(self):
        self.write("cgroup/cgroup.procs", "")
        self.assertIn("is not loaded", self.sysinfo("--source=module", status=3).stderr)
        self.write("proc/phoenix_sysinfo", "nonsense")
        self.assertIn("is not what it should be", self.sysinfo("--source=module", status=3).stderr)
        self.assertIn("(from cgroups)", self.sysinfo().stdout)
        self.write("proc/phoenix_sysinfo", self.sysinfo("--json").stdout)
        self.assertIn("(from the kernel module)", self.sysinfo().stdout)
        self.assertIn("(from cgroups)", self.sysinfo("--source=cgroup").stdout)
        self.assertIn('"kernel" is no SOURCE', self.sysinfo("--source=kernel", status=2).stderr)


class Completion(Case):
    """What bash offers. That no verb or option is missing is the business of check-man.py."""

    FILE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "completion" / "phoenix.bash"

    def complete(self, *words):
        script = 'source "$0"; COMP_WORDS=(phoenix "$@"); COMP_CWORD=$#; _phoenix; printf "%s\\n" "${COMPREPLY[@]}"'
        env = self.environment()
        env["PATH"] = f"{os.path.dirname(os.path.abspath(PHOENIX))}:{env['PATH']}"
        done = subprocess.run(["bash", "-c", script, self.FILE, *words], capture_output=True,
                              encoding="utf-8", timeout=60, env=env, cwd=self.root)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return sorted(done.stdout.split())

    def test_words(self):
        self.put("web", GOOD)
        self.put("weather", GOOD)
        self.put("here", GOOD, self.root)
        self.assertEqual(self.complete("s"), ["schema", "services", "show", "start", "status", "stop", "stress", "sysinfo"])
        self.assertEqual(self.complete("--user", "c"), ["check"])
        self.assertEqual(self.complete("check", "--s"), ["--strict", "--system"])
        self.assertEqual(self.complete("services", "--a"), ["--all"])
        self.assertEqual(self.complete("explain", "we"), ["weather", "web"])
        self.assertEqual(self.complete("show", "he"), ["here.json"])
        self.assertEqual(self.complete("--user", "show", "--plan", "weat"), ["weather"])
        self.assertEqual(self.complete("services", "we"), [])
        self.assertEqual(self.complete("start", "web", "we"), ["weather", "web"])
        self.assertEqual(self.complete("deploy", "he"), ["here.json"])
        self.assertEqual(self.complete("deploy", "we"), [])
        self.assertEqual(self.complete("maintenance", "web", "o"), ["off", "on"])
        self.assertEqual(self.complete("doctor", "we"), ["weather", "web"])


class Policies(Case):
    """What each verb says of a spec that is no service."""

    def setUp(self):
        super().setUp()
        self.put("stress", {"type": "policy", "match": "stress", "spare": ["precious"], "keep": 2,
                            "budget": {"memory": "1G", "psi": {"io": "40%"}}})
        self.put("web", {"type": "docker", "image": "x"})

    def test_explain(self):
        prose = " ".join(self.user("explain", "stress").stdout.split())
        for words in ("It is a policy: there is no service to start", "containers that run stress, and about no service",
                      "cpu 2, io 2, ram 2 and disk 2", "Together they may have 1G of memory",
                      "a pressure on IO of 40% one of them goes", "It spares precious."):
            self.assertIn(words, prose)
        facts = json.loads(self.user("explain", "--json", "stress").stdout)
        self.assertEqual((facts["type"], facts["fate"]), ("policy", "policy"))
        self.assertEqual(facts["policy"]["classes"]["cpu"]["keep"], 2)
        self.assertEqual(facts["policy"]["spare"], ["precious"])

    def test_others(self):
        self.assertIn("1 spec, 0 errors", self.user("check", "stress").stdout)
        self.assertIn("stress\n", self.user("names").stdout)
        self.assertIn('"type": "policy"', self.user("info", "stress").stdout)
        rows = {row["name"]: row for row in json.loads(self.user("services", "--all", "--json").stdout)}
        self.assertEqual(rows["stress"]["type"], "policy")
        self.assertNotIn("stress", self.user("services").stdout.split("more that is not")[0])

    def test_reap(self):
        self.assertIn("web is a service, not a policy", self.user("reap", "--dry-run", "web", status=1).stderr)
        self.assertIn("did you mean", self.user("reap", "--dry-run", "stres", status=4).stderr)
        self.assertIn("only be tried", self.user("reap", self.specs / "stress.json", status=2).stderr)
        path = self.put("bad", {"type": "policy", "match": {}})
        self.assertIn("about every container", self.user("reap", "--dry-run", path, status=1).stderr)
        self.assertIn("is no policy", self.user("reap", "--dry-run", self.specs / "web.json", status=1).stderr)
        self.assertIn("phoenixd is not reachable", self.user("reap", "stress", status=3).stderr)

    def test_stress(self):
        self.assertIn('not "sideways"', self.user("stress", "sideways", status=2).stderr)
        self.user("stress", "status", status=3)


class Collectors(Case):
    """What each verb says of a spec that is told of services, and is none."""

    def setUp(self):
        super().setUp()
        self.put("central", {"type": "collector", "url": "https://collector.example", "host": "edge-7",
                             "token": "collector-token", "spool": "64M"})
        self.put("web", {"type": "docker", "image": "x"})

    def test_explain(self):
        prose = " ".join(self.user("explain", "central").stdout.split())
        for words in ("It is a collector: there is no service to start", "posts to https://collector.example every 10s",
                      "as the host edge-7", "up to 64M of that wait on disk", "Its token is in collector-token."):
            self.assertIn(words, prose)
        facts = json.loads(self.user("explain", "--json", "central").stdout)
        self.assertEqual((facts["type"], facts["fate"]), ("collector", "collector"))
        self.assertEqual(facts["collector"]["spool_size"], "64M")

    def test_others(self):
        self.assertIn("1 spec, 0 errors", self.user("check", "central").stdout)
        self.assertIn('"type": "collector"', self.user("info", "central").stdout)
        rows = {row["name"]: row for row in json.loads(self.user("services", "--all", "--json").stdout)}
        self.assertEqual(rows["central"]["type"], "collector")
        status = json.loads(self.user("status", "--json", "central", status=1).stdout)
        self.assertEqual((status["type"], status["posting"]), ("collector", False))


class Schema(Case):
    def test_schema(self):
        schema = json.loads(self.phoenix("schema").stdout)
        self.assertEqual(schema["$schema"], "https://json-schema.org/draft/2020-12/schema")
        keys = [line.split("\t") for line in self.phoenix("keys").stdout.splitlines()]
        self.assertTrue(all(len(k) == 4 for k in keys))
        top = {k[0] for k in keys if "." not in k[0]}
        found, rest = set(), schema
        while "then" in rest:
            found |= set(rest["then"]["properties"])
            rest = rest["else"]
        self.assertEqual(top, found | set(rest["properties"]))


class History(Case):
    """What the ledger says; what updates write to it is tested in the bed."""

    def environment(self, **more):
        return super().environment(PHOENIX_UPDATES_DIR=str(self.root / "updates"), **more)

    def write(self, name, *entries):
        (self.root / "updates").mkdir(exist_ok=True)
        lines = [json.dumps({"usec": 1790000000000000 + i, "reference": "quay.io/web:1",
                             "digest": "sha256:" + f"{i}" * 64, "image": f"{i}" * 64,
                             "result": result, "reason": reason, "who": who})
                 for i, (who, result, reason) in enumerate(entries)]
        (self.root / "updates" / f"{name}.jsonl").write_text("\n".join(lines) + "\n")

    def test_nothing_yet(self):
        self.put("web", {"type": "docker", "image": "quay.io/web:1"})
        self.assertIn("no history yet", self.phoenix("history", "web").stdout)
        self.assertEqual(json.loads(self.phoenix("history", "--json", "web").stdout), [])
        self.phoenix("history", "wbe", status=4)
        self.phoenix("history", status=2)
        self.phoenix("history", "../../etc", status=4)

    def test_entries(self):
        self.write("gone", ("start", "healthy", None), ("update", "rolled back", "no\x1b[31m answer"))
        lines = self.phoenix("history", "gone").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["N", "WHEN", "DIGEST", "BY", "RESULT", "IMAGE", "REASON"])
        self.assertEqual(lines[1].split()[0], "1")
        self.assertIn("sha256:111111111111  update", lines[1])
        self.assertIn("no?[31m answer", lines[1])
        self.assertIn("sha256:000000000000  start", lines[2])
        told = json.loads(self.phoenix("history", "--json", "gone").stdout)
        self.assertEqual([(t["n"], t["by"], t["result"]) for t in told],
                         [(1, "update", "rolled back"), (2, "start", "healthy")])
        self.assertEqual(told[1]["digest"], "sha256:" + "0" * 64)

    def test_usage(self):
        self.assertIn("SPAN", self.phoenix("update", "web", "--observe=soon", status=2).stderr)
        self.phoenix("update", "web", "--timeout=0", status=2)
        self.phoenix("rollback", status=2)
        self.phoenix("rollback", "a", "b", "c", status=2)
        self.phoenix("deploy", "web.json", "--observe=1s", status=2)
        self.assertIn("auto-update", self.phoenix("history", "--record=me", status=2).stderr)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    PHOENIX, GENERATOR = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
