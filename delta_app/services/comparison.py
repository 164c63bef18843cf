"""Several runs side by side: results, settings, curves, and what each says of every picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from delta_app.comparison.disagreement import Agreement, Answer, Answers, agreement
from delta_app.comparison.intervals import wilson
from delta_app.comparison.settings import SettingRow, setting_rows
from delta_app.errors import RunError
from delta_app.figures.run_curves import DASHES, RunLine, run_lines
from delta_app.runs.records import TRAINING, RunRecord, Series
from delta_app.services import runs
from delta_app.services.companions import config_of
from delta_app.services.run_pictures import RunPicture, RunPictures, pictures_of
from delta_app.services.split_results import SplitResult, results_of

MOST_RUNS = len(DASHES)
FEWEST_RUNS = 2

RunsDir = str | Path | None


@dataclass(frozen=True)
class ComparedRun:
    """One run of a comparison.

    Attributes:
        line: how it is drawn on every chart.
        classes: by label; empty while it was not tested.
        test: what it reached on its test pictures; None while it was not tested.
        interval: Wilson's 95 % interval of its test accuracy; None likewise.
    """

    run: RunRecord
    line: RunLine
    classes: tuple[str, ...] = ()
    test: SplitResult | None = None
    interval: tuple[float, float] | None = None

    @property
    def goes_on(self) -> bool:
        """Whether more is to come of it."""
        return not self.run.status.ended


@dataclass(frozen=True)
class Comparison:
    """Runs side by side, in the order they were chosen.

    Attributes:
        settings: of all runs, those that differ among them.
        notes: what keeps the results from being compared fairly.
        missing: ids that no run has any more.
    """

    runs: tuple[ComparedRun, ...]
    settings: tuple[SettingRow, ...]
    notes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def goes_on(self) -> bool:
        """Whether more is to come of any run."""
        return any(compared.goes_on for compared in self.runs)


def comparable(runs_dir: RunsDir = None) -> list[RunRecord]:
    """The training runs that have begun, and so have something to compare, newest first."""
    return [
        run
        for run in runs.list_runs(TRAINING, runs_dir=runs_dir)
        if run.started_at is not None and config_of(run) is not None
    ]


def compare(run_ids: Sequence[str], runs_dir: RunsDir = None) -> Comparison:
    """Results and settings of the runs; ids that no run has are named, not an error.

    Raises:
        RunError: more runs than can be told apart, or one that did not train.
        StoreError: the store cannot be read.
    """
    ids = tuple(dict.fromkeys(run_ids))
    if len(ids) > MOST_RUNS:
        raise RunError(
            f"{len(ids)} runs were chosen, at most {MOST_RUNS} can be compared.",
            cure="Take some out.",
        )
    by_id = {run.id: run for run in runs.list_runs(runs_dir=runs_dir)}
    found = [by_id[each] for each in ids if each in by_id]
    for run in found:
        if run.kind != TRAINING:
            raise RunError(f"{run.name} trained no network.", cure="Compare training runs.")
    configs = [config for run in found if (config := config_of(run)) is not None]
    if len(configs) < len(found):
        raise RunError(
            "A chosen run was made by another version, its settings cannot be read.",
            cure="Take it out.",
        )
    lines = run_lines([(run.id, run.name, run.color) for run in found])
    return Comparison(
        runs=tuple(_compared(run, line) for run, line in zip(found, lines, strict=True)),
        settings=setting_rows(configs),
        notes=_notes([known_pictures(run) for run in found]),
        missing=tuple(each for each in ids if each not in by_id),
    )


def curves(
    comparison: Comparison, name: str, runs_dir: RunsDir = None
) -> tuple[tuple[RunLine, Series | None], ...]:
    """One metric (`delta_app.training.metric_names`) of every run, as `run_curves` draws it."""
    return tuple(
        (each.line, runs.curves(each.run.id, [name], runs_dir=runs_dir).get(name))
        for each in comparison.runs
    )


def agreement_of(comparison: Comparison) -> Agreement:
    """On which test pictures the runs that were tested disagree; keys are pictures' keys."""
    return agreement([_answers(known_pictures(each.run)) for each in answered_runs(comparison)])


def picture_of(comparison: Comparison, key: str) -> RunPicture | None:
    """The picture of that key in the first run that knows it; None where none does."""
    for each in comparison.runs:
        pictures = known_pictures(each.run)
        found = pictures.find(key) if pictures else None
        if found is not None:
            return found
    return None


def answered_runs(comparison: Comparison) -> tuple[ComparedRun, ...]:
    """The runs that were tested, in order."""
    return tuple(each for each in comparison.runs if each.test)


def known_pictures(run: RunRecord) -> RunPictures | None:
    """A run's pictures; None while it has not read them."""
    try:
        return pictures_of(run)
    except RunError:
        return None


def _answers(pictures: RunPictures | None) -> Answers:
    """A run's answers to its test pictures, by key."""
    if pictures is None:
        return {}
    place = {name: i for i, name in enumerate(pictures.classes)}
    return {
        p.key: (
            p.true_class,
            Answer(p.predicted, p.probability, p.probabilities[place[p.true_class]]),
        )
        for p in pictures.select(split="test")
        if p.predicted is not None and p.probability is not None
    }


def _compared(run: RunRecord, line: RunLine) -> ComparedRun:
    results = results_of(run)
    test = results.splits.get("test") if results else None
    if results is None or test is None:
        return ComparedRun(run, line)
    interval = wilson(test.pictures - test.wrong, test.pictures)
    return ComparedRun(run, line, results.classes, test, interval)


def _notes(pictures: Sequence[RunPictures | None]) -> tuple[str, ...]:
    """What stands in the way of a fair comparison."""
    known = [seen for seen in pictures if seen is not None]
    notes = []
    for split, words in (
        ("test", "These runs were not tested on the same pictures: their accuracies differ for "
         "that reason too."),
        ("train", "These runs did not train on the same pictures."),
    ):  # fmt: skip
        digests = {frozenset(p.picture.digest for p in seen.select(split=split)) for seen in known}
        if len(digests) > 1:
            notes.append(words)
    if len({seen.classes for seen in known}) > 1:
        notes.append("These runs tell different classes apart.")
    return tuple(notes)
