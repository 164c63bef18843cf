"""The channel attention that a DELTA run starts with: found, measured, or made."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

from torch import Tensor

from delta_app.atomic_files import write_whole
from delta_app.attention.artifact import (
    ChannelAttention,
    attention_key,
    check_fits,
    load_attention,
    shuffled,
    uniform,
)
from delta_app.errors import AttentionError
from delta_app.formatting import duration
from delta_app.training.measurement import ATTENTION_FILE, HEAD_FILE, measure_into
from delta_app.training.observer import Control, Observer
from delta_app.training.preparation import Caches, Networks, Pictures
from delta_app.training.run_config import RunConfig

SHARED_FOLDER = "attention"
"""Beside the run folders: measurements by key, reused by every run that asks for the same."""


def attention_of_run(
    config: RunConfig,
    pictures: Pictures,
    networks: Networks,
    caches: Caches,
    folder: Path,
    observer: Observer,
    control: Control,
) -> dict[str, Tensor]:
    """Channel attention W by behaviour layer, (C,) each, as the method's settings ask for it.

    Raises:
        AttentionError: the named file cannot be used with these networks.
        Cancelled: the run was asked to end.
    """
    wanted = str(getattr(config.method, "attention", "uniform"))
    if wanted == "uniform":
        observer.event("info", "Uniform attention: every channel is held alike.")
        return uniform(networks.channels)
    if wanted in ("learned", "shuffled"):
        found = find_or_measure(config, pictures, networks, caches, folder, observer, control)
        weights = check_fits(found.weights(), networks.channels, "The measured attention")
        if wanted == "shuffled":
            observer.event("info", "The learned attention is shuffled within each layer.")
            weights = shuffled(weights, config.optimization.seed)
            _with_weights(found, weights).save(folder / ATTENTION_FILE)
        return weights
    measured = load_attention(wanted)
    weights = check_fits(measured.weights(), networks.channels, wanted)
    measured.save(folder / ATTENTION_FILE)
    if measured.weights_digest and measured.weights_digest != networks.source.digest:
        observer.event(
            "warning",
            f"The attention in {wanted} was measured with other starting weights than this run's.",
        )
    return weights


def key_of(config: RunConfig, pictures: Pictures, networks: Networks) -> str:
    """What this run's measurement is called among the shared ones."""
    return attention_key(
        pictures=((p.digest, p.label) for p in pictures.splits.train),
        backbone=config.model.backbone,
        weights_digest=networks.source.digest,
        layers=networks.layers,
        image_size=networks.preprocessing.size,
        settings=config.attention.determining(),
    )


def find_or_measure(
    config: RunConfig,
    pictures: Pictures,
    networks: Networks,
    caches: Caches,
    folder: Path,
    observer: Observer,
    control: Control,
) -> ChannelAttention:
    """The shared measurement of the same content where there is one, else a new one.

    Either way attention.json and head.safetensors then stand in the run's folder.
    """
    key = key_of(config, pictures, networks)
    shared = folder.parent / SHARED_FOLDER / key
    found = _kept(shared, observer)
    if found is not None:
        observer.event(
            "info", f"Reusing the attention {key}, measured before in {duration(found.seconds)}."
        )
    else:
        found = measure_into(shared, key, config, pictures, networks, caches, observer, control)
    for name in (HEAD_FILE, ATTENTION_FILE):
        _copy(shared / name, folder / name)
    return found


def _kept(shared: Path, observer: Observer) -> ChannelAttention | None:
    """The measurement in a shared folder; None where there is none or it is damaged."""
    if not all((shared / name).is_file() for name in (ATTENTION_FILE, HEAD_FILE)):
        return None
    try:
        return load_attention(shared / ATTENTION_FILE)
    except AttentionError as error:
        observer.event("warning", f"{error.message} It is measured anew.")
        return None


def _with_weights(measured: ChannelAttention, weights: dict[str, Tensor]) -> ChannelAttention:
    """The measurement with the attention that the run in fact uses."""
    layers = {
        name: dataclasses.replace(layer, attention=weights[name])
        for name, layer in measured.layers.items()
        if name in weights
    }
    return dataclasses.replace(measured, layers=layers)


def _copy(origin: Path, destination: Path) -> None:
    write_whole(destination, lambda temporary: shutil.copyfile(origin, temporary))
