"""The run page's settings, the command that does the same, and the log, newest first."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.formatting import counted
from delta_app.runs.records import ATTENTION, RunRecord
from delta_app.services import forms, runs
from delta_app.settings import SettingInfo
from delta_app.training.run_config import RunConfig
from delta_app.ui.frame import named_runs_folder
from delta_app.ui.messages import plain

HEIGHT = 400
LINES = 200
MEASURED_NETWORK = "Measured network"

_ICONS = {"warning": ":orange[:material/warning:] ", "error": ":red[:material/error:] "}


def draw(record: RunRecord) -> None:
    """The tab: settings at the left, the log at the right."""
    left, right = st.columns(2)
    with left, st.container(height=HEIGHT, border=False, key="run_settings"):
        _settings(record)
    with right:
        _log(record.id)


def _settings(record: RunRecord) -> None:
    config = forms.config_of_run(record)
    if config is None:
        st.json(record.config)
        return
    st.caption("The same run from a terminal")
    command = forms.command_line(config, kind=record.kind, runs_dir=named_runs_folder())
    st.code(command, language=None, wrap_lines=True)
    st.caption("Every setting; what is not the default is bold")
    st.table(settings_table(config, record.kind), hide_header=True, border="horizontal")
    st.caption(f"Files: {plain(str(record.folder))}")


def settings_table(config: RunConfig, kind: str) -> list[dict[str, str]]:
    """Label and value of every setting that counts for a run of this kind; first of all whose
    fine-tuned network a measurement measures, where it is a run's."""
    values = config.flat(measuring=kind == ATTENTION)
    of = config.attention.measured_run if kind == ATTENTION else None
    network = [] if of is None else [{"Setting": MEASURED_NETWORK, "Value": f"**{_run(of)}**"}]
    return network + [
        _row(info, values[name]) for name, info in forms.counting_settings(config, kind).items()
    ]


def _run(run_id: str) -> str:
    """A run's name and id as Markdown; its id alone where it is not there any more."""
    try:
        return plain(f"{runs.get_run(run_id).name} ({run_id})")
    except DeltaAppError:
        return plain(run_id)


def _row(info: SettingInfo, value: object) -> dict[str, str]:
    words = plain(_value_words(info, value))
    changed = info.required or value != info.default
    return {"Setting": info.label, "Value": f"**{words}**" if changed else words}


def _value_words(info: SettingInfo, value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    words = f"{value:g}" if isinstance(value, float) else str(value)
    words = info.choice_labels.get(words, words)
    return f"{words} {info.unit}".rstrip()


def _log(run_id: str) -> None:
    events = runs.events(run_id, LINES)
    day = f" · {datetime.fromtimestamp(events[0].at):%d %B %Y}" if events else ""
    st.caption(f"Log, newest first · {counted(len(events), 'line')}{day}")
    with st.container(height=HEIGHT - 30, border=True, key="run_log"):
        lines = [
            f":gray[{datetime.fromtimestamp(event.at):%H:%M:%S}] "
            f"{_ICONS.get(event.level, '')}{plain(event.message)}"
            for event in events
        ]
        st.markdown("  \n".join(lines) if lines else ":gray[Nothing yet.]")
