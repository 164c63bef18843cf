"""Overlays against PIL's own bilinear enlargement, grey and blending."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from delta_app.inspection.colors import color_table
from delta_app.inspection.overlay import enlarged, overlay, paint, tile
from delta_app.inspection.scale import Scale


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def test_enlargement_is_pils_bilinear() -> None:
    values = torch.rand(4, 5, generator=torch.Generator().manual_seed(0))
    by_pil = Image.fromarray(values.numpy()).resize((40, 32), Image.Resampling.BILINEAR)
    torch.testing.assert_close(
        enlarged(values, 32, 40), torch.from_numpy(np.array(by_pil)), atol=1e-5, rtol=0
    )


def test_paint_takes_the_ends_of_the_table() -> None:
    painted = paint(torch.tensor([[0.0, 5.0, 10.0]]), Scale(0.0, 10.0), "viridis")
    table = color_table("viridis")
    assert painted.shape == (1, 3, 3)
    assert painted.dtype == np.uint8
    assert (painted[0, 0] == table[0]).all()
    assert (painted[0, 1] == table[128]).all()
    assert (painted[0, 2] == table[255]).all()


def test_an_overlay_is_pils_blend_of_grey_and_colours(picture) -> None:
    values = torch.rand(3, 3, generator=torch.Generator().manual_seed(1))
    scale = Scale(0.0, 1.0)
    result = overlay(picture, values, scale, "magma", opacity=0.5)
    grey = Image.fromarray(picture).convert("L").convert("RGB")
    colors = Image.fromarray(paint(enlarged(values, 24, 32), scale, "magma"))
    expected = np.array(Image.blend(grey, colors, 0.5)).astype(int)
    assert result.shape == picture.shape
    assert result.dtype == np.uint8
    assert np.abs(result.astype(int) - expected).max() <= 1


def test_the_same_value_has_the_same_colour_in_two_overlays(picture) -> None:
    low, high = torch.full((2, 2), 1.0), torch.full((2, 2), 3.0)
    scale = Scale(0.0, 3.0)
    first = overlay(picture, low, scale, "magma", opacity=1.0)
    second = overlay(picture, high, scale, "magma", opacity=1.0)
    assert (first == color_table("magma")[85]).all()
    assert (second == color_table("magma")[255]).all()


def test_a_bright_spot_stands_where_its_position_is(picture) -> None:
    values = torch.zeros(4, 4)
    values[3, 0] = 1.0  # bottom left
    black = np.zeros_like(picture)
    result = overlay(black, values, Scale(0.0, 1.0), "magma", opacity=1.0)
    brightest = np.unravel_index(result.sum(axis=2).argmax(), result.shape[:2])
    assert brightest[0] >= 18
    assert brightest[1] < 8


def test_opacity_zero_leaves_the_grey_picture(picture) -> None:
    result = overlay(picture, torch.rand(2, 2), Scale(0.0, 1.0), "magma", opacity=0.0)
    grey = np.array(Image.fromarray(picture).convert("L")).astype(int)
    assert np.abs(result.astype(int) - grey[..., None]).max() <= 1


def test_an_opacity_above_one_is_refused(picture) -> None:
    with pytest.raises(ValueError, match=r"from 0 to 1, got 1\.5"):
        overlay(picture, torch.zeros(2, 2), Scale(0.0, 1.0), "magma", opacity=1.5)


def test_a_tile_is_square_whatever_the_map() -> None:
    assert tile(torch.rand(2, 3), Scale(0.0, 1.0), "viridis", 48).shape == (48, 48, 3)
