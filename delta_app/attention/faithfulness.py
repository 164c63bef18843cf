"""Whether an order of importance holds: loss and accuracy as a layer's filters are disabled in it.

Where the importances say something true, disabling the most important filters first harms more
than disabling the least important ones first, and random orders lie between. Pure functions on
curves and orders, and the file that holds the curves of every layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from delta_app.atomic_files import write_json
from delta_app.errors import AttentionError
from delta_app.json_files import read_json

FAITHFULNESS_FILE = "faithfulness.json"
FORMAT = 1

EVEN_STEPS = 12
"""How many steps of one size lead from no filter to all, beside the small ones at the start."""


@dataclass(frozen=True)
class Curve:
    """What a network is worth as more and more filters are disabled in one order.

    Attributes:
        loss: mean cross-entropy in nats, (S,) float64.
        accuracy: top-1, in [0, 1], (S,) float64.
    """

    loss: Tensor
    accuracy: Tensor


@dataclass(frozen=True)
class LayerFaithfulness:
    """One behaviour layer's curves, all at the same shares.

    Attributes:
        shares: of the layer's filters that are disabled, rising from 0 to 1, (S,) float64.
        most, least: most and least important filter first.
        random: one curve a random order, at least one.
    """

    shares: Tensor
    most: Curve
    least: Curve
    random: tuple[Curve, ...]

    @property
    def area(self) -> float:
        """How far the loss of most first lies above that of least first, as `area_between`."""
        return area_between(self.shares, self.most.loss, self.least.loss)

    @property
    def better_than_random(self) -> bool:
        """Whether the order beats every random one at both ends, by the loss."""
        random = [curve.loss for curve in self.random]
        return better_than_random(self.shares, self.most.loss, self.least.loss, random)


@dataclass(frozen=True)
class Faithfulness:
    """The curves of one measurement of attention.

    Attributes:
        layers: by behaviour layer.
        split: of the held-back pictures, "val" or "test".
        pictures: how many of them.
        orders: how many random orders each layer has.
        contents: hash of the pictures' contents; empty where it is not known.
    """

    layers: Mapping[str, LayerFaithfulness]
    split: str
    pictures: int
    orders: int
    contents: str = ""

    def save(self, path: Path) -> None:
        """Write the file whole or not at all."""
        write_json(
            path,
            {
                "format": FORMAT,
                "split": self.split,
                "pictures": self.pictures,
                "orders": self.orders,
                "contents": self.contents,
                "layers": [
                    {
                        "name": name,
                        "shares": layer.shares.tolist(),
                        "most": _listed(layer.most),
                        "least": _listed(layer.least),
                        "random": [_listed(curve) for curve in layer.random],
                    }
                    for name, layer in self.layers.items()
                ],
            },
        )


def area_between(shares: Tensor, most: Tensor, least: Tensor) -> float:
    """Mean over the share disabled of loss(most first) - loss(least first), by trapezoids.

    Above 0 where the order holds, about 0 where it says nothing.

    Args:
        shares: rising from 0 to 1, (S,).
        most, least: mean cross-entropy in nats, (S,).
    """
    return _mean(shares, most - least)


def better_than_random(shares: Tensor, most: Tensor, least: Tensor, random: list[Tensor]) -> bool:
    """Whether an order is better than every random one, at its beginning and at its end.

    The loss of most first lies, on the mean over the share disabled, above that of every random
    order, and that of least first below every one.

    Args:
        shares: rising from 0 to 1, (S,).
        most, least: mean cross-entropy in nats, (S,).
        random: the same of each random order, at least one.
    """
    means = [_mean(shares, loss) for loss in random]
    return _mean(shares, most) > max(means) and _mean(shares, least) < min(means)


def numbers_disabled(channels: int) -> list[int]:
    """How many of a layer's filters are disabled at each point: from none to all, ascending.

    Powers of two as long as they are smaller than a twelfth of the layer, then every twelfth:
    where few filters are disabled an order shows most. At most 21 points for 2048 filters.
    """
    even = {round(step * channels / EVEN_STEPS) for step in range(EVEN_STEPS + 1)}
    small = {2**power for power in range(channels.bit_length()) if 2**power * EVEN_STEPS < channels}
    return sorted(even | small)


def most_first(importance: Tensor) -> Tensor:
    """Filters by falling importance, (C,); reversed, the least important come first."""
    return importance.argsort(descending=True, stable=True)


def random_orders(channels: int, orders: int, seed: int) -> list[Tensor]:
    """So many orders of the filters, (C,) each; the seed alone decides them."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randperm(channels, generator=generator) for _ in range(orders)]


def load_faithfulness(path: str | Path) -> Faithfulness:
    """Read a file of curves.

    Raises:
        AttentionError: no such file, not such a file, or numbers that cannot be such curves.
    """
    path = Path(path)
    try:
        content = read_json(path)
    except OSError as error:
        raise AttentionError(
            f"The faithfulness file {path} cannot be read: {error.strerror}.", cure=_CURE
        ) from error
    except ValueError as error:
        raise _not_faithfulness(path, f"it is not JSON ({error})") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _not_faithfulness(path, f'expected an object with "format": {FORMAT}')
    try:
        if content["split"] not in ("val", "test"):
            raise ValueError(f"its split is {content['split']!r}, expected val or test")
        return Faithfulness(
            layers={str(entry["name"]): _layer(entry) for entry in content["layers"]},
            split=content["split"],
            pictures=int(content["pictures"]),
            orders=int(content["orders"]),
            contents=str(content["contents"]),
        )
    except (LookupError, TypeError, ValueError, OverflowError, RuntimeError) as error:
        raise _not_faithfulness(path, f"{type(error).__name__}: {error}") from error


_CURE = "Measure it again with the attention command and --faithfulness."


def _not_faithfulness(path: Path, why: str) -> AttentionError:
    return AttentionError(f"{path} is not a faithfulness file of this app: {why}.", cure=_CURE)


def _listed(curve: Curve) -> dict[str, list[float]]:
    return {"loss": curve.loss.tolist(), "accuracy": curve.accuracy.tolist()}


def _layer(entry: Mapping[str, Any]) -> LayerFaithfulness:
    name, shares = entry["name"], torch.tensor(entry["shares"], dtype=torch.float64)
    rising = len(shares) > 1 and bool((shares.diff() > 0).all())
    if not rising or shares[0] != 0 or shares[-1] != 1:
        raise ValueError(f"the shares of {name} do not rise from 0 to 1")
    if not entry["random"]:
        raise ValueError(f"{name} has no random order")
    return LayerFaithfulness(
        shares,
        _curve(entry["most"], name, len(shares)),
        _curve(entry["least"], name, len(shares)),
        tuple(_curve(each, name, len(shares)) for each in entry["random"]),
    )


def _curve(values: Mapping[str, Any], name: str, points: int) -> Curve:
    loss = torch.tensor(values["loss"], dtype=torch.float64)
    accuracy = torch.tensor(values["accuracy"], dtype=torch.float64)
    if not loss.shape == accuracy.shape == (points,):
        raise ValueError(f"the curves of {name} do not all have {points} points")
    if not bool(loss.isfinite().all()) or not bool(((accuracy >= 0) & (accuracy <= 1)).all()):
        raise ValueError(f"a curve of {name} has an infinite loss or an accuracy beyond 0 to 1")
    return Curve(loss, accuracy)


def _mean(shares: Tensor, values: Tensor) -> float:
    """Over the share disabled, from 0 to 1."""
    return float(torch.trapezoid(values, shares))
