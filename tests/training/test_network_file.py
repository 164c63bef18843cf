"""model.json: read back as it was written, and whatever describes no network refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from delta_app.atomic_files import write_json
from delta_app.models.preprocessing import preprocessing
from delta_app.training.network_file import read_network

SIZE = preprocessing("shufflenet_v2_x0_5", 64)
ABOUT: dict[str, Any] = {
    "backbone": "shufflenet_v2_x0_5",
    "classes": ["ant", "bee"],
    "preprocessing": SIZE.to_json(),
    "behaviour_layers": ["stage2.3"],
    "weights": "random",
    "weights_digest": "0f",
    "image_size": 64,
}


def test_read_as_written(tmp_path: Path) -> None:
    write_json(tmp_path / "model.json", ABOUT)
    found = read_network(tmp_path / "model.json")
    assert (found.backbone, found.classes, found.preprocessing) == (
        "shufflenet_v2_x0_5", ("ant", "bee"), SIZE
    )  # fmt: skip
    assert (found.behaviour_layers, found.weights, found.weights_digest) == (
        ("stage2.3",), "random", "0f"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"backbone": "resnet5"}, "no backbone is called 'resnet5'"),
        ({"backbone": None}, "backbone: "),
        ({"classes": []}, "classes: "),
        ({"classes": ["ant", 7]}, r"classes\.1: "),
        ({"behaviour_layers": "stage2.3"}, "behaviour_layers: "),
        # A picture of that side would take all memory.
        ({"preprocessing": SIZE.to_json() | {"size": 10**9}}, r"preprocessing\.size: "),
        (
            {"backbone": "alexnet", "preprocessing": SIZE.to_json() | {"size": 32}},
            "AlexNet cannot see pictures of 32 px",
        ),
        ({"preprocessing": SIZE.to_json() | {"std": [0.2, 0.2, 0.0]}}, r"preprocessing\.std\.2: "),
        ({"preprocessing": SIZE.to_json() | {"mean": [0.2]}}, r"preprocessing\.mean"),
        ({"preprocessing": SIZE.to_json() | {"interpolation": "magic"}}, "interpolation"),
    ],
)
def test_what_describes_no_network_is_refused(
    change: dict[str, Any], said: str, tmp_path: Path
) -> None:
    write_json(tmp_path / "model.json", ABOUT | change)
    with pytest.raises(ValueError, match=said) as caught:
        read_network(tmp_path / "model.json")
    assert "\n" not in str(caught.value)
