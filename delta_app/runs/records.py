"""What the store gives back: plain, frozen records that pages may keep and compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TRAINING = "training"
ATTENTION = "attention"


class RunStatus(StrEnum):
    """What has become of a run. A running run that was asked to stop is still running."""

    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the run by itself; it may be resumed, though."""
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING)

    @property
    def unfinished(self) -> bool:
        """Whether more is meant to come of the run: it goes on, waits, or was paused."""
        return self in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.PAUSED)


@dataclass(frozen=True)
class RunFailure:
    """Why a run failed: what happened, what to do, and the last lines of its log.

    Attributes:
        log_tail: events, oldest first, and the traceback behind them.
    """

    message: str
    cure: str = ""
    log_tail: str = ""

    @property
    def last_events(self) -> str:
        """The log's last lines without the traceback, which is for who mends the app."""
        return self.log_tail.partition("\nTraceback (most recent call last):")[0]


@dataclass(frozen=True)
class RunRecord:
    """One run as the store has it.

    Attributes:
        method, method_label, color: key, name and colour of the method's variant.
        dataset: name of the folder of pictures; its whole path is in `config`.
        config: the settings as JSON; of an attention run `{"run": settings}`.
        request: what was asked of a run that goes on ("stop" or "pause"), None where nothing was.
        owner: which process works on it or waits with it, in words; None for none.
        wanted_device, device: what the settings ask for; what it runs on, once known.
        phase, phase_done, phase_total, phase_detail: what is going on and how far it is; of a
            queued run `phase_detail` says what it waits for.
        phase_speed: units of `phase_done` a second; phase_at: when it was written (unix time).
        epoch, step: whole epochs and steps done.
        created_at, started_at, finished_at: unix time; `started_at` when it first began.
        resumed_at: when it began to work last: `started_at`, unless it was resumed.
        seconds: how long the run worked, without waiting in the queue, until it last ended;
            None before that.
        queue_position: 1 for the run that is next in line; None for one that is not queued.
        facts: everything the training loop said of itself.
    """

    id: str
    kind: str
    name: str
    status: RunStatus
    method: str
    method_label: str
    color: str
    dataset: str
    backbone: str
    config: dict[str, Any]
    folder: Path
    created_at: float
    wanted_device: str = "auto"
    request: str | None = None
    owner: str | None = None
    device: str | None = None
    phase: str = ""
    phase_done: int = 0
    phase_total: int | None = None
    phase_detail: str = ""
    phase_speed: float | None = None
    phase_at: float | None = None
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps: int = 0
    started_at: float | None = None
    resumed_at: float | None = None
    finished_at: float | None = None
    seconds: float | None = None
    pictures_per_second: float | None = None
    memory_bytes: int | None = None
    val_top1: float | None = None
    best_epoch: int | None = None
    test_top1: float | None = None
    test_balanced: float | None = None
    test_evaluations: int = 0
    attention: str | None = None
    queue_position: int | None = None
    error: RunFailure | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def stopping(self) -> bool:
        """Whether the run goes on, or waits, only to end what it was asked to end."""
        return self.request == "stop" and not self.status.ended

    @property
    def pausing(self) -> bool:
        """Whether the run goes on only to keep where it is."""
        return self.status is RunStatus.RUNNING and self.request == "pause"

    def worked(self, now: float) -> float | None:
        """Seconds the run worked until `now` (unix time), its waiting left out; None before it
        began."""
        if self.status is not RunStatus.RUNNING or self.resumed_at is None:
            return self.seconds
        return (self.seconds or 0.0) + max(0.0, now - self.resumed_at)


@dataclass(frozen=True)
class Event:
    """One line of a run's log."""

    at: float
    level: str
    message: str


@dataclass(frozen=True, eq=False)
class Series:
    """One metric over a run: three arrays of one length, in the order of measuring."""

    steps: NDArray[np.int64]
    epochs: NDArray[np.float64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class Metrics:
    """Series by metric name, and the number of the last point that was read."""

    series: dict[str, Series]
    last: int
