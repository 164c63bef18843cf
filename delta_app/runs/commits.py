"""Whether anything was written to a SQLite database since one looked, at almost no cost."""

from __future__ import annotations

import sqlite3
import threading
from itertools import count
from pathlib import Path

Stamp = tuple[int, int]
"""Differs from any other after a commit of whatever process or thread."""

_openings = count()


class Commits:
    """Looks at one database file, over a connection of its own, from any thread."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._opening = 0

    def stamp(self) -> Stamp | None:
        """Where the database stands; None where it cannot be told, as of a file that is gone."""
        with self._lock:
            try:
                # SQLite counts the commits of all other connections, and this one makes none.
                (version,) = self._opened().execute("PRAGMA data_version").fetchone()
            except sqlite3.Error:
                self._close()
                return None
            return self._opening, int(version)

    def close(self) -> None:
        """Let go of the file; the next look opens it again."""
        with self._lock:
            self._close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(
                f"{self._file.as_uri()}?mode=rw", uri=True, timeout=0, check_same_thread=False
            )
            # Each connection counts from a beginning of its own.
            self._opening = next(_openings)
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
