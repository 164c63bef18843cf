"""What is wanted of a run: asked from the store now and then, from the process at once."""

from __future__ import annotations

import threading
import time
from typing import Literal

from delta_app.errors import DeltaAppError
from delta_app.runs.store import RunStore
from delta_app.training.observer import Request

ASK_EVERY = 0.2  # s between two looks into the store


class Shutdown:
    """Whether this process is about to end: somebody said so, or its main thread has ended.

    Args:
        wanted: what the run is asked for then: "interrupt", or "stop" where the person who ends
            the process means to keep what is there.
    """

    def __init__(self, wanted: Literal["interrupt", "stop"] = "interrupt") -> None:
        self.wanted = wanted
        self._event = threading.Event()

    def request(self) -> None:
        """Say that the process is about to end."""
        self._event.set()

    @property
    def requested(self) -> bool:
        return self._event.is_set() or not threading.main_thread().is_alive()

    def wait(self, seconds: float) -> bool:
        """Sleep, less where the end is requested meanwhile; whether it is."""
        self._event.wait(seconds)
        return self.requested


class ControlFromStore:
    """A control that reads the request in the run's row, at most every `ASK_EVERY` seconds.

    While the store cannot be read the last answer stands.
    """

    def __init__(self, store: RunStore, run_id: str, shutdown: Shutdown) -> None:
        self._store = store
        self._run_id = run_id
        self._shutdown = shutdown
        self._asked_at = -ASK_EVERY
        self._answer: Request = "run"

    def request(self) -> Request:
        """What the end of the process asks for once it is near, else what the store says."""
        if self._shutdown.requested:
            return self._shutdown.wanted
        now = time.monotonic()
        if now - self._asked_at >= ASK_EVERY:
            self._asked_at = now
            self._answer = self._ask()
        return self._answer

    def _ask(self) -> Request:
        try:
            wanted = self._store.requested(self._run_id)
        except DeltaAppError:
            return self._answer
        match wanted:
            case "stop" | "pause":
                return wanted
        return "run"
