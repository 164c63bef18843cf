"""Results of the compared runs, and their settings: those that differ, or all."""

from __future__ import annotations

import streamlit as st

from delta_app.comparison.settings import SettingRow, differing
from delta_app.formatting import THIN_SPACE, duration, percent
from delta_app.services.comparison import ComparedRun, Comparison, answered_runs
from delta_app.ui.messages import plain, variant_chip
from delta_app.ui.run_choice import choose
from delta_app.ui.run_states import state_of

NOTHING = "–"


def draw_results(found: Comparison) -> None:
    """One line a run; the test accuracy with its interval."""
    st.table([result_row(each) for each in found.runs], border="horizontal", hide_index=True)
    tested = answered_runs(found)
    if tested:
        st.caption(
            "In brackets: the 95 % interval (Wilson) that the number of test pictures allows. "
            "Each run is one seed; another seed moves it too."
        )


def result_row(each: ComparedRun) -> dict[str, str]:
    """The cells of a run's line, as Markdown."""
    run, state = each.run, state_of(each.run)
    return {
        "Run": variant_chip(run.name, run.color),
        "State": state.label,
        "Best epoch": NOTHING if run.best_epoch is None else f"{run.best_epoch} of {run.epochs}",
        "Validation": percent(run.val_top1),
        "Test": _test(each),
        "Balanced": percent(run.test_balanced),
        "Cross-entropy": f"{each.test.cross_entropy:.3f}" if each.test else NOTHING,
        "Test pictures": str(each.test.pictures) if each.test else NOTHING,
        "Time": duration(run.seconds),
    }


def _test(each: ComparedRun) -> str:
    if each.test is None or each.interval is None:
        return NOTHING
    low, high = each.interval
    return f"**{percent(each.test.top1)}** ({100 * low:.1f}–{100 * high:.1f}){THIN_SPACE}"


def draw_settings(found: Comparison, choices: str) -> None:
    """Exactly those that differ; a switch shows all."""
    shown = choose(
        choices,
        "settings",
        ("differing", "all"),
        label="Settings",
        words={"differing": "What differs", "all": "All settings"}.__getitem__,
    )
    rows = found.settings if shown == "all" else differing(found.settings)
    if not rows:
        st.info(
            "These runs have the same settings throughout. On the CPU they are the same run.",
            icon=":material/drag_handle:",
        )
        return
    st.table([_setting_row(found, row) for row in rows], border="horizontal", hide_index=True)


def _setting_row(found: Comparison, row: SettingRow) -> dict[str, str]:
    cells = {
        _column(each, place): plain(value)
        for place, (each, value) in enumerate(zip(found.runs, row.values, strict=True))
    }
    return {"Setting": f"**{row.label}**" if row.differs else row.label} | cells


def _column(each: ComparedRun, place: int) -> str:
    """A heading of its own also where two runs have one name: it is told apart unseen."""
    return variant_chip(each.run.name, each.run.color) + "\u200b" * place
