"""A run that goes on and on: what is read of it, kept of it, and sent of it to the browser."""

from __future__ import annotations

from pathlib import Path

from benchmarks.scaled.measure import Line, kilobytes, megabytes, memory, timed
from benchmarks.scaled.stores import add_steps, long_run
from delta_app.figures.curves import accuracy, learning_rate, loss_by_term
from delta_app.runs.curves import Curves
from delta_app.runtime import prepare_process
from delta_app.ui.run_curves import POINTS

STEPS = (1_000, 20_000, 200_000)


def measure(scratch: Path, share: float) -> list[Line]:
    """Let a run grow, look at it now and then, and once more as one who comes late."""
    prepare_process()
    store, run = long_run(scratch / "long", 0)
    curves, before = Curves(store), memory()
    lines, steps = [], 0
    for wanted in (round(share * each) for each in STEPS):
        while steps < wanted:
            following = min(wanted, steps + 2_000)
            add_steps(store, run.id, steps, following)
            steps = following
            curves.read(run.id, None, POINTS)
        first = timed(lambda: Curves(store).read(run.id, None, POINTS), 3)
        add_steps(store, run.id, steps, steps + 20)
        steps += 20
        refresh = timed(lambda: curves.read(run.id, None, POINTS))
        series = curves.read(run.id, None, POINTS)
        drawn = (
            loss_by_term(series, run.color),
            learning_rate(series, run.color),
            accuracy(series, run.color),
        )
        sent = sum(len(figure.to_json()) for figure in drawn)
        kept = sum(len(line.numbers) for line in curves._runs[run.id]._lines.values())
        lines.append(
            Line(
                f"{wanted:,} steps of 6 numbers: first look; refresh; points kept; charts sent",
                f"{first.words()}; {refresh.words()}; {kept:,}; {kilobytes(sent)}",
                "charts: no growth",
            )
        )
    lines.append(Line("memory added by all of it", megabytes(memory() - before)))
    store.close()
    return lines
