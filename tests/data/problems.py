"""What a check says is wrong, where one thing is."""

from __future__ import annotations

from delta_app.data.records import DatasetCheck, Problem


def only_problem(check: DatasetCheck) -> Problem:
    assert len(check.problems) == 1, check.problems
    return check.problems[0]


def error_of(check: DatasetCheck) -> Problem:
    assert not check.usable
    errors = [problem for problem in check.problems if problem.level == "error"]
    assert len(errors) == 1, errors
    assert errors[0].title.endswith(".")
    assert errors[0].cure
    return errors[0]
