"""Which runs the Runs page shows: by a text, a method, a dataset, a state; kept in its address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from delta_app.runs.records import RunRecord
from delta_app.ui import navigation
from delta_app.ui.run_choice import begin
from delta_app.ui.run_states import state_labels, state_of

ALL = "all"

_CURRENT = "runs:filter"


@dataclass(frozen=True)
class Filter:
    """What a run must have to be shown; empty or "all" asks for nothing."""

    text: str = ""
    method: str = ALL
    dataset: str = ALL
    state: str = ALL

    def takes(self, record: RunRecord) -> bool:
        """Whether a run is shown: every word of the text stands somewhere in what it shows."""
        state = state_of(record).label
        shown = (record.id, record.name, record.method_label, record.dataset, record.backbone)
        words = " ".join((*shown, state)).casefold()
        return (
            all(word in words for word in self.text.casefold().split())
            and self.method in (ALL, record.method_label)
            and self.dataset in (ALL, record.dataset)
            and self.state in (ALL, state)
        )


def current_filter() -> Filter:
    """The filter as it was chosen last in this visit."""
    chosen = st.session_state.get(_CURRENT)
    return chosen if isinstance(chosen, Filter) else Filter()


def choose_filter(records: Sequence[RunRecord], on_change: Callable[[], None]) -> Filter:
    """The row of filters; lists hold only what some run has.

    Args:
        on_change: called once a filter was changed.
    """
    text, method, dataset, state = st.columns([2.2, 1, 1, 1])
    methods = _present(records, lambda record: record.method_label)
    datasets = _present(records, lambda record: record.dataset)
    present = {state_of(record).label for record in records}
    states = tuple(label for label in state_labels() if label in present)
    with text:
        words = st.text_input(
            "Search",
            value=begin("runs_text", "q", None, ""),
            key="runs_text",
            placeholder="Search by name, dataset, backbone",
            icon=":material/search:",
            label_visibility="collapsed",
            on_change=on_change,
        )
    found = Filter(
        text=(words or "").strip(),
        method=_one_of(method, on_change, "method", "All methods", methods),
        dataset=_one_of(dataset, on_change, "dataset", "All datasets", datasets),
        state=_one_of(state, on_change, "state", "All states", states),
    )
    chosen = {"method": found.method, "dataset": found.dataset, "state": found.state}
    kept = {name: None if value == ALL else value for name, value in chosen.items()}
    navigation.show_in_address({"q": found.text, **kept})
    st.session_state[_CURRENT] = found
    return found


def _one_of(
    column: DeltaGenerator,
    on_change: Callable[[], None],
    name: str,
    all_words: str,
    options: Sequence[str],
) -> str:
    choices = (ALL, *options)
    chosen = column.selectbox(
        all_words,
        choices,
        index=choices.index(begin(f"runs_{name}", name, choices, ALL)),
        format_func=lambda option: all_words if option == ALL else option,
        key=f"runs_{name}",
        on_change=on_change,
        label_visibility="collapsed",
    )
    return chosen or ALL


def _present(records: Sequence[RunRecord], of: Callable[[RunRecord], str]) -> tuple[str, ...]:
    return tuple(sorted({of(record) for record in records}, key=str.casefold))
