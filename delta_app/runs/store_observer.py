"""Writes what the training loop tells to the store, without ever holding the loop up."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from delta_app.errors import CheckpointError, StoreError
from delta_app.runs.folder import RunFolder
from delta_app.runs.journal_writer import JournalWriter
from delta_app.runs.json_values import plain_json
from delta_app.runs.log_file import LogFile
from delta_app.runs.measurements import Measured
from delta_app.runs.phase_clock import PhaseClock
from delta_app.runs.records import Event, RunRecord
from delta_app.runs.run_file import called_as_now, keep_run
from delta_app.runs.store import RunStore
from delta_app.training import metric_names as names
from delta_app.training.observer import Level, Observer

WRITE_EVERY = 0.5  # s between two writes, at least
KEEP_EVERY = 5.0  # s between two writes of a run.json, at least
LAST_WRITE_SECONDS = 30.0  # how long a run's end waits for a store that cannot be written

log = logging.getLogger(__name__)

# Facts that have a column of their own, for lists and charts; all facts are kept together too.
_FACT_COLUMNS = (
    "attention",
    "best_epoch",
    "device",
    "epoch",
    "epochs",
    "memory_bytes",
    "pictures_per_second",
    "step",
    "steps",
    "test_balanced",
    "test_evaluations",
    "test_top1",
    "val_top1",
)
_OF_A_RECORD = {each.name for each in fields(RunRecord)}
_METRIC_COLUMNS = {
    names.PICTURES_PER_SECOND: "pictures_per_second",
    names.MEMORY_BYTES: "memory_bytes",
}


class StoreObserver:
    """An observer that writes to the store and to the run's log file.

    What it is told is kept in memory and written by a thread of its own, at most every
    `WRITE_EVERY` seconds and the last of it at the end: to the run's journal and to the store.
    While one of them cannot be written (locked, disk full) it keeps all it was told and tries
    again: the run goes on.

    Args:
        folder: the run's; its log file gets every event with its time, at once.
        also: observers that are told the same, such as the command line's progress.
    """

    def __init__(
        self, store: RunStore, run_id: str, folder: RunFolder, also: Sequence[Observer] = ()
    ) -> None:
        self._store = store
        self._run_id = run_id
        self._folder = folder
        self._log = LogFile(folder.log)
        self._also = also
        self._clock = PhaseClock()
        self._record = store.get(run_id)
        self._facts = dict(self._record.facts)
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._journal = JournalWriter(folder.journal)
        self._measured: list[Measured] = []
        self._happened: list[Event] = []
        self._columns: dict[str, Any] = {}
        self._told: dict[str, Any] = {}
        self._untold = False  # whether run.json lacks facts
        self._kept_at = -KEEP_EVERY
        self._news = threading.Event()
        self._closing = threading.Event()
        self._complained = False
        self._writer = threading.Thread(target=self._write_on, name=f"write-{run_id}", daemon=True)
        self._writer.start()

    # What the loop calls

    def phase(self, name: str, done: int, total: int | None, detail: str = "") -> None:
        with self._lock:  # pictures are decoded, and told of, in several threads
            speed = self._clock.tick(name, done, time.monotonic())
        columns: dict[str, Any] = {
            "phase": name,
            "phase_done": done,
            "phase_total": total,
            "phase_detail": detail,
            "phase_speed": speed,
            "phase_at": time.time(),
        }
        if name == "training":
            columns["step"] = done
        self._take(columns=columns)
        self._tell("phase", name, done, total, detail)

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        numbers = {name: float(value) for name, value in values.items()}
        columns = {_METRIC_COLUMNS[n]: v for n, v in numbers.items() if n in _METRIC_COLUMNS}
        measured = Measured(step, float(epoch), numbers)
        self._journal.take(measured)
        self._take(measured, columns=columns)
        self._tell("metrics", step, epoch, numbers)

    def event(self, level: Level, message: str) -> None:
        happened = Event(time.time(), level, message)
        self._log.append(happened)
        self._take(happened=happened)
        self._tell("event", level, message)

    def facts(self, values: Mapping[str, object]) -> None:
        plain = {str(name): plain_json(value) for name, value in values.items()}
        with self._lock:
            self._facts |= plain
            facts = dict(self._facts)
        columns = {name: plain[name] for name in _FACT_COLUMNS if name in plain}
        self._take(columns={**columns, "facts": facts})
        self._untold = True
        self._tell("facts", plain)

    def settle(self) -> int | None:
        return self._journal.settle()

    def rewind(self, told: int) -> None:
        with self._writing:
            with self._lock:
                self._measured = []
            self._journal.rewind(told)
            try:
                self._store.make_agree(self._run_id, self._journal.read())
            except StoreError as error:
                raise CheckpointError(
                    f"The run's numbers cannot be taken back to its checkpoint: {error.message}",
                    cure=error.cure,
                ) from error
        self._tell("rewind", told)

    def trace(self, words: str) -> None:
        """Put something into the log file alone, for who mends the app."""
        self._log.append(Event(time.time(), "debug", words))

    def last_words(self, words: str) -> None:
        """Put an error into the log file that the store cannot be told."""
        self._log.append(Event(time.time(), "error", words))

    # Writing

    def record(self) -> RunRecord:
        """The run as far as this process knows it, whether the store was told or not."""
        with self._lock:
            told = {name: value for name, value in self._told.items() if name in _OF_A_RECORD}
        return replace(called_as_now(self._record), **told)

    def close(self) -> bool:
        """Write what is left and end the writing thread; whether all of it could be written.

        A store or a disk that cannot take it is waited for, a folder that is gone is not.
        """
        self._closing.set()
        self._news.set()
        self._writer.join()
        deadline = time.monotonic() + LAST_WRITE_SECONDS
        while not (self._write_files() and self._write()):
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.2)
        return True

    def _write_files(self) -> bool:
        """Write what the folder is to hold; False where that is worth another try."""
        if not self._folder.path.is_dir():
            return True
        return self._log.write() and self._journal.settle() is not None

    def _take(
        self,
        measured: Measured | None = None,
        happened: Event | None = None,
        columns: Mapping[str, Any] | None = None,
    ) -> None:
        with self._lock:
            if measured is not None:
                self._measured.append(measured)
            if happened is not None:
                self._happened.append(happened)
            self._columns.update(columns or {})
            self._told.update(columns or {})
        self._news.set()

    def _write_on(self) -> None:
        while not self._closing.is_set():
            self._news.wait()
            self._news.clear()
            kept = self._log.write() and self._journal.write()
            stored = self._write()
            if not (stored and kept and self._keep(stored)):
                self._news.set()
            self._closing.wait(WRITE_EVERY)

    def _keep(self, stored: bool) -> bool:
        """Put new facts into the run's run.json too, now and then; False where it lacks some.

        Args:
            stored: whether the store has them.
        """
        if not self._untold:
            return True
        now = time.monotonic()
        if now - self._kept_at < KEEP_EVERY:
            return False
        self._kept_at, self._untold = now, False
        if stored:
            self._store.keep(self._run_id)
        else:
            keep_run(self.record())
        return True

    def _write(self) -> bool:
        """Write what has gathered; put it back where the store cannot take it."""
        with self._writing:
            return self._write_gathered()

    def _write_gathered(self) -> bool:
        with self._lock:
            measured, self._measured = self._measured, []
            happened, self._happened = self._happened, []
            columns, self._columns = self._columns, {}
        if not (measured or happened or columns):
            return True
        try:
            self._store.write(self._run_id, measured, happened, columns)
        except Exception as error:  # training goes on whatever the store cannot do
            with self._lock:
                self._measured = measured + self._measured
                self._happened = happened + self._happened
                self._columns = columns | self._columns
            self._complain(error)
            return False
        self._complained = False
        return True

    def _complain(self, error: Exception) -> None:
        """Say once in the log file that the store cannot be written."""
        if self._complained:
            return
        self._complained = True
        log.warning("run %s cannot be written to the store yet: %s", self._run_id, error)
        self._log.append(
            Event(time.time(), "warning", f"Kept in memory until the store can take it: {error}")
        )

    def _tell(self, what: str, *arguments: object) -> None:
        for observer in self._also:
            try:
                getattr(observer, what)(*arguments)
            except Exception:  # who only looks on must not end a run
                log.exception("an observer of run %s failed", self._run_id)
