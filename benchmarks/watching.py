"""What the server pays for one browser page that watches a run, in CPU seconds a second.

The run trains in a process of its own, so that the app only serves it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page

from benchmarks.browsed_app import (
    ATTENTION,
    SMALL,
    browsed,
    draw_pictures,
    load,
    trained_elsewhere,
)
from delta_app.services import runs
from delta_app.training.run_config import RunConfig
from tests.e2e.app_process import App
from tests.e2e.watched_page import TABS, open_run, show

MOST_WATCHED, MOST_UNWATCHED = 0.1, 0.005
"""What is wanted, in cores."""

SETTLES_MS = 8_000
"""Time for a page to be drawn whole, its networks loaded."""


@dataclass(frozen=True)
class Cost:
    """What the server used while something was watched.

    Attributes:
        cores: CPU seconds a second.
        messages, kilobytes: what it sent to the browser each second.
        steps: that the run took each second.
        most: wanted of `cores`.
    """

    watched: str
    cores: float
    messages: float
    kilobytes: float
    steps: float
    most: float


def measure_watching(folder: Path, seconds: float) -> list[Cost]:
    """The run page's tabs, other pages, a hidden tab and no page at all, each so many seconds."""
    data = draw_pictures(folder / "pictures", per_class=20, size=80)
    config = RunConfig.from_flat(
        {**SMALL, "data": str(data), "method": "delta", "epochs": 10_000, "threads": 1}
        | ATTENTION
        | {"image_size": 32, "checkpoint_seconds": 60}
    )
    with browsed(folder / "app") as (app, page), trained_elsewhere(app, config) as run:
        sent = _count_messages(page)

        def cost(watched: str, most: float = MOST_WATCHED) -> Cost:
            return _cost(app, page, sent, run.id, watched, most, seconds)

        costs = []
        for tab in TABS:
            open_run(page, app.url, run.id, tab)
            page.wait_for_timeout(SETTLES_MS)
            costs.append(cost(f"run page, {tab}"))
        for name, path in {"Start": "", "Runs": "runs", "Fine-tune": "fine-tune"}.items():
            page.goto(f"{app.url}/{path}")
            page.wait_for_timeout(SETTLES_MS)
            costs.append(cost(f"{name} page"))
        open_run(page, app.url, run.id, "Curves")
        show(page, False)
        page.wait_for_timeout(SETTLES_MS)
        costs.append(cost("run page in a browser tab that is hidden", MOST_UNWATCHED))
        page.goto("about:blank")
        page.wait_for_timeout(SETTLES_MS)
        costs.append(cost("no page", MOST_UNWATCHED))
    return costs


def _cost(
    app: App,
    page: Page,
    sent: Callable[[], tuple[int, int]],
    run_id: str,
    watched: str,
    most: float,
    seconds: float,
) -> Cost:
    process = psutil.Process(app.process.pid)

    def now() -> tuple[float, float, int, int, int]:
        times = process.cpu_times()
        step = runs.get_run(run_id, app.runs_dir).step
        return time.monotonic(), times.user + times.system, *sent(), step

    before = now()
    page.wait_for_timeout(1000 * seconds)  # and lets the browser's events in
    spent = [after - start for after, start in zip(now(), before, strict=True)]
    passed, cores, messages, size, steps = spent
    return Cost(
        watched, cores / passed, messages / passed, size / passed / 1000, steps / passed, most
    )


def _count_messages(page: Page) -> Callable[[], tuple[int, int]]:
    """Messages and bytes that the page got so far."""
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    counted = [0, 0]

    def received(event: dict[str, Any]) -> None:
        counted[0] += 1
        counted[1] += len(event["response"]["payloadData"]) * 3 // 4  # it comes in base64

    network.on("Network.webSocketFrameReceived", received)

    return lambda: (counted[0], counted[1])


def table(costs: list[Cost]) -> str:
    """The costs as Markdown."""
    lines = [
        f"| watched ({load()}) | cores | wanted | messages/s | kB/s | steps/s |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    lines += [
        f"| {each.watched} | {each.cores:.3f} | < {each.most:g} | {each.messages:.1f} "
        f"| {each.kilobytes:.1f} | {each.steps:.1f} |"
        for each in costs
    ]
    return "\n".join(lines)
