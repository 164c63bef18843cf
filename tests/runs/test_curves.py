from __future__ import annotations

from collections.abc import Callable

import pytest

from delta_app.errors import RunError
from delta_app.runs.curves import KEPT_RUNS, Curves
from delta_app.runs.measurements import Measured
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
    asked: list[int] = []
    read = store.metrics

    def counted(run_id: str, *, after: int) -> object:
        asked.append(after)
        return read(run_id, after=after)

    monkeypatch.setattr(store, "metrics", counted)
    assert curves.read(run.id, None, 100) == {}
    for part in range(4):
        store.add_metrics(run.id, points(part * 50, part * 50 + 50))
        whole = curves.read(run.id, None, 1000)
        assert whole["loss"].steps.tolist() == list(range((part + 1) * 50))
    assert asked == [0, 0, 100, 200, 300]  # two numbers a step
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
