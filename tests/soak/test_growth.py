"""What counts as growth over a long life, on series made up for it."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from benchmarks.footprint import Footprint
from benchmarks.growth import growth, left_behind

AT = range(20, 420, 20)
STILL = Footprint(
    rss=840_000_000,
    threads=12,
    files=15,
    hooks=0,
    tensors=19_700_000,
    modules=2255,
    connections=4,
)


def grown(**each_round: float) -> list[str]:
    """What is said to grow where each look finds so much more of these than the one before."""
    looks = [
        (
            at,
            replace(
                STILL,
                **{name: getattr(STILL, name) + n * more for name, more in each_round.items()},
            ),
        )
        for n, at in enumerate(AT)
    ]
    return left_behind(looks)


def test_a_line_has_its_slope_and_no_error() -> None:
    found = growth([10, 20, 30, 40, 50, 60], [9, 9, 9, 1, 3, 5], slack=3.9)
    assert found.slope == pytest.approx(0.2)
    assert found.error == pytest.approx(0.0, abs=1e-12)
    assert found.rise == pytest.approx(4.0)
    assert found.grows


def test_the_error_is_that_of_least_squares() -> None:
    # By hand: later half x = 0, 1, 2, y = 0, 2, 1; slope 1/2, residuals -1/2, 1, -1/2.
    found = growth([-3, -2, -1, 0, 1, 2], [0, 0, 0, 0, 2, 1], slack=0)
    assert found.slope == pytest.approx(0.5)
    assert found.error == pytest.approx((1.5 / 1 / 2) ** 0.5)
    assert not found.grows  # within twice its error


def test_nothing_left_behind_is_no_growth() -> None:
    assert grown() == []


@pytest.mark.parametrize("name", ["threads", "files", "hooks", "connections"])
def test_one_left_behind_in_twenty_runs_is_growth(name: str) -> None:
    assert grown(**{name: 1}) == [name]


def test_hooks_that_are_there_all_the_time_are_left_behind() -> None:
    """As where a network has one from each look into it until it is let go."""
    looks = [(at, replace(STILL, hooks=55)) for at in AT]
    assert left_behind(looks) == ["hooks"]


def test_a_network_left_behind_in_twenty_runs_is_growth() -> None:
    assert grown(modules=205, tensors=1_400_000) == ["tensors", "modules"]


def test_memory_that_climbs_is_growth_and_what_comes_and_goes_is_none() -> None:
    assert grown(rss=1_000_000) == ["rss"]
    chance = random.Random(0)
    rss = [STILL.rss + chance.uniform(-2e6, 2e6) for _ in AT]
    assert not growth(list(AT), rss, slack=0).grows


def test_what_grew_until_the_middle_and_then_stays_is_no_growth() -> None:
    values = [min(n, 8) for n in range(20)]
    assert not growth(range(20), values, slack=0.5).grows


def test_two_looks_are_too_few() -> None:
    with pytest.raises(ValueError, match="three looks"):
        growth([1, 2], [0, 0], slack=0)
