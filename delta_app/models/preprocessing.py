"""What a picture goes through before the network: size, mean, standard deviation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from delta_app.errors import SettingsError
from delta_app.json_files import checked
from delta_app.models.catalog import backbone, default_weights

_Side = Annotated[int, Field(ge=1, le=4096)]
"""In a file from elsewhere a longer one would take all memory."""

_Share = Annotated[float, Field(ge=0.0, le=1.0)]
_Deviation = Annotated[float, Field(gt=0.0, le=1.0)]


@dataclass(frozen=True)
class Preprocessing:
    """How pictures are made into the network's input.

    Attributes:
        size: side of the square the network sees, px.
        resize: side of the square that training crops are cut from, px.
        mean, std: of the three channels, for values in [0, 1].
        interpolation: "bilinear" or "bicubic".
    """

    size: _Side
    resize: _Side
    mean: tuple[_Share, _Share, _Share]
    std: tuple[_Deviation, _Deviation, _Deviation]
    interpolation: Literal["bilinear", "bicubic", "nearest"]

    def to_json(self) -> dict[str, Any]:
        """Plain types for a JSON file."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Preprocessing:
        """The inverse of `to_json`.

        Raises:
            ValueError: it is the preprocessing of no network.
        """
        return checked(_PREPROCESSING, values)


_PREPROCESSING = TypeAdapter(Preprocessing)


def preprocessing(name: str, image_size: int | None = None) -> Preprocessing:
    """The preprocessing of a backbone at a picture size.

    Mean, standard deviation and interpolation are the weights' (torchvision's metadata); the
    geometry is the authors': a square resize to round(size * 256 / 224), 320 / 299 for
    Inception v3, from which training crops are cut, and a square resize to `size` for tests.

    Args:
        image_size: side in px; None takes the size the weights were made for.

    Raises:
        BackboneError: an unknown backbone.
        SettingsError: a size too small for the network.
    """
    entry = backbone(name)
    size = entry.input_size if image_size is None else image_size
    if size < entry.smallest_size:
        raise SettingsError(
            f"{entry.label} cannot see pictures of {size} px.",
            cure=f"Choose a picture size of at least {entry.smallest_size} px.",
            field="image_size",
        )
    transforms = default_weights(name).transforms()
    numerator, denominator = (320, 299) if name == "inception_v3" else (256, 224)
    return Preprocessing(
        size=size,
        resize=round(size * numerator / denominator),
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
        interpolation=transforms.interpolation.value,
    )
