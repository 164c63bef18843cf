from __future__ import annotations

import pytest
from scipy.stats import binomtest

from delta_app.comparison.intervals import wilson


@pytest.mark.parametrize(("right", "pictures"), [(0, 10), (10, 10), (1, 1), (83, 91), (228, 250)])
def test_intervals_are_scipys(right, pictures) -> None:
    expected = binomtest(right, pictures).proportion_ci(0.95, method="wilson")
    assert wilson(right, pictures) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_more_pictures_say_more() -> None:
    few, many = wilson(9, 10), wilson(900, 1000)
    assert few[0] < many[0] < 0.9 < many[1] < few[1]


@pytest.mark.parametrize(("right", "pictures"), [(0, 0), (3, 2), (-1, 2)])
def test_impossible_counts_are_refused(right, pictures) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(right, pictures)
