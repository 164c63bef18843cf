"""Progress of a run on stderr: one rewriting line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TextIO

from delta_app.formatting import duration, percent
from delta_app.runs.phase_clock import PhaseClock
from delta_app.training import metric_names as names
from delta_app.training.observer import Level

DRAW_EVERY = 0.2  # s between two drawings of a terminal's line
PLAIN_EVERY = 10.0  # s between two plain lines of one phase
ERASE = "\r\x1b[K"


class Progress:
    """An `Observer` and a context; at the block's end a terminal's line is erased.

    A terminal shows where the run is, and warnings above it. Elsewhere every event is a line,
    and a phase that takes long says now and then how far it is.
    """

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._clock = clock
        self._speed = PhaseClock()
        self._writing = threading.Lock()
        self._phase = ""
        self._drawn_at = float("-inf")
        self._numbers: dict[str, float] = {}
        self._facts: dict[str, object] = {}

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._terminal:
            self._write(ERASE)

    def phase(self, name: str, done: int, total: int | None, detail: str = "") -> None:
        """Say how far the run is, if that is news and the last time is long enough ago."""
        now = self._clock()
        speed = self._speed.tick(name, done, now)
        began, self._phase = name != self._phase, name
        every = DRAW_EVERY if self._terminal else PLAIN_EVERY
        if not began and now - self._drawn_at < every:
            return
        self._drawn_at = now
        text = self._words(name, done, total, detail)
        if speed and total and total > done:
            text += f", {duration((total - done) / speed)} left"
        if name == "training":
            text += self._measured()
        if self._terminal:
            self._write(ERASE + text[: shutil.get_terminal_size().columns - 1])
        else:
            self._write(text + "\n")

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Keep what the line names."""
        self._numbers.update(values)

    def event(self, level: Level, message: str) -> None:
        """A line of its own; a terminal leaves out what its progress line says anyway.

        An error ends the run, and whoever ran it says so.
        """
        if level == "error":
            return
        if not self._terminal:
            self._write(f"{message}\n" if level == "info" else f"{level}: {message}\n")
        elif level != "info":
            self._write(f"{ERASE}{level}: {message}\n")

    def facts(self, values: Mapping[str, object]) -> None:
        """Keep what the line names."""
        self._facts.update(values)

    def settle(self) -> int | None:
        """Nothing of it is kept."""
        return 0

    def rewind(self, told: int) -> None:
        """The line names what is measured from now on."""
        self._numbers.clear()

    def _words(self, name: str, done: int, total: int | None, detail: str) -> str:
        words = name[:1].upper() + name[1:]
        if name in ("measuring attention", "measuring faithfulness") and total:
            return f"{words}: {percent(done / total, 0)} of {detail}"
        if name != "training":
            far = f"{done} of {total}" if total else ""
            tail = " ".join(part for part in (far, detail) if part)
            return f"{words}: {tail}" if tail else words
        per_epoch, epochs = self._facts.get("steps_per_epoch"), self._facts.get("epochs")
        if isinstance(per_epoch, int) and isinstance(epochs, int):
            words += f": epoch {min((done - 1) // per_epoch + 1, epochs)} of {epochs}"
        return words + (f", {detail}" if detail else f", step {done} of {total}")

    def _measured(self) -> str:
        words = ""
        if (top1 := self._numbers.get(names.VAL_TOP1)) is not None:
            words += f", val {percent(top1)}"
        if speed := self._numbers.get(names.PICTURES_PER_SECOND):
            words += f", {speed:.0f} pictures/s"
        return words

    def _write(self, text: str) -> None:
        with self._writing:
            self._stream.write(text)
            self._stream.flush()
