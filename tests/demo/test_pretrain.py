"""The pretraining: what it does to a batch, and that the bundled weights know the signs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torchvision.models import ShuffleNet_V2_X0_5_Weights, shufflenet_v2_x0_5

from delta_app.demo.bundle import WEIGHTS
from delta_app.demo.pretrain import (
    HARD,
    SIZE,
    Recipe,
    Stage,
    accuracy,
    draw_signs,
    lr_factor,
    normalised,
    pretrain,
    varied,
)
from delta_app.demo.signs import SIGNS


def _network(path: Path) -> torch.nn.Module:
    state = {
        name: value.float() if value.is_floating_point() else value
        for name, value in load_file(path).items()
    }
    network = shufflenet_v2_x0_5(num_classes=len(SIGNS))
    network.load_state_dict(state)
    return network.eval()


@pytest.mark.slow
def test_the_bundled_backbone_knows_signs_it_never_saw() -> None:
    pictures, labels = draw_signs("never seen", 2, SIZE, HARD)
    assert len(pictures) == 2 * len(SIGNS)
    assert accuracy(_network(WEIGHTS), pictures, labels) > 0.6


def test_the_bundled_file_says_what_it_is() -> None:
    with safe_open(WEIGHTS, "pt") as file:
        metadata = file.metadata()
    assert metadata["classes"].split(",") == list(SIGNS)
    assert metadata["backbone"] == "shufflenet_v2_x0_5"


def test_normalised_matches_torchvision() -> None:
    picture = torch.randint(256, (1, 3, 8, 8), dtype=torch.uint8)
    weights = ShuffleNet_V2_X0_5_Weights.IMAGENET1K_V1.transforms(crop_size=8, resize_size=8)
    torch.testing.assert_close(normalised(picture), weights(picture))


def test_varied_keeps_each_pictures_values() -> None:
    """Crops of a picture with one value a channel keep these three values, in some order."""
    values = torch.arange(24, dtype=torch.uint8).view(8, 3, 1, 1)
    batch = varied(values.expand(8, 3, 104, 104), torch.Generator().manual_seed(0))
    assert batch.shape == (8, 3, SIZE, SIZE)
    orders = batch[:, :, 0, 0]
    assert torch.equal(orders.sort(dim=1).values, values.view(8, 3))
    assert not torch.equal(orders, values.view(8, 3))
    assert torch.equal(batch, orders[:, :, None, None].expand_as(batch))


def test_the_learning_rate_warms_up_and_falls_to_zero() -> None:
    assert lr_factor(0.0) < 0.05
    assert lr_factor(0.01) == pytest.approx(1.0)
    assert lr_factor(0.4) == pytest.approx(1.0)
    assert lr_factor(0.7) == pytest.approx(0.5)  # the middle of the cosine
    assert lr_factor(1.0) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.slow
def test_a_short_pretraining_leaves_weights_that_load(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    said: list[str] = []
    recipe = Recipe(
        easy_per_class=1,
        hard_per_class=1,
        held_out_per_class=1,
        stages=(Stage(False, 32, 1), Stage(True, SIZE, 1)),
        batch_size=16,
    )
    reached = pretrain(recipe, path, said.append)
    assert 0.0 <= reached <= 1.0
    assert [line.split(":")[0] for line in said[1:]] == ["epoch 1", "epoch 2"]
    _network(path)
    kept = load_file(path)
    assert kept["conv5.0.weight"].dtype == torch.float16
    assert kept["conv5.1.running_var"].dtype == torch.float32
