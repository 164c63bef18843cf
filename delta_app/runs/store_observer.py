"""Writes what the training loop tells to the store, without ever holding the loop up."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from delta_app.data.names import printable
from delta_app.errors import CheckpointError, StoreError
from delta_app.runs.folder import RunFolder
from delta_app.runs.journal_writer import JournalWriter
from delta_app.runs.json_values import plain_json
from delta_app.runs.measurements import Measured
from delta_app.runs.phase_clock import PhaseClock
from delta_app.runs.records import Event
from delta_app.runs.store import RunStore
from delta_app.training import metric_names as names
from delta_app.training.observer import Level, Observer

WRITE_EVERY = 0.5  # s between two writes, at least
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
        self._log_file = folder.log
        self._also = also
        self._clock = PhaseClock()
        self._facts = dict(store.get(run_id).facts)
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._journal = JournalWriter(folder.journal)
        self._measured: list[Measured] = []
        self._happened: list[Event] = []
        self._columns: dict[str, Any] = {}
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
        append_to_log(self._log_file, happened)
        self._take(happened=happened)
        self._tell("event", level, message)

    def facts(self, values: Mapping[str, object]) -> None:
        plain = {str(name): plain_json(value) for name, value in values.items()}
        with self._lock:
            self._facts |= plain
            facts = dict(self._facts)
        columns = {name: plain[name] for name in _FACT_COLUMNS if name in plain}
        self._take(columns={**columns, "facts": facts})
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

    # Writing

    def close(self) -> bool:
        """Write what is left and end the writing thread; whether all of it could be written."""
        self._closing.set()
        self._news.set()
        self._writer.join()
        deadline = time.monotonic() + LAST_WRITE_SECONDS
        while self._journal.settle() is None or not self._write():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.2)
        return True

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
        self._news.set()

    def _write_on(self) -> None:
        while not self._closing.is_set():
            self._news.wait()
            self._news.clear()
            kept = self._journal.write()
            if not (self._write() and kept):
                self._news.set()
            self._closing.wait(WRITE_EVERY)

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
        except Exception as error:
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
        append_to_log(
            self._log_file,
            Event(time.time(), "warning", f"Kept in memory until the store can take it: {error}"),
        )

    def _tell(self, what: str, *arguments: object) -> None:
        for observer in self._also:
            try:
                getattr(observer, what)(*arguments)
            except Exception:
                log.exception("an observer of run %s failed", self._run_id)


def append_to_log(log_file: Path, happened: Event) -> None:
    """Add an event to a log file; a disk that is full loses the line, not the run.

    Further lines of a message, a traceback's, are indented: none can be taken for an event.
    """
    message = "\n    ".join(printable(line) for line in happened.message.split("\n"))
    at = datetime.fromtimestamp(happened.at).astimezone().isoformat(" ", "milliseconds")
    with contextlib.suppress(OSError), log_file.open("a", encoding="utf-8") as file:
        file.write(f"{at} {happened.level:7} {message}\n")


def last_lines(log_file: Path, number: int = 8) -> str:
    """The last lines of a log file; nothing where it cannot be read."""
    try:
        lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-number:])
