"""Runs that are killed over and over, against the same runs straight through.

    python -m benchmarks.kills [--kills 20] [--seed 0] [--methods l2,delta] [--keep FOLDER]

Each method trains a MobileNetV3 (BatchNorm and dropout) on drawn pictures on the CPU, once
straight through and once killed with SIGKILL at random points: between two steps, at a random
time, and in the middle of writing a checkpoint, the best weights, the attention file, the
journal, the store and the results. After each kill the run is resumed in a new process. While it
trains another thread of the same process lists runs, reads curves and predicts with the run's
latest weights, as pages do.

Compared to the last bit: every number of every step and epoch, in the journal and in the store;
the best and the latest weights; the predictions and the result. After each kill: the store is
whole, the checkpoint can be read, the run is told as interrupted, once.

Nothing may be lost.
"""

from __future__ import annotations

import argparse
import os
import signal
import sqlite3
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw

from benchmarks.kill_points import FILES, KillPoint, drawn, set_up
from delta_app.errors import DeltaAppError
from delta_app.runs.control import Shutdown
from delta_app.runs.folder import RunFolder
from delta_app.runs.journal import read_journal
from delta_app.runs.records import TRAINING, RunRecord, RunStatus
from delta_app.runs.recover import recover
from delta_app.runs.store import STORE_FILE, RunStore
from delta_app.services import predict, resuming, runs
from delta_app.training import metric_names as names
from delta_app.training.checkpoint import load_checkpoint
from delta_app.training.run_config import RunConfig
from delta_app.training.weights_files import load_saved

METHODS = ("linear_probe", "l2", "l2_sp", "feature_map", "delta")
KINDS = ("step", "checkpoint", "time", "store", "weights", "checkpoint", "journal", "step")
TIMED = {names.PICTURES_PER_SECOND, names.MEMORY_BYTES}


@dataclass
class Outcome:
    """What became of one method's run.

    Attributes:
        killed: kill points that were reached, by kind.
        differences: what was not as it should be; empty where nothing was lost.
    """

    method: str
    killed: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    differences: list[str] = field(default_factory=list)


def config(data: Path, method: str, epochs: int) -> RunConfig:
    """A small run on the CPU that keeps its place often."""
    values: dict[str, Any] = {
        "data": str(data),
        "method": method,
        "backbone": "mobilenet_v3_small",
        "weights": "random",
        "image_size": 32,
        "epochs": epochs,
        "batch_size": 8,
        "schedule": "cosine",
        "device": "cpu",
        "threads": 1,
        "checkpoint_seconds": 0,
    }
    if method == "delta":
        values |= {"attention_batches": 1, "attention_batch_size": 4, "head_epochs": 1}
    return RunConfig.from_flat(values)


def draw_pictures(root: Path) -> Path:
    """Three classes of ten pictures, ROOT/CLASS/N.png."""
    for label, colour in enumerate(((200, 60, 50), (50, 190, 70), (60, 70, 210))):
        folder = root / f"class {label}"
        folder.mkdir(parents=True)
        for number in range(10):
            picture = Image.new("RGB", (36, 36), (number * 25, 255 - number * 20, 120))
            x, y = number % 5 * 3, number % 3 * 4
            ImageDraw.Draw(picture).ellipse((x, y, x + 18, y + 18), fill=colour)
            picture.save(folder / f"{number}.png")
    return root


def in_a_process(work: Callable[[], object]) -> int:
    """Do it in a process of its own, forked from this one; how it ended, 0 for well.

    This process must not have computed with torch in several threads before.
    """
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def train(runs_dir: Path, settings: RunConfig, run_id: str | None, point: KillPoint | None) -> None:
    """Train or resume in this process, to the end or to its death, watched all the while."""
    torch.set_num_threads(1)
    if point is not None:
        set_up(point)
    done = threading.Event()
    watcher = threading.Thread(target=watch, args=(runs_dir, done), daemon=True)
    watcher.start()
    if run_id is None:
        runs.run_here(TRAINING, settings, Shutdown(), runs_dir=runs_dir)
    else:
        resuming.resume_here(run_id, Shutdown(), runs_dir)
    done.set()
    watcher.join()


def watch(runs_dir: Path, done: threading.Event) -> None:
    """What pages do meanwhile: list, read curves, predict with the latest weights."""
    picture = Image.new("RGB", (36, 36), (90, 120, 30))
    while not done.wait(0.05):
        for run in runs.list_runs(runs_dir=runs_dir):
            try:
                runs.curves(run.id, runs_dir=runs_dir)
                predict.Classifier(run).probabilities([picture])
            except DeltaAppError:
                continue  # it has no weights yet


def killed_over_and_over(
    scratch: Path, method: str, points: list[KillPoint], epochs: int
) -> Outcome:
    """Run a method straight through and, apart, killed at each of these points."""
    data = scratch / "pictures"
    if not data.is_dir():
        draw_pictures(data)
    os.environ["DELTA_CACHE_DIR"] = str(scratch / "cache")
    settings = config(data, method, epochs)
    outcome = Outcome(method)
    straight = scratch / method / "straight"
    if in_a_process(partial(train, straight, settings, None, None)) != 0:
        outcome.differences.append("the run straight through failed")
        return outcome
    wanted = _only_run(straight)
    left = list(points)
    while left:
        outcome.runs += 1
        runs_dir = scratch / method / f"killed {outcome.runs}"
        run_id: str | None = None
        while True:
            point = left.pop(0) if left else None
            code = in_a_process(partial(train, runs_dir, settings, run_id, point))
            if code not in (0, -signal.SIGKILL):
                outcome.differences.append(f"{point}: the process ended with {code}")
                return outcome
            if code == 0:
                break
            assert point is not None
            outcome.killed[point.kind] += 1
            try:
                run_id = _after_a_kill(runs_dir)
            except LostError as error:
                outcome.differences.append(f"{point}: {error}")
                return outcome
        outcome.differences += differences(wanted, _only_run(runs_dir))
        if outcome.differences:
            return outcome
    return outcome


def _only_run(runs_dir: Path) -> RunRecord:
    store = RunStore(runs_dir)
    (run,) = store.runs()
    store.close()
    return run


def _after_a_kill(runs_dir: Path) -> str | None:
    """Id of the interrupted run; None where there was none yet.

    Looks as the next process does: the store is sound, the run is told once as interrupted, and
    what lies in its folder can be read.

    Raises:
        LostError: that does not hold.
    """
    with sqlite3.connect(runs_dir / STORE_FILE) as raw:
        sound = raw.execute("PRAGMA integrity_check").fetchone()[0]
    raw.close()
    if sound != "ok":
        raise LostError(f"the store is not sound: {sound}")
    store = RunStore(runs_dir)
    marked = recover(store)
    again = recover(store)
    found = store.runs()
    store.close()
    if again or len(found) > 1:
        raise LostError(f"{len(found)} runs, {len(again)} of them told as interrupted twice")
    if not found:
        return None
    (run,) = found
    # Not marked where it died before it said that it goes on again.
    if run.status is not RunStatus.INTERRUPTED or len(marked) > 1:
        raise LostError(f"the run is {run.status}")
    folder = RunFolder(run.folder)
    try:
        checkpoint = load_checkpoint(folder.checkpoint)
        lines = len(list(read_journal(folder.journal)))
        for weights in (folder.best, folder.snapshot):
            if weights.exists():
                load_saved(weights)
    except (DeltaAppError, ValueError, OSError) as error:
        raise LostError(f"half-written: {error}") from error
    if checkpoint is not None and lines < checkpoint.told:
        raise LostError(f"the journal has {lines} lines, the checkpoint {checkpoint.told}")
    return run.id


class LostError(Exception):
    """What is wrong after a kill."""


def differences(one: RunRecord, other: RunRecord) -> list[str]:
    """What two ended runs do not have in common to the last bit."""
    if not one.status == other.status == RunStatus.COMPLETED:
        return [f"one is {one.status}, the other {other.status}"]
    found = []
    for name in ("best.safetensors", "snapshot.safetensors"):
        first, second = load_saved(one.folder / name), load_saved(other.folder / name)
        if any(not torch.equal(tensor, second[key]) for key, tensor in first.items()):
            found.append(f"{name} differs")
    found += [
        f"{name} differs"
        for name in ("predictions.json", "result.json", "split.json", "model.json")
        if (one.folder / name).read_text() != (other.folder / name).read_text()
    ]
    for what, read in (("journal", _of_journal), ("store", _of_store)):
        if read(one) != read(other):
            found.append(f"the numbers in the {what} differ")
    columns = ("epoch", "step", "best_epoch", "val_top1", "test_top1", "test_evaluations")
    return found + [
        f"{name}: {getattr(one, name)} and {getattr(other, name)}"
        for name in columns
        if getattr(one, name) != getattr(other, name)
    ]


def _of_journal(run: RunRecord) -> list[Any]:
    lines = read_journal(RunFolder(run.folder).journal)
    return [(s, e, {n: v for n, v in m.items() if n not in TIMED}) for s, e, m in lines]


def _of_store(run: RunRecord) -> dict[str, Any]:
    store = RunStore(run.folder.parent)
    series = store.metrics(run.id).series
    store.close()
    return {
        name: (found.steps.tolist(), found.values.tolist())
        for name, found in series.items()
        if name not in TIMED
    }


def main() -> int:
    """Print a table; 1 where something was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--kills", type=int, default=20, help="a method (default 20)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--methods", default=",".join(METHODS))
    parser.add_argument(
        "--keep", type=Path, help="a folder for the runs, in place of a passing one"
    )
    options = parser.parse_args()
    lost = False
    with tempfile.TemporaryDirectory() as passing:
        scratch = options.keep or Path(passing)
        print("| Method | Kills | Where | Runs | Lost | Time |\n|---|---|---|---|---|---|")
        for number, method in enumerate(options.methods.split(",")):
            kinds = (*KINDS, "end", *(["attention"] * 2 if method == "delta" else []))
            # What is written before the first step comes first, or it would be passed by.
            points = drawn(options.kills, kinds, options.seed + number)
            points.sort(key=lambda point: point.kind != "attention")
            started = time.monotonic()
            outcome = killed_over_and_over(scratch, method, points, options.epochs)
            where = ", ".join(f"{kind} {n}" for kind, n in sorted(outcome.killed.items()))
            said = "; ".join(outcome.differences) or "nothing"
            lost |= bool(outcome.differences)
            print(
                f"| {method} | {outcome.killed.total()} | {where} | {outcome.runs} | {said} | "
                f"{time.monotonic() - started:.0f} s |",
                flush=True,
            )
    return int(lost)


assert set(FILES) <= {*KINDS, "end", "attention"}

if __name__ == "__main__":
    sys.exit(main())
