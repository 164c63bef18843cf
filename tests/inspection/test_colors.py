"""Colour tables against the same tables as Plotly ships them."""

from __future__ import annotations

import numpy as np
import pytest
from plotly import colors as plotly_colors

from delta_app.inspection.colors import color_table, css_colors


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("magma", plotly_colors.sequential.Magma),
        ("viridis", plotly_colors.sequential.Viridis),
    ],
)
def test_tables_are_the_published_ones(name, published) -> None:
    # Plotly's ten colours are every 28th or 29th of matplotlib's 256.
    at = np.linspace(0, 255, len(published)).round().astype(int)
    expected = np.array([list(bytes.fromhex(color[1:])) for color in published])
    ours = color_table(name)[at].astype(int)
    assert np.abs(ours - expected).max() <= 3


@pytest.mark.parametrize("name", ["magma", "viridis"])
def test_brighter_is_more(name) -> None:
    luma = color_table(name) @ np.array([0.2126, 0.7152, 0.0722])
    assert (np.diff(luma) > -0.5).all()


def test_the_diverging_middle_is_nearly_white() -> None:
    table = color_table("diverging").astype(int)
    assert table[127].min() > 240
    assert table[128].min() > 240
    assert table[0, 2] > table[0, 0], "low is blue"
    assert table[-1, 0] > table[-1, 2], "high is red"


def test_css_colors_start_and_end_with_the_table() -> None:
    colors = css_colors("magma", steps=5)
    assert len(colors) == 5
    assert colors[0] == "rgb(0, 0, 4)"
    assert colors[-1] == "rgb(252, 253, 191)"


def test_a_table_cannot_be_changed_by_a_caller() -> None:
    with pytest.raises(ValueError, match="read-only"):
        color_table("magma")[0] = 1
