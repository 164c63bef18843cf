"""log.txt: every event of a run with its time, in lines that a person and the repair read.

A line is `2026-01-31 17:04:05.123+01:00 info    words`; further lines of the words are indented,
so that none can be taken for an event. Level "debug" is for who mends the app and never gets into
the store.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from delta_app.data.names import printable
from delta_app.runs.records import Event

LEVELS = ("info", "warning", "error", "debug")
LONGEST_MESSAGE = 100_000
"""Characters of one message that are read back."""

_INDENT = "    "
_BEGINNING = re.compile(
    r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d(?::\d\d)?) "
    rf"({'|'.join(f'{level:7}' for level in LEVELS)}) ",
    re.ASCII,
)


class LogFile:
    """The log of one run, written by one process, for any number of threads.

    What a disk that is full or read-only cannot take is kept and written in order later.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[bytes] = []
        self._lock = threading.Lock()
        self._checked = False

    def append(self, happened: Event) -> None:
        """Add an event, now or later."""
        with self._lock:
            self._waiting.append(_line(happened))
            self._write()

    def write(self) -> bool:
        """Write what waits; False where the disk cannot take it now."""
        with self._lock:
            return self._write()

    def _write(self) -> bool:
        if not self._waiting:
            return True
        try:
            with self._path.open("a+b", buffering=0) as file:
                end = file.seek(0, os.SEEK_END)
                data = b"".join(self._waiting)
                if not self._checked and end and _last_byte(self._path) != b"\n":
                    data = b"\n" + data  # a killed process left the beginning of a line
                if file.write(data) != len(data):
                    file.truncate(end)
                    return False
        except OSError:
            return False
        self._checked = True
        self._waiting.clear()
        return True


def last_lines(log_file: Path, number: int = 8) -> str:
    """The last lines of a log file; nothing where it cannot be read."""
    try:
        lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-number:])


def read_log(log_file: Path) -> Iterator[Event]:
    """The events of a log file, oldest first, with times to the millisecond; none where there is
    no such file. What stands before the first event is passed over.

    Raises:
        OSError: the file cannot be read.
    """
    if not log_file.exists():
        return
    event: Event | None = None
    lines: list[str] = []  # of its message; put together once, however many they are
    length = 0
    with log_file.open(encoding="utf-8", errors="replace", newline="\n") as file:
        while line := file.readline(LONGEST_MESSAGE):
            line = line.removesuffix("\n")
            begun = _begun(line)
            if begun is not None:
                if event is not None:
                    yield replace(event, message="\n".join(lines))
                event, lines, length = begun, [begun.message], len(begun.message)
            elif event is not None and length + len(line) < LONGEST_MESSAGE:
                lines.append(line.removeprefix(_INDENT))
                length += 1 + len(lines[-1])
    if event is not None:
        yield replace(event, message="\n".join(lines))


def _line(happened: Event) -> bytes:
    at = datetime.fromtimestamp(happened.at).astimezone().isoformat(" ", "milliseconds")
    message = f"\n{_INDENT}".join(printable(line) for line in happened.message.split("\n"))
    return f"{at} {happened.level:7} {message}\n".encode(errors="backslashreplace")


def _begun(line: str) -> Event | None:
    """The event that a line begins; None where it belongs to the one before."""
    found = _BEGINNING.match(line)
    if found is None:
        return None
    try:
        at = datetime.fromisoformat(found[1]).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return Event(at, found[2].rstrip(), line[found.end() :])


def _last_byte(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1)
