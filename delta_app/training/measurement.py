"""One measurement of filter importance: train the head, measure every filter, keep the result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import torch
import torchvision
from torch import Tensor

from delta_app.attention.artifact import ChannelAttention, LayerAttention
from delta_app.attention.channel_attention import channel_attention
from delta_app.attention.head import train_head
from delta_app.formatting import duration
from delta_app.models.build import build_target
from delta_app.models.head import head_of
from delta_app.training.importance import ImportanceMeasurement
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
    """Train the head, measure every filter, write attention.json and head.safetensors."""
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
    measured = ImportanceMeasurement(config, pictures, networks, caches, model, observer, ask).run()
    layers = {
        name: LayerAttention(
            importance=layer.estimate.importance,
            standard_error=layer.estimate.standard_error,
            attention=channel_attention(layer.estimate.importance, settings.temperature),
            reliability=layer.reliability,
            split_half=layer.split_half,
        )
        for name, layer in measured.layers.items()
    }
    found = ChannelAttention(
        layers=layers,
        pictures=tuple(pictures.splits.train[i].digest for i in measured.pictures),
        settings=settings.determining(),
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
