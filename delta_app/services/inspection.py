"""Looking inside a run: one picture through its source and target, painted for the screen.

W-weighted maps of source and target stand on one colour scale; so do the drift maps of runs
that are shown side by side. Everything is computed in eval mode on the CPU, apart from the run.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from delta_app.data.augment import normalise
from delta_app.data.cache import resized
from delta_app.errors import RunError
from delta_app.inspection.maps import (
    activation_difference,
    drift,
    most_attended,
    most_drifted,
    weighted_activation,
)
from delta_app.inspection.overlay import OPACITY
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import runs
from delta_app.services.inspected_networks import Seen, SourceOf, TargetOf, look
from delta_app.services.kept import Kept
from delta_app.services.looked_at import LookedAt, from_split, uploaded
from delta_app.services.painted_maps import (
    Filters,
    FilterTiles,
    LayerMaps,
    Overlays,
    Picture,
    filter_tiles,
    painted,
)
from delta_app.services.weighting import UNIFORM, Weighting, weighting_of
from delta_app.training.network_file import read_network

TRANSFORMED_BYTES = 50_000_000

__all__ = [
    "FilterTiles",
    "Filters",
    "Inspector",
    "LayerMaps",
    "LookedAt",
    "Overlays",
    "Picture",
    "from_split",
    "inspectable",
    "painted",
    "uploaded",
    "weights_file",
]


_transformed: Kept[Picture] = Kept(TRANSFORMED_BYTES, lambda picture: picture.nbytes)


class Inspector:
    """Looks inside one run. Cheap to make: networks and maps are kept between inspectors.

    Attributes:
        run: as it stood when the inspector was made.
        classes: by label.
        layers: the run's behaviour layers.
        weighting: the run's own W, or the uniform one.
        live: whether it shows the latest weights of a run that has not finished.
        weights_written_at: when they were written, unix time.
    """

    def __init__(self, run_id: str, runs_dir: str | Path | None = None) -> None:
        """Raises:
        RunError: no such run, or one that has no weights to look at yet.
        AttentionError: its attention file cannot be read.
        """
        self.run = runs.get_run(run_id, runs_dir)
        folder = RunFolder(Path(self.run.folder))
        self._read(folder)
        file = weights_file(self.run)
        if file is None:
            raise RunError(
                f"{self.run.name} has no weights to look at yet.",
                cure="The first are written when its first epoch ends."
                if self.run.status.unfinished
                else "Choose a run that got past its first epoch.",
            )
        self.live = file == folder.snapshot
        status = file.stat()
        self.weights_written_at = status.st_mtime
        self._target = TargetOf(self._source.backbone, len(self.classes), file, status.st_mtime_ns)
        self.weighting = weighting_of(self.run)

    def _read(self, folder: RunFolder) -> None:
        try:
            about = read_network(folder.model)
        except FileNotFoundError as error:
            raise RunError(
                f"{self.run.name} has not built its networks yet.",
                cure="Look again once it trains."
                if self.run.status.unfinished
                else "Choose a run that got as far as training.",
            ) from error
        except (OSError, ValueError) as error:
            raise RunError(
                f"{folder.model} cannot be read: {type(error).__name__}: {error}.",
                cure="Train the run again.",
            ) from error
        if not about.behaviour_layers:
            raise RunError(
                f"{folder.model} names no behaviour layers.", cure="Train the run again."
            )
        self.classes = about.classes
        self.layers = about.behaviour_layers
        self.preprocessing = about.preprocessing
        self._source = SourceOf(about.backbone, about.weights, about.weights_digest)

    @property
    def starting_point(self) -> SourceOf:
        """Names the source network; runs that started from the same one have the same."""
        return self._source

    def transformed(self, picture: LookedAt) -> Picture:
        """The picture as the network sees it: a square, as for validation and test.

        Raises:
            DatasetError: it cannot be read.
        """
        picture.check()  # also where the picture is kept
        to = self.preprocessing
        return _transformed.get(
            (picture.digest, to.size, to.interpolation),
            lambda: np.array(resized(picture.read(), to.size, to.interpolation)),
        )

    def probabilities(self, picture: LookedAt) -> tuple[tuple[str, float], ...]:
        """Every class with its probability, likeliest first.

        Raises:
            DatasetError: the picture cannot be read.
            RunError: the weights cannot be read.
        """
        # Where the network runs away, as its evaluation counts it.
        shares = self._seen(self._target, picture).logits.nan_to_num().softmax(dim=0)
        order = torch.argsort(shares, descending=True, stable=True).tolist()
        return tuple((self.classes[i], float(shares[i])) for i in order)

    def likeliest(self, picture: LookedAt, most: int) -> tuple[tuple[str, float], ...]:
        """The `most` likeliest classes; the true one takes the last place where it is not there.

        Raises as `probabilities`.
        """
        answers = self.probabilities(picture)
        top = answers[:most]
        if picture.true_class is None or picture.true_class in dict(top):
            return top
        return (*top[:-1], *(each for each in answers if each[0] == picture.true_class))

    def channels(self, layer: str, picture: LookedAt) -> int:
        """Number of the layer's filters."""
        return int(self._seen(self._source, picture).maps[layer].shape[1])

    def maps(self, picture: LookedAt, layer: str, weighting: Weighting | None = None) -> LayerMaps:
        """The layer's maps of source and target, weighted by `weighting` (the run's own W).

        Raises:
            DatasetError: the picture cannot be read.
            RunError, WeightsError: a network cannot be loaded, or its maps are not finite.
            AttentionError: the weighting does not fit the layer.
        """
        source, target = self._pair(picture, layer)
        weights = (weighting or self.weighting).of(layer, source.shape[1])
        maps = LayerMaps(
            picture=self.transformed(picture),
            source=weighted_activation(source, weights)[0],
            target=weighted_activation(target, weights)[0],
            drift=drift(target, source, weights)[0],
            difference=activation_difference(target, source, weights)[0],
        )
        self._refuse_not_finite(layer, maps.source, maps.target, maps.drift, maps.difference)
        return maps

    def overlays(
        self,
        picture: LookedAt,
        layer: str,
        weighting: Weighting | None = None,
        *,
        opacity: float = OPACITY,
    ) -> Overlays:
        """The layer's maps painted over the picture; raises as `maps`."""
        return painted([self.maps(picture, layer, weighting)], opacity=opacity)[0]

    def filters(
        self, picture: LookedAt, layer: str, k: int, weighting: Weighting | None = None
    ) -> Filters:
        """Channels T_c and S_c of the k most attended filters, all on one scale about zero.

        Uniform weights tell none apart: then of those that drifted furthest. Raises as `maps`.
        """
        source, target = self._pair(picture, layer)
        self._refuse_not_finite(layer, source, target)
        weighting = weighting or self.weighting
        weights = weighting.of(layer, source.shape[1])
        if weighting.key == UNIFORM:
            tiles = filter_tiles(source, target, weights, most_drifted(target, source, k))
            return Filters("drift", *tiles)
        tiles = filter_tiles(source, target, weights, most_attended(weights, k))
        return Filters("attention", *tiles)

    def _pair(self, picture: LookedAt, layer: str) -> tuple[Tensor, Tensor]:
        """Feature maps of source and target, (1, C, H, W) each."""
        if layer not in self.layers:
            raise RunError(
                f"{layer} is not a behaviour layer of {self.run.name}.",
                cure=f"Choose one of {', '.join(self.layers)}.",
            )
        return (
            self._seen(self._source, picture).maps[layer],
            self._seen(self._target, picture).maps[layer],
        )

    def _refuse_not_finite(self, layer: str, *maps: Tensor) -> None:
        """Raise RunError where maps overflow, which no colour scale can show."""
        if not all(bool(each.isfinite().all()) for each in maps):
            raise RunError(
                f"The maps of {layer} by {self._target.file} are not finite numbers.",
                cure="The training has run away, or the file is damaged: train the run again, "
                "with a lower learning rate.",
            )

    def _seen(self, network: SourceOf | TargetOf, picture: LookedAt) -> Seen:
        picture.check()
        key = (picture.digest, self.preprocessing)
        return look(network, self.layers, key, lambda: self._input(picture))

    def _input(self, picture: LookedAt) -> Tensor:
        pixels = torch.from_numpy(self.transformed(picture)).permute(2, 0, 1)[None]  # (1, 3, S, S)
        return normalise(pixels, self.preprocessing.mean, self.preprocessing.std)


def inspectable(runs_dir: str | Path | None = None) -> list[RunRecord]:
    """The runs that can be looked into: those with weights, newest first."""
    return [
        run
        for run in runs.list_runs(runs.TRAINING, runs_dir=runs_dir)
        if weights_file(run) is not None
    ]


def weights_file(run: RunRecord) -> Path | None:
    """Which weights are looked at: the chosen epoch's of a finished run, else the latest."""
    folder = RunFolder(Path(run.folder))
    finished = run.status in (RunStatus.COMPLETED, RunStatus.STOPPED)
    files = (folder.best,) if finished else (folder.snapshot, folder.best)
    return next((file for file in files if file.is_file()), None)
