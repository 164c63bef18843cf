"""The end of a run: the kept epoch is loaded, tested once, and what was found is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from torch import nn

from delta_app.atomic_files import write_json
from delta_app.data.records import Splits
from delta_app.formatting import percent
from delta_app.training.evaluation import (
    EVALUATION_BATCH,
    Evaluation,
    evaluate,
    halving,
    pairs,
    warn_if_not_finite,
)
from delta_app.training.keeping import KeptWeights
from delta_app.training.observer import Control, Observer, Request
from delta_app.training.preparation import Ask, Caches


@dataclass(frozen=True)
class RunResult:
    """How a run ended and what it reached.

    Attributes:
        ended: completed; stopped by the person (best epoch kept and tested); or interrupted
            (nothing tested).
        best_epoch: 1-based; the epoch whose weights were kept.
        val_top1: of the kept epoch; None without a validation split.
        test_top1, test_balanced: None without a test split, or where nothing was tested.
    """

    ended: Literal["completed", "stopped", "interrupted"]
    best_epoch: int | None = None
    val_top1: float | None = None
    test_top1: float | None = None
    test_balanced: float | None = None
    test_evaluations: int = 0


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
        observer: Observer,
        control: Control,
    ) -> None:
        self._folder = folder
        self._target = target
        self._splits = splits
        self._observer = observer
        # After stop was asked for, the test's pictures are still decoded and the test still runs;
        # only the app's end breaks it off.
        only_the_end = _OnlyInterrupt(control)
        self._at_once = halving(observer, "testing")
        self._caches = caches.heeding(only_the_end)
        self._ask = Ask(only_the_end)

    def run(self, kept: KeptWeights, ended: Literal["completed", "stopped"]) -> RunResult:
        """Load the kept epoch, evaluate validation and test once each, write what was found.

        Raises:
            Cancelled: the app ends.
        """
        if not kept.restore():
            self._observer.event(
                "warning", "Stopped before the first epoch ended: nothing to test."
            )
            return RunResult(ended)
        predictions: dict[str, Any] = {}
        val = self._evaluate("val", predictions)
        test = self._evaluate("test", predictions)
        self._observer.phase("saving", 0, None)
        write_json(self._folder / "predictions.json", predictions)
        result = RunResult(
            ended=ended,
            best_epoch=kept.epoch,
            val_top1=None if val is None else val.top1,
            test_top1=None if test is None else test.top1,
            test_balanced=None if test is None else test.balanced_accuracy,
            test_evaluations=0 if test is None else 1,
        )
        write_json(self._folder / "result.json", asdict(result))
        self._observer.facts({k: v for k, v in asdict(result).items() if k != "ended"})
        if test is not None:
            self._observer.event(
                "info", f"Tested epoch {kept.epoch} once: top-1 {percent(test.top1)}."
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


class _OnlyInterrupt:
    """Hears of nothing but the app's end."""

    def __init__(self, control: Control) -> None:
        self._control = control

    def request(self) -> Request:
        return "interrupt" if self._control.request() == "interrupt" else "run"
