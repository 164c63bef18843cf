"""The two contracts between the training loop and whoever started it.

An `Observer` only watches; a `Control` only asks. Neither can change a number of the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

Request = Literal["run", "pause", "stop", "interrupt"]
Level = Literal["info", "warning", "error"]

PHASES = (
    "preparing",  # reading settings, building networks
    "checking pictures",
    "decoding pictures",
    "training the attention's head",
    "looking at the pictures",  # which ones excite each filter most
    "measuring first order",
    "measuring attention",
    "measuring faithfulness",
    "training",  # the validation that ends an epoch included; the detail then says so
    "testing",
    "saving",
)


class Observer(Protocol):
    """Watches a run. Every method returns at once and never raises into the loop."""

    def phase(self, name: str, done: int, total: int | None, detail: str = "") -> None:
        """What is going on now and how far it is; `total` None where that is unknown."""

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None:
        """Numbers measured at a step; names as in `delta_app.training.metric_names`."""

    def event(self, level: Level, message: str) -> None:
        """One line of the run's log."""

    def facts(self, values: Mapping[str, object]) -> None:
        """What the run's record shows: classes, pictures a split, device, memory, results."""

    def settle(self) -> int | None:
        """Wait until what `metrics` was told lies on disk, for a checkpoint to rest upon.

        Returns:
            How many times `metrics` was called, over all stretches of the run; None where the
            disk cannot take it now.
        """

    def rewind(self, told: int) -> None:
        """Forget all but the first `told` calls of `metrics`: they are measured anew.

        Raises:
            CheckpointError: there were fewer, or the disk cannot take it.
        """


class Control(Protocol):
    """Asked before every step and between pictures of long preparations."""

    def request(self) -> Request:
        """What is wanted of the run now."""


class Silent:
    """An observer that forgets everything."""

    def phase(self, name: str, done: int, total: int | None, detail: str = "") -> None: ...

    def metrics(self, step: int, epoch: float, values: Mapping[str, float]) -> None: ...

    def event(self, level: Level, message: str) -> None: ...

    def facts(self, values: Mapping[str, object]) -> None: ...

    def settle(self) -> int | None:
        return 0

    def rewind(self, told: int) -> None: ...


class Unstoppable:
    """A control that always lets the run go on."""

    def request(self) -> Request:
        return "run"


class HeedsOnly:
    """A control that passes on only some of what is asked for.

    Args:
        heard: what is passed on; all else is "run".
    """

    def __init__(self, control: Control, *heard: Request) -> None:
        self._control = control
        self._heard = heard

    def request(self) -> Request:
        wanted = self._control.request()
        return wanted if wanted in self._heard else "run"
