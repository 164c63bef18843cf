"""Pausing, resuming and continuing a run on its page, in a real browser."""

from __future__ import annotations

import pytest
from app_process import App
from playwright.sync_api import Locator, Page, expect
from watched_page import open_run, state, visible_text, wait_for

from delta_app.runs.records import RunStatus
from delta_app.services import runs
from delta_app.services.demo import demo_config

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]

EPOCHS = 6
CHOICES = ("picture", "layer", "order")
"""The run page's choices that the tab Curves does not have."""


def button(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-run_{key} button").filter(visible=True).first


def test_a_run_is_paused_resumed_and_continued_on_its_page(app: App, page: Page) -> None:
    run_id = runs.submit(demo_config("l2", epochs=EPOCHS), runs_dir=app.runs_dir)
    open_run(page, app.url, run_id, "Curves")
    wait_for(page, lambda: runs.get_run(run_id, app.runs_dir).step >= 2)
    place = button(page, "pause").bounding_box()
    button(page, "pause").click()
    wait_for(page, lambda: state(page).endswith("Paused"), "Paused")
    held = runs.get_run(run_id, app.runs_dir)
    assert held.status is RunStatus.PAUSED
    assert 0 < held.step < held.steps
    assert f"Paused after step {held.step} of " in visible_text(page, ".st-key-run_progress p")
    assert button(page, "resume").bounding_box() == place, "the button stays where it was"

    # The page at rest notices what another process does; here, that it goes on.
    other = page.context.new_page()
    open_run(other, app.url, run_id, "Curves")
    button(other, "resume").click()
    wait_for(other, lambda: state(other).endswith(("Queued", "Running", "Completed")))
    wait_for(page, lambda: state(page).endswith(("Running", "Completed")), "goes on")
    other.close()
    wait_for(page, lambda: state(page).endswith("Completed"), "Completed")
    done = runs.get_run(run_id, app.runs_dir)
    assert (done.epoch, done.test_evaluations) == (EPOCHS, 1)
    steps = runs.curves(run_id, ["loss/total"], runs_dir=app.runs_dir)["loss/total"].steps
    assert steps.tolist() == list(range(1, done.steps + 1)), "each step once"

    button(page, "continue").click()
    dialog = page.get_by_role("dialog")
    epochs = dialog.get_by_label("More epochs")
    expect(epochs).to_have_value("2")
    for choice in CHOICES:  # a dialog that takes the place of a style would show them
        assert not page.locator(f".st-key-choice_{choice}").first.is_visible()
    epochs.fill("1")
    epochs.press("Enter")
    expect(dialog.get_by_text(f"Epoch {EPOCHS + 1} (")).to_be_visible()
    expect(dialog.get_by_text("--epochs 1")).to_be_visible()
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog).to_have_count(0)
    wait_for(page, lambda: runs.get_run(run_id, app.runs_dir).test_evaluations == 2)
    wait_for(page, lambda: state(page).endswith("Completed"), "Completed again")
    wait_for(page, lambda: "tested 2 times" in visible_text(page, ".st-key-run_figures"))
    assert runs.get_run(run_id, app.runs_dir).epoch == EPOCHS + 1
