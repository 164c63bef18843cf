"""A sound runs folder to damage: one finished DELTA run that has every file a run can have."""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from delta_app.attention.faithfulness import FAITHFULNESS_FILE
from delta_app.runs.control import Shutdown
from delta_app.runs.store import STORE_FILE, RunStore
from delta_app.services import runs
from delta_app.training.run_config import RunConfig

BACKBONE = "shufflenet_v2_x0_5"


@dataclass(frozen=True)
class Place:
    """A runs folder with one sound run."""

    runs_dir: Path
    run_id: str

    @property
    def folder(self) -> Path:
        """Of the run."""
        return self.runs_dir / self.run_id

    @property
    def store(self) -> Path:
        """The store's file."""
        return self.runs_dir / STORE_FILE

    def copied(self, to: Path) -> Place:
        """The same in another folder, free to be changed."""
        locks = shutil.ignore_patterns("locks", "*.lock", "*-wal", "*-shm")
        shutil.copytree(self.runs_dir, to, ignore=locks)
        return Place(to, self.run_id)


def make_place(root: Path) -> Place:
    """Draw pictures into `root`, train on them for a moment, and measure what can be measured."""
    os.environ.setdefault("DELTA_CACHE_DIR", str(root / "cache"))
    for name, colour in {"green": (40, 200, 70), "red": (220, 50, 40)}.items():
        (root / "shapes" / name).mkdir(parents=True)
        for number in range(8):
            picture = Image.new("RGB", (40, 40 + number), (20 * number, 200 - 20 * number, 128))
            ImageDraw.Draw(picture).rectangle((number, 2, number + 20, 30), fill=colour)
            picture.save(root / "shapes" / name / f"{number}.png")
    config = RunConfig.from_flat(
        {
            "data": str(root / "shapes"), "method": "delta", "backbone": BACKBONE,
            "weights": "random", "image_size": 64, "epochs": 1, "batch_size": 4, "device": "cpu",
            "threads": 1, "attention_batches": 1, "attention_batch_size": 8, "head_epochs": 1,
        }
    )  # fmt: skip
    asked = config.attention.model_copy(update={"faithfulness": True})
    measuring = config.model_copy(update={"attention": asked})
    runs_dir = root / "runs"
    measured = runs.run_here(runs.ATTENTION, measuring, Shutdown(), runs_dir=runs_dir)
    trained = runs.run_here(runs.TRAINING, config, Shutdown(), runs_dir=runs_dir)
    for run in (measured, trained):
        if run.error is not None:
            raise RuntimeError(run.error.message)
    shutil.copyfile(measured.folder / FAITHFULNESS_FILE, trained.folder / FAITHFULNESS_FILE)
    store = RunStore(runs_dir)
    store.delete(measured.id)
    store.close()
    _close_log(runs_dir / STORE_FILE)
    return Place(runs_dir, trained.id)


def _close_log(store: Path) -> None:
    """Put what stands in the write-ahead log into the file itself."""
    raw = sqlite3.connect(store)
    raw.execute("pragma wal_checkpoint(truncate)")
    raw.close()
