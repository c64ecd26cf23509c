"""The pages in a real browser: policy, widths, dark mode, the live plots, and no script at all.

Not named test_*: tox' environment `browser` runs it where chromium and its driver are installed.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.core.management import call_command
from django.db import connections
from django.test.testcases import LiveServerThread
from selenium.common.exceptions import WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from django_redis_core.cache import RedisCache
from django_redis_core.testing.servers import Server

from .looking import ROOT

Site = Callable[..., RedisCache]
PATIENCE = 30  # seconds, the last resort on a busy machine
KEYS = 1000  # more than one page: SCAN may give twice what it was asked for, so 150 were not
PLACES = (
    "",
    "default/?lookups=1",
    "default/live/",
    "default/history/",
    "default/keys/?lookups=1",
    "default/entry/?key=hash",
    "default/entry/?key=text",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chrome]:
    options = ChromeOptions()
    for argument in ("headless=new", "no-sandbox", "disable-dev-shm-usage", "no-proxy-server"):
        options.add_argument(f"--{argument}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = Chrome(options, Service(shutil.which("chromedriver")))
    yield browser
    browser.quit()


class Browser:
    """Somebody who is logged in and looks at the site's pages."""

    def __init__(self, chromium: Chrome, address: str) -> None:
        self.chromium = chromium
        self._address = address

    def size(self, width: int, *, dark: bool = False) -> None:
        self.chromium.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600},
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def scripts(self, on: bool) -> None:
        self.chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not on})

    def open(self, place: str) -> None:
        self.chromium.get(f"{self._address}{ROOT}{place}")

    def find(self, selector: str) -> list[Any]:
        return self.chromium.find_elements(By.CSS_SELECTOR, selector)

    def click(self, selector: str) -> None:
        """Follow a link or send a form, until the page that comes next has been read whole.

        The driver waits for a navigation that has begun when it looks, which is too early on a
        busy machine.
        """
        left = self.run("performance.timeOrigin")
        self.find(selector)[0].click()
        self.wait(
            lambda: self.run(
                f"performance.timeOrigin !== {left} && document.readyState === 'complete'"
            )
        )

    def run(self, script: str) -> Any:
        return self.chromium.execute_script(f"return {script}")

    @property
    def text(self) -> str:
        return str(self.find("body")[0].text)

    def wait(self, true: Callable[[], Any]) -> None:
        # The driver's calls fail where a page goes away under them.
        waiting = WebDriverWait(self.chromium, PATIENCE, 0.1, (WebDriverException,))
        waiting.until(lambda _: true())

    def complaints(self) -> list[str]:
        """What the browser has written into its console."""
        told = [one["message"] for one in self.chromium.get_log("browser")]
        return [one for one in told if "favicon" not in one]


@pytest.fixture
def browser(chromium: Chrome, user: Callable[..., Any]) -> Iterator[Browser]:
    from django.test import Client

    client = Client()
    client.force_login(user("view_cache", "change_cache"))
    connection = connections["default"]
    connection.inc_thread_sharing()
    server = LiveServerThread(
        "127.0.0.1", StaticFilesHandler, connections_override={"default": connection}
    )
    server.daemon = True
    server.start()
    server.is_ready.wait()
    address = f"http://127.0.0.1:{server.port}"
    try:
        chromium.get(f"{address}/static/admin/css/base.css")  # a cookie needs its site
        name = settings.SESSION_COOKIE_NAME
        chromium.add_cookie({"name": name, "value": client.cookies[name].value})
        made = Browser(chromium, address)
        made.size(1200)
        made.complaints()
        yield made
    finally:
        chromium.get("about:blank")
        server.terminate()  # a connection that is kept alive may close the database's later


@pytest.fixture
def cache(site: Site) -> RedisCache:
    made = site(default={})
    made.set_many({f"page:{number}": "x" * 500 for number in range(KEYS)})
    made.set("text", "a long text " * 200)
    made.hset("hash", mapping={"a field with a long name " * 5: "and a value " * 40, "b": 2})
    return made


def test_pages_fit_and_break_no_policy(cache: RedisCache, browser: Browser) -> None:
    for _ in range(3):
        call_command("redis_cache", "sample", verbosity=0, stdout=io.StringIO())
    for width, dark in ((1200, True), (390, False)):
        browser.size(width, dark=dark)
        for place in PLACES:
            browser.open(place)
            assert browser.run("document.documentElement.scrollWidth") <= width, (place, width)
            assert browser.complaints() == [], (place, width)
            assert browser.find("#content-main.rc"), place
    browser.open("default/history/")
    assert len(browser.find("path.rc-line")) >= 3


def test_dark_mode_is_the_admins(cache: RedisCache, browser: Browser) -> None:
    def background(selector: str) -> list[int]:
        found = f"document.querySelector('{selector}')"
        style = browser.run(f"getComputedStyle({found}).backgroundColor")
        return [int(part) for part in style[style.index("(") + 1 : -1].split(",")[:3]]

    browser.open("")
    assert min(background(".rc-card")) > 200
    browser.size(1200, dark=True)
    browser.open("")
    assert max(background(".rc-card")) < 60
    browser.size(1200)
    browser.open("")
    browser.run("document.documentElement.dataset.theme = 'dark'")
    assert max(background(".rc-card")) < 60, "as the admin's own button sets it"


def test_live_plots_go_on_and_tell_of_trouble(
    site: Site, browser: Browser, own_server: Server
) -> None:
    cache = site(default={"LOCATION": own_server.url, "OPTIONS": {"SOCKET_CONNECT_TIMEOUT": 1}})
    browser.open("default/live/")
    browser.wait(lambda: len(browser.find("#rc-live canvas")) == 4)
    cache.set("a", 1)
    browser.wait(lambda: cache.get("a") and "100.00%" in browser.text)  # hits alone, since then
    assert int(browser.run("document.getElementById('rc-live').dataset.points")) >= 2
    assert browser.complaints() == []
    own_server.kill()
    browser.wait(lambda: browser.find("#rc-live-trouble")[0].is_displayed())
    assert str(own_server.port) in browser.find("#rc-live-trouble")[0].text


def test_all_but_the_live_plots_work_without_script(cache: RedisCache, browser: Browser) -> None:
    browser.scripts(on=False)
    try:
        browser.open("")
        browser.click(".rc-card h2 a")
        assert "Families of keys" in browser.text
        assert browser.find("svg.rc-bar rect")
        assert len(browser.find("svg.rc-treemap > svg")) == 2
        browser.open("default/live/")
        assert "drawn by a script" in browser.text
        assert "Counters since the servers started" in browser.text
        browser.open("default/keys/?q=page:*")
        first = browser.text
        browser.click("a[rel=next]")
        assert browser.text != first
        browser.click("td.rc-key a")
        assert "xxxxx" in browser.text
        browser.click("button.rc-danger")
        assert "Delete 1 key of the cache default?" in browser.text
        browser.click("button.rc-danger")
        assert "1 key of default deleted." in browser.text
    finally:
        browser.scripts(on=True)
    assert len(list(cache.iter_keys("page:*"))) == KEYS - 1
