"""All that must stand before the first step: pictures, networks, caches."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from delta_app.atomic_files import write_json
from delta_app.data.batches import PlainBatches, TrainBatches
from delta_app.data.cache import PictureCache, default_cache_folder, default_memory_budget
from delta_app.data.check import check_folder
from delta_app.data.records import Picture, Splits
from delta_app.data.splits import make_splits
from delta_app.errors import Cancelled, CheckpointError, DatasetError
from delta_app.json_files import read_json
from delta_app.models.behaviour_layers import check_layers, default_behaviour_layers
from delta_app.models.build import Source, build_source, build_target
from delta_app.models.feature_maps import layer_channels
from delta_app.models.preprocessing import Preprocessing, preprocessing
from delta_app.models.randomness import set_dropout, use_generator
from delta_app.training.devices import MixedPrecision, resolve_device
from delta_app.training.observer import Control, Observer, Request
from delta_app.training.run_config import RunConfig

SPLIT_FILE = "split.json"


@dataclass(frozen=True)
class Pictures:
    """The splits of one run."""

    splits: Splits


@dataclass(frozen=True)
class Networks:
    """Source and target of one run, on the device."""

    source: Source
    target: nn.Module
    preprocessing: Preprocessing
    layers: tuple[str, ...]
    channels: dict[str, int]
    generator: torch.Generator


class Ask:
    """Turns a control's answer into the exception that unwinds preparations."""

    def __init__(self, control: Control) -> None:
        self._control = control

    @property
    def wanted(self) -> Request:
        """What is asked for now."""
        return self._control.request()

    def wanted_to_end(self) -> bool:
        return self.wanted != "run"

    def raise_if_ended(self) -> None:
        if self.wanted_to_end():
            raise Cancelled


def prepare_pictures(
    config: RunConfig, folder: Path, observer: Observer, control: Control, *, kept: bool = False
) -> Pictures:
    """Check the folder and cut its splits; they are kept in split.json.

    Args:
        kept: the splits are those of split.json; the folder is not looked at.

    Raises:
        DatasetError: the folder cannot be trained on; the first error's words.
        Cancelled: the run was asked to end.
    """
    if kept:
        return Pictures(_kept_splits(folder / SPLIT_FILE))
    ask = Ask(control)
    check = check_folder(
        config.data.data,
        on_progress=lambda done, total: observer.phase("checking pictures", done, total),
        cancelled=ask.wanted_to_end,
    )
    if not check.usable:
        first = next(p for p in check.problems if p.level == "error")
        raise DatasetError(f"{first.title} {first.message}", cure=first.cure, field="data")
    for problem in check.problems:
        observer.event("warning" if problem.level == "warning" else "info", problem.message)
    splits = make_splits(check, config.data)
    keep_splits(splits, folder, observer)
    observer.facts({"dataset_fingerprint": check.fingerprint})
    return Pictures(splits)


def _kept_splits(path: Path) -> Splits:
    try:
        return Splits.from_json(read_json(path))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path}, which says what the run trains on, cannot be read: {error}.",
            cure="Put the file back, or run again from the beginning.",
        ) from error


def keep_splits(splits: Splits, folder: Path, observer: Observer) -> None:
    """split.json, and what the run's record shows of it."""
    write_json(folder / SPLIT_FILE, splits.to_json())
    observer.facts(
        {
            "classes": len(splits.classes),
            "pictures": {
                "train": len(splits.train),
                "val": len(splits.val),
                "test": len(splits.test),
            },
        }
    )


def prepare_networks(config: RunConfig, n_classes: int, observer: Observer) -> Networks:
    """Build the source and the target on the run's device.

    The target's head, dropout and stochastic depth draw from the run's seed. The source does
    not depend on it, random weights included: runs with other seeds have one starting point.
    """
    device = resolve_device(config.optimization.device)
    size = preprocessing(config.model.backbone, config.model.image_size)
    observer.phase("preparing", 0, None, f"building {config.model.backbone}")
    source = build_source(
        config.model.backbone,
        config.model.weights,
        on_progress=lambda done, total: observer.phase(
            "preparing", done, total, "downloading the weights"
        ),
    )
    observer.event("info", source.report.summary())
    layers = config.model.behaviour_layers or default_behaviour_layers(
        config.model.backbone, source.model
    )
    check_layers(source.model, layers)
    channels = layer_channels(source.model, layers, size.size)
    head_generator = torch.Generator().manual_seed(config.optimization.seed)
    target = build_target(source, n_classes, head_generator)
    layout = torch.channels_last if config.optimization.channels_last else torch.contiguous_format
    for model in (source.model, target):
        model.to(device).to(memory_format=layout)
    generator = torch.Generator(device=device).manual_seed(config.optimization.seed)
    use_generator(target, generator)
    if config.optimization.dropout is not None:
        set_dropout(target, config.optimization.dropout)
    return Networks(source, target, size, layers, channels, generator)


class Caches:
    """Decoded pictures of a run, by split."""

    def __init__(
        self,
        config: RunConfig,
        pictures: Pictures,
        size: Preprocessing,
        observer: Observer,
        control: Control,
    ) -> None:
        self._config = config
        self._size = size
        self._splits = pictures.splits
        self._observer = observer
        self._ask = Ask(control)
        self._opened: dict[tuple[tuple[Picture, ...], int], PictureCache] = {}
        self.device = resolve_device(config.optimization.device)

    def heeding(self, control: Control) -> Caches:
        """The same caches; it is another control that breaks their decoding off."""
        other = copy.copy(self)
        other._ask = Ask(control)
        return other

    def _open(self, pictures: tuple[Picture, ...], size: int) -> PictureCache:
        if (pictures, size) not in self._opened:
            self._opened[pictures, size] = self._decode(pictures, size)
        return self._opened[pictures, size]

    def _decode(self, pictures: tuple[Picture, ...], size: int) -> PictureCache:
        return PictureCache.open(
            pictures,
            size=size,
            interpolation=self._size.interpolation,
            folder=default_cache_folder(),
            memory_budget=default_memory_budget(),
            on_progress=lambda done, total: self._observer.phase("decoding pictures", done, total),
            cancelled=self._ask.wanted_to_end,
        )

    def train(self, batch_size: int, seed: int) -> TrainBatches:
        """Random crops and flips of the training pictures."""
        train = self._splits.train
        return TrainBatches(
            self._open(train, self._size.resize),
            _labels(train),
            batch_size=batch_size,
            crop=self._size.size,
            mean=self._size.mean,
            std=self._size.std,
            seed=seed,
            device=self.device,
            channels_last=self._config.optimization.channels_last,
        )

    def plain(self, pictures: tuple[Picture, ...], batch_size: int) -> PlainBatches:
        """The pictures resized to what the network sees, in order."""
        return PlainBatches(
            self._open(pictures, self._size.size),
            _labels(pictures),
            batch_size=batch_size,
            mean=self._size.mean,
            std=self._size.std,
            device=self.device,
            channels_last=self._config.optimization.channels_last,
        )


def _labels(pictures: tuple[Picture, ...]) -> Tensor:
    return torch.tensor([p.label for p in pictures], dtype=torch.long)


def mixed_precision(config: RunConfig) -> MixedPrecision:
    """Of the run's device and settings."""
    return MixedPrecision.resolve(
        config.optimization.precision, resolve_device(config.optimization.device)
    )
