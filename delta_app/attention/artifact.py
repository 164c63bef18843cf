"""attention.json: a measurement of filter importance, kept and reused.

The file holds importances, standard errors, attention, the pictures and head they belong to,
settings and versions. Its key is a hash of everything that determines the numbers.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field, TypeAdapter
from torch import Tensor

from delta_app.atomic_files import write_json
from delta_app.attention.channel_attention import shuffled_attention, uniform_attention
from delta_app.errors import AttentionError
from delta_app.json_files import checked, read_json

FORMAT = 1


@dataclass(frozen=True)
class LayerAttention:
    """One behaviour layer's measurement; every tensor (C,), float64.

    Attributes:
        importance: mean rise in cross-entropy when the filter is disabled, signed.
        standard_error: of the importance, over pictures.
        attention: channel attention W, summing to 1.
        reliability: share of the variance between filters that is not noise, 0 to 1.
        split_half: rank correlation of the importances from two halves of the pictures. Both
            are nan where they cannot be told, or the file is older than they are.
    """

    importance: Tensor
    standard_error: Tensor
    attention: Tensor
    reliability: float = math.nan
    split_half: float = math.nan


@dataclass(frozen=True)
class ChannelAttention:
    """A finished measurement.

    Attributes:
        layers: by behaviour layer.
        pictures: digests of the training pictures measured on.
        settings: the attention settings it was asked for with.
        backbone, weights_digest: of the source network.
        seconds: what head training and measurement took.
        key: hash of all that determines the numbers; empty where it was stopped before its end.
        versions: of the libraries it was measured with.
        complete: False where the measurement was stopped before its last batch.
    """

    layers: Mapping[str, LayerAttention]
    pictures: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    backbone: str = ""
    weights_digest: str = ""
    seconds: float = 0.0
    key: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    complete: bool = True

    def weights(self) -> dict[str, Tensor]:
        """Channel attention W by layer, (C,) each."""
        return {name: layer.attention for name, layer in self.layers.items()}

    def save(self, path: Path) -> None:
        """Write the file whole or not at all."""
        write_json(
            path,
            {
                "format": FORMAT,
                "layers": [
                    {
                        "name": name,
                        "channels": len(layer.attention),
                        "importance": layer.importance.tolist(),
                        "standard_error": _finite(layer.standard_error),
                        "attention": layer.attention.tolist(),
                        "reliability": known(layer.reliability),
                        "split_half": known(layer.split_half),
                    }
                    for name, layer in self.layers.items()
                ],
                "pictures": list(self.pictures),
                "settings": dict(self.settings),
                "backbone": self.backbone,
                "weights_digest": self.weights_digest,
                "seconds": self.seconds,
                "key": self.key,
                "versions": dict(self.versions),
                "complete": self.complete,
            },
        )


def load_attention(path: str | Path) -> ChannelAttention:
    """Read an attention file.

    Raises:
        AttentionError: no such file, not such a file, or numbers that cannot be an attention.
    """
    path = Path(path)
    return attention_in(read_content(path), path)


def read_content(path: Path) -> Any:
    """What the JSON of an attention file holds.

    Raises:
        AttentionError: it cannot be read, or is not JSON.
    """
    try:
        return read_json(path, finite=False)  # what is not finite is said with its place
    except OSError as error:
        raise AttentionError(
            f"The attention file {path} cannot be read: {error.strerror}.",
            cure="Check the path, or use learned attention.",
            field="attention",
        ) from error
    except ValueError as error:
        raise _not_an_attention(path, f"it is not JSON ({error})") from error


def attention_in(content: Any, path: Path) -> ChannelAttention:
    """The measurement that a file's content is.

    Raises:
        AttentionError: it is none.
    """
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _not_an_attention(path, f'expected an object with "format": {FORMAT}')
    try:
        held = checked(_CONTENT, content)
        layers = {entry.name: _layer(entry) for entry in held.layers}
        temperature = held.settings.get("temperature", 5.0)
        if not (isinstance(temperature, (int, float)) and 0 < temperature < math.inf):
            raise ValueError(f"the temperature is {temperature!r}")
    except ValueError as error:
        raise _not_an_attention(path, str(error)) from error
    return ChannelAttention(
        layers=layers,
        pictures=held.pictures,
        settings=held.settings,
        backbone=held.backbone,
        weights_digest=held.weights_digest,
        seconds=held.seconds,
        key=held.key,
        versions=held.versions,
        complete=held.complete,
    )


_Finite = Annotated[float, Field(allow_inf_nan=False)]
_Correlation = Annotated[float, Field(ge=-1.0, le=1.0)]


@dataclass(frozen=True)
class _Entry:
    """A layer as the file holds it."""

    name: str
    channels: Annotated[int, Field(ge=1)]
    importance: list[_Finite]
    standard_error: list[Annotated[float, Field(ge=0.0)] | None]
    attention: list[Annotated[_Finite, Field(ge=0.0)]]
    reliability: _Correlation | None = None
    split_half: _Correlation | None = None


@dataclass(frozen=True)
class _Content:
    """The file; those of older versions do not say whether they are complete: they always are."""

    format: Literal[1]
    layers: tuple[_Entry, ...]
    pictures: tuple[str, ...]
    settings: dict[str, Any]
    backbone: str
    weights_digest: str
    seconds: _Finite
    key: str
    versions: dict[str, str]
    complete: bool = True


_CONTENT = TypeAdapter(_Content)


def _layer(entry: _Entry) -> LayerAttention:
    lists = (entry.importance, entry.standard_error, entry.attention)
    if {len(each) for each in lists} != {entry.channels}:
        raise ValueError(f"the lists of {entry.name} do not all have {entry.channels} values")
    attention = torch.tensor(entry.attention, dtype=torch.float64)
    if abs(float(attention.sum()) - 1.0) > 1e-6:
        raise ValueError(f"the attention of {entry.name} sums to {float(attention.sum()):.6g}")
    errors = [math.inf if error is None else error for error in entry.standard_error]
    return LayerAttention(
        torch.tensor(entry.importance, dtype=torch.float64),
        torch.tensor(errors, dtype=torch.float64),
        attention,
        *(math.nan if each is None else each for each in (entry.reliability, entry.split_half)),
    )


def known(value: float) -> float | None:
    """A number for JSON, which has no nan."""
    return None if math.isnan(value) else value


def _finite(values: Tensor) -> list[float | None]:
    return [v if v != float("inf") else None for v in values.tolist()]


def _not_an_attention(path: Path, why: str) -> AttentionError:
    return AttentionError(
        f"{path} is not an attention file of this app: {why}.",
        cure="Choose an attention.json that a run or the attention command wrote.",
        field="attention",
    )


def attention_key(
    *,
    pictures: Iterable[tuple[str, int]],
    backbone: str,
    weights_digest: str,
    layers: Iterable[str],
    image_size: int,
    settings: Mapping[str, Any],
) -> str:
    """Hash of all that determines a measurement: 16 hex digits.

    Args:
        pictures: digest and label of every training picture of this split.
        settings: the attention settings; their seed is among them.
    """
    content = json.dumps(
        [
            sorted(pictures),
            backbone,
            weights_digest,
            list(layers),
            image_size,
            dict(sorted(settings.items())),
        ]
    )
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def uniform(channels: Mapping[str, int]) -> dict[str, Tensor]:
    """Uniform attention for layers of so many channels."""
    return {layer: uniform_attention(c) for layer, c in channels.items()}


def shuffled(weights: Mapping[str, Tensor], seed: int) -> dict[str, Tensor]:
    """Each layer's attention on other channels, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return {layer: shuffled_attention(w, generator) for layer, w in weights.items()}


def check_fits(
    weights: Mapping[str, Tensor], channels: Mapping[str, int], origin: str
) -> dict[str, Tensor]:
    """The attention of exactly these layers.

    Raises:
        AttentionError: a layer is missing, or has another number of channels.
    """
    for layer, expected in channels.items():
        if layer not in weights:
            raise AttentionError(
                f"{origin} has no attention for the layer {layer}; it has {', '.join(weights)}.",
                cure="Choose behaviour layers that it has, or an attention that was measured for "
                "this backbone and these layers.",
                field="attention",
            )
        if len(weights[layer]) != expected:
            raise AttentionError(
                f"{origin} has {len(weights[layer])} channels for {layer}, the network has "
                f"{expected}.",
                cure="Choose an attention that was measured for this backbone.",
                field="attention",
            )
    return {layer: weights[layer] for layer in channels}
