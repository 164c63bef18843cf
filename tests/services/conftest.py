"""Runs that have a network, without the time it takes to train one."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from small_runs import small_runs
from torch import nn

from delta_app.atomic_files import write_json
from delta_app.models.build import build_source, build_target
from delta_app.models.catalog import backbone
from delta_app.models.head import head_parameters
from delta_app.models.preprocessing import preprocessing
from delta_app.runs.records import RunRecord
from delta_app.runs.store import RunStore
from delta_app.training.weights_files import cpu_state, save_state

INSECTS = ("ants", "bees", "wasps")


@pytest.fixture
def run_with_network(tmp_path: Path) -> Callable[..., RunRecord]:
    """run_with_network(backbone): a run whose folder holds what training leaves there.

    With `trained=False` it is a run that has just been queued.
    """
    store = RunStore(tmp_path / "runs")

    def make(name: str = "shufflenet_v2_x0_5", *, trained: bool = True) -> RunRecord:
        run = store.create(
            "training", "a run", {"optimization": {"seed": 5}}, method="delta",
            method_label="DELTA", color="#D55E00", dataset="insects", backbone=name,
        )  # fmt: skip
        if trained:
            size = max(64, backbone(name).smallest_size)
            generator = torch.Generator().manual_seed(3)
            network = build_target(build_source(name, "random"), len(INSECTS), generator)
            _make_lively(network, size)
            save_state(run.folder / "best.safetensors", cpu_state(network))
            about = {
                "backbone": name,
                "classes": INSECTS,
                "preprocessing": preprocessing(name, size).to_json(),
            }
            write_json(run.folder / "model.json", about)
        return run

    return make


def _make_lively(network: nn.Module, size: int) -> None:
    """Give random weights answers that depend on the picture.

    Without trained BatchNorm statistics the signal dies on its way through a deep network: it
    would say the same of every picture, and any preprocessing would seem right.
    """
    batch = torch.randn(6, 3, size, size, generator=torch.Generator().manual_seed(0))
    batch[:3] *= torch.linspace(0.2, 2, size)  # pictures unlike one another at large, too
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        network.train()(batch)
        spread = network.eval()(batch).std(dim=0).mean()
        for parameter in head_parameters(network):
            parameter *= 1.5 / spread


@pytest.fixture
def noise_pictures(tmp_path: Path) -> list[Path]:
    """Three pictures of noise that differ in size and brightness."""
    paths = []
    generator = torch.Generator().manual_seed(1)
    for number in range(3):
        shape, brightest = (90 - number, 70, 3), 85 * (number + 1)
        noise = torch.randint(0, brightest, shape, dtype=torch.uint8, generator=generator)
        paths.append(tmp_path / f"picture {number}.png")
        Image.fromarray(noise.numpy()).save(paths[-1])
    return paths


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The runs folder of this machine, empty."""
    monkeypatch.setenv("DELTA_RUNS_DIR", str(tmp_path / "here"))
    monkeypatch.setenv("DELTA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "here"


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """A DELTA run's folder as somebody sent it, free to be changed; what is large was left out."""
    small = small_runs()
    large = ("last.ckpt", "snapshot.safetensors")
    return shutil.copytree(
        small.folder(small.delta),
        tmp_path / "received" / small.delta,
        ignore=shutil.ignore_patterns("*.lock", *large),
    )
