"""Crops and flips against plain slicing, normalisation against torchvision."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms import functional

from delta_app.data.augment import (
    crop_and_flip,
    crop_parameters,
    cropped_by_strides,
    epoch_order,
    normalise,
    scaled,
)

Crop = Callable[[Tensor, Tensor, Tensor, Tensor, int], Tensor]

KEYS = torch.arange(1000) * 7919 + 3


def splitmix(state: int) -> int:
    """The published finaliser, in Python's own integers."""
    mask = 2**64 - 1
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & mask
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & mask
    return state ^ (state >> 31)


def drawn(seed: int, stream: int, epoch: int, key: int) -> int:
    mask, golden = 2**64 - 1, 0x9E3779B97F4A7C15
    state = seed
    for part in (stream, epoch):
        state = splitmix((state + golden * (part + 1)) & mask)
    return splitmix((splitmix(state ^ (key * golden & mask)) + key) & mask)


def test_numbers_are_the_published_generators() -> None:
    top, left, flip = crop_parameters(5, 2, KEYS[:20], 146, 128)
    for i, key in enumerate(KEYS[:20].tolist()):
        assert top[i] == (drawn(5, 2, 2, key) >> 32) * 19 >> 32
        assert left[i] == (drawn(5, 3, 2, key) >> 32) * 19 >> 32
        assert bool(flip[i]) == bool(drawn(5, 4, 2, key) >> 63)


def test_numbers_hang_on_seed_epoch_and_picture_not_on_the_batch() -> None:
    whole = crop_parameters(0, 3, KEYS, 146, 128)
    order = torch.from_numpy(np.random.default_rng(0).permutation(len(KEYS)))
    for part in order.split(17):
        for one, all_of_them in zip(
            crop_parameters(0, 3, KEYS[part], 146, 128), whole, strict=True
        ):
            assert torch.equal(one, all_of_them[part])
    for seed, epoch in ((1, 3), (0, 4)):
        other = crop_parameters(seed, epoch, KEYS, 146, 128)
        assert all((a == b).float().mean() < 0.6 for a, b in zip(other, whole, strict=True))


def test_numbers_are_uniform_and_independent() -> None:
    keys = torch.arange(20_000)
    top, left, flip = crop_parameters(0, 0, keys, 20, 16)  # five places each way
    for places in (top, left):
        counts = torch.bincount(places, minlength=5)
        assert len(counts) == 5  # both ends are reached, nothing beyond
        assert ((counts - 4000).abs() < 250).all()  # over four standard deviations (57)
    assert abs(flip.float().mean().item() - 0.5) < 0.015
    together = torch.bincount(top * 5 + left, minlength=25)
    assert ((together - 800).abs() < 130).all()


def test_whole_picture_has_one_place() -> None:
    top, left, _ = crop_parameters(0, 0, KEYS, 32, 32)
    assert not top.any()
    assert not left.any()


def test_crop_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match="crop of 33 px does not fit into pictures of 32 px"):
        crop_parameters(0, 0, KEYS, 32, 33)


def reference(pictures: Tensor, top: Tensor, left: Tensor, flip: Tensor, size: int) -> Tensor:
    rows = []
    for picture, y, x, mirrored in zip(pictures, top, left, flip, strict=True):
        crop = functional.crop(picture, int(y), int(x), size, size)
        rows.append(functional.hflip(crop) if mirrored else crop)
    return torch.stack(rows)


@pytest.mark.parametrize("crop", [crop_and_flip, cropped_by_strides])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("height", "width", "size"), [(13, 13, 8), (13, 17, 13), (9, 9, 9)])
def test_crop_and_flip_is_exact(
    crop: Crop, layout: torch.memory_format, height: int, width: int, size: int
) -> None:
    """Both ways: slices for the CPU, one strided view for other devices."""
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (12, 3, height, width), generator=generator).to(torch.uint8)
    pictures = pictures.contiguous(memory_format=layout)
    # Corners among them: the last run of pixels must not reach past the memory.
    top = torch.tensor([0, height - size] * 6)
    left = torch.tensor([0, 0, width - size, width - size] * 3)
    flip = torch.tensor([True, False, False, True, False, False] * 2)
    cropped = crop(pictures, top, left, flip, size)
    assert cropped.dtype == torch.uint8
    assert cropped.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(cropped, reference(pictures, top, left, flip, size))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_normalise_is_torchvisions_to_the_last_bit(layout: torch.memory_format) -> None:
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    pictures = torch.arange(256).to(torch.uint8).repeat(3)[: 3 * 16 * 16]
    pictures = pictures.view(1, 3, 16, 16).contiguous(memory_format=layout)
    expected = functional.normalize(functional.convert_image_dtype(pictures), mean, std)
    normalised = normalise(pictures, mean, std)
    assert normalised.dtype == torch.float32
    assert torch.equal(normalised, expected)
    assert normalised.is_contiguous(memory_format=layout)
    as_tensors = normalise(pictures, torch.tensor(mean), torch.tensor(std))
    assert torch.equal(as_tensors, expected)
    constants = (torch.tensor(each).view(3, 1, 1) for each in (mean, std))
    assert torch.equal(scaled(pictures, *constants), expected)  # what other devices compute


def test_order_is_a_permutation_of_its_own_each_epoch() -> None:
    first, second = epoch_order(0, 0, 500), epoch_order(0, 1, 500)
    assert sorted(first.tolist()) == list(range(500))
    assert torch.equal(first, epoch_order(0, 0, 500))
    assert (first == second).sum() < 10
    assert (first == epoch_order(1, 0, 500)).sum() < 10
    assert epoch_order(0, 0, 0).tolist() == []


@pytest.mark.cuda
def test_crops_on_cuda_are_the_cpus_and_nothing_is_read_back() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (16, 3, 40, 40), generator=generator).to(torch.uint8)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    top, left, flip = crop_parameters(0, 0, KEYS[:16], 40, 32)
    mean, std = torch.tensor([0.5, 0.4, 0.3]), torch.tensor([0.2, 0.3, 0.4])
    expected = normalise(crop_and_flip(pictures, top, left, flip, 32), mean, std)
    device = [each.cuda() for each in (pictures, top, left, flip, mean, std)]
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        result = normalise(crop_and_flip(*device[:4], 32), device[4], device[5])
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.allclose(result.cpu(), expected, atol=1e-6)
