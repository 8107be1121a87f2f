# SPDX-License-Identifier: MIT
"""A client of phoenix-collector, and one started by hand with the limits that a test needs."""

import base64
import http.client
import json
import os
import pathlib
import subprocess
import time

PROGRAM = "/usr/libexec/phoenix/phoenix-collector"
JSON = {"Content-Type": "application/json"}
# What the collector may take until it answers, on machines that do much else.
PATIENCE = 60


def entry(number=0, host=None, at=None, **more):
    """A log entry as the document has them."""
    at = time.time() if at is None else at
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1e6):06}Z"
    content = {"timestamp": stamp, "sysinfo": {
        "Memory": {"Total_Memory_MB": 31874, "Free_Memory_MB": 17817, "Used_Memory_MB": 14057,
                   "CPU_Usage_Percentage": number % 100},
        "Docker_Containers": [
            {"PID": 52643, "Name": "stress", "ContainerID": "c87b60cf51b9", "Cmdline": "stress --io 1 ",
             "MemoryUsage_percent": 0.5, "MemoryUsage_MB": 0, "CPUUsage_percent": 1.5, "DiskUse_MB": 0,
             "Write_KBytes": 200, "Read_KBytes": 300, "IOReadOps": number, "IOWriteOps": 20830}]}}
    return content | ({"host": host} if host else {}) | more


def noise(size):
    """Text that cannot be packed to much less."""
    return base64.b64encode(os.urandom(size * 3 // 4 + 3)).decode()[:size]


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)


class Collector:
    """Requests to one collector, each on a connection of its own."""

    def __init__(self, port=5000, address="127.0.0.1"):
        self.port = port
        self.address = address

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.address, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.request("GET", path, headers=headers)

    def post(self, content, **headers):
        body = content if isinstance(content, (bytes, str)) else json.dumps(content)
        return self.request("POST", "/logs", body.encode() if isinstance(body, str) else body, JSON | headers)

    def logs(self, query=""):
        return self.get(f"/logs{query}").json()

    def metric(self, name):
        for line in self.get("/metrics").text.splitlines():
            if line.startswith(f"phoenix_collector_{name} "):
                return float(line.split()[1])
        raise KeyError(name)


class ByHand(Collector):
    """One that this test has for itself."""

    def __init__(self, state, port, *options):
        super().__init__(port)
        self.state = pathlib.Path(state)
        self.options = options
        self.process = None
        self.log = ""

    def start(self):
        command = [PROGRAM, f"--state={self.state}", f"--listen={self.address}:{self.port}", *self.options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                self.get("/health")
                return self
            except OSError:
                assert self.process.poll() is None, self.process.stderr.read()
                time.sleep(0.05)
        raise TimeoutError("the collector does not answer")

    def stop(self, kill=False):
        """Ends it; its exit code. What it logged is in .log."""
        if self.process is None:
            return None
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        _, log = self.process.communicate(timeout=PATIENCE)
        self.log += log
        code, self.process = self.process.returncode, None
        return code

    def memory_kb(self, field="VmRSS"):
        for line in pathlib.Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return int(line.split()[1])
        raise KeyError(field)
