"""A page in a browser tab that nobody sees asks for nothing, and is fresh once it is seen again."""

from __future__ import annotations

import pytest
from app_process import App
from playwright.sync_api import Page, WebSocket
from watched_page import show, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]


def test_a_hidden_page_asks_for_nothing_until_it_is_seen(app: App, page: Page) -> None:
    sent: list[int] = []

    def count(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(len(frame)))

    page.on("websocket", count)
    page.goto(app.url)
    page.locator(".st-key-strip").wait_for()
    opened = len(sent)
    wait_for(page, lambda: len(sent) >= opened + 3, "the page asks by itself")
    show(page, False)
    page.wait_for_timeout(4_000)  # what was on its way
    hidden = len(sent)
    page.wait_for_timeout(10_000)
    assert len(sent) == hidden
    show(page, True)
    wait_for(page, lambda: len(sent) > hidden, "asked at once", timeout_ms=1_000)
    wait_for(page, lambda: len(sent) >= hidden + 3, "and goes on asking")
