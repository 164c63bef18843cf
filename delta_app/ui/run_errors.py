"""The run page's errors: which classes are taken for which, on test and validation pictures."""

from __future__ import annotations

import streamlit as st

from delta_app.figures.confusion import confusion_matrix
from delta_app.figures.recall import recall_by_class
from delta_app.formatting import counted, percent, significant
from delta_app.runs.records import RunRecord
from delta_app.services.run_pictures import SPLIT_LABELS
from delta_app.services.split_results import RunResults, SplitResult, results_of
from delta_app.ui import navigation
from delta_app.ui.chart import draw_chart
from delta_app.ui.run_choice import choose
from delta_app.ui.run_numbers import times

HEIGHT = 380


def draw(record: RunRecord) -> None:
    """The tab; until the run is tested it says when that will be."""
    found = results_of(record)
    if found is None or not found.splits:
        _not_yet(record)
        return
    split = _choose_split(record, found)
    _result(record, found, found.splits[split])


def _choose_split(record: RunRecord, found: RunResults) -> str:
    with st.container(horizontal=True, vertical_alignment="center"):
        split = choose(
            record.id,
            "split",
            tuple(found.splits),
            label="Pictures",
            words=lambda name: f"{SPLIT_LABELS[name]} pictures",
        )
        st.caption(_words(found.splits[split], split, record))
        st.page_link(
            navigation.INSPECT,
            label="Look at the pictures",
            icon=":material/search:",
            query_params={"run": record.id},
        )
    return split


def _words(result: SplitResult, split: str, record: RunRecord) -> str:
    once = f", tested {times(record.test_evaluations)}" if split == "test" else ""
    return (
        f"{percent(result.top1)} right, {counted(result.wrong, 'picture')} of {result.pictures} "
        f"wrong{once} · balanced {percent(result.balanced_accuracy)} · cross-entropy "
        f"{significant(result.cross_entropy)}"
    )


def _result(record: RunRecord, found: RunResults, result: SplitResult) -> None:
    left, right = st.columns(2)
    with left:
        draw_chart(
            confusion_matrix(result.confusion, found.classes, height=HEIGHT),
            key="run_confusion",
            height=HEIGHT,
            alt="Confusion matrix: true class by answer",
        )
    with right:
        draw_chart(
            recall_by_class(
                found.classes, [(record.method_label, record.color, result.recall)], height=HEIGHT
            ),
            key="run_recall",
            height=HEIGHT,
            alt="Share of each class's pictures that were found",
        )


def _not_yet(record: RunRecord) -> None:
    words = (
        "This run ended before it was tested, so there is nothing to show."
        if not record.status.unfinished
        else "The kept epoch is tested once, when training ends or is stopped. Until then there "
        "are no answers to look at: choosing by them would spoil the test."
    )
    with st.container(height=HEIGHT, border=False, key="run_no_errors"):
        st.info(words, icon=":material/rule:")
