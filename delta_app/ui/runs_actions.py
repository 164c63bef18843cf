"""What can be done with the selected runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from delta_app.formatting import count, counted
from delta_app.runs.records import TRAINING, RunRecord, RunStatus
from delta_app.services.resuming import can_resume
from delta_app.ui import measure_again, navigation, run_actions, runs_dialogs, runs_import
from delta_app.ui.run_next import HELD

FEWEST_COMPARED, MOST_COMPARED = 2, 8

_IMPORT_ICON = ":material/move_to_inbox:"
_IMPORT_HELP = "Take in the folder of a run that was made on another machine."

_DONE = "runs:done"


def draw(chosen: Sequence[RunRecord], shown: int) -> None:
    """Always the same buttons in the same places; those that cannot be used say why.

    Args:
        shown: how many runs the table has.
    """
    one = len(chosen) == 1
    # Short: it must fit beside the buttons, or the table ends below the window.
    words = (
        f"{len(chosen)} of {count(shown)} selected"
        if chosen
        else f"{counted(shown, 'run')} · select rows"
    )
    with st.container(horizontal=True, vertical_alignment="center", key="runs_actions"):
        if _button("Open", "open_in_new", one, "Select one run."):
            navigation.open_run(chosen[0].id)
        if _button("Compare", "compare", *_comparable(chosen)):
            navigation.open_compare([record.id for record in chosen])
        for label, icon, act, can, otherwise in _HOLDING:
            able = [record.id for record in chosen if can(record)]
            st.button(
                label,
                key=f"runs:{label.lower()}",
                icon=f":material/{icon}:",
                disabled=not able,
                help=None if able else otherwise,
                on_click=_do,
                args=(act, able),
            )
        if _button("Run again", "replay", one, "Select one run."):
            _run_again(chosen[0])
        if _button("Rename", "edit", one, "Select one run."):
            runs_dialogs.rename(chosen[0])
        if _button("Delete", "delete", *_deletable(chosen)):
            runs_dialogs.delete(chosen)
        if st.button("Import", key="runs:Import", icon=_IMPORT_ICON, help=_IMPORT_HELP):
            runs_import.import_run()
        st.caption(words, width="content")


def _button(label: str, icon: str, enabled: bool, otherwise: str) -> bool:
    return st.button(
        label,
        key=f"runs:{label}",
        icon=f":material/{icon}:",
        disabled=not enabled,
        help=None if enabled else otherwise,
    )


def _comparable(chosen: Sequence[RunRecord]) -> tuple[bool, str]:
    words = f"Select {FEWEST_COMPARED} to {MOST_COMPARED} training runs."
    trained = all(record.kind == TRAINING for record in chosen)
    return trained and FEWEST_COMPARED <= len(chosen) <= MOST_COMPARED, words


def _run_again(record: RunRecord) -> None:
    if record.kind == TRAINING:
        navigation.open_fine_tune(from_run=record.id)
    measure_again.begin(record)


def _deletable(chosen: Sequence[RunRecord]) -> tuple[bool, str]:
    if not chosen:
        return False, "Select runs."
    running = any(record.status is RunStatus.RUNNING for record in chosen)
    return not running, "A run that is running cannot be deleted: stop it first."


def _do(act: Callable[[Sequence[str]], None], run_ids: Sequence[str]) -> None:
    """A click's callback."""
    act(run_ids)
    st.session_state[_DONE] = True


def done_something() -> bool:
    """Whether a click has just changed runs, and with them the queue; told once."""
    return bool(st.session_state.pop(_DONE, False))


def _can_pause(record: RunRecord) -> bool:
    return not (record.status.ended or record.stopping or record.pausing)


def _can_stop(record: RunRecord) -> bool:
    return not record.stopping and (not record.status.ended or record.status in HELD)


_HOLDING = (
    (
        "Pause",
        "pause",
        run_actions.pause,
        _can_pause,
        "Select runs that are queued or running.",
    ),
    (
        "Resume",
        "play_arrow",
        run_actions.resume,
        can_resume,
        "Select runs that are paused, interrupted, stopped or have failed.",
    ),
    (
        "Stop",
        "stop",
        run_actions.stop,
        _can_stop,
        "Select runs that are queued, running or paused.",
    ),
)
"""Label, icon, what a click asks for, of which runs, and why it cannot be clicked otherwise."""
