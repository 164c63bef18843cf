"""Pictures on which runs disagree."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What one run says of one picture.

    Attributes:
        predicted: the likeliest class, by name.
        probability: of that class.
        true_probability: of the class the picture is filed under.
    """

    predicted: str
    probability: float
    true_probability: float


@dataclass(frozen=True)
class Disagreement:
    """One picture and what every run says of it, in the runs' order."""

    key: Hashable
    true_class: str
    answers: tuple[Answer, ...]

    @property
    def right(self) -> tuple[bool, ...]:
        """Which runs are right."""
        return tuple(answer.predicted == self.true_class for answer in self.answers)

    @property
    def gap(self) -> float:
        """How far apart the runs put the true class's probability, from 0 to 1."""
        shares = [answer.true_probability for answer in self.answers]
        return max(shares) - min(shares)


@dataclass(frozen=True)
class Agreement:
    """What a comparison of answers found.

    Attributes:
        disagreements: pictures with two different answers or more, widest gap first.
        all_right, all_wrong: pictures with one answer, by whether it is the true class.
        left_out: pictures that only some of the runs were tested on.
    """

    disagreements: tuple[Disagreement, ...]
    all_right: int
    all_wrong: int
    left_out: int

    @property
    def compared(self) -> int:
        """Pictures that every run answered."""
        return len(self.disagreements) + self.all_right + self.all_wrong


Answers = Mapping[Hashable, tuple[str, Answer]]
"""A run's answers: picture -> its true class and the answer."""


def agreement(runs: Sequence[Answers]) -> Agreement:
    """Compare the runs' answers on the pictures that all of them were tested on.

    Pictures are told apart by their keys, classes by their names, so that runs whose classes
    stand in another order, or whose test splits overlap only in part, are compared rightly. A
    picture that two runs have under different classes counts as left out.
    """
    everywhere = _in_every_run(runs)
    seen = {key for answers in runs for key in answers}
    disagreements, all_right, all_wrong = [], 0, 0
    for key in everywhere:
        true_class = runs[0][key][0]
        picture = Disagreement(key, true_class, tuple(answers[key][1] for answers in runs))
        if len({answer.predicted for answer in picture.answers}) > 1:
            disagreements.append(picture)
        elif picture.right[0]:
            all_right += 1
        else:
            all_wrong += 1
    disagreements.sort(key=lambda picture: -picture.gap)  # stable: equal gaps keep their order
    return Agreement(tuple(disagreements), all_right, all_wrong, len(seen) - len(everywhere))


def only_right(pictures: Sequence[Disagreement], place: int) -> tuple[Disagreement, ...]:
    """The pictures that the run at that place is right about, and no other run."""
    return tuple(p for p in pictures if p.right[place] and sum(p.right) == 1)


def _in_every_run(runs: Sequence[Answers]) -> list[Hashable]:
    if not runs:
        return []
    return [
        key
        for key, (true_class, _) in runs[0].items()
        if all(key in answers and answers[key][0] == true_class for answers in runs)
    ]
