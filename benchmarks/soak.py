"""Many short runs after one another in one process: whether anything is left behind.

    python -m benchmarks.soak [--runs 2000] [--minutes M] [--every 20] [--pages]

Real runs of a few steps through the app's own worker, in turn: every method, attention measured
and reused, stopped, paused and resumed, failed by a loss that is not finite, attention alone.
After each run the pages' services look at it: lists, curves, events, attention, overlays, a
prediction. With --pages Streamlit's test runner draws the run's page and the table of runs as
well. All but the last dozen runs are deleted.

Each line is the process after so many runs, garbage collected and free memory given back. The
growth is a line fitted through the second half of them, with its standard error. Wanted: no more
threads, files, hooks, modules, connections or tensors at the end than in the middle, and a growth
of memory that is none within twice its error.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, fields
from pathlib import Path

import numpy as np

from benchmarks.footprint import Footprint, footprint
from benchmarks.short_runs import short_runs
from delta_app.runtime import prepare_process

ROOT = Path(__file__).resolve().parent.parent


def growth(at: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Slope of a line through the points, and its standard error; at least three of them."""
    x, y = np.asarray(at, dtype=float), np.asarray(values, dtype=float)
    x = x - x.mean()
    slope = float((x * y).sum() / (x * x).sum())
    left = y - y.mean() - slope * x
    return slope, float(np.sqrt((left * left).sum() / (len(x) - 2) / (x * x).sum()))


def soak(
    folder: Path, runs: int, seconds: float | None, every: int, *, pages: bool
) -> list[tuple[int, Footprint]]:
    """Do the runs; how the process stood after every so many of them."""
    looks = []
    began = time.monotonic()
    with short_runs(folder) as short:
        for number in range(1, runs + 1):
            record = short.turn()
            if pages:
                _draw_pages(record.id)
            if number % every == 0:
                looks.append((number, footprint()))
                print(_line(*looks[-1], time.monotonic() - began), flush=True)
            if seconds is not None and time.monotonic() - began > seconds:
                break
    return looks


def _draw_pages(run_id: str) -> None:
    """The run's page and the table of runs, each in a visit of its own."""
    from streamlit.testing.v1 import AppTest

    for page, query in (("pages/run.py", {"run": run_id}), ("pages/runs.py", {})):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.run()
        app.switch_page(page)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        if app.exception:
            raise RuntimeError(app.exception[0].message)


def _line(number: int, each: Footprint, seconds: float) -> str:
    rss, *counts = astuple(each)
    counts[3] /= 1e6
    words = " | ".join(f"{count:g}" for count in counts)
    return f"| {number} | {seconds / 60:.1f} | {rss / 1e6:.1f} | {words} |"


def summary(looks: Sequence[tuple[int, Footprint]]) -> str:
    """What grew over the second half, a run."""
    second = looks[len(looks) // 2 :]
    if len(second) < 3:
        return "Too few looks for a growth."
    lines = [f"| over the last {second[-1][0] - second[0][0]} runs | growth a run | error |"]
    lines.append("| --- | --: | --: |")
    for field in fields(Footprint):
        values = [getattr(each, field.name) for _, each in second]
        slope, error = growth([number for number, _ in second], values)
        lines.append(f"| {field.name} | {slope:+.4g} | {error:.2g} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--minutes", type=float, help="end after so long, whatever is done")
    parser.add_argument("--every", type=int, default=20, help="runs between two looks")
    parser.add_argument("--pages", action="store_true", help="draw pages as well")
    options = parser.parse_args()
    prepare_process()
    names = [field.name for field in fields(Footprint)][1:]
    print("| runs | minutes | memory, MB | " + " | ".join(names).replace("tensors", "tensors, MB"))
    print("| --: " * (len(names) + 3) + "|")
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        os.environ["DELTA_CACHE_DIR"] = str(Path(folder) / "cache")
        os.environ["DELTA_RUNS_DIR"] = str(Path(folder) / "runs")
        limit = None if options.minutes is None else 60 * options.minutes
        looks = soak(Path(folder), options.runs, limit, options.every, pages=options.pages)
    print("\n" + summary(looks))


if __name__ == "__main__":
    main()
