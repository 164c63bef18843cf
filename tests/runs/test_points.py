"""Points thinned by the database, against the same done here on all of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delta_app.runs import points as reading
from delta_app.runs.measurements import Measured
from delta_app.runs.points import block_width
from delta_app.runs.records import RunRecord
from delta_app.runs.store import RunStore

NewRun = Callable[..., RunRecord]

VALUES = st.floats(allow_nan=True, allow_infinity=True, width=16)  # few bits: many are equal
STEPS = st.lists(
    st.dictionaries(st.sampled_from(["loss", "lr", "val"]), VALUES, min_size=1),
    min_size=1,
    max_size=120,
)


@pytest.fixture
def blocks_of_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a test needs no million points."""
    monkeypatch.setattr(reading, "AT_ONCE", 20)
    monkeypatch.setattr(reading, "MOST_BLOCKS", 8)


@pytest.mark.slow
@pytest.mark.usefixtures("blocks_of_few")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(STEPS)
def test_the_database_keeps_what_the_reference_keeps(
    store: RunStore, new_run: NewRun, measured: list[dict[str, float]]
) -> None:
    run = new_run()
    store.add_metrics(run.id, [Measured(n, n / 7, each) for n, each in enumerate(measured)])
    found = store.points(run.id)
    whole = [(name, value) for each in measured for name, value in each.items()]
    width = block_width(len(whole)) if len(whole) > reading.AT_ONCE else 1
    for key, name in found.names.items():
        table = found.table[found.table[:, 1] == key]
        own = {n: value for n, (of, value) in enumerate(whole, 1) if of == name}
        few = len(own) <= 2 * reading.MOST_BLOCKS
        assert table[:, 0].tolist() == (list(own) if few else reference(own, width))
        np.testing.assert_array_equal(table[:, 4], [own[int(n)] for n in table[:, 0]])


def reference(values: dict[int, float], width: int) -> list[int]:
    """Numbers of the first least and the first greatest value of each block, without a database."""
    blocks: dict[int, list[int]] = {}
    for number in values:
        blocks.setdefault(number // width, []).append(number)
    kept: set[int] = set()
    for numbers in blocks.values():
        real = [number for number in numbers if not math.isnan(values[number])]
        kept |= (
            {min(real, key=values.__getitem__), max(real, key=values.__getitem__)}
            if real
            else {numbers[0]}
        )
    return sorted(kept)


@pytest.mark.usefixtures("blocks_of_few")
def test_of_equal_values_the_first_is_kept(store: RunStore, new_run: NewRun) -> None:
    run = new_run()
    store.add_metrics(run.id, [Measured(n, 0.0, {"lr": 0.1}) for n in range(64)])
    assert store.points(run.id).table[:, 0].tolist() == [1, *range(8, 65, 8)]


@pytest.mark.usefixtures("blocks_of_few")
def test_a_series_of_few_points_among_many_is_whole(store: RunStore, new_run: NewRun) -> None:
    run = new_run()
    store.add_metrics(
        run.id,
        [
            Measured(n, 0.0, {"loss": math.sin(n)} | ({"val": float(n)} if n < 16 else {}))
            for n in range(1000)
        ],
    )
    found = store.points(run.id)
    assert len(found.table) < 60
    by_name = {found.names[key]: key for key in found.names}
    val = found.table[found.table[:, 1] == by_name["val"]]
    assert val[:, 2].tolist() == list(range(16))


def test_what_was_seen_is_not_read_again(store: RunStore, new_run: NewRun) -> None:
    run = new_run()
    store.add_metrics(run.id, [Measured(n, 0.0, {"x": math.nan}) for n in range(30)])
    first = store.points(run.id)
    assert (len(first.table), first.anew, len(first.last)) == (30, True, reading.CHECKED)
    store.add_metrics(run.id, [Measured(30, 0.0, {"x": 1.0})])
    then = store.points(run.id, first.last)
    assert (then.table[:, 2].tolist(), then.anew) == ([30], False)
    nothing = store.points(run.id, then.last)
    assert (len(nothing.table), nothing.anew, nothing.last) == (0, False, then.last)
