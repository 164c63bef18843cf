"""What keeps a queued run from beginning, as the Runs page says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from delta_app.runs.records import RunRecord, RunStatus
from delta_app.ui.runs_queue import MOST_ROWS, height_rem, waits_for


def run(status: str = "queued", **values: Any) -> RunRecord:
    plain: dict[str, Any] = {
        "id": "l2-abc234",
        "kind": "training",
        "name": "tulips",
        "method": "l2",
        "method_label": "L2",
        "color": "#0072B2",
        "dataset": "flowers10",
        "backbone": "resnet18",
        "config": {},
        "folder": Path("/runs/l2-abc234"),
        "created_at": 1.0,
    }
    return RunRecord(**(plain | {"status": RunStatus(status)} | values))


@pytest.mark.parametrize(
    ("place", "waiting", "running", "words"),
    [
        (1, {"phase_detail": "waits for cpu"}, {}, "waits for cpu"),
        (1, {}, None, "begins next"),
        (1, {}, {}, "waits for tulips to end"),
        (1, {"wanted_device": "cuda:1"}, {"wanted_device": "cuda:1"}, "waits for tulips to end"),
        (1, {"wanted_device": "cuda:1"}, {"wanted_device": "cuda:0"}, "begins next"),
        (2, {}, {}, "waits for those before it"),
    ],
)
def test_what_a_run_waits_for(
    place: int, waiting: dict[str, Any], running: dict[str, Any] | None, words: str
) -> None:
    going = [] if running is None else [run("running", **running)]
    assert waits_for(place, run(**waiting), going) == words


def test_the_queue_takes_room_for_what_it_shows_and_no_more() -> None:
    assert height_rem(0) == 0
    assert height_rem(1) < height_rem(2) < height_rem(MOST_ROWS) == height_rem(MOST_ROWS + 9)
