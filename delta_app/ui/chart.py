"""Charts that stay while data arrives: zoomed in, with traces hidden, and without a flicker.

`st.plotly_chart` makes a new chart whenever a number in it changes (its identity is a hash of the
figure, whatever its key), so that a zoom lasts until the next step of a run. This component gives
the figure to the chart that is there. Plotly's script is the one of the installed Plotly package.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v1 import declare_component
from streamlit.components.v2.types import ComponentRenderer

_NAME = "plotly_script"
_SCRIPT = f"component/{__name__}.{_NAME}/plotly.min.js"

_HTML = '<div class="delta-chart-frame"><div class="delta-chart"></div></div>'
_CSS = """
.delta-chart-frame { width: 100%; overflow: hidden; }
.delta-chart-picks .nsewdrag { cursor: pointer !important; }
"""


def draw_chart(
    figure: Any,
    *,
    key: str,
    height: int,
    alt: str,
    modebar: bool = True,
    linked: str = "",
    on_pick: Callable[[int], None] | None = None,
) -> None:
    """Draw a Plotly figure.

    Args:
        figure: a plotly Figure; its `uirevision` and the `uid` of its traces say what stays.
        key: the chart's own, on its page.
        height: px.
        alt: what the chart shows, for those who do not see it.
        modebar: whether zoom, pan and save are offered over the chart.
        linked: charts of one such name tell of the same number when the pointer is at it; a
            point's number is the first of its `customdata`.
        on_pick: told the number of a point that was clicked, before the page is drawn again.
    """
    # Declared in a script's run or not at all; it only makes Streamlit serve the folder.
    declare_component(_NAME, path=_folder_of_plotly())
    _component()(
        key=key,
        data={
            "figure": figure.to_json(),
            "height": height,
            "alt": alt,
            "modebar": modebar,
            "plotly": _SCRIPT,
            "linked": linked,
            "picks": on_pick is not None,
        },
        height=height,
        on_picked_change=_picked(key, on_pick),
    )


def _picked(key: str, on_pick: Callable[[int], None] | None) -> Callable[[], None]:
    def told() -> None:
        number = st.session_state[key]["picked"]
        if on_pick is not None and number is not None:
            on_pick(int(number))

    return told


@cache
def _component() -> ComponentRenderer:
    script = Path(__file__).with_name("chart.js").read_text(encoding="utf-8")
    return st.components.v2.component(
        "delta_chart", html=_HTML, css=_CSS, js=script, isolate_styles=False
    )


@cache
def _folder_of_plotly() -> str:
    """The folder of the installed Plotly that has its script."""
    found = find_spec("plotly")
    if found is None or found.origin is None:
        raise RuntimeError("the plotly package is not installed")
    return str(Path(found.origin).parent / "package_data")
