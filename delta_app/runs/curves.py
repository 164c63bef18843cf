"""A run's curves for a page that asks again every second: only what is new is read."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from delta_app.runs.records import Series
from delta_app.runs.store import RunStore
from delta_app.runs.thinning import thin

KEPT_RUNS = 12


class Curves:
    """Series of the runs looked at last, kept so that a refresh reads only new points.

    Safe for any number of threads; holds at most `KEPT_RUNS` runs.
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
        self._series: dict[str, Series] = {}
        self._last = 0

    def up_to_date(self, store: RunStore, run_id: str) -> dict[str, Series]:
        with self._lock:
            found = store.metrics(run_id, after=self._last)
            for name, new in found.series.items():
                before = self._series.get(name)
                self._series[name] = new if before is None else _joined(before, new)
            self._last = found.last
            return dict(self._series)


def _joined(before: Series, new: Series) -> Series:
    return Series(
        np.concatenate([before.steps, new.steps]),
        np.concatenate([before.epochs, new.epochs]),
        np.concatenate([before.values, new.values]),
    )
