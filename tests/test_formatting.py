"""Numbers are said the same everywhere."""

from __future__ import annotations

import pytest

from delta_app.formatting import significant, size


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


@pytest.mark.parametrize(
    ("number", "said"),
    [(0, "0 B"), (999, "999 B"), (6.4e6, "6.4 MB"), (948.3e6, "948 MB"), (2.5e9, "2.5 GB")],
)
def test_bytes_in_decimal_units(number: float, said: str) -> None:
    assert size(number) == said
