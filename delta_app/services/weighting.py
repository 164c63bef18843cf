"""The channel attention W that a run's maps are weighted with, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from delta_app.errors import AttentionError
from delta_app.inspection.maps import uniform_attention
from delta_app.runs.records import RunRecord
from delta_app.services.shown_attention import shown_attention

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


def weighting_of(run: RunRecord) -> Weighting:
    """The W that a run's maps are weighted with: as it holds its layers, else the uniform one.

    So the drift of a DELTA run sums to its own penalty, also where its W is shuffled.

    Raises:
        AttentionError: its attention file cannot be read.
    """
    found = shown_attention(run)
    if found is None or not found.weights:
        return UNIFORM_WEIGHTING
    return Weighting(run.id, f"{found.kind} attention of {run.name}", found.weights)
