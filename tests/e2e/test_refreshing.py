"""Parts that draw themselves again do not get in the way of a click that opens another page."""

from __future__ import annotations

import pytest
from app_process import App
from playwright.sync_api import Page
from watched_page import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

SLOW_START = """
(() => {
  // What the browser sends is held back a little, as on a busy machine, but in order.
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (frame) {
    setTimeout(() => send.call(this, frame), 400);
  };
})();
"""
TIMES = 12
PAGES = {"Runs": "/runs", "Start": "/"}


def test_a_page_opens_while_parts_of_the_one_before_are_due(app: App, page: Page) -> None:
    page.add_init_script(SLOW_START)
    page.goto(app.url)
    page.locator(".st-key-strip").wait_for()
    for time in range(TIMES):
        name = ("Runs", "Start")[time % 2]
        # Each time at another moment between two drawings of the parts.
        page.wait_for_timeout(1_500 + 170 * time)
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=name).click()
        wait_for(page, lambda path=PAGES[name]: _shows(page, path), f"{name}, {time}", 20_000)
        page.wait_for_timeout(1_200)  # what was on its way
        assert _shows(page, PAGES[name]), f"{name} was taken back"


def _shows(page: Page, path: str) -> bool:
    """Whether the address is the page's, and something stands in its middle."""
    buttons = page.locator(".stMain .stButton").filter(visible=True)
    return page.evaluate("location.pathname") == path and buttons.count() > 0
