#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The D-Bus API of a fake Manager on a bus of its own, asked by busctl(1).

usage: test-api.py SERVER POLICY
"""

import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

NAME, PATH = "io.phoenix.Supervisor1", "/io/phoenix/Supervisor1"
NOBODY = 65534
PATIENCE = 20

# What is left of TEST_HOSTILE in test-manager.h: only what is no UTF-8 may not be on the bus.
HOSTILE = 'a"b\\c\nd\re\033[31m\x01\u009bf\ufffd\ufffd'

# The contract of io.phoenix.Supervisor1(5).
KEYS = set(
    """Name Unit Type State Since Reason Ready Supervised Lease Maintenance MaintenanceUntil HeldUntil ActiveState
    SubState Result MainPID NRestarts Starts Restarts Checks Failures Unhealthy Beats BeatsPerMinute NextDelay LastHealthy
    LastFailure WatchdogUSec LastProbe LastOutcome LastLatency LastReason""".split()
)
ON_DEMAND = {
    "Listen": ["8080", HOSTILE], "Activation": "proxy", "IdleAction": "freeze", "IdleAfter": 30000000, "Listening": True,
    "Idle": True, "SocketState": "active", "SocketResult": "success", "Waiting": 7, "Starts": 95, "StartsToday": 14,
    "Held": 120, "IdleStops": 80, "Stops": 15, "Freezes": 40, "Thaws": 39, "FrozenTime": 7200000001,
    "ColdStartP50": 177777, "ColdStartP99": 1000000,
}  # fmt: skip
PROBE_KEYS = set(
    """Label Type Readiness Verdict Failures Retries Interval Timeout Next Passed Failed Void P50 P99 History""".split()
)

# As strict as Debian's system.conf where it matters here.
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>{type}</type>
  <listen>unix:path={path}</listen>
  <policy context="default">
    <allow user="*"/>
    <{strict} own="*"/>
    <{strict} send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus"/>
  </policy>
  <policy user="root"><allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Monitoring"/></policy>
  {include}
</busconfig>
"""


class Lines:
    """The lines of a process, waited for one by one."""

    def __init__(self, process):
        self.process, self.queue = process, queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.queue.put(line.rstrip("\n"))
        self.queue.put(None)

    def next(self):
        return self.queue.get(timeout=PATIENCE)

    def until(self, start):
        while (line := self.next()) is not None:
            if line.startswith(start):
                return line
        raise AssertionError(f"ended without {start}")


def start(*command, **kwargs):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", **kwargs)
    return process, Lines(process)


def stop(process, number=signal.SIGTERM):
    process.send_signal(number)
    process.wait(PATIENCE)
    process.stdout.close()


class Bus(unittest.TestCase):
    policy = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="phoenix-api-")
        self.addCleanup(shutil.rmtree, self.folder)
        os.chmod(self.folder, 0o755)
        self.address = f"unix:path={self.folder}/bus"
        config = CONFIG.format(
            path=f"{self.folder}/bus",
            type="system" if self.policy else "session",
            strict="deny" if self.policy else "allow",
            include=f"<include>{self.policy}</include>" if self.policy else "",
        )
        with open(f"{self.folder}/bus.conf", "w", encoding="utf-8") as file:
            file.write(config)
        self.start_bus()
        self.addCleanup(self.stop_bus)
        scope = "SYSTEM" if self.policy else "SESSION"
        self.server, self.says = start(
            SERVER,
            "--system" if self.policy else "--user",
            stdin=subprocess.PIPE,
            env={**os.environ, f"DBUS_{scope}_BUS_ADDRESS": self.address},
        )
        self.addCleanup(self.stop_server)
        self.assertEqual(self.says.next(), "connected 1 ")

    def start_bus(self):
        self.bus, lines = start("dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork", "--print-address",
                                stderr=subprocess.DEVNULL)  # fmt: skip
        lines.until("unix:")

    def stop_bus(self):
        stop(self.bus, signal.SIGKILL)

    def stop_server(self):
        self.server.stdin.close()
        self.assertEqual(self.server.wait(PATIENCE), 0)
        self.server.stdout.close()

    def busctl(self, *words, user=None):
        command = ["busctl", f"--address={self.address}", "--json=short", *words]
        if user is not None:
            command = ["setpriv", f"--reuid={user}", "--clear-groups", *command]
        return subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", timeout=PATIENCE, check=False
        )

    def call(self, method, *words, user=None):
        done = self.busctl("call", NAME, PATH, NAME, method, *words, user=user)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["data"] if done.stdout.strip() else None

    def fails(self, error, method, *words, user=None):
        """busctl says the message, gdbus and dbus-send the name of an error."""
        done = self.busctl("call", NAME, PATH, NAME, method, *words, user=user)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        self.assertIn(error, done.stderr)

    def property(self, name):
        done = self.busctl("get-property", NAME, PATH, NAME, name)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["data"]


def plain(entries):
    """a{sv} without the types."""
    return {key: value["data"] for key, value in entries.items()}


class Session(Bus):
    def test_introspection(self):
        done = subprocess.run(
            ["busctl", f"--address={self.address}", "introspect", "--xml-interface", NAME, PATH],
            stdout=subprocess.PIPE, encoding="utf-8", check=True, timeout=PATIENCE,
        )  # fmt: skip
        for words in (
            '<method name="SetMaintenance">', '<arg type="t" name="until_realtime_usec" direction="in"/>',
            '<arg type="aa{sv}" name="services" direction="out"/>', '<signal name="Event">',
            '<arg type="a{sv}" name="details"/>', '<property name="Degraded" type="s" access="read">',
        ):  # fmt: skip
            self.assertIn(words, done.stdout)

    def test_list(self):
        services = [plain(s) for s in self.call("ListServices")[0]]
        self.assertEqual([s["Name"] for s in services], ["service0000", "service0001", "service0002"])
        first = services[0]
        self.assertEqual(first["Reason"], HOSTILE)
        self.assertEqual((first["State"], first["Ready"], first["Beats"]), ("healthy", "no", 5000000000))
        self.assertEqual((first["ActiveState"], first["SubState"], first["Result"]), ("active", "running", "success"))
        self.assertEqual((first["MainPID"], first["NRestarts"], first["WatchdogUSec"]), (77, 2, 15000000))
        self.assertEqual(first["BeatsPerMinute"], 12.5)
        self.assertNotIn("Probes", first)
        self.assertEqual((first["LastProbe"], first["LastReason"]), (HOSTILE, HOSTILE))
        self.assertEqual((first["LastOutcome"], first["LastLatency"]), ("pass", 4))
        self.assertEqual(services[1]["LastProbe"], "http GET /health")
        # What systemd has not told yet.
        self.assertEqual((services[1]["ActiveState"], services[1]["MainPID"]), ("", 0))
        self.assertEqual(first.keys(), KEYS | {"OnDemand"})
        self.assertEqual(plain(first["OnDemand"]), ON_DEMAND)
        self.assertTrue(all(s.keys() == KEYS for s in services[1:]))

    def test_get(self):
        service = plain(self.call("GetService", "s", "service0000")[0])
        self.assertEqual(service.keys(), KEYS | {"Probes", "OnDemand"})
        self.assertEqual(plain(service["OnDemand"]), ON_DEMAND)
        probes = [plain(p) for p in service["Probes"]]
        self.assertEqual([p["Readiness"] for p in probes], [False, False, True])
        self.assertTrue(all(p.keys() == PROBE_KEYS for p in probes))
        probe = probes[0]
        self.assertEqual((probe["Label"], probe["Type"], probe["Verdict"]), (HOSTILE, "http", "passing"))
        self.assertEqual((probe["Passed"], probe["Failed"], probe["Void"]), (90, 7, 3))
        self.assertEqual((probe["Interval"], probe["Timeout"]), (10000000, 3000000))
        self.assertGreaterEqual(probe["P99"], probe["P50"])
        history = probe["History"]
        self.assertEqual(len(history), 20)
        # A ring whose newest is number 4.
        self.assertEqual([h[1] for h in history], [*range(5, 20), *range(5)])
        self.assertEqual(history[-1], [1004, 4, "pass", HOSTILE])

    def test_errors(self):
        self.fails("There is no service web", "GetService", "s", "web")
        self.fails("no name of a service", "GetService", "s", "x\033[31m")
        self.fails("There is no service web", "ProbeNow", "s", "web")
        self.fails("There is no service web", "Release", "s", "web")
        self.fails("service0001 does not run", "ProbeNow", "s", "service0001")
        self.fails("no connection to the service manager", "Release", "s", "service0002")
        self.fails("in the past", "SetMaintenance", "sbt", "service0000", "true", "5")
        done = subprocess.run(
            ["dbus-send", f"--bus={self.address}", "--print-reply", f"--dest={NAME}", PATH,
             f"{NAME}.GetService", "string:web"],
            stderr=subprocess.PIPE, encoding="utf-8", timeout=PATIENCE, check=False,
        )  # fmt: skip
        self.assertIn("Error io.phoenix.Error.NoSuchService", done.stderr)

    def test_probe_now(self):
        call = ["busctl", f"--address={self.address}", "call", NAME, PATH, NAME, "ProbeNow", "s", "service0000"]
        results = [plain(r) for r in self.call("ProbeNow", "s", "service0000")[0]]
        self.assertEqual(len(results), 3)
        self.assertEqual(results[2], {"Label": HOSTILE, "Readiness": True, "Outcome": "fail", "Latency": 2, "Reason": HOSTILE})
        # Of many at the same time one is answered, the others are told at once.
        calls = [subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(8)]
        outputs = [c.communicate(timeout=PATIENCE) for c in calls]
        self.assertTrue(any(c.returncode == 0 for c in calls))
        for process, (_, wrong) in zip(calls, outputs):
            self.assertTrue(process.returncode == 0 or b"for another call" in wrong, wrong)

    def test_reap(self):
        for policy in ("", "stress"):
            rows = [plain(r) for r in self.call("Reap", "s", policy)[0]]
            self.assertEqual(len(rows), 1)
            row = rows[0]
            self.assertEqual((row["Policy"], row["Class"], row["Rank"], row["Pid"]), ("stress", "cpu", 2, 4711))
            self.assertEqual((row["Verdict"], row["Cause"], row["Result"]), ("stop", "surplus", "stopped"))
            self.assertEqual((row["Memory"], row["CPU"]), (4096, 99.5))
            self.assertIn("\ufffd", row["Name"], "what is not UTF-8 cannot be sent")
        self.fails("There is no policy web", "Reap", "s", "web")
        self.fails("This is no name of a policy", "Reap", "s", "a b")

    def test_caller_that_leaves(self):
        command = ["dbus-send", f"--bus={self.address}", f"--dest={NAME}", "--type=method_call", PATH, f"{NAME}.ProbeNow"]
        subprocess.run([*command, "string:service0000"], check=True, timeout=PATIENCE)
        # The checks are made to their end, and then the next one may ask.
        end = time.monotonic() + PATIENCE
        while self.busctl("call", NAME, PATH, NAME, "ProbeNow", "s", "service0000").returncode != 0:
            self.assertLess(time.monotonic(), end)

    def test_metrics(self):
        text = self.call("ReadMetrics")[0]
        self.assertTrue(text.endswith("# EOF\n"))
        self.assertIn('phoenix_service_state{service="service0000",state="healthy"} 1', text)

    def test_properties(self):
        self.assertRegex(self.property("Version"), r"^\d+\.\d+\.\d+")
        self.assertEqual(self.property("Started"), 1700000000123456)
        for name, value in {"Services": 3, "Supervised": 3, "Leases": 1, "Probes": 5, "Brake": False, "BrakeUntil": 0,
                            "BrakeReason": "", "Degraded": "", "GateSlots": 4, "GateRunning": 1, "GateWaiting": 2, "EventsLost": 0}.items():  # fmt: skip
            self.assertEqual(self.property(name), value, name)
        done = self.busctl("call", NAME, PATH, "org.freedesktop.DBus.Properties", "GetAll", "s", NAME)
        self.assertEqual(len(json.loads(done.stdout)["data"][0]), 15)
        self.assertEqual(self.property("Collectors"), [])
        done = self.busctl("set-property", NAME, PATH, NAME, "Brake", "b", "true")
        self.assertNotEqual(done.returncode, 0)

    def monitor(self):
        """The signals from now on, as busctl says them."""
        process, lines = start("busctl", f"--address={self.address}", "--json=short", f"--match=type='signal',path='{PATH}'",
                               "monitor", stderr=subprocess.DEVNULL)  # fmt: skip
        self.addCleanup(stop, process)
        # It does not say when it has begun, so it is shown signals of ours until it has seen one.
        for _ in range(100):
            self.busctl("emit", PATH, NAME, "Mark")
            try:
                lines.queue.get(timeout=0.1)
                return lines
            except queue.Empty:
                pass
        raise AssertionError("busctl monitor shows nothing")

    def next_signal(self, lines):
        while True:
            message = json.loads(lines.next())
            if message["member"] != "Mark":
                return message

    def test_event(self):
        lines = self.monitor()
        self.call("SetMaintenance", "sbt", "service0000", "true", str(2**64 - 1))
        self.call("SetMaintenance", "sbt", "service0000", "true", str(2**64 - 2))  # no change, no event
        self.call("SetMaintenance", "sbt", "service0000", "false", "0")
        on, off = self.next_signal(lines), self.next_signal(lines)
        self.assertEqual((on["interface"], on["member"], on["payload"]["type"]), (NAME, "Event", "ssssssta{sv}"))
        data = on["payload"]["data"]
        self.assertEqual(data[:6], ["maintenance-on", "service0000", "phoenix@service0000.service", "healthy", "maintenance", HOSTILE])
        self.assertEqual(plain(data[7]), {"Probe": HOSTILE, "Failures": 2, "Retries": 3, "Latency": 44, "Restarts": 9})
        data = off["payload"]["data"]
        self.assertEqual((data[0], plain(data[7])), ("maintenance-off", {"Restarts": 9}))

    def test_property_change(self):
        lines = self.monitor()
        self.call("Release", "s", "service0000")  # closes the brake, in the fake
        event, change = self.next_signal(lines), self.next_signal(lines)
        self.assertEqual(event["payload"]["data"][:5], ["brake-on", "", "", "", ""])
        self.assertEqual(plain(event["payload"]["data"][7]), {"Delay": 6})
        self.assertEqual(change["member"], "PropertiesChanged")
        self.assertEqual(plain(change["payload"]["data"][1]), {"Brake": True, "BrakeUntil": 5, "BrakeReason": "many"})
        self.assertEqual(self.property("BrakeReason"), "many")
        self.call("Release", "s", "service0001")
        self.assertEqual(self.property("BrakeReason"), "")

    def test_commands_of_others(self):
        if os.geteuid() != 0:
            self.skipTest("must be root to be somebody else")
        self.assertEqual(len(self.call("ListServices", user=NOBODY)[0]), 3)
        for words in (["ProbeNow", "s"], ["Release", "s"], ["Reap", "s"], ["SetMaintenance", "sbt"]):
            rest = ["true", str(2**64 - 1)] if words[1] == "sbt" else []
            self.fails("Access denied", *words, "service0000", *rest, user=NOBODY)
        self.assertFalse(plain(self.call("GetService", "s", "service0000")[0])["Maintenance"])

    def test_bus_that_comes_back(self):
        stop(self.bus, signal.SIGKILL)
        self.assertTrue(self.says.next().startswith("connected 0 "))
        self.bus, lines = None, None
        os.unlink(f"{self.folder}/bus")
        self.start_bus()
        self.assertEqual(self.says.next(), "connected 1 ")
        self.assertEqual(self.property("Services"), 3)

    def test_name_that_is_taken(self):
        server, says = start(SERVER, "--user", stdin=subprocess.PIPE,
                             env={**os.environ, "DBUS_SESSION_BUS_ADDRESS": self.address})  # fmt: skip
        self.assertEqual(says.next(), "connected 0 File exists")
        # It takes over when the first one has gone.
        self.server.stdin.close()
        self.server.wait(PATIENCE)
        self.server.stdout.close()
        self.server = server
        self.assertEqual(says.next(), "connected 1 ")
        self.assertEqual(self.property("Services"), 3)


class System(Bus):
    """The policy that is installed for the system bus."""

    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("the policy is for root")
        self.policy = POLICY
        super().setUp()

    def test_policy(self):
        self.assertEqual(len(self.call("ListServices", user=NOBODY)[0]), 3)
        self.call("GetService", "s", "service0000", user=NOBODY)
        self.call("ReadMetrics", user=NOBODY)
        done = self.busctl("get-property", NAME, PATH, NAME, "Services", user=NOBODY)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.fails("Access", "Release", "s", "service0000", user=NOBODY)
        self.fails("Access", "ProbeNow", "s", "service0000", user=NOBODY)
        self.call("Release", "s", "service0000")
        done = self.busctl("call", "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "RequestName", "su", NAME + ".x", "0", user=NOBODY)
        self.assertNotEqual(done.returncode, 0)


if __name__ == "__main__":
    if not all(map(shutil.which, ("dbus-daemon", "busctl", "dbus-send", "setpriv"))):
        print("skipped: needs dbus-daemon, dbus-send, busctl and setpriv")
        sys.exit(77)
    SERVER, POLICY = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main()
