"""A visit goes on for a day, until it is ended, for whoever holds its token."""

from __future__ import annotations

from delta_app.services.visits import LASTS, Visits


def test_a_visit_lasts_for_a_day() -> None:
    now = [0.0]
    visits = Visits(lambda: now[0])
    first, second = visits.begin(), visits.begin()
    assert len({first, second}) == 2
    assert len(first) >= 43  # 256 bits
    now[0] = LASTS - 1
    assert visits.goes_on(first)
    now[0] = LASTS
    assert not visits.goes_on(first)
    third = visits.begin()
    assert visits.goes_on(third)
    assert len(visits._ends) == 1, "those that have ended are forgotten"


def test_a_visit_ends_alone() -> None:
    visits = Visits()
    first, second = visits.begin(), visits.begin()
    visits.end(first)
    visits.end("never begun")
    assert not visits.goes_on(first)
    assert visits.goes_on(second)
    for wrong in (None, "", second[:-1], "\udcff"):
        assert not visits.goes_on(wrong)
    assert second not in repr(vars(visits)), "only hashes are kept"
