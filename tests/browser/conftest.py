# SPDX-License-Identifier: MIT
"""A headless Chromium, and a collector that pretends for each test.

After each test the console has to be without errors, and nothing may have been asked for but from
the collector itself. PHOENIX_PAGE: the folder of the page as it is installed (default: the source).
PHOENIX_BROWSER_OUT: where pictures go. PHOENIX_COLLECTOR: the address of a real collector.
"""

import json
import os
import pathlib
import time

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

import fake_collector

PAGE = pathlib.Path(os.environ.get("PHOENIX_PAGE", fake_collector.PAGE))
# An installed page has the library beside it.
CHART_JS = PAGE / "chart.min.js" if (PAGE / "chart.min.js").exists() else fake_collector.CHART_JS
WAIT = 20


class Browser:
    """What a person does with the page, and what they see."""

    def __init__(self):
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server", "--lang=en-GB"):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.expected = []
        self.address = None

    def size(self, width, height=1000, mobile=False):
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                                    {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile})

    def prefers(self, **features):
        media = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})

    def open(self, address, view="", ready=True):
        self.address = address
        # Another place of the same page alone would not be loaded anew.
        self.driver.get("about:blank")
        self.driver.get(address + view)
        if ready:
            self.wait(self.is_ready, "the page is filled")

    def is_ready(self):
        return self.js("return document.getElementById('main').getAttribute('aria-busy') === 'false' && "
                       "document.getElementById('connection').dataset.state === 'live' && "
                       "!document.querySelector('.row.loading')")

    def js(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def module(self, script):
        """Runs `script` with the page's own modules: `m.format`, `m.bins`, ... Returns its value."""
        return self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1];"
            "Promise.all(['format', 'bins', 'view', 'states', 'dom', 'strip', 'model'].map(async (name) => [name, await import(`/${name}.js`)]))"
            ".then((all) => { const m = Object.fromEntries(all);" + script + "})"
            ".then((value) => done({value}), (error) => done({error: String(error)}));")

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        found = self.all(selector)
        assert len(found) == 1, f"{len(found)} of {selector}"
        return found[0]

    def texts(self, selector):
        return self.js("return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility())"
                       ".map((e) => e.textContent)", selector)

    def text(self, selector):
        return self.js("return document.querySelector(arguments[0])?.textContent ?? null", selector)

    def query(self):
        return self.js("return Object.fromEntries(new URLSearchParams(location.hash.slice(1)))")

    def wait(self, condition, what, seconds=WAIT):
        end = time.monotonic() + seconds
        while True:
            try:
                value = condition()
            except StaleElementReferenceException:
                value = None
            if value:
                return value
            assert time.monotonic() < end, f"not within {seconds} s: {what}\n{self.told()}"
            time.sleep(0.05)

    def told(self):
        """For a failed test: what the page shows."""
        return self.js("return location.href + '\\n' + document.querySelector('main').innerText.slice(0, 300)")

    def row(self, name, host=None):
        """The row of a service, by what it shows."""
        return self.js("return [...document.querySelectorAll('.row')].find((row) => row.querySelector('.names .name').textContent === arguments[0]"
                       " && (arguments[1] === null || row.querySelector('.at').textContent === arguments[1])) ?? null", name, host)

    def row_state(self, name):
        row = self.row(name)
        return row and self.js("return arguments[0].querySelector('.statename').textContent", row)

    def picture(self, name):
        out = os.environ.get("PHOENIX_BROWSER_OUT")
        if out:
            self.driver.save_screenshot(str(pathlib.Path(out) / f"{name}.png"))

    def errors(self):
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self):
        asked = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                asked.append(message["params"]["request"]["url"])
        return asked


@pytest.fixture(scope="session")
def chromium():
    browser = Browser()
    yield browser
    browser.driver.quit()


@pytest.fixture
def browser(chromium, request):
    # First there, last gone: the page is left before its collector is.
    if "collector" in request.fixturenames:
        request.getfixturevalue("collector")
    chromium.driver.get("about:blank")
    chromium.errors()
    chromium.requests()
    chromium.expected = []
    chromium.size(1440, 1000)
    chromium.prefers(prefers_color_scheme="light", prefers_reduced_motion="no-preference")
    yield chromium
    errors = [error for error in chromium.errors() if not any(word in error for word in chromium.expected)]
    strangers = [url for url in chromium.requests() if not url.startswith((chromium.address or "none", "data:", "about:"))]
    if chromium.address:
        chromium.js("localStorage.clear()")
    chromium.driver.get("about:blank")
    assert errors == []
    assert strangers == []


@pytest.fixture
def collector(request):
    """@pytest.mark.parametrize("collector", ["empty"], indirect=True) for another scenario."""
    fake = fake_collector.FakeCollector(getattr(request, "param", "demo"), page=PAGE, chart_js=CHART_JS)
    yield fake
    if fake.server:
        fake.stop()
