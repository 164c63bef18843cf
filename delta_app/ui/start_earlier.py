"""The Start page's list of runs that ended before the last one, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from delta_app.formatting import duration, percent
from delta_app.runs.records import TRAINING, RunRecord, RunStatus
from delta_app.ui import navigation
from delta_app.ui.messages import plain, variant_chip

FINISHED = (RunStatus.COMPLETED, RunStatus.STOPPED)
MOST = 6
WIDTHS = (3.2, 2.2, 1.5, 1.3, 1.4)
"""Of name, backbone, test accuracy, duration and start."""


def finished(records: Sequence[RunRecord]) -> list[RunRecord]:
    """The training runs that have a result, in the order given."""
    return [
        record
        for record in records
        if record.status in FINISHED and record.kind == TRAINING and record.started_at is not None
    ]


def earlier(records: Sequence[RunRecord]) -> list[RunRecord]:
    """What is listed: where nothing goes on, the newest result stands above already."""
    going = any(not record.status.ended for record in records)
    return finished(records)[0 if going else 1 :][:MOST]


def draw(records: Sequence[RunRecord]) -> None:
    """A line a run; its name opens it."""
    if not records:
        return
    st.markdown("##### Finished before")
    with st.container(border=True, key="earlier", gap="xsmall"):
        for record in records:
            _line(record)


def _line(record: RunRecord) -> None:
    name, backbone, test, took, started = st.columns(WIDTHS, vertical_alignment="center")
    with name:
        navigation.run_link(record.id, variant_chip(record.name, record.color))
    backbone.caption(plain(record.backbone))
    test.caption("not tested" if record.test_top1 is None else f"test {percent(record.test_top1)}")
    took.caption(duration(record.seconds))
    started.caption(_moment(record.started_at))


def _moment(at: float | None) -> str:
    if at is None:
        return ""
    moment = datetime.fromtimestamp(at)
    return f"{moment.day} {moment:%b, %H:%M}"
