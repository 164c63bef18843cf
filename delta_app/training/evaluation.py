"""How good a network is on a split: pure functions on logits and labels, and the pass over it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from delta_app.data.batches import PlainBatches
from delta_app.formatting import counted
from delta_app.models.at_once import AtOnce
from delta_app.models.modes import eval_mode
from delta_app.training.observer import Observer

EVALUATION_BATCH = 64


@dataclass(frozen=True)
class Evaluation:
    """What was measured on one split.

    Attributes:
        top1: share of pictures whose most probable class is right.
        balanced_accuracy: mean of the classes' recalls, over the classes that have pictures.
        cross_entropy: mean over pictures, unweighted, without label smoothing.
        recall: by class; None where a class has no picture.
        confusion: (K, K) counts, row true, column predicted.
        probabilities: (N, K).
        labels: (N,).
        not_finite: pictures whose logits are not all finite numbers; they count as if every
            such logit were 0, or the largest number there is.
    """

    top1: float
    balanced_accuracy: float
    cross_entropy: float
    recall: tuple[float | None, ...]
    confusion: Tensor
    probabilities: Tensor
    labels: Tensor
    not_finite: int = 0

    def to_json(self, names: Iterable[str]) -> dict[str, Any]:
        """As predictions.json holds it; `names` are the pictures, in order."""
        predicted = self.probabilities.argmax(dim=1)
        return {
            "top1": self.top1,
            "balanced_accuracy": self.balanced_accuracy,
            "cross_entropy": self.cross_entropy,
            "recall": list(self.recall),
            "confusion": self.confusion.tolist(),
            "pictures": [
                {
                    "relative": name,
                    "label": int(label),
                    "predicted": int(guess),
                    "probabilities": [round(p, 6) for p in row.tolist()],
                }
                for name, label, guess, row in zip(
                    names, self.labels, predicted, self.probabilities, strict=True
                )
            ],
        }


def confusion_matrix(labels: Tensor, predicted: Tensor, classes: int) -> Tensor:
    """Counts, (K, K): row true class, column predicted class."""
    return torch.bincount(labels * classes + predicted, minlength=classes**2).view(classes, classes)


def evaluation(logits: Tensor, labels: Tensor) -> Evaluation:
    """Every measure from logits (N, K) and labels (N,), on the CPU."""
    not_finite = int((~logits.isfinite()).any(dim=1).sum())
    logits, labels = logits.nan_to_num().double(), labels.long()
    classes = logits.shape[1]
    predicted = logits.argmax(dim=1)
    confusion = confusion_matrix(labels, predicted, classes)
    pictures = confusion.sum(dim=1)
    recall = tuple(
        float(confusion[k, k]) / int(pictures[k]) if pictures[k] else None for k in range(classes)
    )
    present = [r for r in recall if r is not None]
    return Evaluation(
        top1=float((predicted == labels).double().mean()),
        balanced_accuracy=sum(present) / len(present),
        cross_entropy=float(F.cross_entropy(logits, labels)),
        recall=recall,
        confusion=confusion,
        probabilities=logits.softmax(dim=1),
        labels=labels,
        not_finite=not_finite,
    )


@torch.no_grad()
def evaluate(
    model: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor]],
    on_pictures: Callable[[int], None] = lambda done: None,
    at_once: AtOnce | None = None,
) -> Evaluation:
    """Run the network in eval mode over (images, labels) and restore its modes.

    Args:
        on_pictures: told how many pictures are done; it may raise to stop.
        at_once: how many of a batch's pictures run together; by default all, less only once
            memory does not suffice. One that is given remembers it for the next evaluation.

    Raises:
        TrainingError: memory does not suffice even for single pictures.
    """
    at_once = at_once or AtOnce()
    logits, labels, done = [], [], 0
    with eval_mode(model):
        for images, batch_labels in batches:
            logits += [some.float() for some in at_once(model, images)]
            labels.append(batch_labels)
            done += len(batch_labels)
            on_pictures(done)
    return evaluation(torch.cat(logits).cpu(), torch.cat(labels).cpu())


def halving(observer: Observer, doing: str) -> AtOnce:
    """Runs batches in smaller parts once memory does not suffice, and says so in the run's log.

    Args:
        doing: what goes on meanwhile, such as "validating".
    """

    def say(most: int) -> None:
        observer.event(
            "warning",
            f"Out of memory while {doing}: goes on with {counted(most, 'picture')} at a time, "
            "which changes no number.",
        )

    return AtOnce(say)


def warn_if_not_finite(found: Evaluation, observer: Observer) -> None:
    """Tell of an evaluation whose numbers overflow."""
    if found.not_finite:
        observer.event(
            "warning",
            f"For {counted(found.not_finite, 'picture')} of {len(found.labels)} the network's "
            "answer is not a finite number: its BatchNorm statistics or weights have run away. "
            "Train longer, with a lower learning rate or with frozen BatchNorm statistics.",
        )


def pairs(batches: PlainBatches) -> Iterator[tuple[Tensor, Tensor]]:
    """(images, labels) of batches."""
    return ((batch.images, batch.labels) for batch in batches)
