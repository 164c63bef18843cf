"""A long life in one process: many short runs one after another, and whether anything stays behind.

    python -m benchmarks.soak [--runs 2000] [--minutes M] [--every 20] [--no-pages]

Real runs of a few steps through the app's own worker, in turn: every method, attention measured
and reused, stopped, paused and resumed, failed by a loss that is not finite, attention alone.
After each run the pages' services look at it (list, curves, events, attention, overlays, a
prediction), and Streamlit's test runner draws the run's page and the table of runs. All but the
last dozen runs are deleted.

Each line is the process after so many runs, with garbage collected and free memory given back to
the system. Below stands a line fitted through the later half of them: its slope and standard
error, and its rise from beginning to end beside what that may be. What rises by more, and by more
than twice its error, grows, and a hook on any network is one too many; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from dataclasses import fields
from pathlib import Path

from streamlit.testing.v1 import AppTest

from benchmarks.footprint import Footprint, footprint
from benchmarks.growth import MB, growths, left_behind
from benchmarks.short_runs import ROUND, short_runs
from delta_app.runtime import prepare_process

ROOT = Path(__file__).resolve().parent.parent
NAMES = [field.name for field in fields(Footprint)]
IN_MB = ("rss", "tensors")

Looks = list[tuple[int, Footprint]]


def soak(folder: Path, runs: int, every: int, *, seconds: float | None, pages: bool) -> Looks:
    """Do the runs; how the process stood after every so many of them.

    Args:
        folder: an empty one for everything.
        every: runs between two looks.
        seconds: end after so long, whatever is done.
        pages: draw pages as well.
    """
    looks: Looks = []
    began = time.monotonic()
    with short_runs(folder) as short:
        for number in range(1, runs + 1):
            record = short.turn()
            if pages:
                draw_pages(record.id)
            passed = time.monotonic() - began
            if number % every == 0:
                looks.append((number, footprint()))
                print(_line(*looks[-1], passed), flush=True)
            if seconds is not None and passed > seconds:
                break
    return looks


def draw_pages(run_id: str) -> None:
    """The run's page and the table of runs, each in a visit of its own.

    Raises:
        RuntimeError: a page raised.
    """
    for page, query in (("pages/run.py", {"run": run_id}), ("pages/runs.py", {})):
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=120)
        app.run()
        app.switch_page(page)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        if app.exception:
            raise RuntimeError(app.exception[0].message)


def _head() -> str:
    names = [f"{name}, MB" if name in IN_MB else name for name in NAMES]
    return f"| runs | minutes | {' | '.join(names)} |\n|{' --: |' * (len(names) + 2)}"


def _line(number: int, each: Footprint, seconds: float) -> str:
    values = [f"{_shown(name, getattr(each, name)):g}" for name in NAMES]
    return f"| {number} | {seconds / 60:.1f} | {' | '.join(values)} |"


def _shown(name: str, value: float) -> float:
    return round(value / MB, 4) if name in IN_MB else value


def summary(looks: Looks) -> tuple[str, list[str]]:
    """What rose over the later half, as Markdown; and the names of what is left behind.

    Raises:
        ValueError: there are fewer than three looks.
    """
    left, later = left_behind(looks), looks[len(looks) // 2 :]
    lines = [
        f"| runs {later[0][0]} to {later[-1][0]} | a run | error | rise | may be | left behind |",
        "| --- | --: | --: | --: | --: | --- |",
    ]
    for name, each in growths(looks).items():
        numbers = (each.slope, each.error, each.rise, each.slack)
        shown = " | ".join(f"{_shown(name, number):.3g}" for number in numbers)
        unit = ", MB" if name in IN_MB else ""
        lines.append(f"| {name}{unit} | {shown} | {'yes' if name in left else 'no'} |")
    return "\n".join(lines), left


def main() -> int:
    """Do as the command line says; 1 where something is left behind, 2 where one cannot tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    parser.add_argument("--minutes", type=float, help="end after so long, whatever is done")
    parser.add_argument("--every", type=int, default=2 * ROUND, help="runs between two looks")
    parser.add_argument("--no-pages", action="store_true", help="draw no pages")
    options = parser.parse_args()
    if options.every % ROUND:
        parser.error(f"--every must be a multiple of {ROUND}: looks compare what has done the same")
    prepare_process()
    print(_head())
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        os.environ["DELTA_CACHE_DIR"] = str(Path(folder) / "cache")
        os.environ["DELTA_RUNS_DIR"] = str(Path(folder) / "runs")
        looks = soak(
            Path(folder),
            options.runs,
            options.every,
            seconds=None if options.minutes is None else 60 * options.minutes,
            pages=not options.no_pages,
        )
    if len(looks) < 3:
        print("\nToo few looks for a growth: it takes three.")
        return 2
    said, left = summary(looks)
    print(f"\n{said}")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
