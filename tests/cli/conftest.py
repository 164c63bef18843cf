"""The command line in the tests' own process, on drawn pictures and a small network."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image, ImageDraw

from delta_app.cli import main


@dataclass
class Said:
    """What a command ended with."""

    code: int
    out: str
    err: str

    @property
    def last_json(self) -> Any:
        """The last line of stdout."""
        return json.loads(self.out.strip().splitlines()[-1])


Say = Callable[..., Said]


@pytest.fixture(scope="session")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes, told apart by shape and colour; eight pictures each."""
    root = tmp_path_factory.mktemp("drawn") / "shapes"
    for name, colour in {
        "blue": (40, 60, 220),
        "green": (40, 200, 70),
        "red": (220, 50, 40),
    }.items():
        (root / name).mkdir(parents=True)
        for number in range(8):
            picture = Image.new("RGB", (40, 40 + number), (20 * number, 200 - 20 * number, 128))
            ImageDraw.Draw(picture).rectangle((number, 2, number + 20, 30), fill=colour)
            picture.save(root / name / f"{number}.png")
    return root


@pytest.fixture(scope="session", autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Nothing of these tests lands in the user's own folders."""
    patch = pytest.MonkeyPatch()
    patch.setenv("DELTA_RUNS_DIR", str(tmp_path_factory.mktemp("runs")))
    patch.setenv("DELTA_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """say("runs", "list"): run a command; its exit code and what it printed."""

    def run(*words: object) -> Said:
        threads = torch.get_num_threads()
        capsys.readouterr()
        code = main([str(word) for word in words])
        torch.set_num_threads(threads)
        printed = capsys.readouterr()
        return Said(code, printed.out, printed.err)

    return run


@pytest.fixture
def small(shapes: Path) -> list[str]:
    """Options of a run that takes a second."""
    return [
        *("--data", str(shapes), "--backbone", "shufflenet_v2_x0_5", "--weights", "random"),
        *("--image-size", "64", "--epochs", "2", "--batch-size", "8"),
        *("--device", "cpu", "--threads", "1"),
    ]


@pytest.fixture
def trained(say: Say, small: list[str], tmp_path: Path) -> tuple[list[str], dict[str, Any]]:
    """A finished L2 run in a store of its own: the option that names the store, the result."""
    where = ["--runs-dir", str(tmp_path / "runs")]
    said = say("train", *small, "--method", "l2", "--name", "first", "--json", *where)
    assert said.code == 0, said.err
    return where, said.last_json
