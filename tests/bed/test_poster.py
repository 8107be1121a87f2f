# SPDX-License-Identifier: MIT
"""phoenixd posts to collectors: what is in a batch, and that nothing is lost or stored twice whatever
happens to the collector, to the network or to phoenixd.
"""

import datetime
import json
import os
import pathlib
import shutil
import signal
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from certificates import Authority
from supervised import Supervised, http

PORT = 9250
URL = f"http://127.0.0.1:{PORT}"
STATE = {"system": pathlib.Path("/var/lib/phoenix/_supervisor/collector"),
         "user": pathlib.Path("/home/phoenix/.local/state/phoenix/_supervisor/collector")}
DROP_IN = pathlib.Path("/run/systemd/system/phoenixd.service.d/90-test-poster.conf")
STATES = {"starting", "healthy", "failing", "unhealthy", "held", "stopped", "maintenance", "frozen"}
TOKEN = "a-token-of-the-test"


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def check_sample(sample):
    """docs/collector-api.md, as far as phoenixd is bound by it."""
    assert abs(when(sample["timestamp"]) - time.time()) < 600
    memory = sample["sysinfo"]["Memory"]
    assert set(memory) >= {"Total_Memory_MB", "Free_Memory_MB", "Used_Memory_MB", "CPU_Usage_Percentage"}
    assert memory["Total_Memory_MB"] > 0 and 0 <= memory["CPU_Usage_Percentage"] <= 100.01
    assert isinstance(sample["sysinfo"]["Docker_Containers"], list)
    for service in sample["services"]:
        assert 1 <= len(service["name"]) <= 253 and service["state"] in STATES, service
        assert service["ready"] in (True, False, None)
        assert service["restarts"] >= 0 and service["beats"] >= 0
        assert len(service["reason"].encode()) <= 4096


def check_batch(batch):
    assert set(batch) - {"last"} == {"host", "key", "samples", "events"}
    assert batch.get("last", True) is True and (len(batch["samples"]) == 1 or "last" not in batch)
    assert 1 <= len(batch["host"].encode()) <= 253
    assert 1 <= len(batch["key"]) <= 128 and batch["key"].isascii()
    for sample in batch["samples"]:
        check_sample(sample)
    for event in batch["events"]:
        assert when(event["timestamp"]) > 0
        assert 1 <= len(event["event"]) <= 32
        assert len(event["message"].encode()) <= 4096


class Collector:
    """Stores by key, as the real one does; can be away, slow, busy, or of another opinion."""

    def __init__(self):
        self.batches = {}  # by key, in the order in which they were stored
        self.requests = []  # (status, headers)
        self.duplicates = 0
        self.status = None  # instead of storing
        self.body = b'{"error": "so the test says"}'
        self.headers = {}
        self.delay = 0.0
        self.forget_answers = 0  # stored, and the connection ended without an answer
        self.token = None
        self._server = None

    def _judge(self, headers, body):
        if self.token and headers.get("Authorization") != f"Bearer {self.token}":
            return 401, b'{"error": "no token"}'
        if self.status:
            return self.status, self.body
        batch = json.loads(body)
        check_batch(batch)
        assert headers["Idempotency-Key"] == batch["key"]
        if batch["key"] in self.batches:
            assert self.batches[batch["key"]] == batch, "the same key for something else"
            self.duplicates += 1
            return 200, b'{"stored": 0, "events": 0, "duplicate": true}'
        self.batches[batch["key"]] = batch
        return 201, b'{"stored": 1, "events": 0, "duplicate": false}'

    def open(self, context=None):
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                time.sleep(collector.delay)
                try:
                    status, answer = collector._judge(self.headers, body)
                except (AssertionError, KeyError, ValueError) as error:
                    collector.requests.append((repr(error), dict(self.headers)))
                    raise
                collector.requests.append((status, dict(self.headers)))
                if collector.forget_answers > 0 and status == 201:
                    collector.forget_answers -= 1
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in collector.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *args):  # pylint: disable=arguments-differ
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", PORT), Handler)
        self._server.daemon_threads = True
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def samples(self):
        return [sample for batch in list(self.batches.values()) for sample in batch["samples"]]

    def events(self):
        return [event for batch in list(self.batches.values()) for event in batch["events"]]

    def told(self, service):
        return [event["event"] for event in self.events() if event.get("service") == service]

    def mistakes(self):
        return [status for status, _ in self.requests if isinstance(status, str)]


@pytest.fixture
def collector():
    made = Collector()
    yield made
    made.close()
    assert not made.mistakes(), made.mistakes()


class Poster:
    """The collector's spec in one manager, and phoenixd as the one who posts."""

    def __init__(self, runner, journal, name, scope):
        self.runner, self.name, self.scope, self._journal = runner, name, scope, journal
        self.cursor = journal.cursor()
        self.spool = STATE[scope] / name

    def events(self, kind):
        """Messages of phoenixd about collectors, oldest first."""
        entries = self._journal(scope=self.scope, after=self.cursor,
                                matches=(f"PHOENIX_EVENT={kind}",))
        return [entry["MESSAGE"] for entry in entries]

    def waiting(self):
        names = os.listdir(self.spool) if self.spool.is_dir() else []
        return sorted(name for name in names if name.endswith(".json"))

    def aside(self, suffix):
        return sorted(name for name in os.listdir(self.spool) if name.endswith(suffix))

    def is_known(self):
        """phoenixd runs, and posts to it."""
        manager = ("--user",) if self.scope == "user" else ("--system",)
        return self.pid() != 0 and self.runner("phoenix", *manager, "status", "--json", self.name).out.find(
            '"posting": true') >= 0

    def has_left(self, cursor):
        said = self._journal.messages("phoenixd.service", scope=self.scope, after=cursor)
        return any(message.startswith(f"{self.name}: ") and "the last record" in message for message in said)

    def view(self):
        bus = "--user" if self.scope == "user" else "--system"
        out = self.runner.check("busctl", bus, "--json=short", "get-property",
                                *["io.phoenix.Supervisor1", "/io/phoenix/Supervisor1",
                                  "io.phoenix.Supervisor1", "Collectors"])
        rows = [{key: value["data"] for key, value in row.items()} for row in json.loads(out)["data"]]
        return next(row for row in rows if row["Name"] == self.name)

    def pid(self):
        return int(self.runner.properties("phoenixd.service", "MainPID")["MainPID"])

    def kill(self, wait_for):
        """kill -9, and until the next one runs."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: self.pid() not in (0, pid), 20, "phoenixd is back")


@pytest.fixture
def poster(runners, journal, spec, wait_for):
    made = []

    def make(name="central", scope="system", **keys):
        shutil.rmtree(STATE[scope] / name, ignore_errors=True)
        one = Poster(runners[scope], journal, name, scope)
        spec(name, {"type": "collector", "url": URL, "interval": "1s"} | keys, scope=scope)
        runners[scope].systemctl("start", "phoenixd.service")
        made.append(one)
        return one

    yield make
    # With its spec a collector gets a last record, which is not to be the next test's first one.
    known = [one for one in made if one.is_known()]
    cursor = journal.cursor()
    spec.cleanup()
    for one in known:
        wait_for(lambda one=one: one.has_left(cursor), 60, f"{one.name} has its last record, or not")
    for one in made:
        shutil.rmtree(one.spool, ignore_errors=True)


@pytest.fixture
def web(runners, journal, spec, testy_binary):
    def make(name, scope="system"):
        unit = spec(name, {"type": "binary", "image": testy_binary, "args": ["--port", "8091"],
                           "restart": {"delay": "50ms"}, "healthcheck": http()}, scope=scope)
        return Supervised(runners[scope], journal, name, unit, scope, "binary").start()

    return make


def no_gap(collector, seconds):
    """Nothing is missing in between: samples come each second."""
    times = sorted(when(sample["timestamp"]) for sample in collector.samples())
    return all(b - a <= seconds for a, b in zip(times, times[1:]))


def test_samples_and_events(collector, poster, web, wait_for):
    collector.open()
    one = poster()
    service = web("posted-web")

    def row():
        """The service in the newest sample."""
        rows = collector.samples()[-1]["services"] if collector.samples() else []
        return next((r for r in rows if r["name"] == service.name), None)

    wait_for(lambda: row() and row()["state"] == "healthy" and row()["ready"], 20,
             "the service is told of as healthy")
    restarts = row()["restarts"]  # of those who had this name before, too
    service.ctl("unhealthy")
    wait_for(lambda: service.is_up_again(), 30, "restarted")
    wait_for(lambda: {"failing", "unhealthy", "restarted", "recovered"} <= set(collector.told(service.name)),
             15, "all of it is told")
    unhealthy = next(e for e in collector.events() if e["event"] == "unhealthy")
    assert unhealthy["state"] == "unhealthy" and "503" in unhealthy["reason"], unhealthy
    assert unhealthy["message"].startswith(f"{service.name} is unhealthy")
    wait_for(lambda: row()["restarts"] == restarts + 1, 10, f"its restart is told of, after {restarts}")
    assert isinstance(row()["latency_usec"], int)
    assert {b["host"] for b in collector.batches.values()} == {os.uname().nodename}
    wait_for(lambda: one.view()["Posted"] >= 3, 15, "more is posted")
    assert not one.view()["Away"] and one.view()["Error"] == ""
    assert not one.events("collector-away")


def test_phoenixd_runs_for_a_collector_alone(collector, poster, runners, wait_for):
    collector.open()
    one = poster()
    one.kill(wait_for)
    runners["system"].systemctl("stop", "phoenixd.service")
    wait_for(lambda: one.pid() != 0, 20, "systemd upholds it")
    n = len(collector.samples())
    wait_for(lambda: len(collector.samples()) > n, 15, "it posts")


def test_nothing_is_lost_or_doubled(collector, poster, wait_for):
    """Collector and phoenixd end in turn, without warning, and answers get lost."""
    collector.open()
    one = poster()
    wait_for(lambda: len(collector.samples()) >= 2, 20, "it posts")
    collector.close()
    wait_for(lambda: len(one.waiting()) >= 3, 20, "batches wait")
    kept = one.waiting()
    one.kill(wait_for)
    wait_for(lambda: len(one.waiting()) >= len(kept) + 2, 20, "more batches wait")
    collector.forget_answers = 2
    collector.open()
    wait_for(lambda: not one.waiting(), 40, "all are posted")
    assert {name.removesuffix(".json") for name in kept} <= set(collector.batches)
    assert collector.duplicates >= 1, "what was not answered was posted again, with its key"
    assert list(collector.batches) == sorted(collector.batches), "in their order"
    one.kill(wait_for)
    n = len(collector.batches)
    wait_for(lambda: len(collector.batches) >= n + 2, 20, "it goes on")
    assert no_gap(collector, 10)
    assert one.view()["Dropped"] == 0


def test_killed_in_the_middle_of_a_post(collector, poster, wait_for):
    collector.delay = 3
    collector.open()
    one = poster()
    for _ in range(3):
        wait_for(one.waiting, 20, "a batch is on its way")
        one.kill(wait_for)
    collector.delay = 0
    wait_for(lambda: len(collector.batches) >= 5 and len(one.waiting()) <= 1, 40, "all are posted")
    assert list(collector.batches) == sorted(collector.batches)
    assert one.view()["Dropped"] == 0 and one.view()["Refused"] == 0


def test_away_is_said_once(collector, poster, wait_for):
    one = poster()
    wait_for(lambda: one.events("collector-away"), 20, "said")
    assert "central: " in one.events("collector-away")[0]
    time.sleep(6)  # some more tries
    assert len(one.events("collector-away")) == 1 and not one.events("collector-back")
    assert one.view()["Away"] and one.view()["Error"] and one.view()["Waiting"] >= 3
    collector.open()
    wait_for(lambda: one.events("collector-back"), 40, "said")
    wait_for(lambda: not one.waiting(), 20, "all are posted")
    assert len(one.events("collector-away")) == 1 and len(one.events("collector-back")) == 1


def test_busy_is_obeyed(collector, poster, wait_for):
    collector.status, collector.headers = 503, {"Retry-After": "5"}
    collector.open()
    one = poster()
    wait_for(lambda: collector.requests, 20, "the first try")
    time.sleep(4)
    assert len(collector.requests) == 1, "it does not try before it may"
    collector.status, collector.headers = None, {}
    wait_for(lambda: len(collector.batches) >= 4, 30, "all are posted")
    assert not one.events("collector-away"), "it was there all the time"


def test_refused_is_put_aside(collector, poster, wait_for):
    collector.status = 400
    collector.open()
    one = poster()
    wait_for(lambda: one.events("batch-refused"), 20, "said")
    assert "HTTP 400: so the test says" in one.events("batch-refused")[0]
    collector.status = None
    wait_for(lambda: len(collector.batches) >= 2, 20, "others are posted")
    refused = one.aside(".refused")
    assert refused and one.view()["Refused"] == len(refused)
    text = (one.spool / refused[0]).read_text()
    check_batch(json.loads(text.split("\n", 1)[1]))
    assert not {name.removesuffix(".json.refused") for name in refused} & set(collector.batches)


def test_a_slow_collector_delays_no_check(collector, poster, web, wait_for):
    collector.delay = 8
    collector.open()
    poster()
    service = web("posted-slow")
    wait_for(lambda: collector.requests or time.sleep(0.2), 20, "it is slow")
    before = service.status()["checks"]
    time.sleep(5)
    made = service.status()["checks"] - before
    assert made >= 8, f"{made} checks in 5 s, one is due each 300 ms"
    assert service.restarts() == 0
    collector.delay = 0  # what waits is posted before it is left


def test_the_spool_is_bounded(collector, poster, wait_for):
    one = poster(spool="64K")
    wait_for(lambda: one.view()["Dropped"] >= 2, 60, "the oldest are dropped")
    size = sum((one.spool / name).stat().st_size for name in one.waiting())
    assert size <= 64 * 1024 and len(one.waiting()) <= 16
    assert one.events("degraded")
    kept = one.waiting()
    collector.open()
    wait_for(lambda: collector.batches and len(one.waiting()) <= 1, 60, "what is left is posted")
    # Until the next try some more of the oldest had to go.
    lost = {name.removesuffix(".json") for name in kept} - set(collector.batches)
    assert len(lost) <= one.view()["Dropped"] - 2
    assert list(collector.batches) == sorted(collector.batches)
    assert not lost or max(lost) < next(iter(collector.batches)), "the newest are kept"


@pytest.fixture
def small_disk(root):
    """A file system of the spool's own, which is full soon: mount(name), room(size)."""
    mounted = []

    def mount(name):
        folder = STATE["system"] / name
        folder.mkdir(parents=True, exist_ok=True)
        owner = folder.parent.stat()
        root.check("mount", "-t", "tmpfs", "-o", f"size=32K,mode=700,uid={owner.st_uid},gid={owner.st_gid}",
                   "tmpfs", folder)
        mounted.append(folder)
        return lambda size: root.check("mount", "-o", f"remount,size={size}", folder)

    yield mount
    for folder in mounted:
        root.check("umount", "--lazy", folder)


def test_a_full_file_system(collector, small_disk, poster, wait_for):
    """What the disk does not take waits in memory and goes there when it can; nothing is lost or doubled."""
    room = small_disk("full")
    one = poster("full")
    wait_for(lambda: any("in memory only" in text for text in one.events("degraded")), 60, "said")
    wait_for(lambda: one.view()["Waiting"] >= len(one.waiting()) + 3, 30, "batches wait in memory")
    kept = one.waiting()
    assert kept and all((one.spool / name).stat().st_size > 0 for name in kept)
    assert one.view()["Dropped"] == 0
    room("4M")
    wait_for(lambda: len(one.waiting()) >= len(kept) + 4 and one.view()["Waiting"] <= len(one.waiting()) + 1, 30,
             "they are on disk")
    one.kill(wait_for)
    collector.open()
    wait_for(lambda: collector.batches and len(one.waiting()) <= 1, 60, "all are posted")
    assert {name.removesuffix(".json") for name in kept} <= set(collector.batches)
    assert list(collector.batches) == sorted(collector.batches)
    assert no_gap(collector, 10) and one.view()["Dropped"] == 0
    assert not one.aside(".bad")


def test_a_collector_takes_from_a_full_file_system(collector, small_disk, poster, wait_for):
    small_disk("full")
    one = poster("full")
    wait_for(lambda: one.view()["Waiting"] >= len(one.waiting()) + 3, 60, "batches wait in memory")
    collector.open()
    wait_for(lambda: one.view()["Waiting"] <= 1 and len(collector.batches) >= 8, 60, "all are posted")
    assert list(collector.batches) == sorted(collector.batches)
    assert no_gap(collector, 10) and one.view()["Dropped"] == 0


def test_damaged_files_cost_themselves(collector, poster, wait_for):
    one = poster()
    wait_for(lambda: len(one.waiting()) >= 4, 20, "batches wait")
    first, second = one.waiting()[:2]
    (one.spool / first).write_bytes(b"")
    text = (one.spool / second).read_bytes()
    (one.spool / second).write_bytes(text[:-10] + b"\0" * 10)
    one.kill(wait_for)
    collector.open()
    wait_for(lambda: not one.waiting(), 40, "the others are posted")
    assert one.aside(".bad") == [first + ".bad", second + ".bad"]
    assert first.removesuffix(".json") not in collector.batches


def test_the_last_record(collector, poster, runners, spec, wait_for):
    collector.open()
    one = poster(interval="1h")
    wait_for(lambda: collector.samples(), 20, "the first one")
    n, before = len(collector.samples()), time.time()
    runners["system"].check("systemctl", "kill", "--signal=TERM", "phoenixd.service")
    wait_for(lambda: len(collector.samples()) > n, 10, "the last one")
    assert when(collector.samples()[n]["timestamp"]) >= before - 1
    assert [batch for batch in collector.batches.values() if batch.get("last")]
    wait_for(lambda: not one.waiting(), 10, "nothing is left")


def test_users_have_a_name_of_their_own(collector, poster, wait_for):
    collector.open()
    poster(scope="user")
    wait_for(lambda: len(collector.samples()) >= 2, 20, "it posts")
    assert {b["host"] for b in collector.batches.values()} == {f"phoenix@{os.uname().nodename}"}


@pytest.fixture
def certificate(tmp_path):
    """A CA of one's own, and a server certificate by it for 127.0.0.1."""
    authority = Authority(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign("IP:127.0.0.1"))
    return context, authority.ca


@pytest.fixture
def credentials(root, tmp_path):
    """What phoenixd.service is given as credentials."""

    def give(**files):
        lines = []
        for name, content in files.items():
            path = tmp_path / f"credential-{name}"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            lines.append(f"LoadCredential={name.replace('_', '-')}:{path}")
        DROP_IN.parent.mkdir(parents=True, exist_ok=True)
        DROP_IN.write_text("[Service]\n" + "\n".join(lines) + "\n")
        root.check("systemctl", "daemon-reload")
        root.check("systemctl", "restart", "phoenixd.service")

    yield give
    DROP_IN.unlink(missing_ok=True)
    root.check("systemctl", "daemon-reload")
    root.check("systemctl", "restart", "phoenixd.service")


def test_tls_and_token(collector, poster, certificate, credentials, wait_for):
    context, ca = certificate
    collector.token = TOKEN
    collector.open(context)
    one = poster(url=f"https://127.0.0.1:{PORT}")
    wait_for(lambda: one.events("collector-away"), 20, "its certificate is by nobody that is trusted")
    assert not collector.requests
    credentials(collector_ca=ca.read_bytes())
    one = poster(url=f"https://127.0.0.1:{PORT}", ca="collector-ca")
    wait_for(lambda: any(status == 401 for status, _ in collector.requests), 20, "it has no token")
    wait_for(lambda: "token" in one.view()["Error"], 10, "and says how to mend that")
    credentials(collector_ca=ca.read_bytes(), collector_token=TOKEN + "\n")
    wait_for(lambda: len(collector.batches) >= 2, 40, "it posts")
    wait_for(lambda: not one.view()["Away"], 10, "and knows it")
    assert TOKEN not in "\n".join(one.events("collector-away"))


def test_redirects_are_not_followed(collector, poster, wait_for):
    collector.status, collector.headers = 307, {"Location": f"{URL}/elsewhere"}
    collector.open()
    one = poster()
    wait_for(lambda: one.events("collector-away"), 20, "said")
    assert "redirects are not followed" in one.events("collector-away")[0]
    assert len(collector.requests) == 1


def test_metrics(collector, poster, root, wait_for):
    collector.open()
    one = poster()
    wait_for(lambda: len(collector.batches) >= 2, 20, "it posts")

    def metric(name):
        out = root.check("curl", "--silent", "--unix-socket", "/run/phoenix/metrics.sock",
                         "http://localhost/metrics")
        line = next(line for line in out.splitlines()
                    if line.startswith(f'phoenix_collector_{name}{{collector="{one.name}"}}'))
        return int(line.rsplit(" ", 1)[1])

    assert metric("posted_batches_total") >= 2
    assert metric("away") == 0 and metric("dropped_batches_total") == 0


def test_without_a_collector_it_costs_nothing(collector, poster, spec, runners, wait_for):
    collector.open()
    one = poster()
    wait_for(lambda: collector.samples(), 20, "it posts")

    def threads():
        names = [task.joinpath("comm").read_text().strip()
                 for task in pathlib.Path(f"/proc/{one.pid()}/task").iterdir()]
        return names.count("poster")

    assert threads() == 1
    spec.cleanup()
    wait_for(lambda: threads() == 0, 20, "the thread is gone")
    n = len(collector.requests)
    time.sleep(3)
    assert len(collector.requests) <= n + 1
