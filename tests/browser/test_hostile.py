# SPDX-License-Identifier: MIT
"""Names, states and reasons full of markup stay text: what one host posts is shown to all."""

import time

import pytest

import fake_collector
from test_page import names

HOSTILE = fake_collector.HOSTILE
# Made by the page itself, never by what it shows.
COUNTS = """return ['script', 'img', 'iframe', 'object', 'embed', 'link', 'style', 'base', 'form', 'a']
  .map((tag) => [tag, document.getElementsByTagName(tag).length])"""
OWN = [["script", 3], ["img", 1], ["iframe", 0], ["object", 0], ["embed", 0], ["link", 2], ["style", 0], ["base", 0], ["form", 1], ["a", 5]]


def check(browser):
    assert browser.js("return typeof window.hacked") == "undefined"
    assert browser.js(COUNTS) == OWN
    assert browser.js("return [...document.querySelectorAll('*')].flatMap((e) => e.getAttributeNames()).filter((n) => n.startsWith('on') || n === 'srcdoc')") == []


@pytest.mark.parametrize("collector", ["hostile"], indirect=True)
def test_stored_markup_stays_text(browser, collector):
    browser.open(collector.address)
    assert sorted(names(browser)) == sorted(HOSTILE)
    assert sorted(browser.texts(".hostcard .name")) == sorted(HOSTILE)
    for word in HOSTILE:
        assert word in browser.texts("#host option") + browser.js("return [...document.querySelectorAll('#host option')].map((e) => e.textContent)")
    shown = browser.js("return document.querySelector('#events').textContent")
    assert all(word in shown for word in HOSTILE)
    check(browser)


@pytest.mark.parametrize("collector", ["hostile"], indirect=True)
def test_in_every_place(browser, collector):
    """Each name as a filter, opened, in the address, live."""
    browser.open(collector.address)
    for word in HOSTILE:
        browser.js("location.hash = ''")
        browser.wait(lambda: len(names(browser)) == len(HOSTILE), "all hosts")
        browser.js("const s = document.getElementById('host'); s.value = arguments[0]; s.dispatchEvent(new Event('change'))", word)
        browser.wait(lambda: names(browser) == [word], f"the services of {word}")
        browser.js("document.querySelector('.row .strip').click()")
        browser.wait(lambda: browser.all(".detail .event"), "opened")
        browser.wait(browser.is_ready, "filled")
        assert browser.query() == {"host": word, "open": word, "on": word}
        assert word in browser.js("return document.querySelector('.detail').textContent")
        assert browser.text("#host-title") == f"Host {word}"
        collector.event(word, word, "unhealthy", word, event=word)
        browser.wait(lambda: browser.row_state(word) == "unhealthy", "live")
        browser.js("document.querySelectorAll('.tablebutton').forEach((b) => b.click())")
        check(browser)
    assert any(name in browser.text("#announce") for name in HOSTILE), "said, and not as markup"
    browser.driver.refresh()
    browser.wait(lambda: names(browser) == [word] and browser.all(".detail .event"), "from the address")
    check(browser)


def test_words_that_are_not_ours(browser, collector):
    """A state nobody knows, and the names that objects are born with."""
    words = ["__proto__", "constructor", "toString", "<b>bold</b>", "purple"]
    browser.open(collector.address)
    with collector.model.lock:
        for word in words:
            collector.model.add_service("web-1", word, [(time.time(), word, word)], time.time())
    collector.sample("web-1")
    for word in words:
        collector.event("web-1", word, word, word)
        browser.wait(lambda: browser.row_state(word) == word, word)
        assert browser.row(word).get_attribute("data-state") == "failing", "counted as the collector does"
    check(browser)


def test_what_the_policy_forbids_does_not_run(browser, collector):
    """Were there a hole, the browser itself would still not run what comes through it."""
    browser.open(collector.address)
    browser.expected = ["TrustedHTML", "TrustedScript", "Content Security Policy"]
    outcome = browser.js("""
      const told = [];
      for (const html of arguments[0]) { try { document.createElement('div').innerHTML = html; told.push('taken'); } catch (e) { told.push(e.name); } }
      const script = document.createElement('script'); let refused = null;
      try { script.text = 'window.hacked = 1'; } catch (e) { refused = e.name; }
      document.body.append(script); script.remove();
      return [told, refused, typeof window.hacked];""", HOSTILE)
    assert outcome == [["TypeError"] * len(HOSTILE), "TypeError", "undefined"]
    # Not at once: what a debugger calls may do more than a page.
    assert browser.driver.execute_async_script("""const done = arguments[0];
      setTimeout(() => { try { new Function('window.hacked = 1')(); done('ran'); } catch (e) { done(e.name); } });""") == "EvalError"
    answer = browser.driver.execute_async_script(
        "const done = arguments[0]; fetch('http://192.0.2.1/').then(() => done('sent'), (e) => done(String(e)))")
    assert "Failed to fetch" in answer
