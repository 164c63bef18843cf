"""Which classes each run takes for which, side by side."""

from __future__ import annotations

import streamlit as st

from delta_app.figures.confusion import confusion_matrix
from delta_app.figures.recall import recall_by_class
from delta_app.services.comparison import ComparedRun, Comparison, answered_runs
from delta_app.ui.messages import plain

IN_A_ROW = 3
HEIGHT = 340


def draw(found: Comparison, choices: str) -> None:
    """A confusion matrix a run, then recall class by class where the classes are the same."""
    tested = answered_runs(found)
    if not tested:
        st.info(
            "None of these runs was tested yet: that happens once, when training ends.",
            icon=":material/rule:",
        )
        return
    waiting = [each for each in found.runs if each not in tested]
    if waiting:
        names = ", ".join(plain(each.run.name) for each in waiting)
        st.caption(f"Not tested yet: {names}.")
    for start in range(0, len(tested), IN_A_ROW):
        row = tested[start : start + IN_A_ROW]
        for column, each in zip(st.columns(max(2, min(IN_A_ROW, len(tested)))), row, strict=False):
            with column:
                _confusion(each)
    if len({each.classes for each in tested}) == 1:
        _recall(tested)


def _confusion(each: ComparedRun) -> None:
    if each.test is None:
        return
    st.plotly_chart(
        confusion_matrix(
            each.test.confusion,
            each.classes,
            title=each.run.name,
            key=f"confusion_{each.run.id}",
            height=HEIGHT,
        ),
        key=f"compare_confusion_{each.run.id}",
        height=HEIGHT,
        alt=f"Confusion matrix of {each.run.name}",
    )


def _recall(tested: tuple[ComparedRun, ...]) -> None:
    recalls = [(each.run.name, each.run.color, each.test.recall) for each in tested if each.test]
    st.plotly_chart(
        recall_by_class(tested[0].classes, recalls, height=HEIGHT),
        key="compare_recall",
        height=HEIGHT,
        alt="Recall of each class by every run",
    )
