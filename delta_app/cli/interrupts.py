"""Ctrl-C and SIGTERM as a wish, so that what runs can end between two steps."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from delta_app.cli.output import note

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ending_on_signals(end: Callable[[], None]) -> Iterator[None]:
    """Within the block the first SIGINT or SIGTERM calls `end`; the next interrupts at once.

    The handlers of before come back at the block's end. Only the main thread may do this.
    """
    asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True
        note("Interrupting: the step at hand is finished first. Once more ends it at once.")
        end()

    before = {number: signal.signal(number, ask) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
