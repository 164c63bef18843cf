"""The authors' file: a JSON list of lists, the importance of every filter, one list a layer.

Their channel_eval.py writes it, and their train.py makes the attention of it: z-scores with the
population standard deviation, divided by 5, softmax. It names neither layers nor network: the
lists stand in the order of the behaviour layers.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from delta_app.attention.artifact import (
    ChannelAttention,
    LayerAttention,
    attention_in,
    read_content,
)
from delta_app.attention.channel_attention import channel_attention
from delta_app.errors import AttentionError


def authors_json(importances: Iterable[Tensor]) -> str:
    """Importances, (C,) a layer in the order of the behaviour layers, as the authors' file."""
    return json.dumps([each.tolist() for each in importances], allow_nan=False)


def is_authors_file(path: str | Path) -> bool:
    """Whether a file can only be the authors': it begins as a list. False where it is not there."""
    try:
        file = Path(os.path.expanduser(path))
        if not file.is_file():
            return False  # opening a pipe would wait for ever
        with file.open("rb") as content:
            return content.read(64).lstrip().startswith(b"[")
    except (OSError, ValueError):  # a name that no file system can hold, too
        return False


def load_given(
    path: str | Path, channels: Mapping[str, int], temperature: float
) -> ChannelAttention:
    """The attention in a file of this app, or made of the importances in one of the authors'.

    Args:
        channels: of the network's behaviour layers, in their order.
        temperature: what the z-scores are divided by; of no account where the file holds
            attention itself.

    Raises:
        AttentionError: the file cannot be read, is neither, or does not fit these layers.
    """
    path = Path(os.path.expanduser(path))
    content = read_content(path)
    if not isinstance(content, list):
        return attention_in(content, path)
    layers = {
        layer: LayerAttention(
            importance=importance,
            standard_error=torch.full_like(importance, math.inf),
            attention=channel_attention(importance, temperature),
        )
        for layer, importance in importances_in(content, channels, str(path)).items()
    }
    for layer, found in layers.items():
        spread = found.importance.std(correction=0)
        if not (spread.isfinite() and found.attention.isfinite().all()):
            raise _does_not_fit(
                f"{path} has importances for {layer} that are too large to be compared, up to "
                f"{float(found.importance.abs().max()):.3g}."
            )
    return ChannelAttention(layers=layers, settings={"temperature": temperature})


def importances_in(content: Any, channels: Mapping[str, int], origin: str) -> dict[str, Tensor]:
    """Importance by behaviour layer, (C,) float64 each, from the lists of an authors' file.

    Args:
        content: what the file's JSON holds.
        channels: of the behaviour layers, in their order.
        origin: what to call the file.

    Raises:
        AttentionError: another number of lists or of values than the network has, or something
            that is no finite number.
    """
    if not isinstance(content, list) or not all(isinstance(each, list) for each in content):
        raise _does_not_fit(f"{origin} is no list of lists, one of importances for each layer.")
    if len(content) != len(channels):
        raise _does_not_fit(
            f"{origin} has {len(content)} lists, one for each layer; expected {len(channels)}, for "
            f"{', '.join(channels)}."
        )
    found = {}
    for number, (layer, values) in enumerate(zip(channels, content, strict=True), 1):
        if len(values) != channels[layer]:
            raise _does_not_fit(
                f"{origin} has {len(values)} importances in list {number}; expected "
                f"{channels[layer]}, one for each channel of {layer}."
            )
        wrong = [value for value in values if not _is_finite(value)]
        if wrong:
            raise _does_not_fit(
                f"{origin} has {wrong[0]!r} in list {number}, for {layer}; expected finite numbers."
            )
        found[layer] = torch.tensor(values, dtype=torch.float64)
    return found


def _is_finite(value: Any) -> bool:
    """Whether a value is a number that float64 holds."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of hundreds of digits
        return False


def _does_not_fit(message: str) -> AttentionError:
    return AttentionError(
        message,
        cure="Choose a file that was measured on this backbone, and name its layers as behaviour "
        "layers, in the file's order.",
        field="attention",
    )
