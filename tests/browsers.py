"""Real browsers for tests: Chromium, driven by Playwright, with a film for a camera if wanted.

A page opened here fails its test on any error in its console, any error in its scripts, and any
request to a host other than this machine.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    sync_playwright,
)

from tools import browser as machine

# No sandbox: continuous integration often runs as root, in which Chromium's own does not start.
# The rest keeps it from calling anybody.
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
TABLET, DESK, PHONE = (800, 1280), (1280, 800), (360, 740)
OURS = {"127.0.0.1", "localhost", ""}


@dataclass
class Watch:
    """What went wrong on the pages of one test."""

    troubles: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def expect(self, pattern: str) -> None:
        """Let pass what this test provokes on purpose: a regular expression."""
        self.expected.append(pattern)

    def over(self, context: BrowserContext) -> None:
        """Listen to every page, frame and worker of a context."""
        context.on("request", lambda request: self._address(request.url))
        context.on("weberror", lambda error: self.troubles.append(f"script: {error.error}"))
        context.on("console", self._console)

    def _console(self, said: ConsoleMessage) -> None:
        if said.type == "error":
            self.troubles.append(f"console: {said.text}")

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"data", "blob"} and parts.hostname not in OURS:
            self.troubles.append(f"foreign host: {url}")

    def unexpected(self) -> list[str]:
        """Give the troubles that no `expect` foresaw."""
        return [
            trouble
            for trouble in self.troubles
            if not any(re.search(pattern, trouble) for pattern in self.expected)
        ]


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Find the browser; without one skip, but never where everything must run."""
    path = os.environ.get(machine.SETTING) or machine.installed()
    if path is None and os.environ.get("CI"):
        pytest.fail("no Chromium, and CI must not pass without one: `make test` installs it")
    if path is None:
        pytest.skip("no Chromium on this machine: `make test` installs one")
    return path


@pytest.fixture(scope="session")
def playwright(chromium_path: str) -> Iterator[Playwright]:
    """Start Playwright's driver once."""
    machine.lend_node()
    with sync_playwright() as driver:
        yield driver


@dataclass
class Launcher:
    """Starts browsers: each its own process and profile."""

    playwright: Playwright
    path: str
    started: list[Browser] = field(default_factory=list)

    def __call__(self, *flags: str) -> Browser:
        """Start a browser with these flags besides the quiet ones."""
        browser = self.playwright.chromium.launch(
            executable_path=self.path,
            args=[*QUIET, *flags],
            # People's browsers keep the page they came from, and so must ours be seen to cope.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        self.started.append(browser)
        return browser

    def close(self) -> None:
        """End every browser started."""
        while self.started:
            self.started.pop().close()


@pytest.fixture(scope="session")
def browser(playwright: Playwright, chromium_path: str) -> Iterator[Browser]:
    """Share one browser, on a machine that has no camera."""
    launch = Launcher(playwright, chromium_path)
    yield launch("--use-fake-device-for-media-stream=device-count=0")
    launch.close()


FilmBrowser = Callable[..., Browser]


@pytest.fixture
def browser_with_film(playwright: Playwright, chromium_path: str) -> Iterator[FilmBrowser]:
    """Start browsers whose camera sees a film: `browser_with_film(path, allowed=True)`.

    `allowed=False` has the person refuse the camera when the browser asks.
    """
    launch = Launcher(playwright, chromium_path)

    def start(film: Path, *, allowed: bool = True) -> Browser:
        answer = "" if allowed else "=deny"
        return launch(
            f"--use-fake-ui-for-media-stream{answer}",
            "--use-fake-device-for-media-stream=fps=30",
            f"--use-file-for-fake-video-capture={film}",
        )

    yield start
    launch.close()


@pytest.fixture
def watch() -> Watch:
    """Collect what goes wrong on this test's pages; `watch.expect(…)` what is meant to."""
    return Watch()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(watch: Watch) -> Iterator[OpenPage]:
    """Open a page in a new profile: `open_page(browser, size=TABLET, locale="zh-CN", touch=True)`.

    The test fails at its end if anything went wrong on it.
    """
    contexts: list[BrowserContext] = []

    def start(
        browser: Browser,
        *,
        size: tuple[int, int] = DESK,
        locale: str = "en-GB",
        touch: bool = False,
        script: bool = True,
    ) -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=locale,
            has_touch=touch,
            java_script_enabled=script,
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        watch.over(context)
        return context.new_page()

    yield start
    for context in contexts:
        context.close()
    assert watch.unexpected() == []
