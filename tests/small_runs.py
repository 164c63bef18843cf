"""Real finished runs for tests that look at them: drawn pictures, a small network, two epochs.

They are trained once a test process and must not be changed; a test that changes a file works on
a copy (`copied`).
"""

from __future__ import annotations

import atexit
import os
import shutil
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from drawn import draw_folder

from delta_app.runs.control import Shutdown
from delta_app.services import runs
from delta_app.training.run_config import RunConfig

SMALL: dict[str, Any] = {
    "backbone": "shufflenet_v2_x0_5",
    "weights": "random",
    "image_size": 64,
    "epochs": 2,
    "batch_size": 8,
    "device": "cpu",
    "threads": 1,
}
ATTENTION = {"attention_batches": 1, "attention_batch_size": 8, "head_epochs": 1}


@dataclass(frozen=True)
class SmallRuns:
    """A runs folder with an L2, a DELTA and a shuffled DELTA run that completed, by their ids."""

    runs_dir: Path
    data: Path
    l2: str
    delta: str
    shuffled: str

    def folder(self, run_id: str) -> Path:
        return self.runs_dir / run_id


def small_config(data: Path, method: str, **settings: Any) -> RunConfig:
    return RunConfig.from_flat(SMALL | {"data": str(data), "method": method} | settings)


@cache
def small_runs() -> SmallRuns:
    """The runs, trained at the first call."""
    root = Path(mkdtemp(prefix="small-runs-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    os.environ.setdefault("DELTA_CACHE_DIR", str(root / "cache"))
    data, runs_dir = draw_folder(root / "shapes"), root / "runs"
    ids = [
        runs.run_here("training", config, Shutdown(), runs_dir=runs_dir).id
        for config in (
            small_config(data, "l2"),
            small_config(data, "delta", **ATTENTION),
            small_config(data, "delta", attention="shuffled", seed=1, **ATTENTION),
        )
    ]
    return SmallRuns(runs_dir, data, *ids)


def copied(to: Path) -> SmallRuns:
    """The same runs in another folder, free to be changed."""
    small = small_runs()
    locks = shutil.ignore_patterns("locks", "*.lock")  # of this process, not of the copy
    shutil.copytree(small.runs_dir, to, ignore=locks, dirs_exist_ok=True)
    return SmallRuns(to, small.data, small.l2, small.delta, small.shuffled)
