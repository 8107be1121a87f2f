# SPDX-License-Identifier: MIT
"""The page's modules that touch no document, run by the browser's own engine."""

import pytest

import fake_collector
from conftest import CHART_JS, PAGE


@pytest.fixture(scope="module")
def engine(chromium):
    """The page opened once: what is tested here leaves nothing behind."""
    fake = fake_collector.FakeCollector("demo", page=PAGE, chart_js=CHART_JS)
    chromium.open(fake.address)
    yield chromium
    chromium.driver.get("about:blank")
    fake.stop()


def result(engine, script):
    answer = engine.module(script)
    assert "error" not in answer, answer
    return answer["value"]


@pytest.mark.parametrize("call, text", [
    ("number(0)", "0"), ("number(9.876)", "9.88"), ("number(12.04)", "12"), ("number(999)", "999"), ("number(10240)", "10.2k"),
    ("number(12.5e6)", "12.5M"), ("number(null)", "–"), ("number('7')", "–"), ("number(NaN)", "–"), ("number(1 / 0)", "–"),
    ("percent(0)", "0 %"), ("percent(0.04)", "0 %"), ("percent(9.96)", "10 %"), ("percent(16.43)", "16 %"), ("percent(undefined)", "–"),
    ("bytes(0)", "0 B"), ("bytes(1023)", "1023 B"), ("bytes(1024)", "1 KiB"), ("bytes(52428800)", "50 MiB"), ("bytes(1.5 * 2 ** 30)", "1.5 GiB"),
    ("megabytes(31874)", "31.1 GiB"), ("kilobytesPerSecond(2048)", "2 MiB/s"), ("perSecond(873.2)", "873/s"),
    ("latency(850)", "850 µs"), ("latency(1500)", "1.5 ms"), ("latency(2500000)", "2.5 s"), ("latency(null)", "–"),
    ("span(500)", "0 s"), ("span(59999)", "59 s"), ("span(300000)", "5 min"), ("span(3900000)", "1 h 5 min"), ("span(36e6)", "10 h"), ("span(90000000)", "1 d 1 h"),
    ("span(-1)", "0 s"), ("span(NaN)", "–"), ("dateTime(NaN)", "–"),
])
def test_format(engine, call, text):
    assert result(engine, f"return m.format.{call};") == text


def test_times_of_the_collector(engine):
    assert result(engine, "return [m.format.parseTime('2026-11-23T18:20:00.123456Z'), m.format.parseTime(5), m.format.parseTime('x')].map(String)") \
        == ["1795458000123", "NaN", "NaN"]


def test_ticks(engine):
    value = """return [[7, 3], [31874, 4], [0, 3], [100, 3], [1e12, 3]].map(([high, most]) => m.format.valueTicks(high, most))
      .concat([m.format.valueTicks(31.1 * 2 ** 30, 3, 1024).map((v) => v / 2 ** 30), m.format.valueTicks(2 ** 20, 3, 1024)])"""
    for ticks in result(engine, value):
        assert 2 <= len(ticks) <= 5 and ticks[0] == 0
    assert result(engine, value)[5] == [0, 16, 32]
    for span in (1e3, 9e5, 3.6e6, 8.64e7, 6.048e8, 2.6e9, 3e10, 1e12):
        ticks = result(engine, f"return m.format.timeTicks(1795458000123, 1795458000123 + {span}, 6)")
        assert 1 <= len(ticks) <= 40 and all(tick["text"] for tick in ticks)


def test_what_was_fetched_is_not_added_again(engine):
    value = """const bins = new m.bins.Bins(10000, [{time: 0, n: 2, cpu_percent: 10, cpu_percent_max: 12}], 4000);
      for (const at of [1000, 4000, 4001, 12000]) bins.add(at, {cpu_percent: 40});
      return bins.rows.map((row) => [row.time, row.n, row.cpu_percent, row.cpu_percent_max])"""
    assert result(engine, value) == [[0, 3, 20, 40], [10000, 1, 40, 40]]


def test_span_is_in_whole_steps(engine):
    window = "{since: 1795458000123, until: 1795461600123}"
    assert result(engine, f"return m.view.spanOf({window})") == {
        "since": "2026-11-23T18:20:00.000Z", "until": "2026-11-23T19:20:12.000Z", "step": "12s"}


def test_view_and_address_are_each_others_reverse(engine):
    for query in ("", "#range=6h", "#host=a%26b&service=%3Cb%3E&state=held&sort=name", "#open=web&on=h",
                  "#since=2026-11-01T10%3A00%3A00.000Z&until=2026-11-02T10%3A00%3A00.000Z"):
        assert result(engine, f"return m.view.writeView(m.view.readView({query!r}))") == query
    for query in ("#range=__proto__", "#since=x&until=y", "#since=2026-01-02&until=2026-01-01", "#since=-271821-04-20&until=2026-01-01", "#nothing=1"):
        assert result(engine, f"return m.view.writeView(m.view.readView({query!r}))") == ""


def test_live_samples_join_their_step(engine):
    rows = result(engine, """
      const bins = new m.bins.Bins(10000, [{time: 0, n: 2, cpu_percent: 10, cpu_percent_max: 12, restarts: 1, state: 'healthy'}]);
      bins.add(4000, {cpu_percent: 40, restarts: 2, state: 'failing'});
      bins.add(9000, {cpu_percent: 20, restarts: 2, state: 'healthy'});
      bins.add(10000, {cpu_percent: 5, state: 'healthy'});
      bins.add(3000, {cpu_percent: 99, state: 'held'});
      return bins.rows;""")
    assert rows == [
        {"time": 0, "n": 4, "cpu_percent": 20, "cpu_percent_max": 40, "restarts": 2, "state": "failing"},
        {"time": 10000, "n": 1, "cpu_percent": 5, "cpu_percent_max": 5, "state": "healthy"},
    ]


def test_holes_are_neither_drawn_over_nor_healthy(engine):
    points, stretches = result(engine, """
      const bins = new m.bins.Bins(10, [0, 10, 20, 100, 110].map((time) => ({time, v: 1, state: time === 10 ? 'failing' : 'healthy'})));
      return [bins.points('v'), bins.stretches(115)];""")
    assert [p["x"] for p in points if p["y"] is None] == [30]
    assert stretches == [{"from": 0, "to": 10, "state": "healthy"}, {"from": 10, "to": 20, "state": "failing"}, {"from": 20, "to": 30, "state": "healthy"},
                         {"from": 100, "to": 115, "state": "healthy"}]


def test_rates_of_totals(engine):
    assert result(engine, """
      const bins = new m.bins.Bins(10000, [0, 100, 300, 50, 60, 90].map((beats, i) => ({time: i * 10000, beats})));
      return [bins.points(m.bins.rate('beats')).map((p) => p.y), bins.points(m.bins.perMinute('beats')).map((p) => p.y)];""") \
        == [[None, None, 15, None, None, 2], [None, None, 900, None, None, 120]], "a total that fell began anew"


def test_rates_are_smooth_though_samples_and_steps_do_not_fit(engine):
    rates = result(engine, """
      const newest = new Map();
      for (let t = 0; t < 3600; t += 10) newest.set(Math.floor(t / 12) * 12000, t * 7);
      return new m.bins.Bins(12000, [...newest].map(([time, total]) => ({time, total}))).points(m.bins.rate('total')).map((p) => p.y);""")
    assert all(5.8 < value < 8.2 for value in rates[6:]), "7 per second"


def test_shares(engine):
    assert result(engine, "return m.bins.shares([{from: 0, to: 90, state: 'healthy'}, {from: 90, to: 100, state: 'failing'}])") \
        == [["healthy", 0.9], ["failing", 0.1]]


def test_short_stretches_can_be_hit(engine):
    assert result(engine, """
      const stretches = [{from: 0, to: 500, state: 'healthy'}, {from: 500, to: 501, state: 'held'}, {from: 501, to: 1000, state: 'healthy'}];
      return [0.1, 0.498, 0.503, 0.9].map((at) => m.strip.stretchAt(stretches, {since: 0, until: 1000}, at)?.state)""") == ["healthy", "held", "held", "healthy"]


def test_attributes_that_run_are_refused(engine):
    assert result(engine, """
      return ['onclick', 'ONLOAD', 'href', 'src', 'srcdoc', 'style', 'formaction'].map((name) => { try { m.dom.el('a', {[name]: 'x'}); return 'set'; } catch (e) { return e.name; } })""") \
        == ["TypeError"] * 7


def test_severity_is_the_collectors(engine):
    assert result(engine, "return m.states.STATE_NAMES") == \
        ["held", "unhealthy", "failing", "starting", "maintenance", "frozen", "stopped", "healthy"]
    assert result(engine, "return ['a new one', 'healthy', '', null, '__proto__'].map(m.states.knownState)") == ["failing", "healthy", "unknown", "unknown", "failing"]
