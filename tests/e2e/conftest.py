"""Fixtures: a real app for each test module, and a page of a real browser for each test."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest

sync_api = pytest.importorskip(
    "playwright.sync_api",
    reason="no Playwright to drive a browser: pip install -r requirements-dev.txt",
)

from app_process import CURE, App, find_chromium, start_app  # noqa: E402
from playwright.sync_api import Browser, Page, sync_playwright  # noqa: E402

REPORTS = Path(os.environ.get("DELTA_E2E_REPORTS", Path(__file__).parent / "reports"))

WAIT_MS = 60_000
"""How long anything may take before it counts as not coming; the machine may be busy."""


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium; without one the test is skipped and says how to get it."""
    with sync_playwright() as playwright:
        path = find_chromium(playwright.chromium)
        if path is None:
            pytest.skip(f"no Chromium on this machine: {CURE}")
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on an empty runs folder; at the end it must end cleanly, as by Ctrl-C.

    It asks nobody on the network for anything: no test downloads weights.
    """
    app = start_app(tmp_path_factory.mktemp("app"))
    yield app
    code = app.end()
    log = app.log.read_text(errors="replace")
    assert code == 0, log[-3000:]
    assert "Traceback" not in log, log[-3000:]
    assert set(app.connections.read_text().splitlines()) == {"watched"}


_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Tell the fixtures of a test whether it failed."""
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report


@pytest.fixture
def page(browser: Browser, app: App, request: pytest.FixtureRequest) -> Iterator[Page]:
    """An empty page of 1280 x 800; an error of a script in it fails the test, and so does a
    request to anybody but the app.

    Where the test fails, what the page showed last is kept as reports/<test>.png.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    yield page
    if request.node.stash.get(_failed, False):
        page.screenshot(path=REPORTS / f"{request.node.name}.png")
    context.close()
    assert not errors, errors
    strangers = {url for url in asked if not url.startswith((app.url, "data:", "blob:"))}
    assert not strangers, strangers
