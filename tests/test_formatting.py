"""Numbers are said the same everywhere."""

from __future__ import annotations

import pytest

from delta_app.formatting import significant


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0.6, "0.600"),
        (2.3, "2.30"),
        (9.4213, "9.42"),
        (0.0, "0.00"),
        (137.2, "137"),
        (1e6, "1.00e+06"),
    ],
)
def test_a_number_keeps_its_digits(value: float, said: str) -> None:
    assert significant(value) == said
