"""Progress of a run on stderr: one rewriting line on a terminal, plain lines elsewhere.

It reads the store, as the screen does: what the trainer writes there is all that is known.
"""

from __future__ import annotations

import shutil
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TextIO

from delta_app.formatting import duration, percent
from delta_app.runs.records import RunRecord
from delta_app.runs.words import status_words, time_left

LOOK_EVERY = 0.5  # s between two looks at the store
PLAIN_EVERY = 10.0  # s between two plain lines of one phase


def progress_text(run: RunRecord) -> str:
    """What a run does now and how far it is, in one line."""
    parts = [status_words(run)]
    if run.phase == "training" and run.steps:
        parts.append(f"step {run.step} of {run.steps}")
        if run.val_top1 is not None:
            parts.append(f"best validation {percent(run.val_top1)}")
        if run.pictures_per_second:
            parts.append(f"{run.pictures_per_second:.0f} pictures/s")
    left = time_left(run)
    if left is not None:
        parts.append(f"{duration(left)} left")
    return ", ".join(parts)


class Progress:
    """A context that shows a run's progress from a thread of its own.

    Args:
        look: reads the run from the store.
        stream: where to; a terminal gets one line that is written over.
    """

    def __init__(self, look: Callable[[], RunRecord], stream: TextIO | None = None) -> None:
        self._look = look
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="delta-progress", daemon=True)
        self._said = ""
        self._mark: tuple[str, int] = ("", -1)
        self._at = 0.0

    def __enter__(self) -> Progress:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()
        if self._terminal and self._said:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _watch(self) -> None:
        while not self._done.is_set():
            self.show(self._look())
            self._done.wait(LOOK_EVERY)

    def show(self, run: RunRecord) -> None:
        """Say where the run is, if that is news."""
        text = progress_text(run)
        if text == self._said:
            return
        if self._terminal:
            width = shutil.get_terminal_size().columns - 1
            self._stream.write(f"\r\x1b[K{text[:width]}")
        else:
            mark = (run.phase, run.epoch)
            if mark == self._mark and time.monotonic() - self._at < PLAIN_EVERY:
                return
            self._mark, self._at = mark, time.monotonic()
            self._stream.write(text + "\n")
        self._said = text
        self._stream.flush()
