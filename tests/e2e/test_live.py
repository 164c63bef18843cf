"""What a live page keeps while data arrives, and dialogs that ask: in a real browser."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from app_process import App
from drawn import draw_folder
from playwright.sync_api import Page, expect
from small_runs import ATTENTION, small_config
from watched_page import open_run, open_tab, state, tab_button, visible_text, wait_for

from delta_app.errors import RunError
from delta_app.runs.records import RunStatus
from delta_app.services import runs

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

CHART = ".st-key-run_loss .js-plotly-plot"
ENDED_S = 120


@pytest.fixture
def two_runs(app: App, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """One that trains for as long as the test goes on, and one queued behind it."""
    data = draw_folder(tmp_path / "shapes")
    config = small_config(data, "delta", **ATTENTION | {"epochs": 10_000})
    first, second = (runs.submit(config, runs_dir=app.runs_dir) for _ in range(2))
    wait(lambda: runs.get_run(first, app.runs_dir).epoch >= 2)
    yield first, second
    for run_id in (second, first):
        with suppress(RunError):  # it has ended already
            runs.request_stop(run_id, app.runs_dir)
    for run_id in (second, first):
        wait(lambda run_id=run_id: runs.get_run(run_id, app.runs_dir).status.ended)


def wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + ENDED_S
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def chart(page: Page) -> dict[str, Any]:
    """What the loss chart shows: its last epoch, the epochs in view, the traces that are hidden."""
    found: dict[str, Any] = page.evaluate(
        """selector => {
          const gd = document.querySelector(selector);
          const hidden = gd._fullData.filter(t => t.visible === 'legendonly');
          return {
            last: Math.max(...gd._fullData[0].x), range: gd._fullLayout.xaxis.range.map(Number),
            zoomed: gd._fullLayout.xaxis.autorange === false,
            hidden: hidden.map(t => t.name),
          };
        }""",
        CHART,
    )
    return found


def test_zoom_and_hidden_traces_stay_while_data_arrives(
    app: App, page: Page, two_runs: tuple[str, str]
) -> None:
    open_run(page, app.url, two_runs[0], "Curves")
    page.locator(f"{CHART} .legendtoggle").first.click()
    wait_for(page, lambda: len(chart(page)["hidden"]) == 1)
    assert not chart(page)["zoomed"]
    box = page.locator(f"{CHART} .nsewdrag").first.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.3 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], middle, steps=5)
    page.mouse.up()
    wait_for(page, lambda: chart(page)["zoomed"])
    zoomed = chart(page)
    # A third of what was in view when the mouse went up, which by now may be less than there is.
    assert zoomed["range"][1] - zoomed["range"][0] < 0.5 * zoomed["last"]
    wait_for(page, lambda: chart(page)["last"] > zoomed["last"] + 3, "more data in the chart")
    later = chart(page)
    assert later["range"] == pytest.approx(zoomed["range"])
    assert later["hidden"] == zoomed["hidden"]


def test_a_reload_and_a_second_tab_show_the_truth(
    app: App, page: Page, two_runs: tuple[str, str]
) -> None:
    first, second = two_runs
    open_run(page, app.url, first, "Attention")
    assert state(page).endswith("Running")
    page.reload()
    tab_button(page, "Settings and log").wait_for()
    wait_for(page, lambda: state(page).endswith("Running"))
    assert open_tab(page) == "Attention"
    other = page.context.new_page()
    other.goto(f"{app.url}/run?run={second}")
    wait_for(other, lambda: state(other).endswith("Queued"))
    wait_for(other, lambda: "Queued, next in line" in visible_text(other, ".st-key-run_progress p"))
    # What the second tab asks for, the first one shows by itself.
    other.goto(f"{app.url}/run?run={first}")
    other.locator(".st-key-run_stop button").filter(visible=True).click()
    wait_for(page, lambda: "Stopped by you" in state(page), timeout_ms=ENDED_S * 1000)
    wait(lambda: runs.get_run(second, app.runs_dir).status is RunStatus.RUNNING)
    other.close()


def test_rename_and_delete_ask_on_the_runs_page(app: App, page: Page, tmp_path: Path) -> None:
    data = draw_folder(tmp_path / "shapes")
    kept, gone = (
        runs.submit(small_config(data, method, epochs=1), name, app.runs_dir)
        for method, name in (("l2", "kept"), ("l2_sp", "gone"))
    )
    wait(lambda: all(runs.get_run(each, app.runs_dir).status.ended for each in (kept, gone)))
    folder = Path(runs.get_run(gone, app.runs_dir).folder)
    page.goto(f"{app.url}/runs?q=gone")
    select_first_row(page)
    page.get_by_role("button", name="Rename").click()
    field = page.get_by_role("dialog").get_by_label("Name")
    field.fill("gone soon")
    page.get_by_role("dialog").get_by_role("button", name="Rename").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    wait(lambda: runs.get_run(gone, app.runs_dir).name == "gone soon")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert runs.get_run(gone, app.runs_dir)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete 1 run").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    wait(lambda: gone not in {each.id for each in runs.list_runs(runs_dir=app.runs_dir)})
    assert not folder.exists()
    assert runs.get_run(kept, app.runs_dir).status is RunStatus.COMPLETED


def select_first_row(page: Page) -> None:
    """Tick the first row; the table is a canvas, so its place is all there is to click."""
    table = page.locator(".st-key-runs_table_box canvas").first
    table.wait_for()
    delete = page.get_by_role("button", name="Delete")

    def selected() -> bool:
        box = table.bounding_box()
        assert box is not None
        if delete.is_disabled():
            page.mouse.click(box["x"] + 17, box["y"] + 47)
            page.wait_for_timeout(1_500)
        return delete.is_enabled()

    wait_for(page, selected, "the first row selected")
