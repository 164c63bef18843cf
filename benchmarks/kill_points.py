"""Where a process ends itself with SIGKILL: between two steps, or in the middle of a write.

Each point is set in a process of its own before the run starts there; nothing after it happens,
no `finally`, no closing of files.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from sqlalchemy import event
from sqlalchemy.engine import Engine

from delta_app import atomic_files
from delta_app.runs import journal
from delta_app.training import fine_tuning

FILES = {
    "checkpoint": ("last.ckpt",),
    "weights": ("best.safetensors", "snapshot.safetensors"),
    "attention": ("attention.json", "head.safetensors", "by_picture.safetensors"),
    "end": ("predictions.json", "result.json"),
}
FILE_STAGES = ("half written", "before the sync", "before the rename", "after the rename")
STORE_STAGES = ("in a transaction", "before a commit", "in the database's own code")


def die() -> NoReturn:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process went on")


@dataclass(frozen=True)
class KillPoint:
    """One place to die.

    Attributes:
        kind: "step", "time", "journal", "store", or one of `FILES`.
        stage: where in the writing; empty for steps and times.
        after: how many times it passes before: steps, writes or milliseconds.
        every_step: whether the run keeps a checkpoint after every step until then.
    """

    kind: str
    stage: str
    after: int
    every_step: bool

    def __str__(self) -> str:
        words = f"{self.kind} {self.stage}".rstrip()
        return f"{words}, after {self.after}"


def drawn(number: int, kinds: tuple[str, ...], seed: int) -> list[KillPoint]:
    """Random points, each kind in turn."""
    random_ = random.Random(seed)
    points = []
    for place in range(number):
        kind = kinds[place % len(kinds)]
        stages: tuple[str, ...] = ("",)
        most = 4
        if kind in FILES:
            stages, most = FILE_STAGES, (4 if kind == "checkpoint" else 1)
        elif kind == "store":
            stages, most = STORE_STAGES, 6
        elif kind == "time":
            most = 2500
        points.append(
            KillPoint(
                kind, random_.choice(stages), random_.randrange(most + 1), random_.random() < 0.6
            )
        )
    return points


def set_up(point: KillPoint) -> None:
    """Let this process die at that point."""
    if point.every_step:
        fine_tuning.LARGEST_SHARE = 1e9
    left = _Countdown(point.after)
    match point.kind:
        case "step":
            _before_a_step(left)
        case "time":
            threading.Timer(point.after / 1000, die).start()
        case "journal":
            _in_the_journal(left)
        case "store":
            _in_the_store(point.stage, left)
        case _:
            _in_a_file(FILES[point.kind], point.stage, left)


class _Countdown:
    def __init__(self, number: int) -> None:
        self._left = number

    def over(self) -> bool:
        """Whether it was asked more often than the number."""
        self._left -= 1
        return self._left < 0


def _before_a_step(left: _Countdown) -> None:
    steps = fine_tuning.set_learning_rates

    def counted(*arguments: Any) -> dict[str, float]:
        if left.over():
            die()
        return steps(*arguments)

    fine_tuning.set_learning_rates = counted


def _in_the_journal(left: _Countdown) -> None:
    def half(self: journal.Journal, measured: Any) -> None:
        lines = [journal._line(each) for each in measured]
        if lines and left.over():
            with self._path.open("ab") as file:
                whole = b"".join(lines)
                file.write(whole[: len(whole) - len(lines[-1]) // 2])
            die()
        append(self, measured)

    append = journal.Journal.append
    journal.Journal.append = half  # type: ignore[method-assign]


def _in_the_store(stage: str, left: _Countdown) -> None:
    def writes(statement: str) -> bool:
        return statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE")

    @event.listens_for(Engine, "after_cursor_execute")
    def after(c: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if stage == "in a transaction" and writes(statement) and left.over():
            die()

    @event.listens_for(Engine, "commit")
    def commit(connection: Any) -> None:
        if stage == "before a commit" and left.over():
            die()

    if stage == "in the database's own code":

        @event.listens_for(Engine, "connect")
        def connect(raw: Any, record: Any) -> None:
            raw.set_progress_handler(lambda: die() if left.over() else 0, 40)


def _in_a_file(names: tuple[str, ...], stage: str, left: _Countdown) -> None:
    written_whole, replace = atomic_files.written_whole, os.replace

    @contextmanager
    def dying(path: Path) -> Iterator[Path]:
        here = path.name in names and left.over()

        def dying_replace(*arguments: Any) -> None:
            if stage == "before the rename":
                die()
            replace(*arguments)
            if stage == "after the rename":
                die()

        with written_whole(path) as temporary:
            yield temporary
            if not here:
                return
            if stage == "half written":
                os.truncate(temporary, temporary.stat().st_size // 2)
            if stage in ("half written", "before the sync"):
                die()
            atomic_files.os.replace = dying_replace  # type: ignore[assignment]

    atomic_files.written_whole = dying
