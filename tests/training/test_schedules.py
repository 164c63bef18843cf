"""Learning-rate schedules against numbers worked by hand."""

from __future__ import annotations

import math

import pytest

from delta_app.training.schedules import lr_factor


def test_step_lowers_once_at_its_share_of_all_steps() -> None:
    factors = [lr_factor("step", s, 135, step_at=0.67) for s in range(135)]
    assert factors.index(0.1) == 90  # of 135: after 10 of 15 epochs of 9 steps
    assert set(factors[:90]) == {1.0}
    assert set(factors[90:]) == {0.1}


def test_exponential_ends_at_the_decay() -> None:
    assert lr_factor("exponential", 0, 100, decay=0.1) == 1.0
    assert lr_factor("exponential", 50, 100, decay=0.1) == pytest.approx(math.sqrt(0.1))
    assert lr_factor("exponential", 100, 100, decay=0.1) == pytest.approx(0.1)


def test_cosine_goes_to_zero() -> None:
    assert lr_factor("cosine", 0, 10) == 1.0
    assert lr_factor("cosine", 5, 10) == pytest.approx(0.5)
    assert lr_factor("cosine", 10, 10) == pytest.approx(0.0)


def test_warm_up_rises_from_its_first_step() -> None:
    factors = [lr_factor("constant", s, 100, warmup=4) for s in range(6)]
    assert factors == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
