"""Writing a run's files on a disk that may be full, read-only or gone for a while."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from delta_app.errors import Cancelled, TrainingError
from delta_app.training.observer import Control, Observer

TRY_EVERY = 1.0  # s between two tries of what must be written
PATIENCE = 600.0  # s, after which a run that cannot be kept has failed


class RunDisk:
    """Writes for one run: what can wait is tried again later, what cannot is waited for.

    Args:
        folder: the run's; a run whose folder was deleted or moved cannot be kept anywhere.
    """

    def __init__(self, folder: Path, observer: Observer, control: Control) -> None:
        self._folder = folder
        self._observer = observer
        self._control = control
        self._troubled: set[str] = set()

    def try_to(self, write: Callable[[], object], what: str) -> bool:
        """Write now or not at all; False where the disk cannot take it, which the log says once.

        Raises:
            TrainingError: the run's folder is gone.
        """
        self._check_folder()
        try:
            write()
        except OSError as error:
            if what not in self._troubled:
                self._troubled.add(what)
                self._observer.event(
                    "warning",
                    f"{_said(what)} cannot be written to {self._folder} now "
                    f"({_reason(error)}); training goes on, and it is tried again.",
                )
            return False
        if what in self._troubled:
            self._troubled.remove(what)
            self._observer.event("info", f"{_said(what)} could be written again.")
        return True

    def insist(self, write: Callable[[], object], what: str) -> None:
        """Write, waiting for the disk where it must be; the run says what it waits for.

        Raises:
            TrainingError: it could not be written within `PATIENCE`, or the folder is gone.
            Cancelled: the app ends.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            self._check_folder()
            try:
                write()
            except OSError as error:
                reason = _reason(error)
            else:
                return
            if time.monotonic() >= deadline:
                raise TrainingError(
                    f"{_said(what)} cannot be written to {self._folder}: {reason}.",
                    cure="Make room on the disk, or give yourself the right to write there, "
                    "then resume the run.",
                )
            if self._control.request() == "interrupt":
                raise Cancelled
            self._observer.phase(
                "saving", 0, None, f"{what}, which waits for the disk ({reason}): make room on it"
            )
            time.sleep(TRY_EVERY)

    def _check_folder(self) -> None:
        if not self._folder.is_dir():
            raise TrainingError(
                f"The run's folder {self._folder} is gone: it was deleted or moved.",
                cure="Put it back and resume the run, or run again from the beginning.",
            )


def _said(what: str) -> str:
    return what[:1].upper() + what[1:]


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).rstrip(".")
