# SPDX-License-Identifier: MIT
"""The page beside the collector that it is made for: PHOENIX_COLLECTOR is its address.

What is posted here goes the whole way: POST /logs, the database, the API, the stream, the page.
"""

import json
import os
import re
import time
import urllib.request

import pytest
from selenium.webdriver.common.by import By

import fake_collector
from test_page import chips, names

ADDRESS = os.environ.get("PHOENIX_COLLECTOR")
pytestmark = pytest.mark.skipif(not ADDRESS, reason="PHOENIX_COLLECTOR is not set")

MUST_BE_TEXT = [word for word in fake_collector.HOSTILE if word.isprintable()]
STATE = "failing"
# Of this run alone: the collector keeps what was posted before.
HOSTS = [f"real-{os.getpid()}-{i}" for i in (1, 2)]


def post(body):
    request = urllib.request.Request(ADDRESS + "logs", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def sysinfo(turn):
    containers = [(word, {"Name": f"stress_{word}_{i}", "ContainerID": f"{word}{i}", "Cmdline": f"stress --{option} 1", "PID": 100 + i,
                          "CPUUsage_percent": 90.0 if word == "cpu" else 1.0, "MemoryUsage_percent": 12.5 if word == "ram" else 0.1, "MemoryUsage_MB": 400,
                          "Write_KBytes": 5000 * turn if word == "disk" else 0, "Read_KBytes": 10 * turn, "DiskUse_MB": 3,
                          "IOReadOps": turn, "IOWriteOps": 700 * turn if word == "io" else 0})
                  for word, option in (("cpu", "cpu"), ("ram", "vm"), ("io", "io"), ("disk", "hdd")) for i in range(2)]
    return {"Memory": {"Total_Memory_MB": 16000, "Free_Memory_MB": 12000, "Used_Memory_MB": 4000, "CPU_Usage_Percentage": 21.0},
            "Docker_Containers": [container for _, container in containers]}


def service(name, state="healthy", turn=0, **more):
    return {"name": name, "state": state, "ready": state == "healthy", "restarts": 2, "beats": 60 * turn, "beats_per_minute": 60.0,
            "latency_usec": 850, "cpu_percent": 1.5, "memory_bytes": 52428800, "reason": "", **more}


def sample(at, services, turn=0):
    return {"timestamp": fake_collector.rfc3339(at), "sysinfo": sysinfo(turn), "services": services}


def event(at, name, state, reason):
    return {"timestamp": fake_collector.rfc3339(at), "service": name, "event": state, "state": state, "reason": reason, "message": f"{name} is {state}: {reason}"}


@pytest.fixture(scope="module")
def filled():
    """An hour of two hosts; `web` failed half an hour ago."""
    now = time.time()
    for host in HOSTS:
        samples = []
        for turn in range(120):
            at = now - 3600 + turn * 30
            state = STATE if host == HOSTS[0] and 1770 < now - at < 1900 else "healthy"
            samples.append(sample(at, [service("web", state, turn), service("worker", "healthy", turn)], turn))
        events = [event(now - 1900, "web", "failing", "GET /health: 503 Service Unavailable, 1 of 3"), event(now - 1770, "web", "healthy", "it answers")]
        assert post({"host": host, "key": f"fill-{now}", "samples": samples, "events": events if host == HOSTS[0] else []})["stored"] == 120
    # As far from the one before as all others, however long the posts took: rates are of this.
    for host in HOSTS:
        post({"host": host, "samples": [sample(now, [service("web", turn=120), service("worker", turn=120)], 120)]})


def test_shows_what_was_posted(browser, filled):
    browser.open(ADDRESS, f"#host={HOSTS[0]}")
    assert names(browser) == ["web", "worker"]
    assert chips(browser) == {"services": 2, "healthy": 2}
    assert browser.text("#panel-cpu .number") == "21 %"
    assert browser.text("#panel-memory .number") == "3.9 GiB"
    assert browser.text("#panel-class-cpu .number") == "180 %"
    assert browser.text("#panel-class-ram .number") == "25 %"
    assert browser.texts("#panels h3 .count")[2:] == ["2", "2", "2", "2"]
    # Two containers of each, 700 writes and 5000 KB every 30 s.
    told = browser.one("#panel-class-io canvas").get_attribute("aria-label")
    assert 40 < float(re.search(r"written: now ([0-9.]+)/s", told)[1]) < 55, told
    told = browser.one("#panel-class-disk canvas").get_attribute("aria-label")
    assert 280 < float(re.search(r"written: now ([0-9.]+) KiB/s", told)[1]) < 390, told
    what = browser.js("return arguments[0].querySelector('.strip').getAttribute('aria-labelledby').split(' ').map((id) => document.getElementById(id).textContent).join(' ')",
                      browser.row("web"))
    assert "healthy 9" in what and "failing" in what
    browser.row("web").find_element(By.CSS_SELECTOR, ".strip").click()
    browser.wait(lambda: browser.all(".detail .event"), "its events")
    assert "GET /health: 503 Service Unavailable, 1 of 3" in browser.js("return document.querySelector('.detail').textContent")
    browser.picture("real-1440")


def test_is_live(browser, filled):
    browser.open(ADDRESS, f"#host={HOSTS[1]}")
    assert browser.row_state("web") == "healthy"
    post({"host": HOSTS[1], "events": [event(time.time(), "web", "unhealthy", "tcp 127.0.0.1:80: connection refused")]})
    browser.wait(lambda: browser.row_state("web") == "unhealthy", "the event")
    assert "connection refused" in browser.texts("#events .event")[0]
    post({"host": HOSTS[1], "samples": [sample(time.time(), [service("web", turn=123), service("late", turn=1)], 123)]})
    browser.wait(lambda: browser.row_state("web") == "healthy" and "late" in names(browser), "the sample")


def test_hostile_names_stay_text(browser, filled):
    for word in MUST_BE_TEXT:
        body = sample(time.time(), [service(word, reason=word)])
        body["sysinfo"]["Docker_Containers"][0].update(Name=word, Cmdline=word, ContainerID=word)
        post({"host": word, "samples": [body], "events": [{**event(time.time(), word, "failing", word), "message": word}]})
    browser.open(ADDRESS)
    assert set(MUST_BE_TEXT) <= set(names(browser))
    shown = browser.js("return document.querySelector('#events').textContent")
    assert all(word in shown for word in MUST_BE_TEXT)
    browser.open(ADDRESS, "#host=" + urllib.request.quote(MUST_BE_TEXT[0]))
    assert names(browser) == [MUST_BE_TEXT[0]]
    assert browser.js("return typeof window.hacked") == "undefined"


def test_policy_is_in_the_answer(filled):
    with urllib.request.urlopen(ADDRESS, timeout=30) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy or "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
