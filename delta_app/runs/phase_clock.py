"""How fast a phase goes."""

from __future__ import annotations


class PhaseClock:
    """Measures the speed of each phase, without the time spent in other phases between.

    A phase that is entered again where it was left goes on; one that starts over is new.
    """

    def __init__(self) -> None:
        self._phase = ""
        self._last_time = 0.0
        self._done: dict[str, int] = {}
        self._spent: dict[str, float] = {}
        self._moved: dict[str, int] = {}

    def tick(self, phase: str, done: int, now: float) -> float | None:
        """Units of `done` a second in this phase so far; None until it has moved.

        Args:
            now: seconds of a clock that is never set back.
        """
        if done < self._done.get(phase, done + 1):
            self._spent[phase], self._moved[phase] = 0.0, 0
        elif phase == self._phase:
            self._spent[phase] += now - self._last_time
            self._moved[phase] += done - self._done[phase]
        self._phase, self._last_time, self._done[phase] = phase, now, done
        spent, moved = self._spent[phase], self._moved[phase]
        return moved / spent if moved > 0 and spent > 0 else None
