"""Everything a run measured, in its own folder: the store can be made anew from it.

`metrics.jsonl` has one line for each time the training loop told numbers: `[step, epoch,
{name: value}]`, in order, null for not-a-number. Lines are only ever added at the end; a run that
is resumed first takes away what came after its checkpoint.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from delta_app.runs.measurements import Measured


class Journal:
    """The journal of one run, written by one process.

    A file that ends in the middle of a line, as a killed process may leave it, loses that line.

    Attributes:
        lines: how many it holds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ends = _line_ends(path)  # byte after each line

    @property
    def lines(self) -> int:
        return len(self._ends)

    def append(self, measured: Iterable[Measured]) -> None:
        """Add lines, all of them or none.

        Raises:
            OSError: they cannot be written now.
        """
        added = [_line(each) for each in measured]
        if not added:
            return
        end = self._end
        with self._path.open("ab") as file:
            try:
                file.truncate(end)  # what a killed process left of a line
                file.write(b"".join(added))
                file.flush()
            except OSError:
                file.truncate(end)
                raise
        for line in added:
            end += len(line)
            self._ends.append(end)

    def sync(self) -> None:
        """Wait until the disk has all lines.

        Raises:
            OSError: it cannot take them now.
        """
        if self._path.exists():
            with self._path.open("rb") as file:
                os.fsync(file.fileno())

    def rewind(self, lines: int) -> None:
        """Keep the first `lines` lines only.

        Raises:
            ValueError: there are fewer.
            OSError: the file cannot be written now.
        """
        if lines > self.lines:
            raise ValueError(f"the journal has {self.lines} lines, not {lines}")
        end = self._ends[lines - 1] if lines else 0
        if self._path.exists():
            with self._path.open("r+b") as file:
                file.truncate(end)
                os.fsync(file.fileno())
        del self._ends[lines:]

    @property
    def _end(self) -> int:
        return self._ends[-1] if self._ends else 0


def read_journal(path: Path) -> Iterator[Measured]:
    """What a journal holds, line by line; nothing where there is none.

    A last line that was cut off is left out.

    Raises:
        ValueError: a line is not one of a journal's.
        OSError: the file cannot be read.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                yield _measured(from_json(line))
            except (ValueError, TypeError, AttributeError, OverflowError) as error:
                raise ValueError(f"line {number} of {path} is not of a journal") from error


def _measured(value: Any) -> Measured:
    step, epoch, values = value
    numbers = {str(n): math.nan if v is None else float(v) for n, v in values.items()}
    return Measured(int(step), float(epoch), numbers)


def _line(measured: Measured) -> bytes:
    values = _plain(measured.values)
    return json.dumps([measured.step, measured.epoch, values], separators=(",", ":")).encode() + (
        b"\n"
    )


def _plain(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in values.items()}


def _line_ends(path: Path) -> list[int]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    ends, at = [], data.find(b"\n")
    while at >= 0:
        ends.append(at + 1)
        at = data.find(b"\n", at + 1)
    return ends
