from __future__ import annotations

import pytest

from delta_app.runs.phase_clock import PhaseClock


def test_speed_is_what_was_done_by_the_time_it_took() -> None:
    clock = PhaseClock()
    assert clock.tick("training", 1, 100.0) is None
    assert clock.tick("training", 3, 104.0) == pytest.approx(0.5)
    assert clock.tick("training", 9, 106.0) == pytest.approx(8 / 6)


def test_time_in_another_phase_between_does_not_count() -> None:
    clock = PhaseClock()
    clock.tick("training", 0, 0.0)
    clock.tick("training", 10, 5.0)
    clock.tick("testing", 0, 5.0)
    clock.tick("testing", 7, 65.0)
    assert clock.tick("training", 10, 70.0) == pytest.approx(2.0)
    assert clock.tick("training", 20, 75.0) == pytest.approx(2.0)


def test_a_phase_that_starts_over_is_new() -> None:
    clock = PhaseClock()
    clock.tick("testing", 0, 0.0)
    clock.tick("testing", 100, 1.0)
    assert clock.tick("testing", 0, 2.0) is None
    assert clock.tick("testing", 10, 3.0) == pytest.approx(10.0)
