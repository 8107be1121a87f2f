# SPDX-License-Identifier: MIT
"""What can be measured of how the page looks: contrast, names, sizes, motion; and pictures of it."""

import pytest

from test_page import names

# Each text that is seen, with its colours as they are blended: [ratio, size, weight, text].
CONTRAST = """
const parse = (text) => { const n = (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number); return [n[0], n[1], n[2], n.length > 3 ? n[3] : 1]; };
const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
const light = (c) => { const [r, g, b] = c.map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
const ground = (e) => { const layers = []; for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); layers.push(c); if (c[3] === 1) break; }
  return layers.reduceRight((below, top) => over(top, below), [255, 255, 255, 1]); };
const opacity = (e) => { let o = 1; for (; e; e = e.parentElement) o *= Number(getComputedStyle(e).opacity); return o; };
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const e = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !e.checkVisibility({ visibilityProperty: true }) || e.closest('.hidden, noscript, option') || e.getBoundingClientRect().bottom < 0 || e.closest('.skip')) continue;
  const below = ground(e), style = getComputedStyle(e), colour = parse(style.color);
  colour[3] *= opacity(e);
  found.push([ratio(over(colour, below), below), parseFloat(style.fontSize), Number(style.fontWeight), walker.currentNode.textContent.trim(), e.className]);
}
return found;
"""

MARKS = """
const light = (hex) => { const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
const style = getComputedStyle(document.documentElement), value = (name) => style.getPropertyValue(name).trim();
const marks = ['held', 'unhealthy', 'failing', 'starting', 'maintenance', 'frozen', 'stopped', 'healthy', 'unknown'].map((s) => '--state-' + s)
  .concat(['--blue', '--blue-soft', '--violet', '--violet-soft', '--orange', '--teal', '--green', '--control', '--focus']);
return marks.map((name) => { const [x, y] = [light(value(name)), light(value('--surface'))].sort((a, b) => b - a); return [name, (x + 0.05) / (y + 0.05)]; });
"""


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_contrast(browser, collector, colours):
    browser.prefers(prefers_color_scheme=colours)
    browser.open(collector.address, "#open=api&on=web-1")
    browser.wait(lambda: browser.all(".detail .event"), "an open service")
    ground = browser.js("return getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(20, 21, 23)") == (colours == "dark")
    measured = browser.js(CONTRAST)
    assert len(measured) > 200
    weak = [row for row in measured if row[0] < (3 if row[1] >= 24 or (row[1] >= 18.66 and row[2] >= 700) else 4.5)]
    assert weak == []
    assert [mark for mark in browser.js(MARKS) if mark[1] < 3] == []


def test_colours_can_be_chosen(browser, collector):
    browser.open(collector.address)

    def ground():
        return browser.js("return getComputedStyle(document.body).backgroundColor")

    light = ground()
    browser.one("#theme").click()
    dark = ground()
    assert dark != light and browser.one("#theme").get_attribute("aria-label") == "Colours: dark"
    browser.driver.refresh()
    browser.wait(browser.is_ready, "loaded again")
    assert ground() == dark, "kept"
    browser.one("#theme").click()
    browser.prefers(prefers_color_scheme="dark")
    assert ground() == light, "chosen, whatever the system says"
    browser.one("#theme").click()
    assert ground() == dark, "as the system"


def test_everything_has_a_name(browser, collector):
    """What a screen reader would say, from the browser's own accessibility tree."""
    browser.open(collector.address, "#open=api&on=web-1")
    browser.wait(lambda: browser.all(".detail .event"), "an open service")
    browser.one("[data-range='custom']").click()
    nodes = browser.driver.execute_cdp_cmd("Accessibility.getFullAXTree", {})["nodes"]
    roles = {}
    for node in nodes:
        role = node.get("role", {}).get("value")
        name = node.get("name", {}).get("value", "")
        focusable = any(p["name"] == "focusable" and p["value"].get("value") for p in node.get("properties", []))
        if not node.get("ignored") and (focusable or role in ("img", "image", "meter")) and role not in ("RootWebArea", "generic", "none"):
            roles.setdefault(role, []).append(name)
    unnamed = {role: given for role, given in roles.items() if not all(given) and role != "meter"}
    assert unnamed == {}
    assert any(name.startswith("mailer held.") and "Opens its events" in name for name in roles["button"])
    assert any(name.startswith("CPU. mean: now ") for name in roles.get("img", []) + roles.get("image", []))


@pytest.mark.parametrize("width", [320, 380, 620, 900, 1440, 2560])
def test_nothing_sticks_out(browser, collector, width):
    browser.size(width, 900, mobile=width < 500)
    browser.open(collector.address, "#open=api&on=web-1")
    browser.wait(lambda: browser.all(".detail .event"), "an open service")
    assert browser.js("return document.documentElement.scrollWidth") <= width
    small = browser.js("return [...document.querySelectorAll('button, select, input')].filter((e) => e.checkVisibility() && !e.matches('.link'))"
                       ".map((e) => [e.getBoundingClientRect().height, e.outerHTML.slice(0, 80)]).filter(([h]) => h < 24)")
    assert small == [], "large enough for a finger"


@pytest.mark.parametrize("collector", ["hostile"], indirect=True)
def test_long_names_do_not_stick_out(browser, collector):
    long = "x" * 253
    with collector.model.lock:
        now = collector.model.began
        collector.model.add_host(long, now)
        collector.model.add_service(long, long, [(now - 60, "failing", "y" * 4096)], now)
    browser.size(380, 900, mobile=True)
    browser.open(collector.address)
    assert long in names(browser)
    assert browser.js("return document.documentElement.scrollWidth") <= 380


def test_no_motion_for_who_wants_none(browser, collector):
    moving = "return document.getAnimations().filter((a) => a.playState === 'running').length"
    browser.open(collector.address)
    assert browser.js(moving) > 0
    browser.prefers(prefers_reduced_motion="reduce")
    browser.open(collector.address)
    collector.event("web-1", "auth", "failing", "an event")
    browser.wait(lambda: browser.row_state("auth") == "failing", "live")
    assert browser.js(moving) == 0


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [380, 900, 1440])
def test_pictures(browser, collector, width, colours):
    """To be looked at; that something is on them is all that is checked here."""
    browser.prefers(prefers_color_scheme=colours)
    browser.size(width, {380: 2400, 900: 1500, 1440: 1000}[width], mobile=width < 500)
    browser.open(collector.address)
    assert len(names(browser)) == 16
    browser.wait(lambda: all(browser.js("return [...document.querySelectorAll('#panels canvas')].map((c) => c.width > 50)")), "charts drawn")
    browser.picture(f"page-{width}-{colours}")
