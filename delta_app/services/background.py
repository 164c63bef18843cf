"""Work that takes longer than a click may: done in a thread, watched, and cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from delta_app.errors import Cancelled, DeltaAppError

T = TypeVar("T")
OnProgress = Callable[[int, int | None], None]
IsCancelled = Callable[[], bool]


class InBackground(Generic[T]):
    """One piece of work in a daemon thread of its own.

    Args:
        work: is given `on_progress(done, total)`, which raises Cancelled once `cancel` was
            called, and `cancelled()`, for work that would rather ask.
        name: of the thread.

    The thread is a daemon: it only reads or writes files that are renamed when whole, so the
    process may end in the middle of it.
    """

    def __init__(self, work: Callable[[OnProgress, IsCancelled], T], name: str = "work") -> None:
        self.done = 0
        self.total: int | None = None
        self._work = work
        self._cancel = threading.Event()
        self._ended = threading.Event()
        self._result: T | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"delta-{name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._result = self._work(self._progress, self._cancel.is_set)
        except BaseException as error:  # raised again in the thread that asks for the result
            self._error = error
        finally:
            self._ended.set()

    def _progress(self, done: int, total: int | None) -> None:
        if self._cancel.is_set():
            raise Cancelled
        self.done, self.total = done, total

    @property
    def finished(self) -> bool:
        """Whether there is a result, an error, or it was cancelled."""
        return self._ended.is_set()

    @property
    def share(self) -> float | None:
        """How much is done, in [0, 1]; None where the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else None

    def wait(self, seconds: float) -> bool:
        """Wait that long at most; whether it is finished now."""
        return self._ended.wait(seconds)

    def cancel(self) -> None:
        """Ask the work to end; it does at its next sign of progress."""
        self._cancel.set()

    @property
    def cancelled(self) -> bool:
        return isinstance(self._error, Cancelled)

    @property
    def error(self) -> DeltaAppError | None:
        """What a person can put right about it; any other exception is raised."""
        if self._error is None or isinstance(self._error, Cancelled):
            return None
        if isinstance(self._error, DeltaAppError):
            return self._error
        raise self._error

    @property
    def result(self) -> T | None:
        """What the work returned; None while it goes on, or where it failed."""
        return self._result
