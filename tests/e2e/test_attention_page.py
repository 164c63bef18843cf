"""The Attention page in a real browser: from nothing to a measurement that is looked into."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from app_process import App
from playwright.sync_api import Locator, Page, expect
from watched_page import wait_for

from delta_app.attention.artifact import load_attention
from delta_app.runs.records import ATTENTION, RunStatus
from delta_app.services import runs

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]

WAIT_MS = 60_000
BARS, SCATTER = ".st-key-attention_bars", ".st-key-attention_scatter"
MEASURED_MS = 900_000


def panel(page: Page) -> Locator:
    return page.locator(".st-key-attention_filter")


def share(page: Page) -> str:
    """What the page says of the effective share."""
    return page.get_by_text(re.compile("^Effective share")).inner_text()


def told(page: Page, chart: str) -> str:
    """The label that a chart shows of the filter under the pointer; empty where it shows none."""
    return " ".join(page.locator(f"{chart} .hoverlayer .hovertext").all_text_contents())


def column(page: Page, place: int, of: int) -> tuple[float, float]:
    """A point in the column of a bar, near the upper end of the chart."""
    box = page.locator(f"{BARS} .nsewdrag").bounding_box()
    assert box is not None
    return box["x"] + box["width"] * (place + 0.6) / (of + 0.2), box["y"] + 0.15 * box["height"]


def test_the_demo_is_measured_and_its_filters_are_looked_into(app: App, page: Page) -> None:
    page.goto(f"{app.url}/attention")
    page.get_by_role("button", name="Measure on the demo").click()
    page.wait_for_url(re.compile(r"/attention\?run="))
    expect(page.locator(f"{BARS} .bars .point").first).to_be_visible(timeout=MEASURED_MS)
    (run,) = runs.list_runs(ATTENTION, runs_dir=app.runs_dir)
    ended = page.get_by_text(re.compile("nats between the orders"))  # faithfulness comes last
    expect(ended).to_be_visible(timeout=MEASURED_MS)
    wait_for(page, lambda: runs.get_run(run.id, app.runs_dir).status.ended, "the measurement's end")
    assert runs.get_run(run.id, app.runs_dir).status is RunStatus.COMPLETED
    expect(
        page.get_by_text(re.compile("filters? (are|is) distinguishable from zero"))
    ).to_be_visible()
    expect(page.locator(".st-key-attention_faithfulness .gtitle")).to_contain_text("Faithfulness:")
    expect(page.locator("[data-testid=stException]")).to_have_count(0)
    _look_into(page, run.folder)


def _look_into(page: Page, folder: Path) -> None:
    """Point at a filter, choose it, move the temperature, load the page again."""
    found = load_attention(folder / "attention.json")
    layer = list(found.layers)[-1]
    ranking = found.layers[layer].importance.argsort(descending=True, stable=True).tolist()
    first = f"Filter {ranking[0]}, rank 1 of {len(ranking)}"
    expect(panel(page)).to_contain_text(first, timeout=WAIT_MS)
    expect(panel(page).locator(".delta-exciting img")).to_have_count(9)

    # The filter under the pointer is told in the other charts too; a click chooses it.
    page.mouse.move(*column(page, 2, len(ranking)))
    wait_for(page, lambda: f"filter {ranking[2]}," in told(page, BARS), "the bar's label")
    wait_for(page, lambda: f"filter {ranking[2]}," in told(page, SCATTER), "the point's label")
    page.mouse.down()
    page.mouse.up()
    third = f"Filter {ranking[2]}, rank 3 of {len(ranking)}"
    expect(panel(page)).to_contain_text(third, timeout=WAIT_MS)
    expect(page).to_have_url(re.compile(f"filter={ranking[2]}(&|$)"), timeout=WAIT_MS)
    expect(page.locator(f"{SCATTER} .annotation-text")).to_have_text(str(ranking[2]))

    # The temperature redraws the attention at once.
    before, kept = share(page), (folder / "attention.json").read_bytes()
    slider = page.get_by_role("slider", name="Temperature")
    slider.focus()
    for _ in range(6):
        slider.press("ArrowLeft")
    # 5, 4, 3.2, 2.5, 2, 1.6, 1.3
    wait_for(page, lambda: "temperature=1.3" in page.url, "the temperature in the address")
    wait_for(page, lambda: share(page) != before, "another effective share")
    assert (folder / "attention.json").read_bytes() == kept
    assert f"filter={ranking[2]}" in page.url

    shown = share(page)
    page.reload()
    expect(panel(page)).to_contain_text(third, timeout=WAIT_MS)
    wait_for(page, lambda: share(page) == shown, "the same temperature after a reload")
