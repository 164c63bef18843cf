"""The measurement by picture: written and read to the last bit; what cannot be one is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from delta_app.attention.by_picture import (
    BY_PICTURE_FILE,
    ByPicture,
    LayerByPicture,
    load_by_picture,
)
from delta_app.errors import AttentionError


def layer(channels: int, importance: bool = True) -> LayerByPicture:
    """Of three measured pictures of two classes, four training pictures."""
    return LayerByPicture(
        importance=torch.randn(channels, 3) if importance else None,
        by_class=torch.randn(2, channels),
        by_class_error=torch.tensor([[0.5], [torch.nan]]).expand(2, channels),
        excited_by=torch.arange(4, dtype=torch.int32).expand(channels, 4),
        excitation=torch.randn(4, channels).T,
    )


@pytest.fixture
def measured() -> ByPicture:
    return ByPicture(
        layers={"z": layer(5), "a.b": layer(2, importance=False)},
        labels=torch.tensor([0, 1, 0]),
        classes=("Möhre", "cat"),
        pictures=("aa", "bb", "dd"),
        train=("aa", "bb", "cc", "dd"),
    )


def test_written_and_read_to_the_last_bit(measured: ByPicture, tmp_path: Path) -> None:
    measured.save(tmp_path / BY_PICTURE_FILE)
    read = load_by_picture(tmp_path / BY_PICTURE_FILE)
    assert list(read.layers) == ["z", "a.b"]
    assert read.layers["a.b"].importance is None
    for name, expected in measured.layers.items():
        for field in dataclasses.fields(expected):
            one, other = getattr(expected, field.name), getattr(read.layers[name], field.name)
            if one is not None:
                torch.testing.assert_close(other, one, rtol=0, atol=0, equal_nan=True)
    assert torch.equal(read.labels, measured.labels)
    assert (read.classes, read.pictures, read.train) == (
        measured.classes,
        measured.pictures,
        measured.train,
    )


def test_a_file_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(AttentionError, match=r"no measurement by picture .*nowhere") as caught:
        load_by_picture(tmp_path / "nowhere.safetensors")
    assert caught.value.cure


@pytest.mark.parametrize("content", [b"", b"{}", b"\x10\0\0\0\0\0\0\0 not a header "])
def test_what_is_no_safetensors_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / BY_PICTURE_FILE).write_bytes(content)
    with pytest.raises(AttentionError, match="is not a measurement by picture"):
        load_by_picture(tmp_path / BY_PICTURE_FILE)


def test_weights_are_no_measurement(tmp_path: Path) -> None:
    save_file({"labels": torch.zeros(2, dtype=torch.int64)}, tmp_path / BY_PICTURE_FILE)
    with pytest.raises(AttentionError, match="KeyError: 'layers'"):
        load_by_picture(tmp_path / BY_PICTURE_FILE)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"importance": torch.zeros(5, 4)}, r"z/importance is \(5, 4\), expected \(5, 3\)"),
        ({"by_class_error": torch.zeros(2, 4)}, r"z/by_class_error is \(2, 4\)"),
        ({"excitation": torch.zeros(5, 3)}, r"z/excitation is \(5, 3\), expected \(5, 4\)"),
        ({"excited_by": torch.full((5, 4), 4)}, "z/excited_by holds 4 to 4, expected 0 to 3"),
        ({"excited_by": torch.zeros(5, 4)}, "z/excited_by is torch.float32"),
        ({"excitation": torch.zeros(5, 4).long()}, "z/excitation is torch.int64"),
        ({"by_class": torch.tensor(1.0)}, "IndexError"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    measured: ByPicture, tmp_path: Path, change: dict[str, Any], complaint: str
) -> None:
    layers = dict(measured.layers)
    layers["z"] = dataclasses.replace(layers["z"], **change)
    dataclasses.replace(measured, layers=layers).save(tmp_path / BY_PICTURE_FILE)
    with pytest.raises(AttentionError, match=complaint):
        load_by_picture(tmp_path / BY_PICTURE_FILE)


@pytest.mark.parametrize("layers", ["[" * 100_000, "7", '["z", {}]', "{"])
def test_metadata_that_are_no_names_are_refused(tmp_path: Path, layers: str) -> None:
    words = {"layers": layers, "classes": "[]", "pictures": "[]", "train": "[]"}
    save_file({"labels": torch.zeros(0).long()}, tmp_path / BY_PICTURE_FILE, metadata=words)
    with pytest.raises(AttentionError, match="is not a measurement by picture") as caught:
        load_by_picture(tmp_path / BY_PICTURE_FILE)
    assert "\n" not in str(caught.value)


def test_a_label_without_a_class_is_refused(measured: ByPicture, tmp_path: Path) -> None:
    wrong = dataclasses.replace(measured, labels=torch.tensor([0, 2, 0]))
    wrong.save(tmp_path / BY_PICTURE_FILE)
    with pytest.raises(AttentionError, match="labels holds 0 to 2, expected 0 to 1"):
        load_by_picture(tmp_path / BY_PICTURE_FILE)
