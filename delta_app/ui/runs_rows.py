"""The Runs page's table: a row a run, as the screen shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from delta_app.formatting import duration
from delta_app.regularizers import all_variants
from delta_app.runs.records import ATTENTION, RunRecord
from delta_app.services import runs
from delta_app.ui.run_numbers import share_done
from delta_app.ui.run_states import state_of

NAME, METHOD, DATASET, BACKBONE = "Name", "Method", "Dataset", "Backbone"
STATE, PROGRESS, EPOCHS = "State", "Progress", "Epochs"
VALIDATION, TEST, TOOK, STARTED = "Validation", "Test", "Duration", "Started"

_MOST_STATE_WORDS = 34


def table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """Rows in the order of the records; numbers stay numbers, so that columns can be sorted."""
    return pd.DataFrame([_row(record) for record in records], columns=list(columns()))


def _row(record: RunRecord) -> dict[str, Any]:
    trains = record.kind != ATTENTION
    return {
        NAME: record.name,
        METHOD: [record.method_label if trains else "Attention only"],
        DATASET: record.dataset,
        BACKBONE: record.backbone,
        STATE: _state_words(record),
        PROGRESS: share_done(record),
        EPOCHS: f"{record.epoch} of {record.epochs}" if trains and record.epochs else "",
        VALIDATION: _in_percent(record.val_top1),
        TEST: _in_percent(record.test_top1),
        TOOK: duration(record.seconds) if record.seconds is not None else "",
        STARTED: _moment(record.started_at),
    }


def _state_words(record: RunRecord) -> str:
    """The state; of a run that goes on what it does, as far as that fits."""
    if record.status.ended:
        return state_of(record).label
    words = runs.status_words(record)
    if len(words) <= _MOST_STATE_WORDS:
        return words
    return words.partition(":")[0]


def _in_percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, tz=UTC)


def columns() -> dict[str, Any]:
    """How each column is drawn; the name's is given by who listens to its clicks."""
    column = st.column_config
    colors = {variant.label: variant.color for variant in all_variants()}
    return {
        NAME: None,
        METHOD: column.MultiselectColumn(
            METHOD, options=list(colors), color=list(colors.values()), width=118
        ),
        DATASET: column.TextColumn(DATASET),
        BACKBONE: column.TextColumn(BACKBONE),
        STATE: column.TextColumn(STATE),
        PROGRESS: column.ProgressColumn(
            PROGRESS, min_value=0.0, max_value=1.0, format="percent", width=92
        ),
        EPOCHS: column.TextColumn(EPOCHS, alignment="right", width=76),
        VALIDATION: column.NumberColumn(
            VALIDATION,
            format="%.1f %%",
            width=82,
            help="Accuracy on the validation pictures, of the epoch that was kept.",
        ),
        TEST: column.NumberColumn(
            TEST, format="%.1f %%", width=70, help="Accuracy on the test pictures."
        ),
        TOOK: column.TextColumn(TOOK, alignment="right", width=92),
        STARTED: column.DatetimeColumn(STARTED, format="D MMM, HH:mm", width=110),
    }
