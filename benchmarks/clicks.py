"""How soon a click is answered while a run trains on every core of the processor."""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from playwright.sync_api import Page

from benchmarks.browsed_app import (
    ATTENTION,
    SMALL,
    browsed,
    draw_pictures,
    load,
    wait_until,
)
from benchmarks.clickable import PAGES, SEEN, Click, World, open_page, sidebar
from delta_app.runs.records import RunRecord
from delta_app.services import allowed, runs
from delta_app.training.run_config import RunConfig
from tests.e2e.app_process import App
from tests.e2e.watched_page import TABS, open_tab

MEDIAN_S, P95_S = 0.5, 1.5
"""What is wanted."""

CLICKS_A_VISIT = 5
SIDEBAR = "from page to page"


@dataclass(frozen=True)
class Answered:
    """Seconds from each click until its effect was seen, by page, and what ran beside.

    Attributes:
        threads: that the run computed with.
        steps: that it took a second.
    """

    seconds: dict[str, list[float]]
    threads: int
    steps: float


def measure_clicks(
    folder: Path, clicks: int, seed: int, backbone: str, image_size: int
) -> Answered:
    """So many clicks, over all pages and between them, in visits of a few clicks each.

    Every kind of click was done once before, so that scripts come from the browser's cache.

    Args:
        folder: an empty one for everything.
        seed: of which clicks, and of the time between them.
        backbone, image_size: of the run that trains beside; px.
    """
    # Training takes what OpenMP gives it: every core.
    os.environ.pop("OMP_NUM_THREADS", None)
    with browsed(folder / "app") as (app, page):
        world, run = _world(app, folder, backbone, image_size)
        chance = random.Random(seed)
        _warm_up(page, world, chance)
        seconds: dict[str, list[float]] = defaultdict(list)
        began, before = time.monotonic(), runs.get_run(run.id, app.runs_dir).step
        for name in _visits(clicks, chance):
            _visit(page, world, name, chance, seconds)
        record = runs.get_run(run.id, app.runs_dir)
        assert not record.status.ended, record
        steps = (record.step - before) / (time.monotonic() - began)
        config = json.loads((record.folder / "config.json").read_text(encoding="utf-8"))
        runs.request_stop(run.id, app.runs_dir)
        return Answered(dict(seconds), config["optimization"]["threads"], steps)


def _world(app: App, folder: Path, backbone: str, image_size: int) -> tuple[World, RunRecord]:
    """Two small runs that have ended, and one that trains."""
    allowed.set_roots((folder,))
    data = draw_pictures(folder / "pictures", per_class=30, size=image_size + 16)
    small = {**SMALL, "data": str(data), "epochs": 2, "threads": 1}
    plain, delta = (
        runs.submit(RunConfig.from_flat(small | settings), runs_dir=app.runs_dir)
        for settings in ({"method": "l2"}, {"method": "delta", **ATTENTION})
    )
    config = RunConfig.from_flat(
        {
            **SMALL,
            **ATTENTION,
            "data": str(data),
            "method": "delta",
            "backbone": backbone,
            "image_size": image_size,
            "batch_size": 16,
            "epochs": 10_000,
        }
    )
    training = runs.submit(config, "the one that trains", app.runs_dir)
    run = wait_until(lambda: _beyond_its_first_epoch(app, training))
    all_runs = [runs.get_run(each, app.runs_dir) for each in (plain, delta, training)]
    names = tuple(each.name for each in all_runs)
    return World(app.url, training, plain, delta, names), run


def _beyond_its_first_epoch(app: App, run_id: str) -> RunRecord | None:
    record = runs.get_run(run_id, app.runs_dir)
    assert not record.status.ended, record
    return record if record.epoch >= 1 else None


def _warm_up(page: Page, world: World, chance: random.Random) -> None:
    """Every kind of click that any page offers, once."""
    for name, (kinds, _, _) in PAGES.items():
        done: set[str] = set()
        while True:
            if not done or name == "Start":
                open_page(page, world, name)
            offered = kinds(page, world, chance)
            kind = next((each for each in offered if each not in done), None)
            if kind is None:
                break
            offered[kind]()
            done.add(kind)
    for name in SEEN:
        sidebar(page, world, chance).get(name, _nothing)()


def _nothing() -> None:
    """The page that is open has no link to itself."""


def _visits(clicks: int, chance: random.Random) -> Iterator[str]:
    """Pages in random turns, each as often as the others."""
    left = clicks
    while left > 0:
        for name in chance.sample(list(PAGES), len(PAGES)):
            yield name
            left -= CLICKS_A_VISIT + 1


def _visit(
    page: Page, world: World, name: str, chance: random.Random, seconds: dict[str, list[float]]
) -> None:
    open_page(page, world, name)
    kinds = PAGES[name][0]
    for _ in range(CLICKS_A_VISIT):
        if name == "Start":  # whatever is clicked there leads away
            open_page(page, world, name)
        page.wait_for_timeout(chance.uniform(100, 1_500))  # as a person does; refreshes come
        taken = _timed(chance.choice(list(kinds(page, world, chance).values())))
        seconds[f"Run, {open_tab(page)}" if name == "Run" else name].append(taken)
    seconds[SIDEBAR].append(_timed(chance.choice(list(sidebar(page, world, chance).values()))))


def _timed(click: Click) -> float:
    """Seconds until what was clicked is seen."""
    started = time.perf_counter()
    click()
    return time.perf_counter() - started


def table(found: Answered) -> str:
    """Medians and percentiles as Markdown."""
    title = f"page ({load()}; the run: {found.threads} threads, {found.steps:.1f} steps/s)"
    lines = [f"| {title} | clicks | median, s | 95 %, s | longest, s |"]
    lines.append("| --- | --: | --: | --: | --: |")
    every = [each for times in found.seconds.values() for each in times]
    for name, times in [*sorted(found.seconds.items(), key=_place), ("**all**", every)]:
        figures = (
            statistics.median(times),
            float(np.percentile(times, 95, method="inverted_cdf")),
            max(times),
        )
        shown = " | ".join(f"{seconds:.2f}" for seconds in figures)
        lines.append(f"| {name} | {len(times)} | {shown} |")
    lines.append(f"| wanted | | < {MEDIAN_S:g} | < {P95_S:g} | |")
    return "\n".join(lines)


def _place(row: tuple[str, list[float]]) -> int:
    """Of a row in the table: as the sidebar and the run page have it."""
    names = [f"Run, {tab}" for tab in TABS]
    order = [each for name in PAGES for each in (names if name == "Run" else [name])]
    return [*order, SIDEBAR].index(row[0])
