#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The verbs that talk to systemd and phoenixd, against stand-ins for both (cli/test-cli-bus.c) on a bus
of their own: what is asked, in which order, what is said, and the exit statuses.

usage: test-cli-bus.py PHOENIX STAND-IN
"""

import fcntl
import json
import os
import pathlib
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

PHOENIX = ""
STAND_IN = ""

GOOD = {"type": "binary", "image": "/usr/bin/sleep", "args": ["infinity"]}
ON_DEMAND = GOOD | {"listen": ["8080", "/run/shop.sock"], "idle": "30s"}
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={folder}/bus</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""

SYSTEMD = "org.freedesktop.systemd1"
SUPERVISOR = "io.phoenix.Supervisor1"


@unittest.skipUnless(shutil.which("dbus-daemon"), "dbus-daemon is not installed")
class Case(unittest.TestCase):
    NAMES = (SYSTEMD, SUPERVISOR)

    def setUp(self):
        self.temp = tempfile.TemporaryDirectory()
        self.root = pathlib.Path(self.temp.name)
        self.addCleanup(self.temp.cleanup)
        self.specs = self.root / "specs"
        self.specs.mkdir()
        (self.root / "journal").mkdir()
        (self.root / "bus.conf").write_text(BUS_CONFIG.format(folder=self.root))
        self.start("dbus-daemon", f"--config-file={self.root}/bus.conf", "--nofork",
                   "--print-address=1")
        self.fake = self.start(STAND_IN, *self.NAMES)
        self.seen = 1
        for name in ("web", "bad", "held", "idle"):
            self.put(name, GOOD)

    def start(self, *argv):
        """A process that lives as long as the test; it has said its first line, into a file."""
        out = self.root / f"{os.path.basename(argv[0])}.out"
        with open(out, "w", encoding="utf-8") as file:
            process = subprocess.Popen(argv, stdout=file, stderr=subprocess.DEVNULL,
                                       env=self.environment())
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        end = time.monotonic() + 20
        while "\n" not in out.read_text():
            self.assertIsNone(process.poll(), argv)
            self.assertLess(time.monotonic(), end, argv)
            time.sleep(0.005)
        return out

    def put(self, name, content, folder=None):
        path = (folder or self.specs) / f"{name}.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def environment(self, **more):
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root),
            "PHOENIX_SPEC_PATH": str(self.specs),
            "PHOENIX_PLAN_DIR": str(self.root / "plans"),
            "PHOENIX_GENERATOR": "/nonexistent/generator",
            "PHOENIX_JOURNAL_DIR": str(self.root / "journal"),
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={self.root}/bus",
            "XDG_RUNTIME_DIR": str(self.root / "run"),
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", ""),
            "LC_ALL": "C.UTF-8",
        }
        env.update(more)
        return env

    def phoenix(self, *args, status=0, **env):
        done = subprocess.run([PHOENIX, "--user", *map(str, args)], stdin=subprocess.DEVNULL,
                              capture_output=True, encoding="utf-8", timeout=60,
                              env=self.environment(**env))
        self.assertEqual(done.returncode, status, f"{args}: {done.stdout}{done.stderr}")
        self.assertIsNone(CONTROL.search(done.stdout + done.stderr), repr(done.stdout))
        return done

    def said(self, *args, **more):
        return json.loads(self.phoenix(*args, "--json", **more).stdout)

    def calls(self):
        """What the stand-in was made to change since the last time. It writes before it answers."""
        lines = self.fake.read_text().splitlines()
        new = lines[self.seen:]
        self.seen = len(lines)
        return [line for line in new if not line.startswith("GetService")]


class Status(Case):
    def test_table(self):
        rows = {line.split()[0]: line for line in self.phoenix("status").stdout.splitlines()}
        self.assertRegex(rows["web"], r"● healthy .* yes +4  pass 2\.5ms")
        self.assertRegex(rows["bad"], r"● failing .* - +4  fail .*503 \?\[31mService")
        self.assertRegex(rows["held"], r"● held .*restarted 5 times")
        self.assertIn("● inactive", rows["idle"])

    def test_one(self):
        out = self.phoenix("status", "web").stdout
        for part in ("● web: healthy", "Unit: active (running)", "Status: healthy ?[2J",
                     "Restarts: 4; the next one would come after 250ms",
                     "Beats: 12.5 per minute", "Lease: connected", "passing  0 of 3", "200 OK"):
            self.assertIn(part, out)
        out = self.phoenix("status", "held", status=1).stdout
        self.assertRegex(out, r"Held: restarted too often; tried again in .* phoenix start held")
        self.phoenix("status", "idle", status=1)
        self.assertIn('did you mean "held"', self.phoenix("status", "hled", status=4).stderr)

    def test_json(self):
        told = {row["name"]: row for row in self.said("status")}
        self.assertEqual((told["web"]["health"], told["web"]["ready"]), ("healthy", "yes"))
        self.assertIsNone(told["idle"]["health"])
        one = self.said("status", "bad")
        self.assertEqual(one["probes"][0]["failures"], 2)
        self.assertEqual([s["outcome"] for s in one["probes"][0]["history"]], ["pass", "fail"])
        self.assertEqual(one["probes"][0]["history"][1]["latency_usec"], 2500)
        self.assertEqual(one["next_delay_usec"], 250000)
        both = self.said("status", "bad", "phoenix@held", status=1)
        self.assertEqual([(row["name"], len(row["probes"])) for row in both], [("bad", 1), ("held", 1)])
        out = self.phoenix("status", "bad", "web").stdout
        self.assertIn("\n\n● web: healthy\n", out)
        self.assertEqual(self.phoenix("status", "bad", "zzzzz", status=4).stdout, "")

    def test_list_asks_for_no_probes(self):
        """One call for all services, however many there are."""
        told = {row["name"]: row for row in self.said("status")}
        self.assertEqual(told["bad"]["last_check"]["outcome"], "fail")
        self.assertEqual(told["bad"]["last_check"]["latency_usec"], 2500)
        self.assertNotIn("probes", told["bad"])
        self.assertNotIn("GetService", self.fake.read_text())
        self.phoenix("status", "web")
        self.assertEqual(self.fake.read_text().count("GetService web"), 1)

    def test_not_well(self):
        """phoenixd says that it lacks something and that its brake is closed."""
        self.assertEqual(self.phoenix("status").stderr, "")
        self.phoenix("start", "held")  # the stand-in closes the brake
        for args in (["status"], ["status", "web"]):
            lines = self.phoenix(*args).stdout.splitlines()
            self.assertEqual(lines[0], "supervision is degraded: no journal ?[31m")
            self.assertRegex(lines[1], r"^the brake is closed until \d\d:\d\d:\d\d: 5 of 6 checks began")
        done = self.phoenix("status", "--json")
        self.assertEqual(len(json.loads(done.stdout)), 4)
        self.assertIn("supervision is degraded", done.stderr)

    def test_services(self):
        out = self.phoenix("services").stdout.splitlines()
        self.assertIn("HEALTH", out[0])
        self.assertRegex(out[-1], r"^web .* healthy ")
        told = {row["name"]: row["health"] for row in self.said("services")}
        self.assertEqual(told, {"web": "healthy", "bad": "failing", "held": "held", "idle": None})

    def test_top(self):
        out = self.phoenix("top").stdout.splitlines()
        self.assertRegex(out[0], r"^NAME +STATE +CPU%▾ +MEMORY +DISK +IO +TASKS +RESTARTS +LATENCY +BEATS/MIN$")
        self.assertEqual(len(out), 5)
        told = {row["name"]: row for row in self.said("top")}
        self.assertEqual((told["web"]["latency_usec"], told["web"]["beats_per_minute"]), (2500, 12.5))
        self.assertEqual(self.phoenix("top", "--once").stdout.splitlines()[0], out[0])
        self.assertIn(" IO▾", self.phoenix("top", "--sort=io").stdout)
        self.assertIn("--sort: cpu, memory", self.phoenix("top", "--sort=size", status=2).stderr)


class OnDemandCase(Case):
    def setUp(self):
        super().setUp()
        self.put("shop", ON_DEMAND)
        self.put("flood", ON_DEMAND | {"listen": "8081", "proxyport": 8001,
                                       "idle": {"after": "30s", "action": "freeze"}})

    def environment(self, **more):
        return super().environment(PHOENIX_TEST_ON_DEMAND="1", **more)


class OnDemand(OnDemandCase):
    def test_stop_does_not_end_the_socket(self):
        done = self.phoenix("stop", "shop")
        self.assertEqual(done.stdout, "")
        self.assertIn("shop: the next connection starts it again; to end that, too: systemctl", done.stderr)
        self.assertIn("stop phoenix@shop.socket\n", done.stderr)

    def test_status(self):
        rows = {line.split()[0]: line for line in self.phoenix("status").stdout.splitlines()}
        self.assertRegex(rows["shop"], r"● idle .*listening on 8080, /run/shop\.sock")
        self.assertIn("● failed", rows["flood"])
        out = self.phoenix("status", "shop").stdout
        for part in ("● shop: idle (listening on 8080, /run/shop.sock), 14 starts today, cold start p50 180 ms\n",
                     "On demand: listening on 8080, /run/shop.sock; stopped after 30s without use",
                     "Starts: 14 today, 95 in all, 120 connections held; cold start p50 180 ms, p99 over 1min",
                     "Stops: 80 as nobody used it, 1 other\n"):
            self.assertIn(part, out)
        self.assertNotIn("Freezes", out)
        out = self.phoenix("status", "flood", status=1).stdout
        self.assertIn("Waiting: 7 connections, until it is up; why it is not: phoenix explain flood", out)
        self.assertIn("frozen after 30s without use", out)
        self.assertIn("Freezes: 0", out)

    def test_json(self):
        told = self.said("status", "shop")
        self.assertTrue(told["idle"])
        demand = told["on_demand"]
        self.assertEqual((demand["listen"], demand["listening"], demand["activation"]),
                         (["8080", "/run/shop.sock"], True, "proxy"))
        self.assertEqual((demand["idle_action"], demand["idle_after_usec"]), ("stop", 30000000))
        self.assertEqual((demand["starts"], demand["starts_today"], demand["held"]), (95, 14, 120))
        self.assertEqual((demand["cold_start_p50_usec"], demand["cold_start_p99_usec"]), (180000, 60000000))
        self.assertEqual((demand["idle_stops"], demand["other_stops"], demand["freezes"]), (80, 1, 0))
        told = {row["name"]: row for row in self.said("status")}
        self.assertEqual([row for row in told if told[row]["idle"]], ["shop"])
        self.assertEqual(told["flood"]["on_demand"]["waiting"], 7)
        self.assertNotIn("on_demand", told["web"])

    def test_services_and_top(self):
        rows = {line.split()[0]: line for line in self.phoenix("services").stdout.splitlines()}
        self.assertRegex(rows["shop"], r"^shop +binary +any +idle ")
        self.assertEqual([row["name"] for row in self.said("services") if row["idle"]], ["shop"])
        told = {row["name"]: row["state"] for row in self.said("top")}
        self.assertEqual((told["shop"], told["flood"]), ("idle", "failed"))

    def test_explain(self):
        out = " ".join(self.phoenix("explain", "shop").stdout.split())
        for part in ("systemd listens on 8080 and /run/shop.sock (phoenix@shop.socket): the first connection starts it "
                     "and is held until it is healthy; connections go through phoenix-proxy@shop.service, at most 256",
                     "When nobody has been connected for 30s it is stopped.",
                     "Nobody uses it now, so it does not run, and its socket listens."):
            self.assertIn(part, out)
        out = " ".join(self.phoenix("explain", "flood").stdout.split())
        self.assertIn("7 connections wait while it cannot start: 503 ?[31mService Unavailable", out)
        self.assertIn("it is frozen: its processes keep their memory", out)
        self.assertNotIn("Nobody uses it now", out)
        told = self.said("explain", "flood")["on_demand"]
        self.assertEqual((told["unit"], told["active"], told["waiting"]), ("phoenix@flood.socket", "active", 7))


class OnDemandAlone(OnDemandCase):
    NAMES = (SYSTEMD,)

    def test_on_demand(self):
        """What systemd knows: that it is idle, and where it listens."""
        self.put("gone", ON_DEMAND | {"listen": "8082", "proxyport": 8002})
        out = self.phoenix("status", "shop").stdout
        self.assertIn("● shop: idle (listening on 8080, /run/shop.sock)\n", out)
        self.assertNotIn("Starts:", out)
        self.assertTrue(self.said("status", "shop")["on_demand"]["listening"])
        out = self.phoenix("status", "gone", status=1).stdout
        self.assertIn("On demand: not listening; systemctl --user start phoenix@gone.socket; stopped", out)
        self.assertIn("systemctl --user start phoenix@gone.socket",
                      " ".join(self.phoenix("explain", "gone").stdout.split()))


class NoSupervisor(Case):
    NAMES = (SYSTEMD,)

    def test_status(self):
        done = self.phoenix("status")
        self.assertEqual(done.stderr.count("phoenixd is not reachable"), 1)
        self.assertRegex(done.stdout, r"● active +")
        self.phoenix("status", "web")
        self.phoenix("status", "bad", status=1)

    def test_services(self):
        done = self.phoenix("services")
        self.assertNotIn("HEALTH", done.stdout)
        self.assertEqual(done.stderr, "")

    def test_others(self):
        for args in (["probe", "web"], ["maintenance", "web"], ["maintenance", "web", "on"]):
            self.assertIn("phoenixd is not reachable", self.phoenix(*args, status=3).stderr)

    def test_start(self):
        self.phoenix("start", "idle")
        self.assertEqual(self.calls(), ["ResetFailedUnit phoenix@idle.service", "Subscribe -",
                                        "StartUnit phoenix@idle.service"])


class Nobody(Case):
    NAMES = ()

    def test_no_manager(self):
        self.assertIn("states are not known", self.phoenix("status").stderr)
        self.assertEqual(self.phoenix("start", "web", status=3).stdout, "")


class Supervisor(Case):
    def test_probe(self):
        out = self.phoenix("probe", "web").stdout
        self.assertRegex(out, r"GET /health  health  pass +2\.5ms  200 OK")
        out = self.phoenix("probe", "bad", status=1).stdout
        self.assertRegex(out, r"fail +2\.5ms  503 \?\[31m")
        self.assertEqual(self.said("probe", "web")[0]["outcome"], "pass")
        self.assertIn("does not run", self.phoenix("probe", "held", status=1).stderr)
        self.assertIn("daemon-reload", self.phoenix("probe", "idle", status=4).stderr)
        self.assertIn("no spec named", self.phoenix("probe", "zzzzz", status=4).stderr)

    def test_maintenance(self):
        self.assertIn("maintenance is off", self.phoenix("maintenance", "web").stdout)
        out = self.phoenix("maintenance", "web", "on").stdout
        self.assertIn("on until it is turned off", out)
        self.assertIn("phoenix maintenance web off", self.phoenix("status", "web").stdout)
        told = self.said("maintenance", "web", "on", "--for=1h")
        self.assertTrue(told["maintenance"])
        self.assertIsNotNone(told["until"])
        self.assertFalse(self.said("maintenance", "web", "off")["maintenance"])
        self.assertEqual(self.calls(), ["MaintenanceOn web", "MaintenanceOn web", "MaintenanceOff web"])
        self.phoenix("maintenance", "web", "maybe", status=2)
        self.phoenix("maintenance", "web", "off", "--for=1h", status=2)
        self.phoenix("maintenance", "web", "on", "--for=5 parsecs", status=2)
        self.phoenix("maintenance", "web", "on", "--for=0", status=2)


class Jobs(Case):
    def test_start(self):
        done = self.phoenix("start", "idle", "phoenix@held.service")
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        self.assertEqual(self.calls(), [
            "ResetFailedUnit phoenix@idle.service", "ResetFailedUnit phoenix@held.service",
            "Release held",
            "Subscribe -", "StartUnit phoenix@idle.service", "StartUnit phoenix@held.service"])

    def test_failure(self):
        done = self.phoenix("start", "bad", "idle", status=1)
        self.assertEqual(done.stdout, "")
        for part in ("cannot start bad: it has failed", "result: exit-code", "last status: GET /: 500"):
            self.assertIn(part, done.stderr)
        told = self.said("start", "bad", "idle", status=1)
        self.assertEqual([(t["name"], t["ok"], t["job"]) for t in told],
                         [("bad", False, "failed"), ("idle", True, "done")])
        self.assertEqual((told[0]["result"], told[0]["log"]), ("exit-code", []))

    def test_stop(self):
        self.phoenix("stop", "web")
        self.assertEqual(self.calls(), ["Subscribe -", "StopUnit phoenix@web.service"])
        self.phoenix("restart", "web")
        self.assertIn("RestartUnit phoenix@web.service", self.calls())
        self.phoenix("stop", "bad", "--no-block")

    def test_names(self):
        """Nothing is done when one name is wrong."""
        done = self.phoenix("start", "web", "wbe", status=4)
        self.assertIn('did you mean "web"', done.stderr)
        self.assertEqual(self.calls(), [])
        self.put("far", {**GOOD, "machine": "elsewhere"})
        self.assertIn("for machine elsewhere", self.phoenix("start", "far", status=1).stderr)
        (self.specs / "web.json").unlink()
        self.phoenix("stop", "web")  # it still runs, without a spec
        self.phoenix("stop", "idle\x1b[31m", status=4)


class Specs(Case):
    """deploy and del up to the point where a real generator is needed; the rest is in the bed."""

    def test_broken(self):
        path = self.put("new", '{"type": "binary"}', self.root)
        done = self.phoenix("deploy", path, status=1)
        self.assertIn("image: ", done.stderr)
        self.assertIn("it has errors", done.stderr)
        self.assertEqual(self.calls(), [])
        self.assertFalse((self.specs / "new.json").exists())
        told = self.said("deploy", path, self.root / "none.json", status=1)
        self.assertEqual([t["ok"] for t in told], [False, False])
        self.assertTrue(told[0]["findings"])

    def test_among_others(self):
        path = self.put("new", {**GOOD, "needs": ["nobody"]}, self.root)
        self.assertIn("nobody", self.phoenix("deploy", path, status=1).stderr)
        self.assertFalse((self.specs / "new.json").exists())

    def test_stub(self):
        """The manager has no unit of it: the old spec comes back."""
        old = (self.specs / "web.json").read_text()
        path = self.put("web", {**GOOD, "args": ["1"]}, self.root)
        done = self.phoenix("deploy", path, status=1)
        self.assertIn("the generator has made no unit", done.stderr)
        self.assertIn("is the old one again", done.stderr)
        self.assertEqual((self.specs / "web.json").read_text(), old)
        self.assertFalse((self.specs / "web.json.old").exists())
        self.assertEqual(self.calls(), ["Reload -", "Reload -"])
        self.put("new", GOOD, self.root)
        self.phoenix("deploy", self.root / "new.json", status=1)
        self.assertFalse((self.specs / "new.json").exists())

    def test_update(self):
        path = self.put("new", GOOD, self.root)
        self.assertIn("no service new to update", self.phoenix("update", path, status=4).stderr)
        self.phoenix("update", "zzzzz", status=4)
        self.phoenix("deploy", self.root / "none.json", status=4)

    def test_masked(self):
        (self.specs / "web.json").unlink()
        (self.specs / "web.json").symlink_to("/dev/null")
        path = self.put("web", GOOD, self.root)
        self.assertIn("masked", self.phoenix("deploy", path, status=1).stderr)

    def test_del(self):
        self.put("web", {"type": "docker", "image": "localhost/x", "volumes": ["data:/data"]})
        told = self.said("del", "web")
        self.assertEqual(told["deleted"], str(self.specs / "web.json"))
        self.assertEqual(told["stays"], ["volume data", "image localhost/x"])
        self.assertFalse((self.specs / "web.json").exists())
        self.assertEqual(self.calls(), ["Subscribe -", "StopUnit phoenix@web.service",
                                        "ResetFailedUnit phoenix@web.service", "Reload -"])
        self.phoenix("del", "web", status=4)

    def test_info(self):
        text = '{"type": "binary", "image": "/usr/bin/sleep"}\n'
        path = self.put("web", text)
        out = self.phoenix("info", "web").stdout
        self.assertTrue(out.startswith(f"# {path}\n"), out)
        self.assertIn("# state: active (running)", out)
        self.assertTrue(out.endswith(text))
        told = self.said("info", "web")
        self.assertEqual((told["spec"], told["text"]), (json.loads(text), text))
        self.put("bad", "{")
        self.assertIsNone(self.said("info", "bad")["spec"])
        self.phoenix("info", "zzzzz", status=4)


class Live(Case):
    def test_top(self):
        """On a terminal: another page, keys, and all is put back."""
        import pty
        parent, child = pty.openpty()
        self.resize(parent, 24, 80)
        process = subprocess.Popen([PHOENIX, "--user", "top"], stdin=child, stdout=child,
                                   stderr=child, env=self.environment(TERM="xterm"),
                                   start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        os.close(child)
        out = self.read_until(parent, "\x1b[J")
        self.assertIn("held", out)
        self.assertIn("\x1b[?1049h", out)
        self.assertIn("CPU%▾", out)
        os.write(parent, b"n")
        self.assertIn("NAME▾", self.read_until(parent, "\x1b[J"))
        self.resize(parent, 5, 40)  # the head, an empty line, the titles, two services
        process.send_signal(signal.SIGWINCH)
        frame = self.read_until(parent, "\x1b[J")
        lines = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", frame).split("\n")
        lines = [line.rstrip("\r") for line in lines]
        self.assertEqual((len(lines), len(lines[0])), (5, 40), lines)
        os.write(parent, b"q")
        self.assertIn("\x1b[?1049l", self.read_until(parent, "\x1b[?1049l"))
        self.assertEqual(process.wait(timeout=10), 0)
        os.close(parent)

    def resize(self, fd, rows, columns):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read_until(self, fd, what):
        out, end = "", time.monotonic() + 20
        while what not in out:
            self.assertTrue(select.select([fd], [], [], max(0, end - time.monotonic()))[0], out)
            out += os.read(fd, 65536).decode(errors="replace")
        return out

    def test_logs(self):
        """Without any journal: nothing, and who is not there is told."""
        self.assertEqual(self.phoenix("logs", "web").stdout, "")
        self.assertEqual(self.phoenix("events").stdout, "")
        self.phoenix("logs", "zzzzz", status=4)
        self.phoenix("logs", "web", "--since=tomorrow or so", status=2)
        self.phoenix("logs", "web", "--lines=many", status=2)
        self.phoenix("logs", status=2)
        follower = subprocess.Popen([PHOENIX, "--user", "events", "-f"], env=self.environment())
        self.assertRaises(subprocess.TimeoutExpired, follower.wait, 0.3)
        follower.send_signal(signal.SIGINT)
        self.assertEqual(follower.wait(timeout=10), -signal.SIGINT)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    PHOENIX, STAND_IN = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1] + sys.argv[3:])
