# SPDX-License-Identifier: MIT
"""The session of the document that sysinfo, the policies and the collector follow, from its first
command to its last: a job makes containers of random kind, their numbers are shown by class, the
newest of each class stay, each interval a record goes to the log manager, graphs are drawn, and at the
end the job is gone, the last record is there, and so are the graphs.

Nothing is done here but what a user types. One thing is in between: the wire, which writes down what is
posted, so that what the log manager gives back can be held against it.
"""

import json
import pathlib
import re
import shutil
import struct
import time

import pytest

from test_poster import STATE
from test_poster_collector import UNITS, WIRE, checksums, get, kill, store, wire  # noqa: F401 pylint: disable=unused-import
from test_reaper import QUADLETS, kind_of, newest, running

GRAPHS = pathlib.Path("/var/lib/private/phoenix-collector/graphs")
CLASSES = ("CPU", "RAM", "IO", "DISK")
COLUMNS = ("PID", "Name", "Container ID", "CPU %", "RAM %", "RAM MB", "Disk MB", "IO Read Ops", "IO Write Ops")
INTERVAL = 2  # seconds; the document has 10
PATIENCE = 90  # for ten containers that come or go on a machine that does much else
POLICY = {"type": "policy", "match": {"command": "stress"}, "keep": 1,
          "classes": {"cpu": {"args": "--cpu"}, "ram": {"args": "--vm"}, "io": {"args": "--io"},
                      "disk": {"args": "--hdd"}}}


def tables(text):
    """What `phoenix sysinfo` prints: class -> rows, each as column -> value."""
    found = {}
    rows = None
    for line in text.splitlines():
        if line.rstrip(":") in CLASSES:
            rows = found.setdefault(line.rstrip(":"), [])
        elif line.startswith("|") and rows is not None:
            cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
            if cells != COLUMNS:
                rows.append(dict(zip(COLUMNS, cells)))
    return found


def png_size(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[-8:-4] == b"IEND"
    return struct.unpack(">II", data[16:24])


@pytest.fixture
def workload(root, stress_image):
    yield
    root("phoenix", "stress", "off", timeout=PATIENCE)


@pytest.fixture
def log_manager(store, root):  # noqa: F811 pylint: disable=redefined-outer-name,unused-argument
    """The container of the document that is made first; here a socket, and nothing runs before the first post."""
    state = root("systemctl", "is-active", "phoenix-collector.socket", "phoenix-collector.service")
    assert state.out.split() == ["active", "inactive"]
    shutil.rmtree(STATE["system"] / "records", ignore_errors=True)
    yield
    shutil.rmtree(STATE["system"] / "records", ignore_errors=True)


def stress_of(runner):
    return {name: pid for name, pid in running(runner).items() if name.startswith("stress_")}


def make_containers(root, wait_for):
    """1. A job makes ten containers of random kind, named after their kind, eight random characters behind it."""
    assert "10 containers in each round" in root.check("phoenix", "stress", "on", timeout=PATIENCE)
    wait_for(lambda: len(stress_of(root)) == 10, PATIENCE, "ten containers")
    load = stress_of(root)
    assert all(re.fullmatch(r"stress_(cpu|io|ram|disk)_[a-z0-9]{8}", name) for name in load), load
    assert "phoenix-stress.timer" in root.check("systemctl", "list-timers", "--all", "--no-legend")
    told = root.check("journalctl", "--boot", "--unit=phoenix-stress.service", "--output=cat")
    assert all(f"Container created: {name} (kind {kind_of(name)})" in told for name in load)
    return load


def show_by_class(root, load):
    """2. and 3. What each of them uses, in a table for each class."""
    text = root.check("phoenix", "sysinfo")
    memory = re.match(r"Memory: (\d+) MB, free (\d+) MB, used (\d+) MB  CPU: ([\d.]+) %  Containers: 10 ", text)
    total, free, used = map(int, memory.groups()[:3])
    assert total > 0 and abs(total - free - used) <= 1, text
    found = tables(text)
    for kind in CLASSES:
        pids = {str(pid) for name, pid in load.items() if kind_of(name) == kind.lower()}
        assert {row["PID"] for row in found.get(kind, [])} == pids, text
    for rows in found.values():
        for row in rows:
            assert row["Name"] == "stress" and re.fullmatch("[0-9a-f]{12}", row["Container ID"]), row
    sysinfo = json.loads(root.check("phoenix", "sysinfo", "--json"))
    assert set(sysinfo["Memory"]) >= {"Total_Memory_MB", "Free_Memory_MB", "Used_Memory_MB", "CPU_Usage_Percentage"}
    assert {c["PID"] for c in sysinfo["Docker_Containers"]} == set(load.values())


def stop_the_old(root, load, wait_for):
    """The newest of each class stay; a table says which do not."""
    winners = newest(load)
    text = root.check("phoenix", "reap", "document", timeout=PATIENCE)
    deleted = text.partition("Deleted containers:")[2]
    wait_for(lambda: len(stress_of(root)) == len(winners), PATIENCE, "the newest of each class")
    left = stress_of(root)
    for kind, names in winners.items():
        assert len(names & set(left)) == 1, (kind, names, left)
    for name, pid in load.items():
        row = next((line.split() for line in deleted.splitlines() if name in line.split()), None)
        assert (row is None) == (name in left), text
        assert row is None or row[1:4] == [kind_of(name), str(pid), name], text
    return left


def reaped(root):
    out = root.check("phoenix", "events", "document", "--json")
    return [event for event in map(json.loads, out.splitlines()) if event["event"] == "reaped"]


def one_more_round(root, wait_for):
    """The same by itself, each interval: of those that were there and ten more."""
    before = stress_of(root)
    root.check("systemctl", "start", "phoenix-stress.service", timeout=PATIENCE)
    kinds = {kind_of(name) for name in before}

    def is_tidy():
        left = stress_of(root)
        return len({kind_of(name) for name in left}) == len(left) >= len(kinds)

    wait_for(is_tidy, PATIENCE, "one of each class")
    left = stress_of(root)
    assert set(left) - set(before), "the newest are of the second round"
    wait_for(lambda: len(reaped(root)) >= 10 + len(before) - len(left), 20, "each is told of")


def posted_times(wire):  # noqa: F811 pylint: disable=redefined-outer-name
    stamps = sorted(sample["timestamp"] for sample in wire.samples())
    return [time.mktime(time.strptime(stamp[:19], "%Y-%m-%dT%H:%M:%S")) for stamp in stamps]


def records_arrive(root, wire, wait_for):  # noqa: F811 pylint: disable=redefined-outer-name
    """4. Each interval a record is posted: the numbers of then."""
    n = len(wire.samples())
    wait_for(lambda: len(wire.samples()) >= n + 4, 60, "a record each interval")
    times = posted_times(wire)[-4:]
    assert all(1 <= b - a <= 6 * INTERVAL for a, b in zip(times, times[1:])), times
    newest_entry = wait_for(lambda: next(iter(json.loads(root.check(
        "curl", "--silent", "--fail", "http://localhost:5000/logs"))[-1:]), None), 20)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", newest_entry["timestamp"])
    assert {c["Name"] for c in newest_entry["sysinfo"]["Docker_Containers"]} == {"stress"}


def killed_in_turn(root, wire, wait_for):  # noqa: F811 pylint: disable=redefined-outer-name
    for unit in (UNITS[1], "phoenixd.service", UNITS[1], "phoenixd.service"):
        n = len(wire.sent)
        kill(root, unit, wait_for)
        wait_for(lambda n=n: len(wire.sent) >= n + 2, 60, f"it goes on after {unit} was killed")


def draw(root):
    """GET /generate_graphs writes both pictures into the folder that is shared with the host."""
    answer = json.loads(root.check("curl", "--silent", "--fail", "http://localhost:5000/generate_graphs"))
    assert answer["samples"] >= 4
    sizes = []
    for name in ("system_metrics.png", "containers_metrics.png"):
        data = (GRAPHS / name).read_bytes()
        width, height = png_size(data)
        assert width >= 800 and height >= 400 and len(data) > 8000, (name, width, height, len(data))
        sizes.append(len(data))
    return sizes


def drawn():
    return (GRAPHS / "containers_metrics.png").stat().st_mtime_ns


def show(root, wait_for):
    """GET /show_graphs leads to the page, and the pictures are drawn again each five seconds."""
    head = root.check("curl", "--silent", "--include", "http://localhost:5000/show_graphs")
    assert head.startswith("HTTP/1.1 303 ") and "\nlocation: /" in head.lower(), head
    assert "<html" in root.check("curl", "--silent", "--fail", "--location", "http://localhost:5000/show_graphs")
    for _ in range(2):
        before = drawn()
        wait_for(lambda before=before: drawn() > before, 60, "drawn again")


def said(journal, unit, after):
    return "\n".join(journal.messages(unit, scope="system", after=after))


def end_of_the_service(root, journal, wire, wait_for):  # noqa: F811 pylint: disable=redefined-outer-name
    """^C: it says that it ends, posts a last record, and the graphs are drawn."""
    cursor, before, n = journal.cursor(), drawn(), len(wire.sent)
    root.check("systemctl", "stop", "phoenixd.service", timeout=60)
    wait_for(lambda: "Ending: the last record goes to 1 collector" in said(journal, "phoenixd.service", cursor), 20)
    assert "records: the last record is stored by the collector" in said(journal, "phoenixd.service", cursor)
    last = [batch for batch in map(json.loads, list(wire.sent.values())[n:]) if batch.get("last")]
    assert len(last) == 1 and len(last[0]["samples"]) == 1
    wait_for(lambda: "has ended; its graphs are drawn" in said(journal, UNITS[1], cursor), 60, "the graphs")
    assert drawn() > before


def end_of_the_session(root, journal, wire, wait_for):  # noqa: F811 pylint: disable=redefined-outer-name
    """The job is removed, the service ends for good, and what was recorded stays."""
    assert "the timer removed" in root.check("phoenix", "stress", "off", timeout=PATIENCE)
    assert not stress_of(root)
    assert not root("ls", QUADLETS["system"]).out.strip()
    assert root("systemctl", "is-active", "phoenix-stress.timer").out.strip() == "inactive"
    assert "phoenix-stress.timer" not in root.check("systemctl", "list-timers", "--no-legend")

    wait_for(lambda: root("systemctl", "is-active", "phoenixd.service").ok, 20, "it is upheld by its specs")
    cursor = journal.cursor()
    root.check("phoenix", "del", "--yes", "document")
    root.check("phoenix", "del", "--yes", "records")
    wait_for(lambda: "records: the last record is stored by the collector" in said(journal, "phoenixd.service", cursor),
             30, "a last record without containers")
    assert json.loads(list(wire.sent.values())[-1])["last"] is True
    root.check("systemctl", "stop", "phoenixd.service", timeout=60)
    time.sleep(3)
    assert root("systemctl", "is-active", "phoenixd.service").out.strip() == "inactive"


def test_the_session(log_manager, workload, wire, spec, root, journal, wait_for):  # noqa: F811 pylint: disable=redefined-outer-name,unused-argument,too-many-arguments
    spec("records", {"type": "collector", "url": f"http://127.0.0.1:{WIRE}", "interval": f"{INTERVAL}s"},
         scope="system", reload=False)
    spec("document", POLICY | {"interval": "1h"}, scope="system")
    root.systemctl("start", "phoenixd.service")
    wait_for(lambda: wire.stored, 30, "the first record")

    load = make_containers(root, wait_for)
    show_by_class(root, load)
    stop_the_old(root, load, wait_for)
    spec("document", POLICY | {"interval": "3s"}, scope="system")
    one_more_round(root, wait_for)
    records_arrive(root, wire, wait_for)
    killed_in_turn(root, wire, wait_for)
    draw(root)
    show(root, wait_for)
    end_of_the_service(root, journal, wire, wait_for)
    end_of_the_session(root, journal, wire, wait_for)

    # What is there is what was sent, by the checksum of each record, whoever was killed in between.
    wait_for(lambda: wire.stored >= set(wire.sent), 30, "the last one is stored")
    stored = get("/logs")
    assert checksums(stored) == checksums(wire.samples())
    assert any(sample["sysinfo"]["Docker_Containers"] for sample in stored)
    assert not stored[-1]["sysinfo"]["Docker_Containers"], "the last record is of a tidy host"
    events = get("/api/v1/events?event=reaped&limit=100")["events"]
    assert len(events) >= 10 - len(CLASSES)
