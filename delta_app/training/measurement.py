"""One measurement of filter importance: train the head, disable every filter, keep the result."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
import torchvision
from torch import Tensor

from delta_app.attention.ablation import ImportanceEngine
from delta_app.attention.artifact import ChannelAttention, LayerAttention
from delta_app.attention.channel_attention import channel_attention, importance_with_error
from delta_app.attention.head import train_head
from delta_app.formatting import counted, duration
from delta_app.models.build import build_target
from delta_app.models.head import head_of
from delta_app.training.observer import Control, Observer
from delta_app.training.preparation import Ask, Caches, Networks, Pictures
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import save_state

ATTENTION_FILE = "attention.json"
HEAD_FILE = "head.safetensors"


def measure_into(
    folder: Path,
    key: str,
    config: RunConfig,
    pictures: Pictures,
    networks: Networks,
    caches: Caches,
    observer: Observer,
    control: Control,
) -> ChannelAttention:
    """Train the head, disable every filter, write attention.json and head.safetensors."""
    settings = config.attention
    ask = Ask(control)
    started = time.monotonic()
    generator = torch.Generator().manual_seed(settings.attention_seed)
    model = build_target(networks.source, len(pictures.splits.classes), generator)
    model.to(caches.device)
    batches = caches.train(settings.attention_batch_size, settings.attention_seed)
    phase = "training the attention's head"
    observer.phase(phase, 0, settings.head_epochs)

    def epoch_of_batches(epoch: int) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in batches.batches(epoch):
            ask.raise_if_ended()
            yield batch.images, batch.labels

    loss = train_head(
        model,
        epoch_of_batches,
        epochs=settings.head_epochs,
        lr=settings.attention_head_lr,
        on_epoch=lambda done: observer.phase(phase, done, settings.head_epochs),
    )
    observer.event("info", f"The attention's head ended at a cross-entropy of {loss:.3f}.")
    by_picture, digests = _disable_filters(config, pictures, networks, caches, model, observer, ask)
    layers = {}
    for layer, rises in by_picture.items():
        importance, error = importance_with_error(rises)
        layers[layer] = LayerAttention(
            importance, error, channel_attention(importance, settings.temperature)
        )
    found = ChannelAttention(
        layers=layers,
        pictures=digests,
        settings=settings.model_dump(),
        backbone=config.model.backbone,
        weights_digest=networks.source.digest,
        seconds=time.monotonic() - started,
        key=key,
        versions={"torch": torch.__version__, "torchvision": torchvision.__version__},
    )
    head = head_of(model)[1].state_dict()
    save_state(folder / HEAD_FILE, {n: t.detach().cpu().contiguous() for n, t in head.items()})
    found.save(folder / ATTENTION_FILE)
    observer.event("info", f"Channel attention measured in {duration(found.seconds)}.")
    return found


def _disable_filters(
    config: RunConfig,
    pictures: Pictures,
    networks: Networks,
    caches: Caches,
    model: torch.nn.Module,
    observer: Observer,
    ask: Ask,
) -> tuple[Mapping[str, Tensor], tuple[str, ...]]:
    """Rise in loss by layer, (C, N) each, and the digests of the N pictures.

    A picture drawn in several batches counts once, averaged over its crops.
    """
    engine = ImportanceEngine(model, networks.layers)
    if not engine.traced:
        observer.event(
            "warning",
            f"{config.model.backbone} cannot be traced: every filter pays a full forward pass.",
        )
    filters = sum(networks.channels.values())
    batches = list(_attention_batches(config, pictures, caches))
    total, done = filters * len(batches), 0
    observer.event(
        "info",
        f"Disabling {counted(filters, 'filter')} on {counted(len(batches), 'batch', 'batches')}.",
    )

    def on_filters(measured: int) -> None:
        nonlocal done
        done += measured
        observer.phase("measuring attention", done, total, f"{filters} filters")
        ask.raise_if_ended()

    parts: dict[str, list[Tensor]] = {layer: [] for layer in networks.layers}
    seen: list[Tensor] = []
    for images, labels, indices in batches:
        rises = engine.measure(images, labels, on_filters)
        seen.append(indices)
        for layer, values in rises.items():
            parts[layer].append(values.cpu())
    indices = torch.cat(seen)
    unique, place = indices.unique(return_inverse=True)
    counts = torch.bincount(place).double()
    by_picture = {}
    for layer, of_batches in parts.items():
        all_rises = torch.cat(of_batches, dim=1)  # (C, crops)
        sums = torch.zeros(all_rises.shape[0], len(unique), dtype=torch.float64)
        by_picture[layer] = sums.index_add_(1, place, all_rises.double()) / counts
    digests = tuple(pictures.splits.train[i].digest for i in unique.tolist())
    return by_picture, digests


def _attention_batches(
    config: RunConfig, pictures: Pictures, caches: Caches
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(images, labels, indices into the training split) of the batches to measure on."""
    settings = config.attention
    train = pictures.splits.train
    size = settings.attention_batch_size
    if settings.attention_pictures == "augmented":
        batches = caches.train(size, settings.attention_seed)
        wanted = settings.attention_batches or batches.steps_per_epoch
        epoch = taken = 0
        while taken < wanted:
            for batch in batches.batches(settings.head_epochs + epoch):
                if taken == wanted:
                    return
                taken += 1
                yield batch.images, batch.labels, batch.indices
            epoch += 1
        return
    generator = torch.Generator().manual_seed(settings.attention_seed)
    order = torch.randperm(len(train), generator=generator)
    if settings.attention_batches is not None:
        order = order[: settings.attention_batches * size]
    plain = caches.plain(tuple(train[i] for i in order.tolist()), size)
    for batch in plain:
        yield batch.images, batch.labels, order[batch.indices]
