"""Which pictures are measured, how often, and that no picture is torn in two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from delta_app.config import AttentionSettings
from delta_app.data.batches import PlainBatches, TrainBatches
from delta_app.data.cache import PictureCache
from delta_app.training.measured_batches import augmented_batches, plain_batches

PICTURES = 18


@pytest.fixture
def cache() -> PictureCache:
    pixels = np.random.default_rng(0).integers(0, 256, (PICTURES, 12, 12, 3), dtype=np.uint8)
    return PictureCache(pixels, torch.arange(PICTURES) + 100, in_memory=True)


def options(cache: PictureCache) -> dict[str, Any]:
    return {
        "labels": torch.arange(len(cache)) % 3,
        "batch_size": 8,
        "mean": (0.5,) * 3,
        "std": (0.5,) * 3,
        "device": "cpu",
        "channels_last": False,
    }


@pytest.mark.parametrize(
    ("settings", "least", "most", "pictures"),
    [
        ({"attention_batches": 2}, 2, 2, 16),
        ({"attention_batches": 9}, 3, 3, 18),
        ({"attention_batches": None}, 3, 3, 18),
        ({"attention_batches": 1, "attention_reliability": 0.9}, 1, 3, 18),
    ],
)
def test_plain_pictures_come_once(
    cache: PictureCache, settings: dict[str, Any], least: int, most: int, pictures: int
) -> None:
    asked = AttentionSettings(attention_batch_size=8, **settings)
    plain = PlainBatches(cache, **options(cache))
    found = plain_batches(asked, plain, torch.Generator().manual_seed(1))
    assert (found.least, found.most, found.pictures, found.images) == (
        least,
        most,
        pictures,
        pictures,
    )
    groups = list(found.groups)
    places = torch.cat([group.places for group in groups]).tolist()
    assert len(groups) == most
    assert len(set(places)) == len(places) == pictures
    assert places != sorted(places)
    for group in groups:
        (batch,) = group.crops
        assert torch.equal(batch.indices, group.places)
        assert torch.equal(batch.labels, group.places % 3)


@pytest.mark.parametrize("wanted", [1, 2, 3, 5, 6, 7])
def test_augmented_batches_hold_the_crops_of_as_many_batches_in_a_row(
    cache: PictureCache, wanted: int
) -> None:
    """Those that an endless reader of epochs would see, each picture's crops in one group."""
    asked = AttentionSettings(
        attention_batches=wanted, attention_pictures="augmented", head_epochs=4
    )
    train = TrainBatches(cache, crop=8, seed=5, **options(cache))
    in_a_row = [batch for epoch in (4, 5, 6) for batch in train.batches(epoch)][:wanted]
    expected: dict[int, list[list[float]]] = {}
    for batch in in_a_row:
        for image, place in zip(batch.images, batch.indices.tolist(), strict=True):
            expected.setdefault(place, []).append(image.flatten().tolist())
    found = augmented_batches(asked, train)
    assert (found.least, found.most) == (wanted, wanted)
    seen: dict[int, list[list[float]]] = {}
    batches = 0
    for group in found.groups:
        crops = list(group.crops)
        assert len(crops) == group.batches
        batches += group.batches
        assert not set(group.places.tolist()) & set(seen)
        for crop in crops:
            for image, place in zip(crop.images, group.places.tolist(), strict=True):
                seen.setdefault(place, []).append(image.flatten().tolist())
    assert batches == wanted
    assert seen == expected
    assert found.pictures == len(expected)
    assert found.images == sum(map(len, expected.values()))
