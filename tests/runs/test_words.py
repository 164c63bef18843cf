from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from delta_app.formatting import THIN_SPACE
from delta_app.runs.records import RunFailure, RunRecord, RunStatus
from delta_app.runs.words import status_words, time_left


def record(status: str, **values: Any) -> RunRecord:
    plain: dict[str, Any] = {
        "id": "l2-abc234",
        "kind": "training",
        "name": "run",
        "method": "l2",
        "method_label": "L2",
        "color": "#0072B2",
        "dataset": "flowers10",
        "backbone": "resnet18",
        "config": {},
        "folder": Path("/runs/l2-abc234"),
        "created_at": 1.0,
        "started_at": None if status == "queued" else 2.0,
    }
    return RunRecord(**(plain | {"status": RunStatus(status)} | values))


def phase(name: str, done: int, total: int | None, detail: str = "", **more: Any) -> dict[str, Any]:
    return {"phase": name, "phase_done": done, "phase_total": total, "phase_detail": detail} | more


@pytest.mark.parametrize(
    ("status", "values", "words"),
    [
        ("queued", {"queue_position": 1}, "Queued, next in line"),
        ("queued", {"queue_position": 2}, "Queued, second in line"),
        (
            "running",
            {"request": "pause"} | phase("training", 4, 30),
            "Pausing: finishing this step and keeping where it is",
        ),
        ("paused", {"started_at": None}, "Paused before it began"),
        (
            "queued",
            {"queue_position": 1, "request": "stop", "best_epoch": 2},
            "Stopping: next in line to test its best epoch",
        ),
        (
            "queued",
            {"queue_position": 2, "request": "stop"},
            "Stopping: second in line to end",
        ),
        ("paused", {}, "Paused before its first step; resumed, it begins again"),
        (
            "paused",
            {"step": 12, "steps": 30, "epoch": 1, "epochs": 3},
            "Paused after step 12 of 30, in epoch 2 of 3",
        ),
        (
            "paused",
            {"step": 30, "steps": 30, "epoch": 3, "epochs": 3},
            "Paused after its last step; its test is left",
        ),
        ("queued", {"queue_position": 12}, "Queued, number 12 in line"),
        (
            "queued",
            {"queue_position": 1, "phase_detail": "waits for cpu, in use by the app, process 7"},
            "Queued, next in line: waits for cpu, in use by the app, process 7",
        ),
        ("running", {}, "Starting"),
        (
            "running",
            phase("preparing", 0, None, "building resnet18"),
            "Preparing: building resnet18",
        ),
        (
            "running",
            phase("decoding pictures", 120, 1300),
            f"Decoding pictures: 120 of 1{THIN_SPACE}300 pictures",
        ),
        (
            "running",
            phase("training the attention's head", 2, 10),
            "Training the attention's head: epoch 3 of 10",
        ),
        (
            "running",
            phase("training the attention's head", 10, 10),
            "Training the attention's head: epoch 10 of 10",
        ),
        (
            "running",
            phase("measuring attention", 472, 1888, "472 filters"),
            f"Measuring attention: 25{THIN_SPACE}% of 472 filters",
        ),
        (
            "running",
            phase("measuring attention", 120, 472),
            "Measuring attention: 120 of 472 filters",
        ),
        (
            "running",
            phase("measuring faithfulness", 700, 2800, "140 sets of disabled filters"),
            f"Measuring faithfulness: 25{THIN_SPACE}% of 140 sets of disabled filters",
        ),
        (
            "running",
            phase("training", 25, 150, step=25, epochs=15, epoch=2, facts={"steps_per_epoch": 10}),
            "Training: epoch 3 of 15",
        ),
        (
            "running",
            phase("training", 150, 150, step=150, epochs=15, facts={"steps_per_epoch": 10}),
            "Training: epoch 15 of 15",
        ),
        (
            "running",
            phase(
                *("training", 20, 150, "validating, 64 of 120 pictures"),
                step=20,
                epochs=15,
                epoch=1,
                facts={"steps_per_epoch": 10},
            ),
            "Training: epoch 2 of 15, validating, 64 of 120 pictures",
        ),
        (
            "running",
            phase("testing", 30, 250, "test pictures"),
            "Testing: 30 of 250 test pictures",
        ),
        ("running", phase("saving", 0, None), "Saving"),
        (
            "running",
            phase("training", 25, 150, request="stop", epoch=2),
            "Stopping: finishing this step, then testing the best epoch",
        ),
        (
            "running",
            phase("training", 2, 150, request="stop", epoch=0),
            "Stopping: finishing this step; no epoch has ended, so there is nothing to test",
        ),
        (
            "running",
            phase("training", 25, 150, request="stop", epoch=2, facts={"pictures": {"test": 0}}),
            "Stopping: finishing this step; the best epoch is kept",
        ),
        (
            "running",
            phase("testing", 30, 250, "test pictures", request="stop", epoch=2),
            "Stopping: testing: 30 of 250 test pictures",
        ),
        (
            "stopped",
            {"epoch": 4, "best_epoch": 3, "test_evaluations": 1},
            "Stopped by you after epoch 4; the best epoch was kept and tested",
        ),
        (
            "stopped",
            {"epoch": 4, "best_epoch": 3},
            "Stopped by you after epoch 4; the best epoch was kept",
        ),
        ("stopped", {}, "Stopped by you before the first epoch ended; nothing was kept"),
        ("stopped", {"started_at": None}, "Stopped by you before it began"),
        ("stopped", {"kind": "attention"}, "Stopped by you before the attention was measured"),
        (
            "stopped",
            {"kind": "attention", "attention": "/runs/a/attention.json"},
            "Stopped by you; the attention is kept as far as it was measured",
        ),
        (
            "stopped",
            phase("measuring faithfulness", 9, 90)
            | {"kind": "attention", "attention": "/runs/a/attention.json"},
            "Stopped by you; the attention is kept without its faithfulness",
        ),
        ("interrupted", {}, "Interrupted: the app ended while it ran"),
        (
            "interrupted",
            {"epoch": 4, "epochs": 15},
            "Interrupted: the app ended while it ran, after epoch 4 of 15",
        ),
        ("interrupted", {"started_at": None}, "Interrupted: the app ended before it began"),
        ("failed", {"error": RunFailure("No classes here.")}, "Failed: No classes here."),
        (
            "completed",
            {"test_top1": 0.912},
            f"Completed: 91.2{THIN_SPACE}% of the test pictures right",
        ),
        (
            "completed",
            {"val_top1": 0.5},
            f"Completed: 50.0{THIN_SPACE}% of the validation pictures right",
        ),
        ("completed", {"kind": "attention"}, "Completed: the attention was measured"),
    ],
)
def test_words(status: str, values: dict[str, Any], words: str) -> None:
    assert status_words(record(status, **values)) == words


def test_time_left_follows_the_phase_s_speed_and_counts_down() -> None:
    running = record("running", **phase("training", 60, 100, phase_speed=2.0, phase_at=1000.0))
    assert time_left(running, now=1000.0) == 20.0
    assert time_left(running, now=1005.0) == 15.0
    assert time_left(running, now=1100.0) == 0.0
    assert time_left(running, now=900.0) == 20.0  # a clock set back adds nothing


@pytest.mark.parametrize(
    "values",
    [
        phase("preparing", 0, None, phase_speed=2.0),
        phase("training", 0, 100, phase_speed=None),
    ],
)
def test_nothing_is_said_of_a_time_that_nobody_knows(values: dict[str, Any]) -> None:
    assert time_left(record("running", **values)) is None
    ending = phase("training", 5, 100, phase_speed=2.0, phase_at=1000.0)
    assert time_left(record("running", request="pause", **ending)) is None
    assert time_left(record("running", request="stop", **ending)) is None
    testing = record("running", request="stop", **ending | {"phase": "testing"})
    assert time_left(testing, now=1000.0) == 47.5
    ended = phase("training", 5, 100, phase_speed=2.0)
    assert time_left(record("completed", **ended)) is None
