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
from delta_app.attention.authors_file import load_given
from delta_app.attention.by_picture import BY_PICTURE_FILE, load_by_picture
from delta_app.data.records import Splits
from delta_app.errors import AttentionError
from delta_app.formatting import duration
from delta_app.training.measured_network import MeasuredNetwork, fine_tuned, source_with_head
from delta_app.training.measurement import ATTENTION_FILE, FILES, HEAD_FILE, measure
from delta_app.training.measuring import MEASURING_FILE
from delta_app.training.observer import Control, Observer
from delta_app.training.preparation import (
    Caches,
    Networks,
    Pictures,
    keep_splits,
    prepare_networks,
    prepare_pictures,
)
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
        if config.attention.attention_of is not None:
            raise AttentionError(
                f"These settings measure the fine-tuned network of {config.attention.attention_of}"
                " and train nothing.",
                cure="Train with the file that the measurement leaves: --attention FILE.",
                field="attention",
            )
        network = source_with_head(config, networks, len(pictures.splits.classes))
        found = find_or_measure(config, pictures.splits, network, caches, folder, observer, control)
        weights = check_fits(found.weights(), networks.channels, "The measured attention")
        if wanted == "shuffled":
            observer.event("info", "The learned attention is shuffled within each layer.")
            weights = shuffled(weights, config.optimization.seed)
            _with_weights(found, weights).save(folder / ATTENTION_FILE)
        return weights
    measured = load_given(wanted, networks.channels, config.attention.temperature)
    weights = check_fits(measured.weights(), networks.channels, wanted)
    measured.save(folder / ATTENTION_FILE)
    _copy_by_picture(Path(wanted).expanduser(), measured, folder)
    if measured.weights_digest and measured.weights_digest != networks.source.digest:
        observer.event(
            "warning",
            f"The attention in {wanted} was measured with other starting weights than this run's.",
        )
    return weights


@dataclasses.dataclass(frozen=True)
class MeasuredAlone:
    """What a run measured that trains nothing, on which network and of which pictures."""

    attention: ChannelAttention
    network: MeasuredNetwork
    splits: Splits
    caches: Caches


def measured_alone(
    config: RunConfig, folder: Path, observer: Observer, control: Control
) -> MeasuredAlone:
    """Measure the attention for a run that trains nothing; one that is stopped keeps a part.

    Raises:
        AttentionError: the run whose network is to be measured has none.
        Cancelled: the run was asked to end before a first batch was measured.
    """
    if config.attention.attention_of is not None:
        network, splits = fine_tuned(Path(config.attention.attention_of), config)
        keep_splits(splits, folder, observer)
    else:
        splits = prepare_pictures(config, folder, observer, control).splits
        networks = prepare_networks(config, len(splits.classes), observer)
        network = source_with_head(config, networks, len(splits.classes))
    observer.facts({"behaviour_layers": list(network.channels)})
    caches = Caches(config, Pictures(splits), network.preprocessing, observer, control)
    found = find_or_measure(
        config, splits, network, caches, folder, observer, control, keep_part=True
    )
    return MeasuredAlone(found, network, splits, caches)


def key_of(config: RunConfig, splits: Splits, network: MeasuredNetwork) -> str:
    """What this run's measurement is called among the shared ones."""
    return attention_key(
        pictures=((p.digest, p.label) for p in splits.train),
        backbone=config.model.backbone,
        weights_digest=network.digest,
        layers=network.channels,
        image_size=network.preprocessing.size,
        settings=config.attention.determining(),
    )


def find_or_measure(
    config: RunConfig,
    splits: Splits,
    network: MeasuredNetwork,
    caches: Caches,
    folder: Path,
    observer: Observer,
    control: Control,
    *,
    keep_part: bool = False,
) -> ChannelAttention:
    """The shared measurement of the same content where there is one, else a new one.

    Either way its files then stand in the run's folder. What was stopped before its end stands
    there alone: no other run may take it for the whole.

    Raises:
        Cancelled: the run was asked to end, and nothing is kept.
    """
    key = key_of(config, splits, network)
    shared = folder.parent / SHARED_FOLDER / key
    found = _kept(shared, observer)
    if found is not None:
        observer.event(
            "info", f"Reusing the attention {key}, measured before in {duration(found.seconds)}."
        )
    else:
        new = measure(
            config, key, splits, network, caches, folder, observer, control, keep_part=keep_part
        )
        if new.attention.complete:
            shared.mkdir(parents=True, exist_ok=True)
        new.save(shared if new.attention.complete else folder)
        found = new.attention
        if found.complete:
            (folder / MEASURING_FILE).unlink(missing_ok=True)
    if found.complete:
        for name in FILES:
            if (shared / name).is_file():  # by picture is missing in those of older versions
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


def _copy_by_picture(given: Path, measured: ChannelAttention, folder: Path) -> None:
    """Take along what lies beside a given file, where it is of the same measurement."""
    beside = given.with_name(BY_PICTURE_FILE)
    try:
        same = load_by_picture(beside).pictures == measured.pictures
    except AttentionError:
        return
    if same:
        _copy(beside, folder / BY_PICTURE_FILE)


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
