"""by_picture.safetensors: a measurement picture by picture and class by class, beside its JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter
from pydantic_core import from_json
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from delta_app.atomic_files import write_whole
from delta_app.errors import AttentionError
from delta_app.json_files import checked

BY_PICTURE_FILE = "by_picture.safetensors"
MOST_EXCITED = 9
"""Pictures kept of each filter: a grid of three by three."""

_OF_A_LAYER = ("by_class", "by_class_error", "excited_by", "excitation")


@dataclass(frozen=True)
class LayerByPicture:
    """One behaviour layer of C filters, K classes, n measured pictures.

    Attributes:
        importance: rise in cross-entropy by measured picture, (C, n) float32, signed; None
            where memory forbade to keep it by picture.
        by_class: mean rise in cross-entropy of each class's pictures, (K, C) float32; nan for
            a class that no measured picture is of.
        by_class_error: its standard error, (K, C) float32; nan or infinite where a class has
            fewer than two measured pictures.
        excited_by: (C, up to 9) int32, places in `ByPicture.train` of the pictures with the
            largest value anywhere of that channel in the layer's intact output, best first.
        excitation: (C, up to 9) float32, these values.
    """

    importance: Tensor | None
    by_class: Tensor
    by_class_error: Tensor
    excited_by: Tensor
    excitation: Tensor


@dataclass(frozen=True)
class ByPicture:
    """What attention.json does not hold of a measurement.

    Attributes:
        layers: by behaviour layer.
        labels: class of each measured picture, (n,) int64, an index into `classes`.
        classes: their names.
        pictures: digests of the n measured pictures, in the order of `labels`.
        train: digests of all training pictures.
    """

    layers: Mapping[str, LayerByPicture]
    labels: Tensor
    classes: tuple[str, ...]
    pictures: tuple[str, ...]
    train: tuple[str, ...]

    def save(self, path: Path) -> None:
        """Write the file whole or not at all."""
        tensors = {"labels": self.labels}
        for name, layer in self.layers.items():
            if layer.importance is not None:
                tensors[f"{name}/importance"] = layer.importance
            tensors |= {f"{name}/{of}": getattr(layer, of) for of in _OF_A_LAYER}
        plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        # The layers are named in their order: safetensors sorts what it holds.
        lists = (list(self.layers), self.classes, self.pictures, self.train)
        words = {
            name: json.dumps(list(values), ensure_ascii=False)
            for name, values in zip(_LISTS, lists, strict=True)
        }
        write_whole(path, lambda temporary: save_file(plain, temporary, metadata=words))


_LISTS = ("layers", "classes", "pictures", "train")
_NAMES = TypeAdapter(tuple[str, ...])


def load_by_picture(path: str | Path) -> ByPicture:
    """Read a measurement by picture.

    Raises:
        AttentionError: no such file, not such a file, or parts that do not fit together.
    """
    path = Path(path)
    if not path.is_file():
        raise AttentionError(
            f"There is no measurement by picture {path}.",
            cure="Measure the attention again: measurements of older versions did not keep it.",
        )
    try:
        with safe_open(path, framework="pt") as file:
            words: dict[str, str] = file.metadata() or {}
            names, classes, pictures, train = (
                checked(_NAMES, from_json(words[name])) for name in _LISTS
            )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        found = ByPicture(
            {name: _layer(name, tensors) for name in names},
            tensors["labels"],
            classes,
            pictures,
            train,
        )
        _check(found)
    except (OSError, SafetensorError, LookupError, TypeError, ValueError, RuntimeError) as error:
        raise AttentionError(
            f"{path} is not a measurement by picture of this app: {type(error).__name__}: {error}.",
            cure="Delete the file and measure the attention again.",
        ) from error
    return found


def _layer(name: str, tensors: Mapping[str, Tensor]) -> LayerByPicture:
    parts: dict[str, Any] = {of: tensors[f"{name}/{of}"] for of in _OF_A_LAYER}
    return LayerByPicture(importance=tensors.get(f"{name}/importance"), **parts)


def _check(found: ByPicture) -> None:
    """Raise ValueError where shapes, labels or places cannot be those of one measurement."""
    measured, classes, train = len(found.pictures), len(found.classes), len(found.train)
    _expect("labels", found.labels, (measured,))
    _expect_indices("labels", found.labels, classes)
    for name, layer in found.layers.items():
        channels = layer.by_class.shape[-1]
        kept = min(MOST_EXCITED, train)
        for of in ("importance", "by_class", "by_class_error", "excitation"):
            values = getattr(layer, of)
            if values is not None and not values.is_floating_point():
                raise ValueError(f"{name}/{of} is {values.dtype}, expected floating point")
        if layer.importance is not None:
            _expect(f"{name}/importance", layer.importance, (channels, measured))
        for of in ("by_class", "by_class_error"):
            _expect(f"{name}/{of}", getattr(layer, of), (classes, channels))
        for of in ("excited_by", "excitation"):
            _expect(f"{name}/{of}", getattr(layer, of), (channels, kept))
        _expect_indices(f"{name}/excited_by", layer.excited_by, train)


def _expect(name: str, tensor: Tensor, shape: tuple[int, ...]) -> None:
    if tuple(tensor.shape) != shape:
        raise ValueError(f"{name} is {tuple(tensor.shape)}, expected {shape}")


def _expect_indices(name: str, tensor: Tensor, limit: int) -> None:
    if tensor.dtype not in (torch.int32, torch.int64):
        raise ValueError(f"{name} is {tensor.dtype}, expected whole numbers")
    if tensor.numel() and not 0 <= int(tensor.min()) <= int(tensor.max()) < limit:
        raise ValueError(
            f"{name} holds {int(tensor.min())} to {int(tensor.max())}, expected 0 to {limit - 1}"
        )
