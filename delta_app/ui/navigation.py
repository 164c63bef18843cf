"""The pages, their addresses, and how to go from one to another.

Every page has an address that can be kept: what it shows stands in the query string, so that
a reload or a second tab shows the same. A page that was opened is told with `query`, and
changes what it shows with `show_in_address`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

START = "pages/start.py"
FINE_TUNE = "pages/fine_tune.py"
RUNS = "pages/runs.py"
RUN = "pages/run.py"
COMPARE = "pages/compare.py"
ATTENTION = "pages/attention.py"
INSPECT = "pages/inspect.py"


def sections() -> dict[str, list[st.Page]]:
    """The pages for `st.navigation`, by group; the run page is reached through its runs."""
    return {
        "Work": [
            st.Page(START, title="Start", icon=":material/home:", default=True),
            st.Page(
                FINE_TUNE, title="Fine-tune", icon=":material/model_training:", url_path="fine-tune"
            ),
            st.Page(RUNS, title="Runs", icon=":material/list:", url_path="runs"),
            st.Page(RUN, title="Run", url_path="run", visibility="hidden"),
        ],
        "Understand": [
            st.Page(COMPARE, title="Compare", icon=":material/compare:", url_path="compare"),
            st.Page(
                ATTENTION, title="Attention", icon=":material/equalizer:", url_path="attention"
            ),
            st.Page(INSPECT, title="Inspect", icon=":material/search:", url_path="inspect"),
        ],
    }


def query(name: str) -> str | None:
    """A value of the address, None where it is absent or empty: ?run=ID."""
    return st.query_params.get(name) or None


def query_list(name: str) -> tuple[str, ...]:
    """The values of an address' list, in order: ?runs=A,B -> ("A", "B")."""
    return tuple(part for part in (query(name) or "").split(",") if part)


def show_in_address(values: Mapping[str, object]) -> None:
    """Put what the page shows into its address; None or "" takes a name out.

    Touches only what changed: a query parameter that is set is a message to the browser.
    """
    for name, value in values.items():
        text = "" if value is None else str(value)
        if not text:
            if name in st.query_params:
                del st.query_params[name]
        elif st.query_params.get(name) != text:
            st.query_params[name] = text


def go(page: str, **values: str | None) -> NoReturn:
    """Open a page with these values in its address."""
    st.switch_page(page, query_params={k: v for k, v in values.items() if v})


def open_start() -> NoReturn:
    """Open the start page."""
    go(START)


def open_fine_tune(*, from_run: str | None = None, data: str | None = None) -> NoReturn:
    """Open the form: empty, filled in from a run, or with a folder chosen."""
    go(FINE_TUNE, **{"from": from_run, "data": data})


def open_run(run_id: str, *, tab: str | None = None) -> NoReturn:
    """Open a run's page."""
    go(RUN, run=run_id, tab=tab)


def open_runs() -> NoReturn:
    """Open the table of all runs."""
    go(RUNS)


def open_compare(run_ids: Sequence[str]) -> NoReturn:
    """Compare these runs, in this order."""
    go(COMPARE, runs=",".join(run_ids))


def open_inspect(run_id: str, *, layer: str | None = None, picture: str | None = None) -> NoReturn:
    """Look inside a run."""
    go(INSPECT, run=run_id, layer=layer, picture=picture)


def open_attention(run_id: str | None = None) -> NoReturn:
    """Look at a measurement of attention; without one, set one up."""
    go(ATTENTION, run=run_id, new=None if run_id else NEW)


def open_measure_again(run_id: str) -> NoReturn:
    """Set up a measurement with the settings of another one."""
    go(ATTENTION, **_measure_again(run_id))


NEW = "measurement"
"""What ?new= says where the Attention page shows its form."""


def _measure_again(run_id: str) -> dict[str, str]:
    return {"new": NEW, "from": run_id}


def measure_again_link(
    run_id: str, label: str, *, icon: str = "", help: str = ""
) -> DeltaGenerator:
    """A link to the form of a measurement, filled in with the settings of another one."""
    return st.page_link(
        ATTENTION, label=label, icon=icon, help=help, query_params=_measure_again(run_id)
    )


def attention_link(
    run_id: str, label: str, *, layer: str | None = None, icon: str = "", help: str = ""
) -> DeltaGenerator:
    """A link to a run's measurement on the Attention page."""
    address = {"run": run_id} | ({"layer": layer} if layer else {})
    return st.page_link(ATTENTION, label=label, icon=icon, help=help, query_params=address)


def run_link(run_id: str, label: str, *, icon: str = "", help: str = "") -> DeltaGenerator:
    """A link to a run's page. The browser follows it, so no redraw can swallow the click."""
    return st.page_link(RUN, label=label, icon=icon, help=help, query_params={"run": run_id})
