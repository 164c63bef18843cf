"""Very short real runs through the app's own worker, one ending after another in every way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from delta_app.errors import RunError
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import allowed, predict, resuming, runs
from delta_app.services.inspection import Inspector, from_split
from delta_app.services.run_pictures import pictures_of
from delta_app.services.shown_attention import shown_attention
from delta_app.training.run_config import RunConfig

WAIT_S = 300
ROUND = 10
"""Ways in which a run goes and ends; each comes once in so many runs."""

_TINY: dict[str, Any] = {
    "backbone": "shufflenet_v2_x0_5",
    "weights": "random",
    "image_size": 32,
    "epochs": 2,
    "batch_size": 8,
    "device": "cpu",
    "threads": 1,
}
_MEASURED = {"method": "delta", "attention_batches": 1, "attention_batch_size": 4, "head_epochs": 1}
_LONG = {"epochs": 1_000}
COMPLETED, PAUSED = RunStatus.COMPLETED, RunStatus.PAUSED


class ShortRuns:
    """A runs folder, its worker, and a picture folder; `turn` does one run and looks at it.

    Args:
        folder: an empty one for all of it.
        kept: so many runs that have ended; those before are deleted.
    """

    def __init__(self, folder: Path, kept: int = 12) -> None:
        allowed.set_roots((folder,))
        self._runs_dir = folder / "runs"
        self._data = _draw(folder / "pictures")
        self._kept = kept
        self._workers = runs.start_worker(self._runs_dir)
        self._number = 0

    def turn(self) -> RunRecord:
        """One more run to its end, the pages' services on it, the oldest deleted."""
        kinds = (
            self._method("linear_probe"),
            self._method("l2"),
            self._method("l2_sp"),
            self._method("feature_map"),
            self._measured,
            self._reused,
            self._stopped,
            self._paused_and_resumed,
            self._failed,
            self._attention_alone,
        )
        assert len(kinds) == ROUND
        kind = kinds[self._number % ROUND]
        self._number += 1
        record = kind()
        self._look(record)
        for old in runs.list_runs(runs_dir=self._runs_dir)[self._kept :]:
            runs.delete(old.id, self._runs_dir)
        return record

    def end(self) -> None:
        """End the worker."""
        self._workers.request_shutdown()
        self._workers.join(WAIT_S)

    # One for each way to end

    def _method(self, name: str) -> Callable[[], RunRecord]:
        return lambda: self._ended(self._submit(method=name), COMPLETED)

    def _measured(self) -> RunRecord:
        """Of a seed whose attention was not measured before."""
        run_id = self._submit(**_MEASURED, seed=self._number)
        return self._ended(run_id, COMPLETED)

    def _reused(self) -> RunRecord:
        """Of a seed whose attention an earlier run has measured, from the second round on."""
        run_id = self._submit(**_MEASURED, seed=0)
        return self._ended(run_id, COMPLETED)

    def _stopped(self) -> RunRecord:
        run_id = self._begun(self._submit(method="l2", **_LONG))
        runs.request_stop(run_id, self._runs_dir)
        return self._ended(run_id, RunStatus.STOPPED)

    def _paused_and_resumed(self) -> RunRecord:
        run_id = self._begun(self._submit(method="l2_sp", **_LONG))
        resuming.request_pause(run_id, self._runs_dir)
        step = self._ended(run_id, PAUSED).step
        resuming.resume(run_id, self._runs_dir)
        self._until(run_id, lambda record: record.step > step)
        runs.request_stop(run_id, self._runs_dir)
        return self._ended(run_id, RunStatus.STOPPED)

    def _failed(self) -> RunRecord:
        """Weights that are pulled back too hard grow until the loss is not finite."""
        run_id = self._submit(method="l2_sp", lr=10, alpha=100, **_LONG)
        return self._ended(run_id, RunStatus.FAILED)

    def _attention_alone(self) -> RunRecord:
        config = RunConfig.from_flat(
            {**_TINY, **_MEASURED, "data": str(self._data), "seed": self._number}
        )
        return self._ended(runs.submit_attention(config, runs_dir=self._runs_dir), COMPLETED)

    # What a run goes through

    def _submit(self, **settings: Any) -> str:
        config = RunConfig.from_flat({**_TINY, "data": str(self._data), **settings})
        return runs.submit(config, runs_dir=self._runs_dir)

    def _begun(self, run_id: str) -> str:
        self._until(run_id, lambda record: record.step >= 1)
        return run_id

    def _ended(self, run_id: str, status: RunStatus) -> RunRecord:
        record = self._until(run_id, lambda record: record.status.ended or record.status is PAUSED)
        if record.status is not status:
            raise RuntimeError(f"{record.name} is {record.status}, not {status}: {record.error}")
        return record

    def _until(self, run_id: str, reached: Callable[[RunRecord], bool]) -> RunRecord:
        deadline = time.monotonic() + WAIT_S
        while not reached(record := runs.get_run(run_id, self._runs_dir)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{record.name} is still {record.status}: {record.phase}")
            time.sleep(0.02)
        return record

    def _look(self, record: RunRecord) -> None:
        """What pages ask of a run."""
        runs.curves(record.id, runs_dir=self._runs_dir)
        runs.events(record.id, runs_dir=self._runs_dir)
        shown_attention(record)
        if record.kind != runs.TRAINING or not record.best_epoch:
            return
        picture = pictures_of(record).pictures[0]
        inspector = Inspector(record.id, self._runs_dir)
        try:
            inspector.overlays(from_split(picture), inspector.layers[-1])
            predict.predict(record, [picture.picture.path])
        except RunError:  # what has run away has no maps to show
            if record.status is not RunStatus.FAILED:
                raise


@contextmanager
def short_runs(folder: Path, kept: int = 12) -> Iterator[ShortRuns]:
    """The runs; their worker ends with the block."""
    each = ShortRuns(folder, kept)
    try:
        yield each
    finally:
        each.end()


def _draw(root: Path) -> Path:
    """Three classes of eight small pictures, ROOT/CLASS/N.png."""
    for label, colour in enumerate(((200, 60, 50), (50, 190, 70), (60, 70, 210))):
        folder = root / f"class {label}"
        folder.mkdir(parents=True)
        for number in range(8):
            picture = Image.new("RGB", (36, 36), colour)
            picture.putpixel((number, label), (255, 255, 255))
            picture.save(folder / f"{number}.png")
    return root
