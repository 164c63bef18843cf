"""Progress: news, not noise; one line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io

from delta_app.cli.progress import ERASE, Progress
from delta_app.training import metric_names as names


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_plain_lines_come_at_a_new_phase_and_then_every_ten_seconds() -> None:
    stream, clock = io.StringIO(), Clock()
    progress = Progress(stream, clock)
    for done in range(1, 31):  # a picture a second
        clock.now = float(done)
        progress.phase("decoding pictures", done, 300)
    lines = stream.getvalue().splitlines()
    assert lines == [
        "Decoding pictures: 1 of 300",
        "Decoding pictures: 11 of 300, 4 min 49 s left",
        "Decoding pictures: 21 of 300, 4 min 39 s left",
    ]


def test_plain_lines_hold_every_event() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.event("info", "Epoch 1 of 2.")
    progress.event("warning", "Two classes are small.")
    assert stream.getvalue() == "Epoch 1 of 2.\nwarning: Two classes are small.\n"


def test_a_terminal_has_one_line_that_is_written_over_and_gone_at_the_end() -> None:
    stream, clock = Terminal(), Clock()
    with Progress(stream, clock) as progress:
        progress.facts({"epochs": 3, "steps_per_epoch": 4})
        progress.metrics(4, 1.0, {names.VAL_TOP1: 0.5, names.PICTURES_PER_SECOND: 31.0})
        for done in (4, 5, 6):
            clock.now += 1.0
            progress.phase("training", done, 12)
        progress.event("info", "Said by the line anyway.")
    text = stream.getvalue()
    assert "\n" not in text
    drawn = text.split(ERASE)
    assert drawn[-1] == ""
    assert drawn[1].startswith("Training: epoch 1 of 3, step 4 of 12")
    expected = "Training: epoch 2 of 3, step 6 of 12, 6.0 s left, val 50.0"
    assert drawn[3].startswith(expected)


def test_a_terminal_shows_warnings_above_its_line() -> None:
    stream = Terminal()
    Progress(stream).event("warning", "Two classes are small.")
    assert stream.getvalue() == f"{ERASE}warning: Two classes are small.\n"


def test_a_terminal_is_not_redrawn_more_often_than_one_can_read() -> None:
    stream, clock = Terminal(), Clock()
    progress = Progress(stream, clock)
    for done in range(100):
        clock.now += 0.01
        progress.phase("training", done, 100)
    assert stream.getvalue().count(ERASE) <= 6
