"""One measurement of filter importance: train the head, measure every filter, keep the result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision
from torch import Tensor, nn

from delta_app.attention.artifact import ChannelAttention, LayerAttention
from delta_app.attention.by_picture import BY_PICTURE_FILE, ByPicture
from delta_app.attention.channel_attention import channel_attention
from delta_app.attention.head import train_head
from delta_app.config import AttentionSettings
from delta_app.data.records import Splits
from delta_app.formatting import duration
from delta_app.models.head import head_of
from delta_app.training.disk import RunDisk
from delta_app.training.evaluation import halving
from delta_app.training.importance import Importance, ImportanceMeasurement
from delta_app.training.measured_network import MeasuredNetwork
from delta_app.training.measuring import MEASURING_FILE, Measuring
from delta_app.training.observer import Control, Observer
from delta_app.training.preparation import Ask, Caches
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import save_state

ATTENTION_FILE = "attention.json"
HEAD_FILE = "head.safetensors"
FILES = (HEAD_FILE, BY_PICTURE_FILE, ATTENTION_FILE)
"""What a measurement leaves; the last one is there only once the others are."""


@dataclass(frozen=True)
class Measurement:
    """A measurement with all that is kept of it; `head` is the head's state dict."""

    attention: ChannelAttention
    by_picture: ByPicture
    head: dict[str, Tensor]

    def save(self, folder: Path) -> None:
        """Write its files."""
        save_state(folder / HEAD_FILE, self.head)
        self.by_picture.save(folder / BY_PICTURE_FILE)
        self.attention.save(folder / ATTENTION_FILE)


def measure(
    config: RunConfig,
    key: str,
    splits: Splits,
    network: MeasuredNetwork,
    caches: Caches,
    folder: Path,
    observer: Observer,
    control: Control,
    *,
    keep_part: bool = False,
) -> Measurement:
    """Train the head where there is none yet, and measure every filter.

    A measurement that was broken off goes on where it was: what it had found lies in `folder`
    until it is complete.

    Args:
        key: what the measurement is called among the shared ones.
        keep_part: whether a run that is asked to end keeps what was measured until then; such a
            part has no key.

    Raises:
        Cancelled: the run was asked to end, and nothing is kept.
    """
    settings, ask = config.attention, Ask(control)
    disk = RunDisk(folder, observer, control)
    every = config.optimization.checkpoint_seconds
    measuring = Measuring(folder / MEASURING_FILE, key, disk, observer, every)
    model = network.build()
    if not network.head_is_trained:
        _head(model, settings, caches, observer, ask, measuring)
    found = ImportanceMeasurement(
        settings,
        splits,
        caches,
        model,
        network.channels,
        observer,
        ask,
        measuring,
        keep_part=keep_part,
    ).run()
    digests = tuple(splits.train[i].digest for i in found.pictures)
    attention = ChannelAttention(
        layers=_layers(found, settings.temperature),
        pictures=digests,
        settings=settings.determining() | _whose(settings),
        backbone=config.model.backbone,
        weights_digest=network.digest,
        seconds=measuring.spent(),
        key=key if found.complete else "",
        versions={"torch": torch.__version__, "torchvision": torchvision.__version__},
        complete=found.complete,
    )
    by_picture = ByPicture(
        layers=found.by_picture,
        labels=torch.tensor([splits.train[i].label for i in found.pictures]),
        classes=splits.classes,
        pictures=digests,
        train=tuple(picture.digest for picture in splits.train),
    )
    head = head_of(model)[1].state_dict()
    observer.event("info", f"Channel attention measured in {duration(attention.seconds)}.")
    return Measurement(
        attention, by_picture, {n: t.detach().cpu().contiguous() for n, t in head.items()}
    )


def _head(
    model: nn.Module,
    settings: AttentionSettings,
    caches: Caches,
    observer: Observer,
    ask: Ask,
    measuring: Measuring,
) -> None:
    """Give the network its trained head, as an earlier stretch left it or trained now."""
    head = head_of(model)[1]
    before = measuring.found("head")
    if before is None:
        _train_head(model, settings, caches, observer, ask)
        measuring.keep("head", head.state_dict())
        return
    head.load_state_dict(before)
    model.eval().requires_grad_(False)
    observer.event("info", "The measurement goes on where it was broken off.")


def _train_head(
    model: nn.Module, settings: AttentionSettings, caches: Caches, observer: Observer, ask: Ask
) -> None:
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
        at_once=halving(observer, phase),
    )
    observer.event("info", f"The attention's head ended at a cross-entropy of {loss:.3f}.")


def _whose(settings: AttentionSettings) -> dict[str, str]:
    """Whose network was measured, where it is a run's."""
    return {"attention_of": settings.attention_of} if settings.attention_of else {}


def _layers(found: Importance, temperature: float) -> dict[str, LayerAttention]:
    return {
        name: LayerAttention(
            importance=layer.estimate.importance,
            standard_error=layer.estimate.standard_error,
            attention=channel_attention(layer.estimate.importance, temperature),
            reliability=layer.reliability,
            split_half=layer.split_half,
        )
        for name, layer in found.layers.items()
    }
