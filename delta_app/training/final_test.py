"""The end of a run: the kept epoch is loaded, tested once, and what was found is written."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from torch import nn

from delta_app.atomic_files import write_json
from delta_app.data.records import Splits
from delta_app.formatting import percent
from delta_app.training.disk import RunDisk
from delta_app.training.evaluation import (
    EVALUATION_BATCH,
    Evaluation,
    evaluate,
    halving,
    pairs,
    warn_if_not_finite,
)
from delta_app.training.keeping import KeptWeights
from delta_app.training.observer import Control, HeedsOnly, Observer
from delta_app.training.preparation import Ask, Caches

Ending = Literal["completed", "stopped", "paused", "interrupted"]

RESULT_FILE = "result.json"


@dataclass(frozen=True)
class RunResult:
    """How a run ended and what it reached.

    Attributes:
        ended: completed; stopped by the person (best epoch kept and tested); paused by the
            person or interrupted by the app's end (nothing tested).
        best_epoch: 1-based; the epoch whose weights were kept.
        val_top1: of the kept epoch; None without a validation split.
        test_top1, test_balanced: None without a test split, or where nothing was tested.
        test_evaluations: how often the test split was evaluated: once more each time the run
            was continued after its end.
        step: steps done when it was tested.
    """

    ended: Ending
    best_epoch: int | None = None
    val_top1: float | None = None
    test_top1: float | None = None
    test_balanced: float | None = None
    test_evaluations: int = 0
    step: int = 0


class FinalTest:
    """Tests one run's kept weights.

    Args:
        folder: the run's; predictions.json and result.json are written there.
        target: the network that the kept weights are loaded into.
    """

    def __init__(
        self,
        folder: Path,
        target: nn.Module,
        splits: Splits,
        caches: Caches,
        disk: RunDisk,
        observer: Observer,
        control: Control,
    ) -> None:
        self._folder = folder
        self._target = target
        self._splits = splits
        self._disk = disk
        self._observer = observer
        # After stop was asked for, the test's pictures are still decoded and the test still runs;
        # only a pause and the app's end break it off.
        heeded = HeedsOnly(control, "interrupt", "pause")
        self._at_once = halving(observer, "testing")
        self._caches = caches.heeding(heeded)
        self._ask = Ask(heeded)

    def run(
        self, kept: KeptWeights, ended: Literal["completed", "stopped"], step: int
    ) -> RunResult:
        """Load the kept epoch, evaluate validation and test once each, write what was found.

        What a run that was killed at its very end had found already is not measured again.

        Args:
            step: steps done.

        Raises:
            Cancelled: the app ends, or the run is paused.
        """
        before = _result_in(self._folder)
        if before is not None and (before.step, before.best_epoch) == (step, kept.epoch):
            self._observer.facts(_facts(before))
            return before
        if not kept.load_into_target():
            self._observer.event(
                "warning", "Stopped before the first epoch ended: nothing to test."
            )
            return RunResult(ended)
        predictions: dict[str, Any] = {}
        val = self._evaluate("val", predictions)
        test = self._evaluate("test", predictions)
        self._observer.phase("saving", 0, None)
        self._disk.insist(
            lambda: write_json(self._folder / "predictions.json", predictions), "the predictions"
        )
        result = RunResult(
            ended=ended,
            best_epoch=kept.epoch,
            val_top1=None if val is None else val.top1,
            test_top1=None if test is None else test.top1,
            test_balanced=None if test is None else test.balanced_accuracy,
            test_evaluations=_tested_before(before) + (test is not None),
            step=step,
        )
        self._disk.insist(
            lambda: write_json(self._folder / RESULT_FILE, asdict(result)), "the result"
        )
        self._observer.facts(_facts(result))
        if test is not None:
            often = (
                "once" if result.test_evaluations == 1 else f"({result.test_evaluations} tests now)"
            )
            self._observer.event(
                "info", f"Tested epoch {kept.epoch} {often}: top-1 {percent(test.top1)}."
            )
        return result

    def _evaluate(
        self, split: Literal["val", "test"], predictions: dict[str, Any]
    ) -> Evaluation | None:
        pictures = self._splits.of(split)
        if not pictures:
            return None

        def on_pictures(done: int) -> None:
            self._ask.raise_if_ended()
            self._observer.phase("testing", done, len(pictures), f"{split} pictures")

        batches = self._caches.plain(pictures, EVALUATION_BATCH)
        found = evaluate(self._target, pairs(batches), on_pictures, self._at_once)
        warn_if_not_finite(found, self._observer)
        predictions[split] = found.to_json(p.relative for p in pictures)
        return found


def _result_in(folder: Path) -> RunResult | None:
    """What a run found before it was continued or killed; None where it found nothing."""
    try:
        return RunResult(**json.loads((folder / RESULT_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _tested_before(result: RunResult | None) -> int:
    return 0 if result is None else result.test_evaluations


def _facts(result: RunResult) -> dict[str, Any]:
    return {k: v for k, v in asdict(result).items() if k not in ("ended", "step")}
