"""No click is lost while a run page refreshes and the CPU trains; how long pages and clicks take.

The times go to tests/e2e/reports/clicks.json (or to DELTA_E2E_REPORTS): a shared machine is no
place to assert them.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from app_process import App
from drawn import draw_folder
from playwright.sync_api import Page
from small_runs import ATTENTION, small_config
from watched_page import TABS, WATCH, any_click, click_tab, open_run, state, wait_for

from delta_app.runs.records import RunStatus
from delta_app.services import runs

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]

RUNS, CLICKS_A_RUN = 4, 26
"""Each run takes its clicks on tabs and selectors; the last one is on Stop."""

SETTLES_MS, WATCHED_MS = 2_000, 6_000
"""Time for a tab to be drawn whole, and how long it is then watched, over several refreshes."""

REPORTS = Path(os.environ.get("DELTA_E2E_REPORTS", Path(__file__).parent / "reports"))


def test_no_click_is_lost_while_a_run_page_refreshes(app: App, page: Page, tmp_path: Path) -> None:
    data = draw_folder(tmp_path / "shapes")
    config = small_config(data, "delta", **ATTENTION | {"epochs": 10_000})
    ended = [
        runs.submit(small_config(data, method), runs_dir=app.runs_dir) for method in ("l2", "l2_sp")
    ]
    ids = [runs.submit(config, runs_dir=app.runs_dir) for _ in range(RUNS)]
    chance = random.Random(0)
    clicks: dict[str, list[float]] = {"tab": [], "selector": [], "stop": []}
    doubled = 0
    opened: dict[str, float] = {}
    moved: dict[str, list[Any]] = {}
    for place, run_id in enumerate(ids):
        _wait_for_training(app, run_id)
        if place == 0:
            opened = _open_pages(page, app, run_id, ended)
        open_run(page, app.url, run_id, "Curves")
        page.evaluate(WATCH)
        if place == 0:
            moved = _watch_each_tab(page)
            click_tab(page, "Curves")
        for _ in range(CLICKS_A_RUN - 1):
            kind, click = any_click(page, chance)
            clicks[kind].append(_timed(click))
        clicks["stop"].append(_timed(lambda: _click_stop(page)))
        doubled += page.evaluate("window.seen.doubled")
        _wait_until_stopped(app, page, run_id)
    _report(clicks, opened, doubled, moved)
    assert sum(map(len, clicks.values())) >= RUNS * CLICKS_A_RUN
    assert doubled == 0
    assert all(sum(shift for shift, _ in all_of) < 0.01 for all_of in moved.values()), moved


def _watch_each_tab(page: Page) -> dict[str, list[Any]]:
    """What moves in each tab while nobody clicks and data arrives."""
    moved = {}
    for tab in TABS:
        click_tab(page, tab)
        page.wait_for_timeout(SETTLES_MS)
        page.evaluate("window.seen.shifts = []")
        page.wait_for_timeout(WATCHED_MS)
        moved[tab] = page.evaluate("window.seen.shifts")
    return moved


def _click_stop(page: Page) -> None:
    button = page.locator(".st-key-run_stop button").filter(visible=True)
    button.click()
    wait_for(page, lambda: button.is_disabled() and state(page).endswith(("ing", "you")))
    assert not state(page).endswith("Running")


def _timed(click: Callable[[], None]) -> float:
    started = time.perf_counter()
    click()
    return time.perf_counter() - started


def _wait_for_training(app: App, run_id: str) -> None:
    """Until the run has ended its first epochs, so that every tab has something to show."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        record = runs.get_run(run_id, app.runs_dir)
        assert not record.status.ended, record
        if record.status is RunStatus.RUNNING and record.epoch >= 1:
            return
        time.sleep(0.2)
    raise AssertionError(f"{run_id} does not train: {runs.get_run(run_id, app.runs_dir)}")


def _wait_until_stopped(app: App, page: Page, run_id: str) -> None:
    """The run ends as stopped, and the page says so by itself."""
    wait_for(page, lambda: "Stopped by you" in state(page), timeout_ms=180_000)
    assert runs.get_run(run_id, app.runs_dir).status is RunStatus.STOPPED


def _open_pages(page: Page, app: App, training: str, ended: list[str]) -> dict[str, float]:
    """Seconds until the last part of each page is drawn, while a run trains.

    Each page shows something: two ended runs to compare, one to inspect. Scripts come from the
    browser's cache: each page was open once before.
    """
    pages = {
        "": ".st-key-new",
        "fine-tune": ".st-key-start",
        "runs": ".st-key-runs_table_box canvas",
        f"run?run={training}": ".st-key-run_loss .gtitle",
        f"compare?runs={','.join(ended)}": ".st-key-compare_loss .gtitle",
        f"inspect?run={ended[1]}": ".st-key-filter_tiles img",
    }

    def opened(path: str) -> None:
        page.goto(f"{app.url}/{path}")
        page.locator(pages[path]).filter(visible=True).last.wait_for()

    for path in pages:
        opened(path)
    return {f"/{path.split('?')[0]}": _timed(lambda path=path: opened(path)) for path in pages}


def _report(
    clicks: dict[str, list[float]],
    opened: dict[str, float],
    doubled: int,
    moved: dict[str, list[Any]],
) -> None:
    def of(times: list[float]) -> dict[str, float]:
        ordered = sorted(times)
        return {
            "clicks": len(ordered),
            "median_s": round(statistics.median(ordered), 3),
            "p95_s": round(ordered[int(0.95 * (len(ordered) - 1))], 3),
            "longest_s": round(ordered[-1], 3),
        }

    report = {
        "all": of([each for times in clicks.values() for each in times]),
        **{kind: of(times) for kind, times in clicks.items()},
        "pages_s": {name: round(seconds, 2) for name, seconds in opened.items()},
        "frames_with_a_part_twice": doubled,
        "moved_by_itself": moved,
        "cpus": os.cpu_count(),
        "load": [round(each, 1) for each in os.getloadavg()],
    }
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / "clicks.json").write_text(json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))
