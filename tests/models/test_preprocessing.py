"""Geometry by the authors' protocol, colours by torchvision's metadata."""

from __future__ import annotations

import pytest

from delta_app.errors import SettingsError
from delta_app.models.catalog import backbones
from delta_app.models.preprocessing import Preprocessing, preprocessing


@pytest.mark.parametrize(
    ("name", "image_size", "size", "resize"),
    [
        ("resnet50", None, 224, 256),
        ("resnet50", 128, 128, 146),  # 146.29
        ("inception_v3", None, 299, 320),
        ("inception_v3", 150, 150, 161),  # 160.54
        ("efficientnet_b1", None, 240, 274),  # 274.29
        ("densenet121", 64, 64, 73),
    ],
)
def test_sizes(name: str, image_size: int | None, size: int, resize: int) -> None:
    made = preprocessing(name, image_size)
    assert (made.size, made.resize) == (size, resize)


def test_colours_and_interpolation_are_the_weights() -> None:
    resnet = preprocessing("resnet18")
    assert resnet.mean == (0.485, 0.456, 0.406)
    assert resnet.std == (0.229, 0.224, 0.225)
    assert resnet.interpolation == "bilinear"
    large = preprocessing("efficientnet_v2_l")
    assert large.mean == large.std == (0.5, 0.5, 0.5)
    assert large.interpolation == "bicubic"


def test_json_and_back() -> None:
    made = preprocessing("resnet18", 96)
    assert Preprocessing.from_json(made.to_json()) == made


def test_every_backbone_has_one_the_cache_can_do() -> None:
    for entry in backbones():
        assert preprocessing(entry.name).interpolation in ("bilinear", "bicubic")


def test_a_size_too_small_names_the_smallest() -> None:
    with pytest.raises(SettingsError, match="cannot see pictures of 64 px") as caught:
        preprocessing("inception_v3", 64)
    assert caught.value.field == "image_size"
    assert "75" in caught.value.cure
