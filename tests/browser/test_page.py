# SPDX-License-Identifier: MIT
"""The collector's page as a person uses it, beside a collector that pretends."""

import datetime
import json
import re
import time
import urllib.parse

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.select import Select

import fake_collector

# How many of the strip's pixels have some colour in them.
PAINTED = """const c = arguments[0].querySelector('.strip canvas');
  const d = c.getContext('2d').getImageData(0, 0, c.width, c.height - 1).data;
  const found = new Set();
  for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 0) found.add(`${d[i]},${d[i + 1]},${d[i + 2]}`);
  return found.size"""

WAIT_MANY = 20


def names(browser):
    return browser.texts(".row .names .name")


def chips(browser):
    return {text.split()[1]: int(text.split()[0]) for text in browser.texts(".chip")}


def series_of(request):
    """Which series a request asks for; none of another request."""
    url = urllib.parse.urlsplit(request)
    if url.path != "/api/v1/series":
        return []
    return json.loads(urllib.parse.parse_qs(url.query)["series"][0])


def test_loads_with_data(browser, collector):
    browser.open(collector.address)
    assert len(names(browser)) == 16
    assert names(browser)[:3] == ["mailer", "billing", "worker"], "the worst first"
    assert chips(browser) == {"services": 16, "held": 1, "failing": 1, "starting": 1, "frozen": 1, "stopped": 1, "healthy": 11}
    assert browser.texts(".hostcard .name") == ["db-1", "web-1"]
    assert re.fullmatch(r"\d+(\.\d)? %", browser.text("#panel-cpu .number"))
    assert re.fullmatch(r"[\d.]+ GiB", browser.text("#panel-memory .number"))
    assert browser.texts("#panels h3") == ["CPU ", "Memory ", "CPU containers 1", "RAM containers 2", "I/O containers 3", "Disk containers 1"]
    for chart in browser.all("#panels canvas"):
        assert re.search(r": now [\d.]+ ?\S+, lowest .*, highest ", chart.get_attribute("aria-label"))
    assert browser.js(PAINTED, browser.row("auth")) >= 1
    assert browser.js(PAINTED, browser.row("mailer")) > 5, "several states, with patterns"
    figures = dict(zip(["beats", "latency", "restarts", "memory"], browser.js(
        "return [...arguments[0].querySelectorAll('dd')].map((e) => e.textContent)", browser.row("billing"))))
    assert re.fullmatch(r"\d+", figures["beats"]) and figures["latency"].endswith("ms") and figures["memory"].endswith("MiB")
    assert browser.texts(".events .told")[0] == "started again by systemd"
    assert browser.driver.title == "(2) Phoenix"


def test_updates_live(browser, collector):
    browser.open(collector.address)
    assert browser.row_state("web") == "healthy"
    collector.event("web-1", "web", "failing", "GET /: 503 Service Unavailable, 1 of 3")
    browser.wait(lambda: browser.row_state("web") == "failing", "the event of the stream")
    browser.wait(lambda: chips(browser)["failing"] == 2, "the count of the state")
    first = browser.js("return document.querySelector('#events .event').textContent")
    assert "web" in first and "GET /: 503 Service Unavailable, 1 of 3" in first
    assert "web on web-1 is failing" in browser.text("#announce"), "said to who listens"
    # The sample alone tells it, too.
    collector.event("web-1", "web", "healthy", tell=False)
    collector.sample("web-1")
    browser.wait(lambda: browser.row_state("web") == "healthy", "the sample of the stream")
    before = browser.text("#panel-cpu .number")
    collector.model.system = lambda host, at: {"cpu_percent": 97.0, "memory_used_mb": 30000, "memory_free_mb": 1874, "memory_total_mb": 31874}
    collector.sample("web-1")
    browser.wait(lambda: browser.text("#panel-cpu .number") == "97 %", f"a number, {before} before")
    assert "highest 97 %" in browser.one("#panel-cpu canvas").get_attribute("aria-label"), "the chart has it"


def test_a_service_and_a_host_that_come_later(browser, collector):
    browser.open(collector.address)
    now = time.time()
    with collector.model.lock:
        collector.model.add_service("web-1", "newcomer", [], now)
        collector.model.add_host("web-2", now, born=now)
        collector.model.add_service("web-2", "elsewhere", [], now)
    collector.sample("web-1")
    browser.wait(lambda: "newcomer" in names(browser), "a new service")
    collector.sample("web-2")
    browser.wait(lambda: "elsewhere" in names(browser), "a service of a new host")
    assert "web-2" in browser.js("return [...document.querySelectorAll('#host option')].map((e) => e.value)")


def test_filters_stand_in_the_address(browser, collector):
    browser.open(collector.address)
    Select(browser.one("#host")).select_by_value("db-1")
    browser.wait(lambda: len(names(browser)) == 4, "the services of one host")
    assert browser.query() == {"host": "db-1"}
    browser.wait(lambda: browser.text("#host-title") == "Host db-1", "its charts")
    browser.one("#service").send_keys("POST")
    browser.wait(lambda: names(browser) == ["postgres"], "a part of a name, whatever its case")
    assert browser.query() == {"host": "db-1", "service": "POST"}
    browser.driver.refresh()
    browser.wait(browser.is_ready, "loaded again")
    assert names(browser) == ["postgres"] and browser.one("#service").get_attribute("value") == "POST"
    assert Select(browser.one("#host")).first_selected_option.text == "db-1"
    browser.driver.back()
    browser.wait(lambda: len(names(browser)) == 4, "one step back")
    browser.driver.back()
    browser.wait(lambda: len(names(browser)) == 16 and browser.query() == {}, "two steps back")


def test_state_filter_and_sort(browser, collector):
    browser.open(collector.address)
    next(chip for chip in browser.all(".chip") if "held" in chip.text).click()
    browser.wait(lambda: names(browser) == ["mailer"], "only what is held")
    assert browser.query() == {"state": "held"}
    next(chip for chip in browser.all(".chip") if "held" in chip.text).click()
    browser.wait(lambda: len(names(browser)) == 16, "all again")
    Select(browser.one("#sort")).select_by_value("name")
    ActionChains(browser.driver).move_to_element(browser.one("h1")).perform()
    browser.wait(lambda: names(browser) == sorted(names(browser)), "by name")
    assert browser.query() == {"sort": "name"}
    browser.open(collector.address, "#state=healthy&service=nowhere")
    assert browser.text("#rows-empty") == "No service fits these filters."


def test_time_range(browser, collector):
    browser.open(collector.address)
    collector.requests.clear()
    browser.one("[data-range='6h']").click()
    browser.wait(lambda: browser.query() == {"range": "6h"} and browser.is_ready() and any(series_of(r) for r in collector.requests), "another range")
    assert browser.text("#window") == "last 6 h"
    requests = [r for r in collector.requests if series_of(r)]
    assert len(requests) == 1, "all of the page is one request"
    asked = requests[0]
    assert {one["of"] for one in series_of(asked)} == {"system", "class", "service"}
    since, until = (fake_collector.parse_time(re.search(name + r"=([^&]+)", asked)[1].replace("%3A", ":"), 0) for name in ("since", "until"))
    # In whole steps of 72 s.
    assert 21600 <= until - since <= 21600 + 2 * 72
    browser.open(collector.address, "#range=nonsense&since=x&until=2026-01-01")
    assert browser.text("#window") == "last 1 h"


def test_stretch_marked_in_a_chart_becomes_the_range(browser, collector):
    browser.open(collector.address)
    canvas = browser.one("#panel-cpu canvas")
    ActionChains(browser.driver).move_to_element_with_offset(canvas, -20, 0).click_and_hold().move_by_offset(60, 5).release().perform()
    query = browser.wait(lambda: browser.query() if "since" in browser.query() else None, "times in the address")
    since, until = (datetime.datetime.fromisoformat(query[name].replace("Z", "+00:00")) for name in ("since", "until"))
    assert 300 < (until - since).total_seconds() < 3000
    browser.wait(browser.is_ready, "filled")
    assert " to " in browser.text("#window")
    shown = len(browser.all("#events .event"))
    collector.event("web-1", "auth", "failing", "not of this time")
    browser.wait(lambda: browser.row_state("auth") == "failing", "what is now is shown")
    assert len(browser.all("#events .event")) == shown, "what was then has not changed"
    browser.one("[data-range='1h']").click()
    browser.wait(lambda: "not of this time" in browser.js("return document.querySelector('#events').textContent"), "live again")


def test_range_by_fields(browser, collector):
    browser.open(collector.address)
    browser.one("[data-range='custom']").click()
    assert browser.driver.switch_to.active_element.get_attribute("id") == "custom-since"
    browser.js("document.getElementById('custom-since').value = '2026-11-02T10:00'; document.getElementById('custom-until').value = '2026-11-01T10:00'")
    browser.one("#custom button").click()
    assert browser.text("#custom-error") == "The first time has to be before the second."
    browser.js("document.getElementById('custom-until').value = '2026-11-03T10:00'")
    browser.one("#custom button").click()
    browser.wait(lambda: browser.text("#window") == "2026-11-02 10:00:00 to 2026-11-03 10:00:00", "the fields' times")
    browser.wait(browser.is_ready, "filled")
    assert set(browser.texts("#panels .empty")) == {"no samples in this time"}
    assert browser.text("#events-empty") == "No events in this time."


def test_click_on_a_strip_shows_reasons(browser, collector):
    browser.open(collector.address)
    row = browser.row("api")
    strip = row.find_element(By.CSS_SELECTOR, ".strip")
    width = strip.size["width"]
    # The newer failure was from 640 to 580 s ago.
    at = width * (1 - 610 / 3600) - width / 2
    ActionChains(browser.driver).move_to_element_with_offset(strip, int(at), 0).perform()
    assert browser.texts(".tip p")[0] == "failing"
    ActionChains(browser.driver).click().perform()
    browser.wait(lambda: browser.all(".detail .event"), "its events")
    assert browser.query() == {"open": "api", "on": "web-1"}
    assert strip.get_attribute("aria-expanded") == "true"
    assert len(browser.all(".detail .event")) == 6
    marked = browser.js("return [...document.querySelectorAll('.detail .event.marked')].map((e) => e.textContent)")
    assert len(marked) == 2 and "GET /health: no answer within 2 s, 1 of 3" in marked[1], "what was clicked on, and its end"
    told = browser.js("return document.querySelector('.detail').textContent")
    assert "GET /health: 503 Service Unavailable, 3 of 3" in told
    assert re.search(r"healthy \d+ %, failing \d", browser.text(".detail .summary"))
    assert len(browser.all(".detail canvas")) == 4
    collector.event("web-1", "api", "failing", "while it is open")
    browser.wait(lambda: "while it is open" in browser.js("return document.querySelector('.detail').textContent"), "live in the detail")
    strip.send_keys(Keys.ENTER)
    browser.wait(lambda: not browser.all(".detail"), "closed")
    browser.open(collector.address, "#open=mailer&on=web-1")
    browser.wait(lambda: "restarted 5 times within 10 min" in browser.js("return document.querySelector('.detail')?.textContent ?? ''"), "from the address")


def test_event_leads_to_its_service(browser, collector):
    browser.open(collector.address)
    next(link for link in browser.all("#events .link") if link.text == "queue").click()
    browser.wait(lambda: browser.all(".detail"), "opened")
    assert browser.query() == {"open": "queue", "on": "web-1"}
    assert browser.js("return document.activeElement.closest('.row').querySelector('.name').textContent") == "queue"


def test_older_events(browser, collector):
    with collector.model.lock:
        for i in range(250):
            collector.model.add_event(time.time() - 1000 - i, "web-1", "auth", "failing", "failing", f"old {i}", "")
    browser.open(collector.address)
    assert len(browser.all("#events .event")) == 100
    browser.one("#events-more").click()
    browser.wait(lambda: len(browser.all("#events .event")) == 200, "the next page")
    browser.one("#events-more").click()
    browser.wait(lambda: len(browser.all("#events .event")) == len(collector.model.events), "the last page")
    assert not browser.one("#events-more").is_displayed()
    ids = browser.js("return [...document.querySelectorAll('#events .event')].map((e) => e.dataset.id)")
    assert len(set(ids)) == len(ids)


def test_keyboard_only(browser, collector):
    browser.open(collector.address)
    body = browser.one("body")

    def focused():
        return browser.js("const e = document.activeElement; return e.id || e.dataset.range || e.className || e.tagName")

    body.send_keys(Keys.TAB)
    assert focused() == "skip"
    seen = []
    for _ in range(12):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(focused())
        assert browser.js("return getComputedStyle(document.activeElement).outlineStyle") != "none", seen
    assert seen[:10] == ["15m", "1h", "6h", "24h", "7d", "30d", "custom", "host", "service", "theme"]
    browser.one("[data-range='15m']").send_keys(Keys.ENTER)
    browser.wait(lambda: browser.query() == {"range": "15m"}, "a range by Enter")
    browser.one("[data-range='1h']").send_keys(Keys.SPACE)
    browser.wait(lambda: browser.query() == {} and browser.is_ready(), "a range by Space")
    browser.one(".skip").send_keys(Keys.ENTER)
    browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert focused() == "sort"
    browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert focused() == "strip"
    for _ in range(5):
        browser.driver.switch_to.active_element.send_keys(Keys.ARROW_DOWN)
    name = browser.js("return document.activeElement.closest('.row').querySelector('.name').textContent")
    assert name == "api"
    browser.driver.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    browser.driver.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    assert browser.text("#announce").startswith("failing, "), "the stretch before the newest is said"
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.wait(lambda: browser.all(".detail .event.marked"), "opened, the stretch marked")
    assert "1 of 3" in "".join(browser.texts(".detail .event.marked"))
    for _ in range(2):
        browser.driver.switch_to.active_element.send_keys(Keys.TAB)
    assert browser.driver.switch_to.active_element.text == "Close"
    browser.driver.switch_to.active_element.send_keys(Keys.ENTER)
    browser.wait(lambda: not browser.all(".detail"), "closed")
    assert focused() == "strip", "the focus is where it came from"


def test_table_beside_each_chart(browser, collector):
    browser.open(collector.address, "#open=api&on=web-1")
    browser.wait(lambda: len(browser.all(".tablebutton")) == 10, "panels and the open service")
    for button in browser.all(".tablebutton"):
        browser.js("arguments[0].click()", button)
    tables = browser.js("return [...document.querySelectorAll('.charttable')].map((t) => [t.querySelectorAll('tbody tr').length, t.querySelector('thead').textContent, t.textContent])")
    for rows, head, text in tables:
        assert 30 <= rows <= 61 and head.startswith("Time"), text
        assert re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", text)
    assert not browser.one("#panel-cpu canvas").is_displayed()
    collector.sample("web-1")
    browser.one("#panel-cpu .tablebutton").click()
    assert browser.one("#panel-cpu canvas").is_displayed()


def test_silent_host_is_not_called_healthy(browser, collector):
    with collector.model.lock:
        collector.model.hosts["db-1"]["last"] -= 300
    browser.open(collector.address)
    assert re.fullmatch(r"no data for 5 min", browser.row_state("exporter"))
    assert browser.row_state("auth") == "healthy"
    assert re.search(r"silent for 5 min", browser.texts(".hostcard")[0])
    collector.sample("db-1")
    browser.wait(lambda: browser.row_state("exporter") == "healthy", "it is back")


def test_disconnected_and_back(browser, collector):
    browser.expected = ["net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING", "net::ERR_EMPTY_RESPONSE", "net::ERR_CONNECTION_RESET"]
    browser.open(collector.address)
    count = len(browser.all("#events .event"))
    collector.stop()
    browser.wait(lambda: browser.text("#connection-text") == "disconnected", "it is said")
    assert re.match(r"Not connected since \d\d:\d\d:\d\d\.", browser.text("#banner-text"))
    assert browser.one("#banner").is_displayed()
    assert len(names(browser)) == 16, "what was known stays"
    browser.picture("disconnected-1440")
    collector.event("web-1", "auth", "failing", "while nobody was connected")
    collector.start()
    browser.wait(lambda: browser.text("#connection-text") == "live", "it is back", 60)
    browser.wait(lambda: "while nobody was connected" in browser.js("return document.querySelector('#events').textContent"), "what was missed")
    browser.wait(lambda: browser.row_state("auth") == "failing", "the state it was missed with")
    assert not browser.one("#banner").is_displayed()
    assert len(browser.all("#events .event")) == count + 1, "nothing twice"
    collector.event("web-1", "auth", "healthy")
    browser.wait(lambda: browser.row_state("auth") == "healthy", "live again")


def test_try_now(browser, collector):
    browser.expected = ["net::ERR_"]
    browser.open(collector.address)
    collector.stop()
    tries = []
    browser.wait(lambda: tries.extend(r for r in browser.requests() if "stream" in r) or len(tries) >= 4, "the pauses between two tries grow")
    collector.start()
    browser.one("#banner-retry").click()
    browser.wait(lambda: browser.text("#connection-text") == "live", "tried at once")


def test_lost_is_fetched_anew(browser, collector):
    browser.open(collector.address)
    collector.event("web-1", "auth", "failing", "never sent", tell=False)
    collector.send("lost", {"n": 12})
    browser.wait(lambda: "never sent" in browser.js("return document.querySelector('#events').textContent"), "all is fetched anew")


def test_event_between_the_answers(browser, collector):
    """What comes in while the page still fetches is in no answer."""
    told = []

    def before_answer(path):
        if path == "/api/v1/events" and not told:
            told.append(collector.event("web-1", "auth", "failing", "in between"))

    collector.before_answer = before_answer
    browser.open(collector.address)
    assert told
    browser.wait(lambda: "in between" in browser.js("return document.querySelector('#events').textContent"), "the event")
    browser.wait(lambda: browser.row_state("auth") == "failing", "its state")


def test_collector_that_cannot_answer(browser, collector):
    browser.expected = ["503"]
    collector.broken = "the database cannot be read: disk I/O error"
    browser.open(collector.address, ready=False)
    browser.wait(lambda: "disk I/O error" in browser.text("#banner-text"), "its own words")
    collector.broken = None
    browser.one("#banner-retry").click()
    browser.wait(lambda: len(names(browser)) == 16, "it is well again")
    browser.wait(lambda: not browser.one("#banner").is_displayed(), "nothing to say")


def test_broken_messages_of_the_stream(browser, collector):
    browser.open(collector.address)
    for reader in collector.readers:
        reader.put(b"event: sample\ndata: {\n\nevent: event\ndata: null\n\nevent: sample\ndata: [1]\n\nevent: event\ndata: {}\n\nevent: what\ndata: {}\n\n"
                   b'event: sample\ndata: {"host": 5, "time": {}, "classes": {"a": 1}, "services": [null, 1, {"name": []}]}\n\n'
                   b'event: event\ndata: {"id": 1000000, "time": "x", "host": {}, "service": [], "state": 7, "reason": {"a": 1}}\n\n')
    collector.event("web-1", "auth", "failing", "a good one behind them")
    browser.wait(lambda: browser.row_state("auth") == "failing", "the page lives on")


@pytest.mark.parametrize("collector", ["empty"], indirect=True)
def test_empty_and_the_first_sample(browser, collector):
    browser.open(collector.address)
    assert browser.text("#welcome-title") == "Nothing has been posted yet"
    assert browser.one("#welcome").is_displayed() and not browser.one("#panels").is_displayed()
    assert collector.address + "logs" in browser.text("#welcome-command")
    browser.picture("empty-1440")
    now = time.time()
    with collector.model.lock:
        collector.model.add_host("first", now, born=now - 20)
        collector.model.add_service("first", "web", [], now)
    collector.sample("first")
    browser.wait(lambda: names(browser) == ["web"], "the page fills")
    browser.wait(lambda: not browser.one("#welcome").is_displayed(), "the welcome goes")
    assert browser.text("#host-title") == "Host first"
    assert not browser.one("#hosts").is_displayed(), "one host needs no cards"


@pytest.mark.parametrize("collector", ["many"], indirect=True)
def test_thousand_services(browser, collector):
    began = time.monotonic()
    browser.open(collector.address)
    assert time.monotonic() - began < WAIT_MANY
    assert chips(browser)["services"] == 1000
    assert len(browser.all(".row")) == 50
    asked = [one for r in collector.requests for one in series_of(r) if one["of"] == "service"]
    assert 0 < len(asked) < 50, "only strips on the screen are fetched"
    collector.sample("big")
    collector.event("big", "service-0777", "unhealthy", "far below")
    ActionChains(browser.driver).move_to_element(browser.one("h1")).perform()
    browser.wait(lambda: names(browser)[0] == "service-0777", "the worst comes to the top")
    browser.one("#service").send_keys("0999")
    browser.wait(lambda: names(browser) == ["service-0999"], "found by name")
    browser.one("#service").send_keys(Keys.BACKSPACE * 4)
    browser.wait(lambda: len(browser.all(".row")) == 50, "all again")
    browser.js("document.getElementById('rows-more').click()")
    browser.wait(lambda: len(browser.all(".row")) == 150, "more")
