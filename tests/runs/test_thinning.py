from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delta_app.runs.records import Series
from delta_app.runs.thinning import thin


def series(values: list[float]) -> Series:
    steps = np.arange(1, len(values) + 1)
    return Series(steps, steps / 10, np.array(values, dtype=np.float64))


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True, width=32), min_size=1, max_size=300),
    st.integers(4, 60),
)
def test_extremes_ends_and_order_survive(values: list[float], most: int) -> None:
    whole = series(values)
    few = thin(whole, most)
    assert len(few) <= most
    assert (np.diff(few.steps) > 0).all()
    assert few.steps[0] == 1
    assert few.steps[-1] == len(values)
    assert (few.epochs == few.steps / 10).all()
    np.testing.assert_array_equal(few.values, whole.values[few.steps - 1])
    if not np.isnan(whole.values).all():
        assert np.nanmin(few.values) == np.nanmin(whole.values)
        assert np.nanmax(few.values) == np.nanmax(whole.values)


def test_a_lone_spike_among_many_points_is_kept() -> None:
    values = [1.0] * 100_000
    values[54_321] = 99.0
    values[54_322] = -99.0
    few = thin(series(values), 500)
    assert len(few) <= 500
    assert {99.0, -99.0} <= set(few.values)
    assert 54_322 in few.steps  # step of the spike, counted from 1


def test_what_is_drawn_stays_while_points_arrive() -> None:
    values = list(np.random.default_rng(0).normal(size=4000))
    before = set(thin(series(values[:3200]), 200).steps[:-4])
    after = set(thin(series(values), 200).steps)
    assert before <= after


@pytest.mark.parametrize("count", [0, 1, 4])
def test_few_points_stay_as_they_are(count: int) -> None:
    whole = series([float(n) for n in range(count)])
    assert thin(whole, 4) is whole
