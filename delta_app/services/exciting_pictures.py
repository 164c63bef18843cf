"""The training pictures that excite a filter most, with where in them it is excited."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from delta_app.data.augment import normalise
from delta_app.data.cache import resized
from delta_app.errors import DeltaAppError, RunError
from delta_app.inspection.overlay import overlay
from delta_app.inspection.scale import shared_scale
from delta_app.models.preprocessing import preprocessing
from delta_app.runs.folder import RunFolder
from delta_app.services import allowed
from delta_app.services.attention_again import settings_of
from delta_app.services.inspected_networks import SourceOf, TargetOf, look
from delta_app.services.kept import Kept
from delta_app.services.looked_at import LookedAt, from_split
from delta_app.services.measured_attention import Measurement
from delta_app.services.painted_maps import Picture
from delta_app.services.run_pictures import pictures_of
from delta_app.training.run_config import RunConfig

KEPT_BYTES = 40_000_000


@dataclass(frozen=True)
class Exciting:
    """A training picture that excites a filter.

    Attributes:
        shown: as the network sees it; None where its file is gone or may not be read.
        name, class_name: of its file, and what it is filed under.
        value: the filter's largest value anywhere in it.
    """

    shown: Picture | None
    name: str
    class_name: str
    value: float


@dataclass(frozen=True)
class ExcitingPictures:
    """The pictures that excite a filter most, best first.

    Attributes:
        painted: whether the filter's channel is laid over them, on one scale for all.
        problem: why it is not, or why a picture is not shown.
    """

    pictures: tuple[Exciting, ...] = ()
    painted: bool = False
    problem: DeltaAppError | None = None


_kept: Kept[ExcitingPictures] = Kept(
    KEPT_BYTES,
    lambda of: sum(each.shown.nbytes for each in of.pictures if each.shown is not None),
)


def exciting_pictures(measurement: Measurement, layer: str, filter: int) -> ExcitingPictures:
    """The pictures with the largest values of a filter's channel, painted for the screen.

    None are known of older measurements. What was painted is kept: asked again it costs nothing.

    Raises:
        AttentionError: what the measurement knows by picture cannot be read.
        RunError: the run's pictures or settings cannot be read.
    """
    key = (measurement.run.folder, measurement.found.key, layer, filter)
    return _kept.get(key, lambda: _exciting(measurement, layer, filter))


def _exciting(measurement: Measurement, layer: str, filter: int) -> ExcitingPictures:
    of = measurement.by_picture()
    if of is None:
        return ExcitingPictures()
    places = of.layers[layer].excited_by[filter].tolist()
    values = of.layers[layer].excitation[filter].tolist()
    by_digest = {each.picture.digest: each for each in pictures_of(measurement.run).pictures}
    found = [
        (from_split(by_digest[of.train[place]]), value)
        for place, value in zip(places, values, strict=True)
        if of.train[place] in by_digest
    ]
    eye = _Eye(measurement)
    seen = [eye.sees(picture) for picture, _ in found]
    problem: DeltaAppError | None = allowed.refusal(
        picture.path for picture, _ in found if picture.path is not None
    )
    try:
        seen = eye.painted([picture for picture, _ in found], seen, layer, filter)
    except DeltaAppError as error:
        problem = error
    return ExcitingPictures(
        tuple(
            Exciting(shown, picture.name, picture.true_class or "", value)
            for (picture, value), shown in zip(found, seen, strict=True)
        ),
        painted=problem is None,
        problem=problem,
    )


def _network(config: RunConfig, measurement: Measurement) -> SourceOf | TargetOf:
    """Names the network that was measured: the source, or a training run's result.

    Raises:
        OutsideError: that run lies outside what the app may read.
        RunError: that run's weights are gone.
    """
    trained = config.attention.attention_of
    if trained is None:
        digest = measurement.found.weights_digest
        return SourceOf(config.model.backbone, config.model.weights, digest)
    allowed.roots(measurement.run.folder.parent).check(trained, folder=True)
    weights = RunFolder(Path(trained)).best
    try:
        stamp = weights.stat().st_mtime_ns
    except OSError as error:
        raise RunError(
            f"The weights of the measured network in {weights.parent} are gone.",
            cure="What excites its filters can be told, but not where.",
        ) from error
    known = measurement.by_picture()
    return TargetOf(config.model.backbone, len(known.classes) if known else 0, weights, stamp)


class _Eye:
    """What the measured network sees of a picture, and what its filters make of it."""

    def __init__(self, measurement: Measurement) -> None:
        """Raises:
        RunError: the run's settings are of another version, or its network is gone.
        """
        config = settings_of(measurement.run)
        self._layers = measurement.layers
        self._network = _network(config, measurement)
        self._size = preprocessing(config.model.backbone, config.model.image_size)

    def sees(self, picture: LookedAt) -> Picture | None:
        """The picture as the network sees it; None where its file is gone or may not be read."""
        try:
            return np.array(resized(picture.read(), self._size.size, self._size.interpolation))
        except DeltaAppError:
            return None

    def painted(
        self,
        pictures: Sequence[LookedAt],
        seen: Sequence[Picture | None],
        layer: str,
        filter: int,
    ) -> list[Picture | None]:
        """The pictures with the filter's channel over them, in magma, on one scale.

        Raises:
            WeightsError: the network cannot be loaded again.
            RunError: its channel is not finite.
        """
        maps = [
            None if pixels is None else self._channel(picture, pixels, layer, filter)
            for picture, pixels in zip(pictures, seen, strict=True)
        ]
        present = [each for each in maps if each is not None]
        if not present:
            return list(seen)
        scale = shared_scale(present)
        return [
            pixels if pixels is None or values is None else overlay(pixels, values, scale, "magma")
            for pixels, values in zip(seen, maps, strict=True)
        ]

    def _channel(self, picture: LookedAt, pixels: Picture, layer: str, filter: int) -> Tensor:
        """The filter's channel, (H, W)."""

        def images() -> Tensor:
            batch = torch.from_numpy(pixels).permute(2, 0, 1)[None]  # (1, 3, S, S)
            return normalise(batch, self._size.mean, self._size.std)

        seen = look(self._network, self._layers, (picture.digest, self._size), images)
        channel = seen.maps[layer][0, filter]
        if not channel.isfinite().all():
            raise RunError(
                f"Filter {filter} of {layer} does not answer with finite numbers.",
                cure="The measured network has run away, or its weights file is damaged.",
            )
        return channel
