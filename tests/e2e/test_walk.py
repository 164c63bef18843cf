"""What a new user does, from the empty start page to a look inside, in a real browser."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from app_process import App
from playwright.sync_api import Page, expect
from watched_page import tab_button

from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import runs

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]

expect.set_options(timeout=60_000)  # the machine may be busy


def wait_for_all(app: App, count: int, seconds: float = 900) -> list[RunRecord]:
    """The runs, once so many are there and all have ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        there = runs.list_runs(runs_dir=app.runs_dir)
        if len(there) >= count and all(record.status.ended for record in there):
            return there
        time.sleep(0.5)
    raise AssertionError([(r.name, r.status, r.phase) for r in there])


def fill(page: Page, label: str, value: str) -> None:
    """Type into the form's field and take the cursor out of it, as a person does."""
    field = page.get_by_label(label, exact=True)
    field.fill(value)
    field.press("Enter")


def test_the_demo_from_start_to_a_look_inside(app: App, page: Page) -> None:
    page.goto(app.url)
    page.get_by_role("button", name="Compare L2, L2-SP and DELTA on it").click()
    ended = wait_for_all(app, 3)
    assert {r.method for r in ended} == {"l2", "l2_sp", "delta"}
    assert all(r.status is RunStatus.COMPLETED for r in ended), [r.error for r in ended]
    assert all((r.test_top1 or 0) > 0.3 for r in ended)  # ten classes: chance is 0.1
    assert all(r.test_evaluations == 1 for r in ended)

    page.goto(f"{app.url}/runs")
    expect(page.get_by_text(re.compile(r"^3 runs"))).to_be_visible()

    delta = next(r for r in ended if r.method == "delta")
    page.goto(f"{app.url}/run?run={delta.id}")
    expect(page.get_by_text(re.compile("of the test pictures right")).first).to_be_visible()
    tab_button(page, "Attention").click()
    expect(page.locator(".st-key-run_attention .gtitle").first).to_be_visible()
    tab_button(page, "Feature maps").click()
    expect(page.locator(".st-key-run_maps img").first).to_be_visible()
    page.reload()  # the address keeps the tab
    expect(page.locator(".st-key-run_maps img").first).to_be_visible()

    page.goto(f"{app.url}/compare?runs={','.join(r.id for r in ended)}")
    for record in ended:
        expect(page.get_by_text(record.name).first).to_be_visible()
    for tab in ("Settings", "Errors", "Attention", "Feature maps", "Disagreements"):
        page.get_by_role("tab", name=tab, exact=True).click()
        expect(page.get_by_role("tabpanel").filter(visible=True)).not_to_be_empty()
    expect(page.locator("[data-testid=stException]")).to_have_count(0)

    page.goto(f"{app.url}/inspect?run={delta.id}")
    expect(page.get_by_text("Drift", exact=False).first).to_be_visible()
    expect(page.locator("[data-testid=stException]")).to_have_count(0)


@pytest.mark.data
def test_photographs_of_ones_own_with_a_weights_file(
    app: App, page: Page, test_data: Path, tmp_path: Path
) -> None:
    before = len(runs.list_runs(runs_dir=app.runs_dir))
    data = test_data / "datasets" / "dtd10"
    weights = test_data / "weights" / "mobilenet_v2_imagenet_unfolded.pth"
    page.goto(f"{app.url}/fine-tune")
    # Outside the folders a person may browse is where tests lie; the address names it as well.
    fill(page, "Folder of pictures", str(tmp_path / "nowhere"))
    expect(page.get_by_text("does not exist").first).to_be_visible()
    fill(page, "Folder of pictures", str(data))
    expect(page.get_by_text("10 classes").first).to_be_visible()
    page.get_by_role("button", name="Continue to backbone").click()
    page.get_by_role("radio", name="A file of my own").click()
    fill(page, "Weights file", str(weights))
    expect(page.get_by_text(re.compile("262 of 262 tensors loaded"))).to_be_visible()
    fill(page, "Picture size (px)", "64")
    page.get_by_role("button", name="Continue to method").click()
    page.get_by_role("radio").filter(has_text=re.compile(r"L2$")).click()
    fill(page, "Epochs", "1")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"/run\?run="))
    newest = wait_for_all(app, before + 1)[0]
    assert newest.status is RunStatus.COMPLETED, newest.error
    assert (newest.dataset, newest.backbone, newest.method) == ("dtd10", "mobilenet_v2", "l2")
    assert newest.test_top1 is not None
    assert newest.config["model"]["image_size"] == 64
    expect(page.get_by_text(re.compile("of the test pictures right")).first).to_be_visible()
