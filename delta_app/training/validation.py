"""The pass over the validation pictures that ends each epoch."""

from __future__ import annotations

from torch import nn

from delta_app.data.batches import PlainBatches
from delta_app.errors import Cancelled
from delta_app.formatting import count
from delta_app.training.evaluation import Evaluation, evaluate, halving, pairs, warn_if_not_finite
from delta_app.training.observer import Control, Observer


class Validation:
    """Measures the target on the validation pictures, and can be broken off between batches.

    Args:
        batches: of the validation split; None where there is none.
        total: steps of the whole run; the pass is told as part of the training, so that the
            progress of the run does not jump between two scales.
    """

    def __init__(
        self,
        target: nn.Module,
        batches: PlainBatches | None,
        total: int,
        observer: Observer,
        control: Control,
    ) -> None:
        self._target = target
        self._batches = batches
        self._total = total
        self._observer = observer
        self._control = control
        self._at_once = halving(observer, "validating")

    def measure(self, step: int) -> Evaluation | None:
        """Evaluate after `step` steps; None without validation pictures.

        Raises:
            Cancelled: the run was asked to end before the last batch.
        """
        if self._batches is None:
            return None
        pictures = self._batches.pictures

        def on_pictures(done: int) -> None:
            if done == pictures:
                return
            if self._control.request() != "run":
                raise Cancelled
            detail = f"validating, {count(done)} of {count(pictures)} pictures"
            self._observer.phase("training", step, self._total, detail)

        found = evaluate(self._target, pairs(self._batches), on_pictures, self._at_once)
        warn_if_not_finite(found, self._observer)
        return found
