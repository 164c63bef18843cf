"""The faithfulness of a run's attention, on pictures that neither head nor attention has seen."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from delta_app.attention.faithfulness import FAITHFULNESS_FILE, Faithfulness, load_faithfulness
from delta_app.attention.faithfulness_sweep import FaithfulnessSweep
from delta_app.data.records import SPLIT_WORDS, Picture, SplitName, Splits
from delta_app.errors import AttentionError, Cancelled
from delta_app.formatting import count, counted, duration, some
from delta_app.models.head import head_of
from delta_app.training.attention_of_run import SHARED_FOLDER, MeasuredAlone
from delta_app.training.evaluation import EVALUATION_BATCH
from delta_app.training.measured_network import MeasuredNetwork
from delta_app.training.measurement import HEAD_FILE
from delta_app.training.observer import Control, Observer
from delta_app.training.preparation import Ask, Caches
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import fill

PHASE = "measuring faithfulness"
RANDOM_ORDERS = 5
"""Random orders a layer."""
MOST_PICTURES = 256


def faithfulness_of_run(
    measured: MeasuredAlone, config: RunConfig, folder: Path, observer: Observer, control: Control
) -> None:
    """faithfulness.json of a measurement, beside it among the shared ones and in the run's folder.

    The curves are measured with the kept head, unless the measurement has them already from the
    same pictures. Where no pictures are held back there are none.

    Raises:
        Cancelled: the run was asked to end; the measurement stays without curves.
    """
    attention, splits = measured.attention, measured.splits
    split = held_back_split(splits)
    if split is None:
        observer.event(
            "warning",
            "No pictures are held back, neither to validate nor to test: the faithfulness of the "
            "attention cannot be measured.",
        )
        return
    shared = folder.parent / SHARED_FOLDER / attention.key
    seed = config.attention.attention_seed
    chosen = evenly_chosen(splits.of(split), MOST_PICTURES, seed)
    found = _kept(shared / FAITHFULNESS_FILE, chosen, observer)
    if found is None:
        _say_pictures(split, len(chosen), len(splits.of(split)), observer)
        model = _measured_network(folder / HEAD_FILE, measured.network)
        importance = {name: layer.importance for name, layer in attention.layers.items()}
        sweep = FaithfulnessSweep(model, importance, orders=RANDOM_ORDERS, seed=seed)
        try:
            _run(sweep, chosen, measured.caches, observer, Ask(control))
        except Cancelled:
            observer.event(
                "warning",
                "Ended before the faithfulness was measured: the attention is kept without it.",
            )
            raise
        found = Faithfulness(sweep.found(), split, len(chosen), RANDOM_ORDERS, contents_of(chosen))
        shared.mkdir(parents=True, exist_ok=True)
        found.save(shared / FAITHFULNESS_FILE)
        _say_where_it_fails(found, observer)
    found.save(folder / FAITHFULNESS_FILE)


def held_back_split(splits: Splits) -> SplitName | None:
    """Validation where there is one, else test; None where all pictures train."""
    held_back: tuple[SplitName, ...] = ("val", "test")
    return next((name for name in held_back if splits.of(name)), None)


def evenly_chosen(pictures: Sequence[Picture], most: int, seed: int) -> tuple[Picture, ...]:
    """So many pictures at most, as evenly over the classes as they have some, in their order.

    The seed alone decides which ones of a class.
    """
    order = torch.randperm(len(pictures), generator=torch.Generator().manual_seed(seed)).tolist()
    of_class: dict[int, int] = {}
    ranked = []
    for place in order:
        rank = of_class.get(pictures[place].label, 0)
        of_class[pictures[place].label] = rank + 1
        ranked.append((rank, place))
    ranked.sort(key=lambda each: each[0])  # stable: first one of each class, then a second
    return tuple(pictures[place] for place in sorted(place for _, place in ranked[:most]))


def contents_of(pictures: Sequence[Picture]) -> str:
    """Hash of the pictures' contents and labels: 16 hex digits."""
    content = "\n".join(sorted(f"{picture.digest} {picture.label}" for picture in pictures))
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _kept(path: Path, chosen: Sequence[Picture], observer: Observer) -> Faithfulness | None:
    """The curves that are there, where they were measured on these pictures."""
    if not path.is_file():
        return None
    try:
        found = load_faithfulness(path)
    except AttentionError as error:
        observer.event("warning", f"{error.message} It is measured anew.")
        return None
    if found.contents != contents_of(chosen):
        return None
    observer.event("info", "Reusing its faithfulness, measured before.")
    return found


def _measured_network(head: Path, network: MeasuredNetwork) -> nn.Module:
    """The network with the head that its filters were measured with."""
    model = network.build()
    fill(head_of(model)[1], head)
    return model.requires_grad_(False)


def _run(
    sweep: FaithfulnessSweep,
    chosen: tuple[Picture, ...],
    caches: Caches,
    observer: Observer,
    ask: Ask,
) -> None:
    """Every picture through every variant.

    Raises:
        Cancelled: the run was asked to end.
    """
    ask.raise_if_ended()
    started, done, total = time.monotonic(), 0, sweep.operations * len(chosen)
    if not sweep.traced:
        observer.event(
            "warning", "The network cannot be traced: every point of a curve pays a full forward."
        )
    detail = f"{count(sweep.variants)} sets of disabled filters"
    observer.phase(PHASE, 0, total, detail)

    def on_operations(operations: int) -> None:
        nonlocal done
        done += operations
        observer.phase(PHASE, done, total, detail)
        ask.raise_if_ended()

    for batch in caches.plain(chosen, EVALUATION_BATCH):
        sweep.add(batch.images, batch.labels, on_operations)
    observer.event("info", f"Faithfulness measured in {duration(time.monotonic() - started)}.")


def _say_pictures(split: SplitName, chosen: int, of: int, observer: Observer) -> None:
    words = f"Faithfulness is measured on {counted(chosen, f'{SPLIT_WORDS[split]} picture')}"
    if chosen < of:
        words += f", drawn from {count(of)} evenly over the classes"
    if split == "test":
        words += "; there is no validation split"
    observer.event("info", f"{words}.")


def _say_where_it_fails(found: Faithfulness, observer: Observer) -> None:
    useless = [name for name, layer in found.layers.items() if not layer.better_than_random]
    if useless:
        observer.event(
            "warning",
            f"In {some(useless)} the order of the filters is no better than a random one.",
        )
