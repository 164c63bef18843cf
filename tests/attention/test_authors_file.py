"""The authors' file: their attention from their lists, and back; what does not fit is said."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from delta_app.attention.artifact import ChannelAttention, LayerAttention
from delta_app.attention.authors_file import (
    authors_json,
    importances_in,
    is_authors_file,
    load_given,
)
from delta_app.errors import AttentionError

CHANNELS = {"layer1.2.conv3": 3, "layer2.3.conv3": 2}
LISTS = [[1.3969838619232178e-09, 9.671784937381744e-07, -0.5], [0.25, -2e-05]]


def written(content: Any, folder: Path) -> Path:
    path = folder / "channel_wei.json"
    path.write_text(json.dumps(content))
    return path


@pytest.mark.parametrize("temperature", [5.0, 2.0])
def test_the_attention_is_what_the_authors_make_of_it(tmp_path: Path, temperature: float) -> None:
    """As in their train.py: NumPy's mean and standard deviation, then softmax."""
    found = load_given(written(LISTS, tmp_path), CHANNELS, temperature)
    assert list(found.layers) == list(CHANNELS)
    for values, layer in zip(LISTS, found.layers.values(), strict=True):
        scores = (np.array(values) - np.mean(values)) / np.std(values)
        expected = np.exp(scores / temperature) / np.exp(scores / temperature).sum()
        np.testing.assert_allclose(layer.attention.numpy(), expected, rtol=1e-12)
        assert layer.importance.tolist() == values
        assert layer.standard_error.isinf().all()
    assert found.settings == {"temperature": temperature}


def test_there_and_back_to_the_last_bit() -> None:
    text = authors_json(torch.tensor(each, dtype=torch.float64) for each in LISTS)
    assert json.loads(text) == LISTS
    found = importances_in(json.loads(text), CHANNELS, "it")
    assert [each.tolist() for each in found.values()] == LISTS


def test_a_file_of_this_app_is_taken_as_it_is(tmp_path: Path) -> None:
    layer = LayerAttention(torch.zeros(2), torch.zeros(2), torch.tensor([0.25, 0.75]))
    ChannelAttention({"a": layer}, pictures=("p",)).save(tmp_path / "attention.json")
    found = load_given(tmp_path / "attention.json", CHANNELS, 1.0)
    assert found.layers["a"].attention.tolist() == [0.25, 0.75]
    assert found.pictures == ("p",)


def test_the_two_forms_are_told_apart_by_how_they_begin(tmp_path: Path) -> None:
    assert is_authors_file(written(LISTS, tmp_path))
    (tmp_path / "own.json").write_text('\n {"format": 1}')
    assert not is_authors_file(tmp_path / "own.json")
    assert not is_authors_file(tmp_path / "nowhere.json")
    assert not is_authors_file(tmp_path)
    assert not is_authors_file("no file\0can be called so")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([[1, 2, 3]], r"has 1 lists, .*; expected 2, for layer1\.2\.conv3, layer2\.3\.conv3"),
        ([[1, 2, 3], [1, 2, 3]], r"has 3 importances in list 2; expected 2, .* layer2\.3\.conv3"),
        ([[1, 2, 3], [1, "a"]], r"has 'a' in list 2, for layer2\.3\.conv3; expected finite"),
        ([[1, None, 3], [1, 2]], r"has None in list 1"),
        ([[1, math.nan, 3], [1, 2]], r"has nan in list 1"),
        ([[1, True, 3], [1, 2]], r"has True in list 1"),
        ([[1, 10**400, 3], [1, 2]], r"has 10+ in list 1"),  # no float64 holds it
        ([[1, 1e308, -1e308], [1, 2]], r"too large to be compared, up to 1e\+308"),
        ([1, 2], "no list of lists"),
    ],
)
def test_what_does_not_fit_names_file_expected_and_got(
    tmp_path: Path, content: Any, complaint: str
) -> None:
    path = written(content, tmp_path)
    with pytest.raises(AttentionError, match=complaint) as caught:
        load_given(path, CHANNELS, 5.0)
    assert str(path) in caught.value.message
    assert caught.value.cure
    assert caught.value.field == "attention"
