"""The app in a process of its own, runs for it to show, and a Chromium of 1280 x 800 before it.

Both come from the browser tests, tests/e2e.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from playwright.sync_api import Page, sync_playwright

from delta_app.runs.records import RunRecord
from delta_app.services import runs
from delta_app.training.run_config import RunConfig
from tests.e2e.app_process import CURE, App, find_chromium, start_app

WAIT_MS = 120_000
"""How long anything may take before it counts as not coming; the machine may be busy."""

WAIT_S = 600
"""The same of what a run is to reach."""

SMALL: dict[str, Any] = {
    "backbone": "shufflenet_v2_x0_5",
    "weights": "random",
    "image_size": 64,
    "batch_size": 8,
    "device": "cpu",
}
ATTENTION = {"attention_batches": 1, "attention_batch_size": 8, "head_epochs": 1}


@contextmanager
def browsed(folder: Path) -> Iterator[tuple[App, Page]]:
    """The app on an empty runs folder, and a browser page; both end with the block.

    Raises:
        SystemExit: there is no Chromium on this machine.
    """
    with sync_playwright() as playwright:
        path = find_chromium(playwright.chromium)
        if path is None:
            raise SystemExit(f"no Chromium on this machine: {CURE}")
        app = start_app(folder)
        browser = playwright.chromium.launch(
            executable_path=path,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        try:
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            page.set_default_timeout(WAIT_MS)
            yield app, page
        finally:
            browser.close()
            app.end()


@contextmanager
def trained_elsewhere(app: App, config: RunConfig) -> Iterator[RunRecord]:
    """A run that trains in a process of its own until the block ends, from its first epoch on."""
    settings = app.log.parent / "config.json"
    settings.write_text(config.model_dump_json(), encoding="utf-8")
    command = [sys.executable, "-m", "delta_app", "train", "--config", str(settings)]
    with (app.log.parent / "train.log").open("wb") as output:
        process = subprocess.Popen(
            [*command, "--runs-dir", str(app.runs_dir)], stdout=output, stderr=subprocess.STDOUT
        )
    try:
        newest = wait_until(lambda: _training(runs.list_runs(runs_dir=app.runs_dir)[:1]))
        yield newest[0]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(WAIT_S)


def _training(records: list[RunRecord]) -> list[RunRecord]:
    return [record for record in records if not record.status.ended and record.epoch >= 1]


def wait_until(found: Callable[[], Any], seconds: float = WAIT_S) -> Any:
    """What `found` gives once it gives something."""
    deadline = time.monotonic() + seconds
    while not (result := found()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not come within {seconds:g} s")
        time.sleep(0.2)
    return result


def draw_pictures(root: Path, per_class: int, size: int) -> Path:
    """Three classes of pictures, ROOT/CLASS/N.png, `size` px."""
    for label, colour in enumerate(((200, 60, 50), (50, 190, 70), (60, 70, 210))):
        folder = root / f"class {label}"
        folder.mkdir(parents=True)
        for number in range(per_class):
            picture = Image.new("RGB", (size, size), (number * 25 % 256, 255 - number % 256, 120))
            x, y = number % 5 * size // 10, number % 3 * size // 8
            ImageDraw.Draw(picture).ellipse((x, y, x + size // 2, y + size // 2), fill=colour)
            picture.save(folder / f"{number}.png")
    return root


def load() -> str:
    """How busy the machine is, in words."""
    return f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
