"""What the run page sends of its curves: as much of a long run as of a short one."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from delta_app.figures.curves import accuracy, learning_rate, loss_by_term
from delta_app.runs import points
from delta_app.runs.curves import Curves
from delta_app.runs.measurements import Measured
from delta_app.runs.store import RunStore
from delta_app.training import metric_names as names
from delta_app.ui.run_curves import POINTS


def measured(first: int, last: int) -> list[Measured]:
    """Losses that wander, rates, and accuracies of every hundredth step."""
    rows = []
    for step in range(first, last):
        values = {name: math.sin(step * (1 + k)) for k, name in enumerate(names.BY_STEP)}
        if step % 100 == 0:
            values |= dict.fromkeys(names.BY_EPOCH, step / 1e6)
        rows.append(Measured(step, step / 100, values))
    return rows


@pytest.mark.slow
def test_charts_of_a_run_that_goes_on_stop_growing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(points, "AT_ONCE", 1_000)
    store = RunStore(tmp_path / "runs")
    run = store.create(
        "training", "long", {}, method="delta", method_label="DELTA", color="#000000",
        dataset="drawn", backbone="resnet18",
    )  # fmt: skip
    watching, sizes, before = Curves(store), [], 0
    for steps in (1_000, 2_000, 4_000):
        store.add_metrics(run.id, measured(before, steps))
        before = steps
        for curves in (watching, Curves(store)):  # one that has watched, and one that comes now
            series = curves.read(run.id, None, POINTS)
            assert max(map(len, series.values())) <= POINTS
            sizes.append(
                sum(
                    len(draw(series, run.color).to_json())
                    for draw in (loss_by_term, learning_rate, accuracy)
                )
            )
    store.close()
    assert max(sizes) < 120_000
    # A page of 600 points has between 300 and 600 of them, and so it stays.
    assert max(sizes) < 2 * min(sizes)
