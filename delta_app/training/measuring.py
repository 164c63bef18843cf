"""What a measurement of attention has found so far, kept so that it can go on later.

One file of tensors and plain types, read with `weights_only=True`. It is there only while the
measurement is not complete.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from delta_app.errors import CheckpointError
from delta_app.training.checkpoint import read_tensors, write_tensors
from delta_app.training.disk import RunDisk
from delta_app.training.observer import Observer

MEASURING_FILE = "measuring.ckpt"
LARGEST_SHARE = 0.05
"""Of the time that may go into writing."""

_FORMAT = 1


class Measuring:
    """The parts of one measurement that are done, by name, on disk at most every so often.

    Args:
        path: of the file; what another measurement left there is passed over.
        key: what the measurement is called: all that determines its numbers.
        disk: writes it.
        observer: is told where the file is damaged; then all is measured anew.
        every: s between two writes.

    Attributes:
        seconds: spent before this stretch.
    """

    def __init__(
        self, path: Path, key: str, disk: RunDisk, observer: Observer, every: float
    ) -> None:
        self._path = path
        self._disk = disk
        self._every = every
        found = _read(path, observer)
        same = found.get("format") == _FORMAT and found.get("key") == key
        self._state: dict[str, Any] = found if same else {"format": _FORMAT, "key": key}
        self.seconds = float(self._state.get("seconds", 0.0))
        self._began = self._written = time.monotonic()
        self._took = 0.0

    def found(self, part: str) -> Any | None:
        """The state of a part as it was kept; None where there is none."""
        return self._state.get(part)

    def keep(self, part: str, state: Any) -> None:
        """Take the newest state of a part, and write all of them where that is due."""
        self._state[part] = state
        since = time.monotonic() - self._written
        if since >= max(self._every, self._took / LARGEST_SHARE):
            self.write()

    def write(self) -> None:
        """Write all parts now; a disk that cannot take them costs no more than measuring anew."""
        started = time.monotonic()
        self._state["seconds"] = self.spent()
        self._disk.try_to(
            lambda: write_tensors(self._path, self._state), "what was measured so far"
        )
        self._written = time.monotonic()
        self._took = self._written - started

    def spent(self) -> float:
        """Seconds that the measurement took, over all stretches."""
        return self.seconds + time.monotonic() - self._began


def _read(path: Path, observer: Observer) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        return read_tensors(path)
    except CheckpointError as error:
        observer.event("warning", f"{error.message} All is measured anew.")
        return {}
