"""Batches cover an epoch once, can be entered anywhere, and fit the layout asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torchvision.transforms import functional

from delta_app.data.augment import crop_parameters
from delta_app.data.batches import PlainBatches, TrainBatches, batch_sizes
from delta_app.data.cache import PictureCache
from delta_app.data.records import Picture

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LABELS = [i % 3 for i in range(10)]


@pytest.fixture
def cache(tmp_path: Path, draw: Callable[..., Path]) -> PictureCache:
    pictures = []
    for i in range(10):
        path = draw(tmp_path / "data" / f"{i}.png", i)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        pictures.append(Picture(str(path), path.name, LABELS[i], digest, 20, 14))
    return PictureCache.open(
        pictures,
        size=18,
        interpolation="bilinear",
        folder=tmp_path / "cache",
        memory_budget=10**9,
    )


def reference(pictures: torch.Tensor) -> torch.Tensor:
    """uint8 to normalised float32, by torchvision."""
    return functional.normalize(functional.convert_image_dtype(pictures), MEAN, STD)


def train_batches(
    cache: PictureCache,
    *,
    batch_size: int = 4,
    seed: int = 0,
    device: str = "cpu",
    channels_last: bool = True,
) -> TrainBatches:
    return TrainBatches(
        cache,
        LABELS,
        batch_size=batch_size,
        crop=16,
        mean=MEAN,
        std=STD,
        seed=seed,
        device=device,
        channels_last=channels_last,
    )


@pytest.mark.parametrize(
    ("n", "batch_size", "sizes"),
    [
        (10, 4, [4, 4, 2]),  # the last partial batch is kept
        (8, 4, [4, 4]),
        (9, 4, [4, 5]),  # one picture alone joins the batch before
        (1, 4, [1]),  # unless there is none
        (3, 4, [3]),
        (0, 4, []),
    ],
)
def test_batch_sizes(n: int, batch_size: int, sizes: list[int]) -> None:
    assert batch_sizes(n, batch_size) == sizes


def test_every_picture_once_an_epoch(cache: PictureCache) -> None:
    batches = train_batches(cache)
    epoch = list(batches.batches(0))
    assert len(epoch) == batches.steps_per_epoch == 3
    seen = torch.cat([batch.indices for batch in epoch])
    assert sorted(seen.tolist()) == list(range(10))
    assert seen.tolist() != list(range(10))
    assert torch.cat([batch.labels for batch in epoch]).tolist() == [LABELS[i] for i in seen]
    other = torch.cat([batch.indices for batch in batches.batches(1)])
    assert other.tolist() != seen.tolist()


def test_images_are_the_pictures_own_crops_normalised(cache: PictureCache) -> None:
    for batch in train_batches(cache, seed=3).batches(2):
        top, left, flip = crop_parameters(3, 2, cache.keys[batch.indices], 18, 16)
        for row, index in enumerate(batch.indices.tolist()):
            whole = cache.pictures(torch.tensor([index]))[0]
            crop = functional.crop(whole, int(top[row]), int(left[row]), 16, 16)
            expected = reference(crop.flip(2) if flip[row] else crop)
            assert torch.equal(batch.images[row], expected)


def test_batch_size_does_not_change_a_pictures_crop(cache: PictureCache) -> None:
    def images(batch_size: int) -> torch.Tensor:
        epoch = list(train_batches(cache, batch_size=batch_size).batches(1))
        order = torch.cat([batch.indices for batch in epoch])
        return torch.cat([batch.images for batch in epoch])[order.argsort()]

    assert torch.equal(images(4), images(7))
    assert not torch.equal(images(4), next(train_batches(cache, batch_size=10).batches(2)).images)


def test_epoch_can_be_entered_in_the_middle(cache: PictureCache) -> None:
    batches = train_batches(cache)
    whole = list(batches.batches(4))
    rest = list(batches.batches(4, start_batch=1))
    assert len(rest) == 2
    for one, other in zip(whole[1:], rest, strict=True):
        assert torch.equal(one.images, other.images)
        assert torch.equal(one.indices, other.indices)


@pytest.mark.parametrize("channels_last", [True, False])
def test_memory_layout(cache: PictureCache, channels_last: bool) -> None:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    batch = next(train_batches(cache, channels_last=channels_last).batches(0))
    assert batch.images.shape == (4, 3, 16, 16)
    assert batch.images.is_contiguous(memory_format=layout)
    other = next(train_batches(cache, channels_last=not channels_last).batches(0))
    assert torch.equal(batch.images, other.images)


def test_plain_batches_are_in_order_and_unaugmented(cache: PictureCache) -> None:
    plain = PlainBatches(
        cache, torch.tensor(LABELS), batch_size=4, mean=MEAN, std=STD, device="cpu",
        channels_last=True,
    )  # fmt: skip
    batches = list(plain)
    assert len(plain) == len(batches) == 3
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(10))
    assert torch.cat([batch.labels for batch in batches]).tolist() == LABELS
    images = torch.cat([batch.images for batch in batches])
    assert torch.equal(images, reference(cache.pictures(torch.arange(10))))
    assert torch.equal(next(iter(plain)).images, images[:4])  # again from the start


def test_labels_must_fit(cache: PictureCache) -> None:
    with pytest.raises(ValueError, match="3 labels for 10 pictures"):
        PlainBatches(
            cache, [0, 1, 2], batch_size=4, mean=MEAN, std=STD, device="cpu", channels_last=True
        )


@pytest.mark.cuda
def test_cuda_batches_are_the_cpus_without_waiting(cache: PictureCache) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    expected = list(train_batches(cache).batches(0))
    batches = train_batches(cache, device="cuda")
    list(batches.batches(1))  # the first use of each kernel may wait
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = list(batches.batches(0))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    for one, other in zip(found, expected, strict=True):
        assert one.images.is_cuda
        assert one.labels.is_cuda
        assert not one.indices.is_cuda
        assert torch.allclose(one.images.cpu(), other.images, atol=1e-6)
        assert torch.equal(one.labels.cpu(), other.labels)
