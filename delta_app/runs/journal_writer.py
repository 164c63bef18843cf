"""What a run is told to measure, on its way to the journal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

from delta_app.errors import CheckpointError
from delta_app.runs.journal import Journal, read_journal
from delta_app.runs.measurements import Measured


class JournalWriter:
    """Keeps what the journal cannot take yet, for any number of threads.

    Nothing here raises into the loop: a disk that is full is tried again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._journal = Journal(path)
        self._waiting: list[Measured] = []
        self._lock = threading.Lock()  # of the list
        self._writing = threading.Lock()  # of the file

    def take(self, measured: Measured) -> None:
        """Keep numbers until the next write; returns at once."""
        with self._lock:
            self._waiting.append(measured)

    def write(self) -> bool:
        """Write what waits; False where the disk cannot take it now."""
        with self._writing:
            return self._write()

    def settle(self) -> int | None:
        """Write what waits and wait for the disk; how many lines there are, None on trouble."""
        with self._writing:
            if not self._write():
                return None
            try:
                self._journal.sync()
            except OSError:
                return None
            return self._journal.lines

    def rewind(self, lines: int) -> None:
        """Keep the first `lines` lines only.

        Raises:
            CheckpointError: there are fewer, or the file cannot be written.
        """
        with self._writing:
            with self._lock:
                self._waiting = []
            try:
                self._journal.rewind(lines)
            except (OSError, ValueError) as error:
                raise CheckpointError(
                    f"{self._path} does not reach as far as the run's checkpoint: {error}.",
                    cure="Put the file back as it was, or run again from the beginning.",
                ) from error

    def read(self) -> Iterator[Measured]:
        """What the file holds.

        Raises:
            CheckpointError: the file cannot be read, or holds something else.
        """
        try:
            yield from read_journal(self._path)
        except (OSError, ValueError) as error:
            raise CheckpointError(
                f"What the run measured cannot be read: {error}.",
                cure="Put the file back as it was, or run again from the beginning.",
            ) from error

    def _write(self) -> bool:
        with self._lock:
            waiting, self._waiting = self._waiting, []
        try:
            self._journal.append(waiting)
        except OSError:
            with self._lock:
                self._waiting = waiting + self._waiting
            return False
        return True
