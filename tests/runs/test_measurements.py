from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from delta_app.errors import RunError, StoreError
from delta_app.runs.measurements import Measured
from delta_app.runs.records import Event, RunRecord
from delta_app.runs.store import RunStore

NewRun = Callable[..., RunRecord]


def test_points_come_back_as_they_were_measured(store: RunStore, new_run: NewRun) -> None:
    one, two = new_run(), new_run()
    store.add_metrics(one.id, [Measured(1, 0.1, {"loss": 2.5}), Measured(2, 0.2, {"loss": 1.25})])
    store.add_metrics(two.id, [Measured(1, 0.1, {"loss": 9.0})])
    store.add_metrics(one.id, [Measured(2, 0.2, {"lr": 0.01})])
    found = store.metrics(one.id)
    assert sorted(found.series) == ["loss", "lr"]
    assert found.series["loss"].steps.tolist() == [1, 2]
    assert found.series["loss"].epochs.tolist() == [0.1, 0.2]
    assert found.series["loss"].values.tolist() == [2.5, 1.25]
    assert found.last == 3
    assert list(store.metrics(one.id, ["lr", "absent"]).series) == ["lr"]


def test_reading_goes_on_where_one_left_off(store: RunStore, new_run: NewRun) -> None:
    run = new_run()
    store.add_metrics(run.id, [Measured(n, 0.0, {"loss": float(n)}) for n in range(5)])
    last = store.metrics(run.id).last
    nothing = store.metrics(run.id, after=last)
    assert (nothing.series, nothing.last) == ({}, last)
    store.add_metrics(run.id, [Measured(5, 0.0, {"loss": 5.0})])
    assert store.metrics(run.id, after=last).series["loss"].values.tolist() == [5.0]


def test_numbers_that_are_not_finite_come_back(store: RunStore, new_run: NewRun) -> None:
    run = new_run()
    values = [math.nan, math.inf, -math.inf, 1e-300]
    store.add_metrics(run.id, [Measured(n, 0.0, {"x": v}) for n, v in enumerate(values)])
    np.testing.assert_array_equal(store.metrics(run.id).series["x"].values, values)


def test_points_log_and_columns_are_written_together_or_not_at_all(
    store: RunStore, new_run: NewRun
) -> None:
    run = new_run()
    point, line = [Measured(1, 0.1, {"loss": 1.0})], [Event(1.0, "info", "a line")]
    with pytest.raises(StoreError):
        store.write(run.id, point, line, {"name": None})  # a name must not be empty
    assert store.metrics(run.id).series == {}
    assert store.events(run.id) == []
    store.write(run.id, point, line, {"step": 1})
    assert store.metrics(run.id).last == 1
    assert store.events(run.id) == line
    assert store.get(run.id).step == 1


def test_the_log_is_newest_first(store: RunStore, new_run: NewRun) -> None:
    run = new_run()
    for number in range(5):
        store.add_event(run.id, "info", f"line {number}")
    assert [e.message for e in store.events(run.id, limit=2)] == ["line 4", "line 3"]


def test_what_belongs_to_no_run_is_refused(store: RunStore) -> None:
    for ask in (store.metrics, store.events):
        with pytest.raises(RunError, match="There is no run 'nobody'"):
            ask("nobody")
    with pytest.raises(RunError, match="There is no run 'nobody'"):
        store.add_event("nobody", "info", "x")


@pytest.mark.parametrize("there", range(6))
def test_a_series_is_made_to_agree_with_what_was_measured(
    store: RunStore, new_run: NewRun, there: int
) -> None:
    run, other = new_run(), new_run()
    wanted = [
        Measured(1, 0.1, {"loss": 2.5, "lr": 0.1}),
        Measured(2, 0.2, {"loss": math.nan, "lr": 0.1}),
        Measured(2, 1.0, {"top1": 0.5}),
    ]
    store.add_metrics(other.id, wanted)
    # What the store has of them when the process is killed: any number of points.
    values = [(m.step, m.epoch, name, v) for m in wanted for name, v in m.values.items()]
    store.add_metrics(run.id, [Measured(s, e, {name: v}) for s, e, name, v in values[:there]])
    store.make_agree(run.id, wanted)
    found, whole = store.metrics(run.id), store.metrics(other.id)
    assert found.last == whole.last == 5
    for name, series in whole.series.items():
        np.testing.assert_array_equal(found.series[name].values, series.values)
        np.testing.assert_array_equal(found.series[name].steps, series.steps)
    store.make_agree(run.id, wanted[:1])
    assert store.metrics(run.id).last == 2
    assert store.metrics(other.id).last == 5
    store.make_agree(run.id, [])
    assert store.metrics(run.id).series == {}
    with pytest.raises(RunError):
        store.make_agree("nothing", wanted)
