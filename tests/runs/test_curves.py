from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from delta_app.errors import RunError
from delta_app.runs import points as reading
from delta_app.runs.curves import KEPT_POINTS, KEPT_RUNS, Curves
from delta_app.runs.measurements import Measured
from delta_app.runs.points import Points, Seen
from delta_app.runs.records import RunRecord
from delta_app.runs.store import RunStore

NewRun = Callable[..., RunRecord]


def points(first: int, last: int) -> list[Measured]:
    return [Measured(n, n / 10, {"loss": float(n % 7), "lr": 0.1}) for n in range(first, last)]


def test_a_refresh_reads_only_what_is_new_and_shows_all(
    store: RunStore, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run()
    curves = Curves(store)
    came: list[int] = []
    read = store.points

    def counted(run_id: str, seen: tuple[Seen, ...]) -> Points:
        found = read(run_id, seen)
        came.append(len(found.table))
        return found

    monkeypatch.setattr(store, "points", counted)
    assert curves.read(run.id, None, 100) == {}
    for part in range(4):
        store.add_metrics(run.id, points(part * 50, part * 50 + 50))
        whole = curves.read(run.id, None, 1000)
        assert whole["loss"].steps.tolist() == list(range((part + 1) * 50))
    assert came == [0, 100, 100, 100, 100]  # two numbers a step
    few = curves.read(run.id, ["loss", "absent"], 20)
    assert list(few) == ["loss"]
    assert len(few["loss"]) <= 20
    assert few["loss"].values.max() == 6.0


def test_only_the_runs_looked_at_last_are_kept(store: RunStore, new_run: NewRun) -> None:
    curves = Curves(store)
    for _ in range(KEPT_RUNS + 3):
        run = new_run()
        store.add_metrics(run.id, points(0, 3))
        assert len(curves.read(run.id, None, 10)["loss"]) == 3
    assert len(curves._runs) == KEPT_RUNS


def test_a_deleted_run_is_not_shown_from_memory(store: RunStore, new_run: NewRun) -> None:
    run = new_run()
    curves = Curves(store)
    store.add_metrics(run.id, points(0, 3))
    curves.read(run.id, None, 10)
    store.delete(run.id)
    with pytest.raises(RunError, match="There is no run"):
        curves.read(run.id, None, 10)


def test_a_run_that_goes_on_and_on_keeps_few_points_and_every_extreme(
    store: RunStore, new_run: NewRun
) -> None:
    run, curves, random = new_run(), Curves(store), np.random.default_rng(0)
    values = random.normal(size=6 * KEPT_POINTS)
    for part in range(12):
        first = part * KEPT_POINTS // 2
        store.add_metrics(
            run.id,
            [
                Measured(
                    n, n / 10, {"loss": values[n], **({"val": n / 1e6} if n % 100 == 0 else {})}
                )
                for n in range(first, first + KEPT_POINTS // 2)
            ],
        )
        seen = curves.read(run.id, None, 1000)
        kept = curves._runs[run.id]._lines["loss"].series
        assert len(kept) <= KEPT_POINTS
        so_far = values[: first + KEPT_POINTS // 2]
        assert {so_far.min(), so_far.max(), so_far[0], so_far[-1]} <= set(kept.values)
        assert len(seen["loss"]) <= 1000
        assert seen["val"].steps.tolist() == list(range(0, len(so_far), 100))  # few: all of them


@pytest.mark.slow
def test_what_is_kept_does_not_hang_on_when_one_looked(
    store: RunStore, new_run: NewRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read at once in the store's blocks, or in parts as it came: no extreme is another."""
    monkeypatch.setattr(reading, "AT_ONCE", 500)
    run, random = new_run(), np.random.default_rng(1)
    values = random.normal(size=20_000)
    in_parts, at_once = Curves(store), Curves(store)
    for first in range(0, len(values), 400):
        part = [Measured(n, 0.0, {"x": values[n]}) for n in range(first, first + 400)]
        store.add_metrics(run.id, part)
        in_parts.read(run.id, None, 100)
    one, other = (each.read(run.id, None, 10_000)["x"] for each in (in_parts, at_once))
    for width in (64, 256, 1024):  # of the blocks that both have kept
        for first in range(0, len(values), width):
            block = values[max(first - 1, 0) : first + width - 1]  # points are numbered from 1
            for kept in (one, other):
                assert {block.min(), block.max()} <= set(kept.values)


@pytest.mark.parametrize("measured_again", [0, 20, 100, 200])
def test_a_run_that_was_set_back_is_read_again(
    store: RunStore, new_run: NewRun, measured_again: int
) -> None:
    run, curves = new_run(), Curves(store)
    store.add_metrics(run.id, points(0, 100))
    assert len(curves.read(run.id, None, 1000)["loss"]) == 100
    store.make_agree(run.id, points(0, 20))  # as a run that resumes at a checkpoint
    again = [Measured(20 + n, 0.0, {"loss": 50.0 + n, "lr": 0.1}) for n in range(measured_again)]
    store.add_metrics(run.id, again)
    loss = curves.read(run.id, None, 1000)["loss"]
    assert loss.steps.tolist() == list(range(20 + measured_again))
    assert loss.values[20:].tolist() == [50.0 + n for n in range(measured_again)]


def test_a_run_whose_points_are_all_gone_has_no_curve(store: RunStore, new_run: NewRun) -> None:
    run, curves = new_run(), Curves(store)
    store.add_metrics(run.id, points(0, 10))
    curves.read(run.id, None, 1000)
    store.make_agree(run.id, [])
    assert curves.read(run.id, None, 1000) == {}
