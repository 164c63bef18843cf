"""Which pictures excite a filter most: the largest values of its channel, one pass over all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from delta_app.attention.by_picture import MOST_EXCITED
from delta_app.models.at_once import AtOnce
from delta_app.models.feature_maps import FeatureMaps


def peaks(feature_map: Tensor) -> Tensor:
    """The largest value anywhere of each channel, by picture: (N, C, H, W) -> (C, N) float32."""
    return feature_map.flatten(2).amax(dim=2).T.float()


def largest(values: Tensor, places: Tensor, most: int) -> tuple[Tensor, Tensor]:
    """The largest values of each filter, best first, and where they stand.

    Args:
        values: (C, N).
        places: (C, N), which picture each value is of; of equal values the first comes first.
        most: how many are kept; all where there are fewer.
    """
    ranked, order = values.sort(dim=1, descending=True, stable=True)
    return ranked[:, :most], places.gather(1, order[:, :most])


class Excitation:
    """The most exciting pictures of every filter so far, batch after batch.

    Args:
        model: in eval mode; hooked only while it looks at a batch.
        layers: behaviour layers.
        most: pictures kept of each filter.
        at_once: how many of a batch's pictures run together.
    """

    def __init__(
        self,
        model: nn.Module,
        layers: Sequence[str],
        most: int = MOST_EXCITED,
        at_once: AtOnce | None = None,
    ) -> None:
        self._model = model
        self._layers = layers
        self._most = most
        self._at_once = at_once or AtOnce()
        self._best: dict[str, tuple[Tensor, Tensor]] = {}

    @torch.no_grad()
    def look(self, images: Tensor, places: Tensor) -> None:
        """Look at a batch.

        Args:
            images: (N, 3, S, S), normalised.
            places: (N,) on the CPU, the pictures' places in the training split.
        """
        parts = self._at_once(self._peaks, images)
        for layer in self._layers:
            values = torch.cat([part[layer] for part in parts], dim=1)
            here = places.to(torch.int32).expand(values.shape)
            if layer in self._best:
                before, where = self._best[layer]
                values, here = torch.cat([before, values], 1), torch.cat([where, here], 1)
            self._best[layer] = largest(values, here, self._most)

    def _peaks(self, images: Tensor) -> dict[str, Tensor]:
        """By layer, (C, N) on the CPU."""
        with FeatureMaps(self._model, self._layers) as captured:
            self._model(images)
            return {layer: peaks(captured.maps[layer]).cpu() for layer in self._layers}

    def of(self, layer: str) -> tuple[Tensor, Tensor]:
        """Values, (C, up to `most`) float32, and the pictures' places, the same in int32."""
        return self._best[layer]

    def state(self) -> dict[str, tuple[Tensor, Tensor]]:
        """All that was found, by layer, as `of` gives it."""
        return dict(self._best)

    def take_up(self, state: Mapping[str, tuple[Tensor, Tensor]]) -> None:
        """Go on from what `state` gave."""
        self._best = dict(state)
