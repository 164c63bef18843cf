"""A batch in parts whose gradients add up to the batch's: how it is cut, and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from delta_app.formatting import count, counted
from delta_app.training.observer import Observer


def micro_batch_sizes(pictures: int, most: int, least: int) -> list[int]:
    """Sizes of the parts of a batch, as few and as equal as can be; the larger ones first.

    Args:
        pictures: of the batch.
        most: pictures of a part.
        least: pictures of a part: BatchNorm in train mode needs two to take statistics over. It
            goes before `most`: three pictures, two at least, are one part whatever `most` is.
    """
    parts = max(1, min(-(-pictures // most), pictures // least))
    size, larger = divmod(pictures, parts)
    return [size + 1] * larger + [size] * (parts - larger)


def cross_entropy_share(
    logits: Tensor,
    labels: Tensor,
    of_batch: Tensor,
    *,
    class_weights: Tensor | None = None,
    label_smoothing: float = 0.0,
) -> Tensor:
    """What a part adds to the batch's cross-entropy: sum over the part / normaliser of the batch.

    The batch's is F.cross_entropy's mean: over N pictures, or with class weights w over
    sum_n w[label_n], which normalises the smoothed part of the loss as well.

    Args:
        logits: (n, K) of the part.
        labels: (n,) of the part.
        of_batch: (N,), the labels of the whole batch.
        class_weights: (K,), or None.

    Returns:
        A scalar; over the parts of a batch these add up to its mean.

    Source: `cross_entropy_loss_label_smoothing` in ATen's LossNLL.cpp.
    """
    whole = len(labels) == len(of_batch)
    loss = F.cross_entropy(
        logits,
        labels,
        weight=class_weights,
        label_smoothing=label_smoothing,
        reduction="mean" if whole else "sum",
    )
    if whole:
        return loss
    return loss / (len(of_batch) if class_weights is None else class_weights[of_batch].sum())


@dataclass(frozen=True)
class Smaller:
    """That batches run in micro-batches from now on, or in smaller ones than before.

    Attributes:
        sizes: pictures of the micro-batches of the batch at hand, the larger ones first.
        most: pictures of a micro-batch from now on.
        batchnorm: whether BatchNorm takes its statistics of each.
    """

    sizes: tuple[int, ...]
    most: int
    batchnorm: bool

    def words(self, step: int) -> str:
        """What happened at that step, and whether it changes the mathematics."""
        bound = "" if len(set(self.sizes)) == 1 else "at most "
        each = f"{bound}{counted(self.sizes[0], 'picture')}"
        words = (
            f"Out of memory at step {count(step)}: goes on with "
            f"{counted(len(self.sizes), 'micro-batch', 'micro-batches')} of {each}, whose "
            "gradients are added up; the same mathematics"
        )
        if self.batchnorm:
            words += f", but BatchNorm's statistics are now those of {each}"
        return f"{words}."

    def tell(self, observer: Observer, step: int) -> None:
        """Into the run's log and its record."""
        observer.event("warning", self.words(step))
        observer.facts({"micro_batch": self.most})
