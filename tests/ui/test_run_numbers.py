"""The line of numbers over a run's tabs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from delta_app.runs.records import RunRecord, RunStatus
from delta_app.ui.run_numbers import progress_words


def record(**values: Any) -> RunRecord:
    return RunRecord(
        id="l2-abc234",
        kind="training",
        name="run",
        method="l2",
        method_label="L2",
        color="#0072B2",
        dataset="flowers10",
        backbone="resnet18",
        config={},
        folder=Path("/runs/l2-abc234"),
        created_at=1.0,
        status=RunStatus.COMPLETED,
        device="CPU",
        **values,
    )


def test_micro_batches_are_told_where_memory_did_not_suffice_for_whole_ones() -> None:
    assert progress_words(record(facts={"micro_batch": 16})).endswith("CPU · micro-batches of 16")
    assert progress_words(record()).endswith("CPU")
