"""The channel attention W of a run: as it held its layers, and as its maps are weighted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor

from delta_app.attention.artifact import LayerAttention, load_attention, shuffled
from delta_app.errors import AttentionError
from delta_app.inspection.maps import uniform_attention
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import RunRecord
from delta_app.services.companions import config_of

UNIFORM = "uniform"


@dataclass(frozen=True)
class Weighting:
    """One named W for every layer that is looked at.

    Attributes:
        key: how an address names it: "uniform", or the id of the run it is of.
        name: what it is called on the screen.
        layers: W by layer, (C,) each; empty for the uniform one, which fits any layer.
    """

    key: str
    name: str
    layers: Mapping[str, Tensor] = field(default_factory=dict)

    def fits(self, layer: str, channels: int) -> bool:
        """Whether it has weights for a layer of so many channels."""
        if self.key == UNIFORM:
            return True
        return layer in self.layers and len(self.layers[layer]) == channels

    def of(self, layer: str, channels: int) -> Tensor:
        """W of that layer, (C,).

        Raises:
            AttentionError: it has none that fits.
        """
        if self.key == UNIFORM:
            return uniform_attention(channels)
        if not self.fits(layer, channels):
            raise AttentionError(
                f"The {self.name} has no weights for {channels} channels of {layer}.",
                cure="Choose another layer, or the uniform weights.",
            )
        return self.layers[layer]


UNIFORM_WEIGHTING = Weighting(UNIFORM, "uniform weights")


@dataclass(frozen=True)
class RunAttention:
    """What a DELTA run's attention is.

    Attributes:
        weighting: W as the run held its layers with; shuffled where it shuffled.
        measured: importances and their errors by layer; empty where W is uniform.
    """

    weighting: Weighting
    measured: Mapping[str, LayerAttention] = field(default_factory=dict)


def attention_of(run: RunRecord) -> RunAttention | None:
    """A run's attention; None for a method without one, or while it is still being measured.

    Raises:
        AttentionError: its attention file cannot be read.
    """
    config = config_of(run)
    wanted = getattr(config.method, "attention", None) if config else None
    if config is None or wanted is None:
        return None
    if wanted == UNIFORM:
        return RunAttention(UNIFORM_WEIGHTING)
    file = RunFolder(Path(run.folder)).attention
    if not file.is_file():
        return None
    measured = load_attention(file)
    weights = measured.weights()
    if wanted == "shuffled":
        weights = shuffled(weights, config.optimization.seed)
    kind = wanted if wanted in ("learned", "shuffled") else "given"
    return RunAttention(
        Weighting(run.id, f"{kind} attention of {run.name}", weights), measured.layers
    )


def weighting_of(run: RunRecord) -> Weighting:
    """The W that a run's maps are weighted with: its own, else the uniform one.

    Raises:
        AttentionError: its attention file cannot be read.
    """
    attention = attention_of(run)
    return attention.weighting if attention else UNIFORM_WEIGHTING
