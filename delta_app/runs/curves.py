"""A run's curves for a page that asks again every second: only what is new is read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from delta_app.runs.points import Points, Seen
from delta_app.runs.records import Series
from delta_app.runs.store import RunStore
from delta_app.runs.thinning import extremes_and_ends, thin

KEPT_RUNS = 12
KEPT_POINTS = 2048
"""Of each series; a longer one is kept by the extremes of its blocks."""


class Curves:
    """Series of the runs looked at last, kept so that a refresh reads only new points.

    Safe for any number of threads; holds at most `KEPT_RUNS` runs, and of each series at most
    `KEPT_POINTS` points, however long a run goes on.
    """

    def __init__(self, store: RunStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._runs: OrderedDict[str, _Growing] = OrderedDict()

    def read(self, run_id: str, names: Sequence[str] | None, max_points: int) -> dict[str, Series]:
        """All series of a run, or those named, of at most `max_points` each, extremes kept.

        Raises:
            RunError: there is no such run.
        """
        with self._lock:
            growing = self._runs.setdefault(run_id, _Growing())
            self._runs.move_to_end(run_id)
            while len(self._runs) > KEPT_RUNS:
                self._runs.popitem(last=False)
        try:
            series = growing.up_to_date(self._store, run_id)
        except Exception:
            self.forget(run_id)
            raise
        wanted = series if names is None else {n: series[n] for n in names if n in series}
        return {name: thin(whole, max_points) for name, whole in wanted.items()}

    def forget(self, run_id: str) -> None:
        """Drop what is kept of a run."""
        with self._lock:
            self._runs.pop(run_id, None)


class _Growing:
    """The series of one run as far as they were read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, _Line] = {}
        self._seen: tuple[Seen, ...] = ()

    def up_to_date(self, store: RunStore, run_id: str) -> dict[str, Series]:
        with self._lock:
            found = store.points(run_id, self._seen)
            if found.anew:
                self._lines = {}
            self._take(found)
            self._seen = found.last
            return {name: line.series for name, line in self._lines.items()}

    def _take(self, found: Points) -> None:
        keys = found.table[:, 1]
        for key in np.unique(keys):
            line = _line(found.table[keys == key])
            before = self._lines.get(found.names[int(key)])
            self._lines[found.names[int(key)]] = (
                line if before is None else before.followed_by(line)
            )


@dataclass(frozen=True, eq=False)
class _Line:
    """One series, and the number of each of its points among all points of its run.

    Attributes:
        width: of the blocks of numbers whose extremes are kept; 1 while every point is.
    """

    numbers: NDArray[np.int64]
    series: Series
    width: int = 1

    def followed_by(self, new: _Line) -> _Line:
        """Both, thinned where they are too many."""
        one, other = self.series, new.series
        return _Line(
            np.concatenate([self.numbers, new.numbers]),
            Series(
                np.concatenate([one.steps, other.steps]),
                np.concatenate([one.epochs, other.epochs]),
                np.concatenate([one.values, other.values]),
            ),
            self.width,
        ).thinned()

    def thinned(self) -> _Line:
        """The line, or its blocks' extremes where it has too many points, with room for more.

        Blocks double, and are cut at the same numbers whenever a series is read: nothing that is
        an extreme of its block now was dropped before.
        """
        if len(self.numbers) <= KEPT_POINTS:
            return self
        # Narrower blocks than these would leave too many points of a series without gaps.
        needed = 2 * int(self.numbers[-1] - self.numbers[0]) // KEPT_POINTS
        line = self._by_blocks_of(max(self.width, 1 << max(0, needed.bit_length() - 1)))
        while len(line.numbers) > KEPT_POINTS * 3 // 4:
            line = line._by_blocks_of(2 * line.width)
        return line

    def _by_blocks_of(self, width: int) -> _Line:
        keep = extremes_and_ends(self.numbers // width, self.series.values)
        kept = self.series
        return _Line(
            self.numbers[keep],
            Series(kept.steps[keep], kept.epochs[keep], kept.values[keep]),
            width,
        )


def _line(table: NDArray[np.float64]) -> _Line:
    """The line of one name's rows of `Points.table`."""
    numbers, steps = table[:, 0].astype(np.int64), table[:, 2].astype(np.int64)
    return _Line(numbers, Series(steps, table[:, 3], table[:, 4])).thinned()
