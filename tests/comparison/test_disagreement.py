from __future__ import annotations

import pytest

from delta_app.comparison.disagreement import Answer, Answers, agreement, only_right


def say(true_class: str, predicted: str, probability: float = 0.6) -> tuple[str, Answer]:
    right = predicted == true_class
    return true_class, Answer(predicted, probability, probability if right else 1 - probability)


def test_only_pictures_with_different_answers_are_disagreements() -> None:
    first: Answers = {"a": say("cat", "cat"), "b": say("cat", "dog"), "c": say("dog", "dog")}
    second: Answers = {"a": say("cat", "dog"), "b": say("cat", "dog"), "c": say("dog", "dog")}
    found = agreement([first, second])
    assert [d.key for d in found.disagreements] == ["a"]
    assert found.disagreements[0].right == (True, False)
    assert (found.all_right, found.all_wrong, found.left_out, found.compared) == (1, 1, 0, 3)


def test_the_widest_gap_comes_first() -> None:
    first: Answers = {
        "narrow": say("cat", "cat", 0.55),
        "wide": say("cat", "cat", 0.95),
    }
    second: Answers = {
        "narrow": say("cat", "dog", 0.55),
        "wide": say("cat", "dog", 0.9),
    }
    found = agreement([first, second]).disagreements
    assert [d.key for d in found] == ["wide", "narrow"]
    assert found[0].gap == pytest.approx(0.85)


def test_runs_may_all_be_wrong_and_still_disagree() -> None:
    found = agreement([{"a": say("cat", "dog")}, {"a": say("cat", "owl")}])
    assert found.disagreements[0].right == (False, False)


def test_pictures_that_only_some_runs_saw_are_left_out_and_counted() -> None:
    first: Answers = {"a": say("cat", "cat"), "b": say("cat", "cat")}
    second: Answers = {"b": say("cat", "dog"), "c": say("cat", "dog")}
    found = agreement([first, second])
    assert [d.key for d in found.disagreements] == ["b"]
    assert found.left_out == 2


def test_a_picture_filed_under_two_classes_is_left_out() -> None:
    found = agreement([{"a": say("cat", "cat")}, {"a": say("dog", "dog")}])
    assert (found.compared, found.left_out) == (0, 1)


def test_three_runs_of_which_two_agree_still_disagree() -> None:
    answers = [{"a": say("cat", p)} for p in ("cat", "cat", "dog")]
    assert len(agreement(answers).disagreements) == 1


def test_no_runs_have_nothing_to_compare() -> None:
    assert agreement([]).compared == 0


def test_pictures_that_one_run_alone_is_right_about() -> None:
    answers: list[Answers] = [
        {"mine": say("cat", "cat"), "ours": say("cat", "cat"), "theirs": say("cat", "owl")},
        {"mine": say("cat", "dog"), "ours": say("cat", "cat"), "theirs": say("cat", "dog")},
        {"mine": say("cat", "owl"), "ours": say("cat", "owl"), "theirs": say("cat", "cat")},
    ]
    found = agreement(answers).disagreements
    assert [d.key for d in only_right(found, 0)] == ["mine"]
    assert only_right(found, 1) == ()
    assert [d.key for d in only_right(found, 2)] == ["theirs"]
