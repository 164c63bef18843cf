"""The Runs page's table: a row a run, as the screen shows it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from delta_app.regularizers import all_variants
from delta_app.runs.description import ATTENTION_COLOR, ATTENTION_LABEL
from delta_app.runs.records import ATTENTION, RunRecord
from delta_app.ui.run_numbers import share_done
from delta_app.ui.run_states import state_of

NAME, METHOD, DATASET, BACKBONE = "Name", "Method", "Dataset", "Backbone"
STATE, PROGRESS, EPOCHS = "State", "Progress", "Epochs"
VALIDATION, TEST, TOOK, STARTED = "Validation", "Test", "Duration", "Started"


def table(records: Sequence[RunRecord]) -> pd.DataFrame:
    """Rows in the order of the records; every column sorts as its values do, not as its words."""
    return pd.DataFrame([_row(record) for record in records], columns=list(columns()))


def _row(record: RunRecord) -> dict[str, Any]:
    trains = record.kind != ATTENTION
    return {
        NAME: record.name,
        METHOD: [record.method_label],
        DATASET: as_cell(record.dataset),
        BACKBONE: record.backbone,
        STATE: state_of(record).label,
        PROGRESS: share_done(record),
        # Padded in front: as words, 9/30 would come after 12/30.
        EPOCHS: f"{record.epoch:>5}/{record.epochs}" if trains and record.epochs else "",
        VALIDATION: _in_percent(record.val_top1),
        TEST: _in_percent(record.test_top1),
        TOOK: _took(record),
        STARTED: _moment(record.started_at),
    }


def as_cell(name: str) -> str:
    """A name for a table that can be saved as CSV: no spreadsheet takes it for a formula.

    Streamlit writes the cells as they are, so a mark of no width stands before the sign.
    """
    return f"\u200b{name}" if name.lstrip()[:1] in tuple("=+-@") else name


def _in_percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _took(record: RunRecord) -> timedelta | None:
    """What the run took, or has taken so far."""
    seconds = record.worked(time.time())
    return None if seconds is None else timedelta(seconds=round(seconds))


def _moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, tz=UTC)


def columns() -> dict[str, Any]:
    """How each column is drawn; the name's is given by who listens to its clicks."""
    column = st.column_config
    colors = {variant.label: variant.color for variant in all_variants()}
    colors[ATTENTION_LABEL] = ATTENTION_COLOR
    return {
        NAME: None,  # listens to clicks: given by the table
        METHOD: column.MultiselectColumn(
            METHOD, options=list(colors), color=list(colors.values()), width=114
        ),
        DATASET: column.TextColumn(DATASET, width=76),
        BACKBONE: column.TextColumn(BACKBONE, width=124),
        STATE: column.TextColumn(STATE, width=98),
        PROGRESS: column.ProgressColumn(
            "", min_value=0.0, max_value=1.0, format=" ", width=46, help="How far it is."
        ),
        EPOCHS: column.TextColumn(EPOCHS, alignment="right", width=58),
        VALIDATION: column.NumberColumn(
            VALIDATION,
            format="%.1f %%",
            width=76,
            help="Accuracy on the validation pictures, of the epoch that was kept.",
        ),
        TEST: column.NumberColumn(
            TEST, format="%.1f %%", width=56, help="Accuracy on the test pictures."
        ),
        TOOK: column.NumberColumn(TOOK, format="compact", alignment="right", width=76),
        STARTED: column.DatetimeColumn(STARTED, format="D MMM, HH:mm", width=98),
    }
