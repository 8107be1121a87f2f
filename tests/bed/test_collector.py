# SPDX-License-Identifier: MIT
"""The collector as users and posters meet it, and what it does when things go wrong."""

import errno
import hashlib
import http.client
import io
import json
import os
import pathlib
import random
import select
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.parse

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from collector import PATIENCE, ByHand, Collector, entry, noise

PNG = b"\x89PNG\r\n\x1a\n"
GRAPHS = {"system": pathlib.Path("/var/lib/phoenix-collector/graphs"),
          "user": pathlib.Path("/home/phoenix/.local/state/phoenix-collector/graphs")}
HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(2)>\'"&;--\u202e\U0001f525%n%s'


@pytest.fixture(params=["user", "system"])
def scope(request):
    return request.param


@pytest.fixture
def service(runners, scope):
    """The collector of a manager, through its socket; nothing of it is left behind."""
    runner = runners[scope]
    units = ("phoenix-collector.socket", "phoenix-collector.service")
    runner.systemctl("stop", *units)
    assert runner.systemctl("start", "phoenix-collector.socket").ok
    yield runner
    runner.systemctl("stop", *units)
    runner.systemctl("reset-failed", *units)
    runner.systemctl("clean", "--what=state", "phoenix-collector.service")


@pytest.fixture
def by_hand(tmp_path):
    made = []

    def make(*options, state=None, port=None):
        made.append(ByHand(state or tmp_path / f"state-{len(made)}", port or 5100 + len(made), *options))
        return made[-1].start()

    yield make
    for collector in made:
        if collector.process is not None:
            collector.stop(kill=True)


def checksum(texts):
    """Whatever their order."""
    return hashlib.sha256("\n".join(sorted(texts)).encode()).hexdigest()


def compact(content):
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False)


def stored(collector, query=""):
    return collector.get(f"/logs?format=ndjson{query}").text.splitlines()


def test_session_of_the_document(service, scope, wait_for):
    """Posts, the list of them, and at the end the pictures."""
    collector = Collector()
    first = collector.get("/generate_graphs")
    assert first.status == 200 and first.json()["samples"] == 0, first.text
    assert collector.logs() == []

    sent = [entry(i, at=time.time() - 60 + i) for i in range(30)]
    for content in sent:
        answer = collector.post(content)
        assert (answer.status, answer.json()) == (201, {"stored": 1, "events": 0, "duplicate": False})
    assert collector.logs() == sent
    assert collector.logs("?limit=2") == sent[:2]

    answer = collector.get("/generate_graphs").json()
    assert answer["samples"] == 30
    assert answer["files"] == [str(GRAPHS[scope] / name) for name in ("system_metrics.png", "containers_metrics.png")]
    for address, path in zip((answer["system"], answer["containers"]), answer["files"]):
        picture = collector.get(address)
        assert picture.headers["content-type"] == "image/png"
        assert picture.body.startswith(PNG) and picture.body == pathlib.Path(path).read_bytes()
        assert struct.unpack(">II", picture.body[16:24]) > (1000, 500)

    shown = collector.get("/show_graphs")
    assert (shown.status, shown.headers["location"]) == (303, "/")
    before = pathlib.Path(answer["files"][0]).stat().st_mtime_ns
    for _ in range(2):
        wait_for(lambda: pathlib.Path(answer["files"][0]).stat().st_mtime_ns > before, 30, "drawn again")
        before = pathlib.Path(answer["files"][0]).stat().st_mtime_ns
    page = collector.get("/")
    assert page.status == 200 and "system_metrics.png" in page.text
    assert service.systemctl("is-active", "phoenix-collector.service").ok
    assert service.systemctl("stop", "phoenix-collector.service").ok
    # The socket starts it again, and all is there.
    assert collector.logs() == sent


def test_nothing_acknowledged_is_lost_over_kills(service, runners, wait_for):
    """Four posters that repeat what was not answered, and a collector that is killed over and over."""
    collector = Collector()
    acknowledged, failed, stop = [], [], threading.Event()

    def poster(number):
        for i in range(100000):
            if stop.is_set():
                return
            text = compact(entry(i, host=f"host-{number}", key=f"{number}-{i}"))
            while True:
                try:
                    answer = collector.post(text)
                except (OSError, http.client.HTTPException):
                    time.sleep(0.05)
                    continue
                if answer.status in (200, 201):
                    acknowledged.append(text)
                    break
                failed.append(answer.text)
                return

    threads = [threading.Thread(target=poster, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    kills = 0
    for _ in range(6):
        have = len(acknowledged)
        wait_for(lambda: len(acknowledged) > have + 20 or failed, PATIENCE, "posts go on")
        time.sleep(random.random() / 2)
        pid = int(service.properties("phoenix-collector.service", "MainPID")["MainPID"])
        if pid > 0:
            os.kill(pid, 9)
            kills += 1
    have = len(acknowledged)
    wait_for(lambda: len(acknowledged) > have or failed, PATIENCE, "posts go on after the last kill")
    stop.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert not failed and kills >= 4
    kept = stored(collector)
    assert len(kept) == len(acknowledged)
    assert checksum(kept) == checksum(acknowledged)


def test_dashboard(service, runners, scope):
    """Where the page is; another port is found; what does not listen is said, and mended with start."""
    def phoenix(*arguments):
        return runners[scope]("phoenix", *arguments)

    shown = phoenix("dashboard")
    assert (shown.code, shown.out) == (0, "http://localhost:5000/\n"), shown
    assert Collector().get("/").status == 200
    assert service.systemctl("stop", "phoenix-collector.socket", "phoenix-collector.service").ok
    off = phoenix("dashboard", "--json")
    assert off.code == 1 and json.loads(off.out) == {"url": "http://localhost:5000/", "listening": False}
    assert "phoenix" in off.err and "dashboard start" in off.err
    assert phoenix("dashboard", "start").out == "http://localhost:5000/\n"
    assert Collector(address="::1").get("/health").status == 200
    assert phoenix("dashboard", "now").code == 2


def test_sandbox(service, runners, scope):
    Collector().get("/health")
    pid = service.properties("phoenix-collector.service", "MainPID")["MainPID"]
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status and "Seccomp:\t2" in status and "CapBnd:\t0000000000000000" in status
    if scope == "system":
        assert "Uid:\t0\t" not in status
    # No network of its own: what it listens on came from outside.
    assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    inside = ("nsenter", f"--target={pid}", "--mount", "touch")
    for place in ("/etc/x", "/var/x", "/home/x"):
        assert not runners["system"](*inside, place).ok, place


def test_batch_series_and_events(by_hand):
    collector = by_hand()
    now = time.time()
    batch = {"host": "web-1", "key": "a", "samples": [
        entry(10, at=now - 20), entry(30, at=now - 10)], "events": [
        {"timestamp": entry(at=now)["timestamp"], "service": "web", "event": "failing", "state": "failing",
         "reason": "GET /health: 503", "message": "web is failing"}]}
    batch["samples"][1]["services"] = [{"name": "web", "state": "failing", "ready": False, "restarts": 2,
                                        "latency_usec": 850}]
    assert collector.post(batch).json() == {"stored": 2, "events": 1, "duplicate": False}
    again = collector.post(batch)
    assert (again.status, again.json()) == (200, {"stored": 0, "events": 0, "duplicate": True})
    header = {"Idempotency-Key": "b"}
    assert collector.post(entry(host="web-1"), **header).status == 201
    assert collector.post(entry(host="web-1"), **header).status == 200

    (host,) = collector.get("/api/v1/hosts").json()["hosts"]
    assert host["name"] == "web-1" and host["containers"]["io"] == 1 and host["services"] == 1
    (found,) = collector.get("/api/v1/services?host=web-1").json()["services"]
    assert found["state"] == "failing" and found["restarts"] == 2 and found["ready"] is False and found["beats"] is None
    series = collector.get("/api/v1/series?of=system&host=web-1&step=1h").json()
    rows = [dict(zip(series["columns"], row)) for row in series["rows"]]
    assert sum(row["n"] for row in rows) == 3 and max(row["cpu_percent_max"] for row in rows) == 30
    classes = collector.get("/api/v1/series?of=class&name=io&host=web-1&step=1s").json()
    assert {row[1] for row in classes["rows"]} == {"io"}
    of_service = collector.get("/api/v1/series?of=service&name=web&host=web-1").json()
    assert dict(zip(of_service["columns"], of_service["rows"][0]))["state"] == "failing"
    events = collector.get("/api/v1/events?service=web").json()
    assert events["more"] is False and events["events"][0]["message"] == "web is failing"
    assert collector.get("/api/v1/events?event=held").json()["events"] == []


def test_several_series_in_one_request(by_hand):
    """The same answers as one by one, and in each the exact time of its newest sample."""
    collector = by_hand()
    now = time.time()
    for host, age in (("web-1", 3.25), (HOSTILE, 100.5)):
        sample = entry(10, at=now - age) | {"services": [{"name": "a:b/c", "state": "failing"}]}
        assert collector.post({"host": host, "samples": [entry(20, at=now - 200), sample]}).status == 201
    wanted = [{"of": kind, "host": host} | ({"name": "a:b/c"} if kind == "service" else {})
              for host in ("web-1", HOSTILE, "nobody") for kind in ("system", "class", "service")]
    wanted.append({"of": "class", "host": "web-1", "name": "io"})
    stamp = entry(at=now)["timestamp"]
    span = {"since": entry(at=now - 600)["timestamp"], "until": stamp, "step": "12s"}

    def ask(**parameters):
        return collector.get("/api/v1/series?" + urllib.parse.urlencode(parameters | span))

    together = ask(series=json.dumps(wanted))
    assert together.status == 200, together.text
    found = together.json()["series"]
    assert found == [ask(**one).json() for one in wanted]
    assert [len(one["rows"]) for one in found] == [2, 2, 1, 2, 2, 1, 0, 0, 0, 2]
    newest = {"web-1": entry(at=now - 3.25)["timestamp"], HOSTILE: entry(at=now - 100.5)["timestamp"], "nobody": None}
    assert [one["newest"] for one in found] == [newest[one["host"]] for one in wanted]
    for series, says in (("", "JSON array"), ("{}", "JSON array"), ("[]", "JSON array"), ("[1]", "series/0"),
                         (json.dumps(wanted[:1] * 65), "1 to 64"), ('[{"of": "system"}]', "series/0/host: has to be there"),
                         ('[{"of": "system", "host": 5}]', "series/0"), ('[{"of": "x", "host": "h"}]', "series/0/of: found"),
                         ('[{"of": "system", "host": "h", "more": 1}]', "series/0"), ("[" * 3000, "JSON array")):
        refused = ask(series=series)
        assert refused.status == 400 and says in refused.json()["error"], (series, refused.text)
    assert ask(series=json.dumps(wanted), host="web-1").status == 400
    assert ask(series=json.dumps([{"of": "system", "host": "x" * 20000}])).status in (400, 413, 414, 431)
    assert collector.get("/health").status == 200


@pytest.mark.parametrize("path, status, says", [
    ("/api/v1/series?of=x&host=a", 400, "of: found"),
    ("/api/v1/series?of=system", 400, "host"),
    ("/api/v1/series?of=system&host=a&since=30d&step=1s&until=40d", 400, "before until"),
    ("/logs?limit=0", 400, "limit"),
    ("/logs?since=yesterday", 400, "since: found"),
    ("/logs?nonsense=1", 400, "no parameter nonsense"),
    ("/../etc/passwd", 404, "no /../etc/passwd"),
    ("/.hidden.js", 404, "no /.hidden"),
    ("/page.html%00.js", 404, "no "),
])
def test_bad_requests(by_hand, path, status, says):
    answer = by_hand().get(path)
    assert (answer.status, says in answer.json()["error"]) == (status, True), answer.text


def test_refusals(by_hand):
    collector = by_hand("--rate=0", "--max-body=8K")
    wrong = collector.post({"timestamp": "2023-01-01T00:00:00Z", "sysinfo": {"Memory": {"CPU_Usage_Percentage": "12"}}})
    assert wrong.status == 400
    assert wrong.json() == {
        "error": '/sysinfo/Memory/CPU_Usage_Percentage: found the string "12", accepted is a number from 0',
        "path": "/sysinfo/Memory/CPU_Usage_Percentage", "found": 'the string "12"', "accepted": "a number from 0"}
    assert collector.post("").status == 400
    assert collector.post("x" * 8193).status == 413
    assert collector.request("POST", "/logs", "{}", {"Content-Type": "text/plain"}).status == 415
    assert collector.request("POST", "/logs", "{}").status == 415
    assert collector.get("/health", Host="evil.example").status == 421
    assert collector.get("/health", Host="localhost:5000").status == 200
    other = collector.request("DELETE", "/logs")
    assert (other.status, other.headers["allow"]) == (405, "GET, HEAD, POST")
    assert collector.request("HEAD", "/logs").status == 200
    # All or nothing: the second sample is wrong.
    assert collector.post({"host": "h", "samples": [entry(), {"timestamp": "x"}]}).status == 400
    assert collector.logs() == []


def test_chunks(by_hand):
    """A body whose length is not known before; one that never ends is cut off at the limit."""
    collector = by_hand("--max-body=64K")
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    body = compact(entry(7)).encode()

    def chunks(parts):
        connection = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=PATIENCE)
        try:
            connection.request("POST", "/logs", parts, headers, encode_chunked=True)
            return connection.getresponse().status
        finally:
            connection.close()

    assert chunks(iter([body[:10], body[10:]])) == 201
    assert chunks(iter([b" " * 4096] * 20)) == 413
    assert stored(collector) == [body.decode()]


def test_rate(by_hand):
    collector = by_hand("--rate=1", "--burst=5")
    answers = [collector.post(entry(i)) for i in range(12)]
    assert [a.status for a in answers[:5]] == [201] * 5
    limited = [a for a in answers if a.status == 429]
    assert limited and all(int(a.headers["retry-after"]) >= 1 for a in limited)
    assert collector.get("/logs").status == 200
    assert len(collector.logs()) == sum(a.status == 201 for a in answers)


def test_token(tmp_path, by_hand, monkeypatch):
    (tmp_path / "token").write_text("secret\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    collector = by_hand()
    assert collector.post(entry()).status == 401
    assert collector.post(entry(), Authorization="Bearer secre").status == 401
    assert collector.post(entry(), Authorization="Bearer secretsecret").status == 401
    assert collector.post(entry(), Authorization="Bearer secret").status == 201
    assert collector.get("/logs").status == 200


def test_ten_thousand_samples_in_one_post(by_hand):
    collector = by_hand()
    now = time.time()
    samples = [entry(i, at=now - 10000 + i) for i in range(10000)]
    body = json.dumps({"host": "h", "samples": samples})
    assert collector.post(body).json()["stored"] == 10000
    assert checksum(stored(collector)) == checksum(compact(s) for s in samples)
    assert len(stored(collector, "&since=10s")) <= 20


def test_read_in_constant_memory(by_hand):
    collector = by_hand()
    for i in range(60):
        large = entry(i)
        large["sysinfo"]["more"] = noise(1000000)
        assert collector.post(large).status == 201
    collector.logs("?limit=1")
    before = collector.memory_kb()
    size = len(collector.get("/logs").body)
    assert size > 60 * 1000000
    # A page and what SQLite keeps; not the 60 MB.
    assert collector.memory_kb() - before < 16 * 1024, f"{before} KiB to {collector.memory_kb()} KiB"


def test_slow_reader_is_nobodys_business(by_hand):
    """One that reads the list a bit at a time: others post, the log is emptied, and the list is whole."""
    collector = by_hand()
    for i in range(40):
        assert collector.post(entry(i, at=time.time() - 1000 + i, more=noise(200000))).status == 201
    connection = socket.create_connection(("127.0.0.1", collector.port))
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    connection.sendall(b"GET /logs?until=10s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    begin = connection.recv(100)
    assert begin.startswith(b"HTTP/1.1 200 OK")
    for i in range(80):
        assert collector.post(entry(i, more=noise(500000))).status == 201
    # 40 MB went through it since.
    assert (collector.state / "collector.db-wal").stat().st_size < 20 * 1024 * 1024
    response = http.client.HTTPResponse(Replay(connection, begin))
    response.begin()
    logs = json.loads(response.read())
    assert [log["sysinfo"]["Docker_Containers"][0]["IOReadOps"] for log in logs] == list(range(40))
    connection.close()


class Replay:
    """A connection of which something was read already."""

    def __init__(self, connection, begin):
        self.connection = connection
        self.begin = begin

    def makefile(self, *_, **__):
        return io.BufferedReader(Rest(self.connection.makefile("rb", buffering=0), self.begin))


class Rest(io.RawIOBase):
    def __init__(self, raw, begin):
        super().__init__()
        self.raw = raw
        self.begin = begin

    def readable(self):
        return True

    def readinto(self, buffer):
        if not self.begin:
            return self.raw.readinto(buffer)
        part, self.begin = self.begin[:len(buffer)], self.begin[len(buffer):]
        buffer[:len(part)] = part
        return len(part)


def test_hostile_names_in_every_field(by_hand):
    collector = by_hand()
    sysinfo = entry()["sysinfo"]
    for container in sysinfo["Docker_Containers"]:
        container.update({"Name": HOSTILE, "Cmdline": HOSTILE, "ContainerID": HOSTILE, "Class": "<b>"})
    sysinfo[HOSTILE] = HOSTILE
    batch = {"host": HOSTILE, "key": "<script>'--", "samples": [
        {"timestamp": entry()["timestamp"], "sysinfo": sysinfo,
         "services": [{"name": HOSTILE, "state": "healthy", "reason": HOSTILE}]}], "events": [
        {"timestamp": entry()["timestamp"], "service": HOSTILE, "event": "failing", "reason": HOSTILE,
         "message": HOSTILE}]}
    assert collector.post(batch).status == 201
    quoted = "?host=" + "".join(f"%{b:02x}" for b in HOSTILE.encode())
    for path in ("/logs" + quoted, "/api/v1/hosts", "/api/v1/services" + quoted, "/api/v1/events" + quoted,
                 "/api/v1/series" + quoted + "&of=system"):
        answer = collector.get(path)
        assert answer.headers["content-type"] == "application/json", path
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert HOSTILE in json.dumps(answer.json(), ensure_ascii=False).replace('\\"', '"'), path
    assert collector.logs(quoted) == batch["samples"]
    assert collector.get("/generate_graphs").json()["host"] == HOSTILE
    for word in ("Not A Word", "<b>", ""):
        assert collector.post(batch | {"events": [batch["events"][0] | {"event": word}], "key": "x"}).status == 400
    assert collector.post(batch | {"host": "a\x1b[31m"}).status == 400


class Disk:
    """A small file system, and what else is on it."""

    def __init__(self, runner, folder):
        self.runner, self.folder = runner, folder
        self.other = folder / "other"

    def mount(self, size):
        self.folder.mkdir()
        self.runner.check("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.folder)

    def resize(self, size):
        self.runner.check("mount", "-o", f"remount,size={size}", self.folder)

    def fill(self):
        """Somebody else takes all that is left, to the last block."""
        with open(self.other, "ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError as error:
                assert error.errno == errno.ENOSPC

    def free(self):
        self.other.unlink()


@pytest.fixture
def disk(runners, tmp_path):
    made = Disk(runners["system"], tmp_path / "disk")
    made.mount("8M")
    yield made
    made.runner.check("umount", "--lazy", made.folder)


def read_everything(collector):
    """Each way of reading; what the log and the series say."""
    for path in ("/api/v1/hosts", "/api/v1/services", "/api/v1/events", "/metrics", "/"):
        assert collector.get(path).status == 200, path
    series = collector.get("/api/v1/series?of=system&host=h&step=1h&since=2h").json()
    return checksum(stored(collector)), sum(row[1] for row in series["rows"])


def test_full_disk(by_hand, disk, wait_for):
    """By its own doing, and by that of others: refused, nothing lost, readable, and well again by itself."""
    collector = by_hand("--rate=0", state=disk.folder / "state")
    acknowledged = []

    def post(number, size):
        text = compact(entry(number, host="h", more=noise(size)))
        answer = collector.post(text)
        if answer.status == 201:
            acknowledged.append(text)
        else:
            assert answer.status == 507 and int(answer.headers["retry-after"]) > 0, answer.text
            assert "disk is full" in answer.json()["error"]
        return answer.status

    for size in (20000, 500, 200000):
        wait_for(lambda size=size: post(len(acknowledged), size) == 507, PATIENCE, "it is full", interval=0)
    assert len(acknowledged) > 50 and collector.get("/health").status == 503
    assert read_everything(collector) == (checksum(acknowledged), len(acknowledged))
    disk.resize("16M")
    assert post(1000, 500) == 201 and collector.get("/health").status == 200

    for _ in range(3):
        disk.fill()
        wait_for(lambda: post(2000, 20000) == 507, PATIENCE, "somebody else has filled it", interval=0)
        assert read_everything(collector) == (checksum(acknowledged), len(acknowledged))
        disk.free()
        assert post(3000, 20000) == 201
    # Killed while it is full, and started while it is.
    disk.fill()
    wait_for(lambda: post(4000, 20000) == 507, PATIENCE, "full once more", interval=0)
    collector.stop(kill=True)
    collector.start()
    assert read_everything(collector) == (checksum(acknowledged), len(acknowledged))
    disk.free()
    wait_for(lambda: post(5000, 500) == 201, PATIENCE, "stored again")
    assert collector.stop() == 0
    collector.start()
    assert read_everything(collector) == (checksum(acknowledged), len(acknowledged))
    assert collector.stop() == 0
    assert "No space left on device" in collector.log and "stored again" in collector.log
    assert not list(collector.state.glob("*.corrupt-*"))


def test_pictures_on_a_full_disk(by_hand, disk):
    """They stay as they were, whole, until they can be drawn anew."""
    collector = by_hand(state=disk.folder / "state")
    assert collector.post(entry(10, host="h")).status == 201
    drawn = collector.get("/generate_graphs")
    assert drawn.status == 200
    files = [pathlib.Path(name) for name in drawn.json()["files"]]
    before = [file.read_bytes() for file in files]
    disk.fill()
    for _ in range(3):
        refused = collector.get("/generate_graphs")
        assert refused.status == 507 and int(refused.headers["retry-after"]) > 0, refused.text
        assert "cannot be drawn" in refused.json()["error"]
    assert [collector.get(f"/{file.name}").body for file in files] == before
    assert sorted(files[0].parent.iterdir()) == sorted(files), "nothing half is left behind"
    assert collector.get("/show_graphs").status == 303
    disk.free()
    assert collector.post(entry(90, host="h")).status == 201
    again = collector.get("/generate_graphs")
    assert again.status == 200 and again.json()["samples"] == 2
    assert files[0].read_bytes().startswith(PNG) and files[0].read_bytes() != before[0]


def test_no_pictures_yet_on_a_full_disk(by_hand, disk):
    collector = by_hand(state=disk.folder / "state")
    disk.fill()
    for path in ("/system_metrics.png", "/containers_metrics.png"):
        answer = collector.get(path)
        assert answer.status == 507, answer.text
    disk.free()
    assert collector.get("/system_metrics.png").body.startswith(PNG)


def damage(state, keep=0):
    path = state / "collector.db"
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(keep)
        file.write(os.urandom(size - keep))


def test_damaged_database(by_hand):
    collector = by_hand()
    for i in range(300):
        assert collector.post(entry(i, more=noise(5000))).status == 201
    collector.stop()
    damage(collector.state)
    collector.start()
    assert collector.logs() == [] and collector.post(entry(5)).status == 201
    (aside,) = collector.state.glob("collector.db.corrupt-*")
    assert aside.stat().st_size > 100000
    collector.stop()
    assert "is damaged" in collector.log and str(aside) in collector.log


def test_database_damaged_while_it_runs(by_hand, wait_for):
    collector = by_hand()
    for i in range(400):
        assert collector.post(entry(i, more=noise(5000))).status == 201
    # What is in the log and in caches hides the damage for a while.
    collector.stop()
    damage(collector.state, keep=8192)
    collector.start()
    answers = []

    def is_fresh():
        answers.append(collector.post(entry(len(answers), more=noise(5000))).status)
        collector.get("/logs")
        return collector.metric("set_aside_total") >= 1 or list(collector.state.glob("collector.db.corrupt-*"))

    wait_for(is_fresh, PATIENCE, "the damage is found")
    assert set(answers) <= {201, 503}
    assert collector.post(entry(7777)).status == 201
    assert collector.get("/health").status == 200
    assert "7777" in collector.get("/logs").text
    assert len(list(collector.state.glob("collector.db.corrupt-*"))) == 1


def test_clients_that_do_not_come_to_the_point(by_hand, wait_for):
    """1,000 idle connections, half of a request, a body byte by byte: others are served, and these end."""
    collector = by_hand("--request-time=5s")
    idle = [socket.create_connection(("127.0.0.1", collector.port)) for _ in range(1000)]
    half = [socket.create_connection(("127.0.0.1", collector.port)) for _ in range(50)]
    for connection in half[:25]:
        connection.sendall(b"POST /logs HTTP/1.1\r\nHost: localhost\r\nContent-Type: appl")
    for connection in half[25:]:
        connection.sendall(b"POST /logs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                           b"Content-Length: 1000\r\n\r\n{")
    wait_for(lambda: collector.metric("clients") >= 1050, 30, "all connected")
    begin = time.monotonic()
    for i in range(20):
        assert collector.post(entry(i)).status == 201
    assert time.monotonic() - begin < 30

    def drip():
        for connection in half:
            try:
                connection.send(b"x")
            except OSError:
                pass
        return collector.metric("clients") <= 2

    wait_for(drip, PATIENCE, "they are ended though they send a byte now and then", interval=0.5)
    assert collector.metric("overdue_total") >= 50
    for connection in idle + half:
        connection.close()
    assert len(collector.logs()) == 20


def test_more_clients_than_allowed(by_hand, wait_for):
    """Also when all of them come at once, before the first one was looked at."""
    collector = by_hand("--max-clients=20")
    collector.process.send_signal(signal.SIGSTOP)
    crowd = [socket.create_connection(("127.0.0.1", collector.port)) for _ in range(30)]
    collector.process.send_signal(signal.SIGCONT)
    # The connection of the fixture may still count as one.
    told = wait_for(lambda: len(found := select.select(crowd, [], [], 0)[0]) >= 10 and found, PATIENCE,
                    "those beyond the limit are told so")
    assert len(told) <= 11
    for connection in told:
        assert connection.recv(1000).startswith(b"HTTP/1.1 503 ")
    for connection in crowd:
        connection.close()

    def is_back():
        try:
            return collector.get("/health").status == 200
        except (OSError, http.client.HTTPException):
            return False

    wait_for(is_back, PATIENCE, "there is room again")
    assert collector.metric("turned_away_total") >= 10


class Stream:
    """A reader of /api/v1/stream."""

    def __init__(self, collector, **headers):
        self.connection = http.client.HTTPConnection("127.0.0.1", collector.port, timeout=PATIENCE)
        self.connection.request("GET", "/api/v1/stream", headers=headers)
        self.response = self.connection.getresponse()

    def next(self):
        """The next event: (id, event, data)."""
        fields = {}
        while True:
            line = self.response.readline().decode().rstrip("\n")
            if line.startswith(":"):
                continue
            if line:
                name, value = line.split(": ", 1)
                fields[name] = value
            elif fields:
                return int(fields["id"]), fields["event"], json.loads(fields["data"])


def test_stream(by_hand):
    collector = by_hand()
    stream = Stream(collector)
    assert stream.response.getheader("Content-Type") == "text/event-stream"
    batch = {"host": "h", "samples": [entry(1), entry(2)], "events": [
        {"timestamp": entry()["timestamp"], "event": f"e-{i}", "service": "web"} for i in range(3)]}
    assert collector.post(batch).status == 201
    first = stream.next()
    assert first[1] == "sample" and first[2]["host"] == "h" and first[2]["cpu_percent"] == 2
    assert first[2]["classes"][0]["class"] == "io"
    assert [stream.next()[2]["event"] for _ in range(3)] == ["e-0", "e-1", "e-2"]
    # One that comes back hears what it missed; what is not refused is not told.
    assert collector.post({"timestamp": "x"}).status == 400
    back = Stream(collector, **{"Last-Event-ID": str(first[0])})
    assert [back.next()[2]["event"] for _ in range(3)] == ["e-0", "e-1", "e-2"]
    lost = Stream(collector, **{"Last-Event-ID": "999999"})
    assert lost.next()[1] == "lost"
    many = [Stream(collector) for _ in range(61)]
    refused = Stream(collector)
    assert refused.response.status == 503 and int(refused.response.getheader("Retry-After")) > 0
    for reader in many + [stream, back, lost, refused]:
        reader.connection.close()
    assert collector.stop() == 0


def test_metrics(by_hand):
    collector = by_hand()
    collector.post(entry())
    collector.post("{}")
    answer = collector.get("/metrics")
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    samples = {sample.name: sample.value for family in text_string_to_metric_families(answer.text)
               for sample in family.samples}
    assert samples["phoenix_collector_posts_total"] == 1
    assert samples["phoenix_collector_refused_total"] == 1
    assert samples["phoenix_collector_storing"] == 1
    assert samples["phoenix_collector_database_bytes"] > 4096


def test_old_data_goes(by_hand, wait_for):
    collector = by_hand("--keep-raw=2s", "--keep-minute=1h", "--clean-every=100ms", "--rate=0")
    for i in range(50):
        assert collector.post(entry(i, host="h", at=time.time() - 300 + i)).status == 201
    wait_for(lambda: collector.logs() == [], PATIENCE, "entries go")
    series = collector.get("/api/v1/series?of=system&host=h&step=1s&since=1h").json()
    rows = [dict(zip(series["columns"], row)) for row in series["rows"]]
    assert sum(row["n"] for row in rows) == 50 and len(rows) <= 3


def test_end_while_posts_come(by_hand):
    """What was answered is there; who was not answered knows it."""
    collector = by_hand("--rate=0")
    acknowledged, unknown = [], []

    def poster(number):
        for i in range(1000):
            text = compact(entry(i, host=f"p{number}"))
            try:
                if collector.post(text).status == 201:
                    acknowledged.append(text)
            except (OSError, http.client.HTTPException):
                unknown.append(text)
                return

    threads = [threading.Thread(target=poster, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 60:
        time.sleep(0.01)
    assert collector.stop() == 0
    for thread in threads:
        thread.join(PATIENCE)
    collector.start()
    kept = stored(collector)
    assert set(acknowledged) <= set(kept) <= set(acknowledged) | set(unknown)
    assert len(kept) == len(set(kept))


def test_second_collector_of_a_state_folder(by_hand):
    """Two at once are no use to anybody, but they break nothing."""
    one = by_hand()
    two = by_hand(state=one.state, port=5190)
    for i in range(20):
        assert one.post(entry(i, host="one")).status == 201
        assert two.post(entry(i, host="two")).status == 201
    assert len(one.logs()) == 40 == len(two.logs())


def test_wrong_options():
    for options in (["--state=/tmp/x", "--keep-raw=soon"], ["--state=/tmp/x", "--max-size=1KB"], ["--nonsense"],
                    ["--state=/tmp/x", "extra"], []):
        done = subprocess.run(["/usr/libexec/phoenix/phoenix-collector", *options], capture_output=True, text=True,
                              env={"PATH": "/usr/bin"}, timeout=PATIENCE, check=False)
        assert done.returncode == 2 and done.stderr, options
