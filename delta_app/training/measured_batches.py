"""On which training pictures filters are measured, batch by batch, as the settings ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from delta_app.config import AttentionSettings
from delta_app.data.batches import Batch, PlainBatches, TrainBatches


@dataclass(frozen=True)
class Group:
    """Pictures that are measured together; a picture is in one group alone.

    Attributes:
        places: (N,) int64 on the CPU, in the training split.
        crops: a batch for each crop of these pictures that is averaged, drawn when it is asked
            for.
        batches: how many these are.
    """

    places: Tensor
    crops: Iterator[Batch]
    batches: int


@dataclass(frozen=True)
class MeasuredBatches:
    """The batches of one measurement.

    Attributes:
        least, most: how many are measured before the reliability is asked for, and at most.
        pictures: different training pictures that `most` batches hold.
        images: all that `most` batches hold; more than `pictures` where these come several times.
        groups: of `most` batches in total, in random order.
    """

    least: int
    most: int
    pictures: int
    images: int
    groups: Iterator[Group]


def plain_batches(
    settings: AttentionSettings, plain: PlainBatches, generator: torch.Generator
) -> MeasuredBatches:
    """Batches of pictures as they are, each once.

    Args:
        plain: all training pictures.
        generator: it alone decides the order.
    """
    size, pictures = settings.attention_batch_size, plain.pictures
    of_all = -(-pictures // size)
    least = min(settings.attention_batches or of_all, of_all)
    most = least if settings.attention_reliability is None else of_all
    chosen = torch.randperm(pictures, generator=generator)[: most * size]

    groups = (Group(p, iter([plain.batch(p)]), 1) for p in chosen.split(size))
    return MeasuredBatches(least, most, len(chosen), len(chosen), groups)


def augmented_batches(settings: AttentionSettings, train: TrainBatches) -> MeasuredBatches:
    """Batches of random crops, as the authors measure.

    Beyond one pass over the pictures they come again, cropped anew. All crops of a picture are
    measured one after the other, so that they can be averaged without keeping any picture's
    values.
    """
    of_all = train.steps_per_epoch
    least = settings.attention_batches or of_all
    most = least if settings.attention_reliability is None else max(least, of_all)
    first = settings.head_epochs  # other crops than the head was trained on
    last = first + (most - 1) // of_all
    in_last = most - (last - first) * of_all
    chosen = [
        (places, range(first, last + (number < in_last)))
        for number, places in enumerate(train.indices(last))
        if last > first or number < in_last
    ]
    return MeasuredBatches(
        least,
        most,
        sum(len(places) for places, _ in chosen),
        sum(len(places) * len(epochs) for places, epochs in chosen),
        (Group(places, _crops(train, epochs, places), len(epochs)) for places, epochs in chosen),
    )


def _crops(train: TrainBatches, epochs: range, places: Tensor) -> Iterator[Batch]:
    for epoch in epochs:
        yield train.batch(epoch, places)
