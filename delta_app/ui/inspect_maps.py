"""What source and target make of one picture: answer, overlays, drift, most attended filters."""

from __future__ import annotations

import time

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.figures.color_bar import color_bar
from delta_app.figures.probabilities import probability_bars
from delta_app.formatting import duration, significant
from delta_app.inspection.colors import ColorTable
from delta_app.inspection.scale import Scale
from delta_app.services.inspection import Filters, Inspector, LookedAt, Overlays
from delta_app.services.weighting import UNIFORM, UNIFORM_WEIGHTING
from delta_app.ui.messages import error_box, plain

MOST_LIKELY = 5
FILTERS = 8
BAR_HEIGHT = 56
FORMULAS = (
    "Activation is Σ W·|FM| over the channels, of the source S and the target T on one scale. "
    "Drift is C/(2HW)·Σ W·(T−S)², which starts at zero; summed over positions it is what DELTA "
    "would add to the loss for this picture and layer, before α. Both networks are in eval mode."
)


def draw(run_id: str, picture: LookedAt, layer: str, weighting: str, opacity: float) -> None:
    """The part of the page below the choices; it draws and cannot be clicked.

    Args:
        weighting: "uniform", or anything else for the run's own W.
        opacity: share of the maps in what is painted, from 0 to 1.
    """
    try:
        inspector = Inspector(run_id)
        named = UNIFORM_WEIGHTING if weighting == UNIFORM else inspector.weighting
        overlays = inspector.overlays(picture, layer, named, opacity=opacity)
        filters = inspector.filters(picture, layer, FILTERS, named)
        answers = inspector.likeliest(picture, MOST_LIKELY)
    except DeltaAppError as error:
        error_box(error)
        return
    _overlays(overlays)
    left, right = st.columns([1, 4])
    with left:
        st.plotly_chart(
            probability_bars(answers, inspector.run.color, true_class=picture.true_class),
            key="inspect_probabilities",
            config={"displayModeBar": False},
            alt=f"{answers[0][0]} is likeliest",
        )
    with right:
        _scales(overlays)
        _filters(filters)
    st.caption(_words(inspector, picture, named.name), help=FORMULAS)


def _overlays(overlays: Overlays) -> None:
    shown = (
        ("Picture", overlays.picture),
        ("Source", overlays.source),
        ("Target", overlays.target),
        ("Target less source", overlays.difference),
        (f"Drift, {significant(overlays.drift_total)} in all", overlays.drift),
    )
    for column, (words, pixels) in zip(st.columns(5), shown, strict=True):
        column.image(pixels, caption=words, width="stretch", alt=words)


def _scales(overlays: Overlays) -> None:
    """One bar under the two maps that share it, one under each of the others."""
    activation, difference, drift = st.columns([2, 1, 1])
    with activation:
        scale_bar("magma", overlays.activation_scale, "Activation", "activation")
    with difference:
        scale_bar("diverging", overlays.difference_scale, "Difference", "difference")
    with drift:
        scale_bar("viridis", overlays.drift_scale, "Drift", "drift")


def scale_bar(table: ColorTable, scale: Scale, title: str, key: str) -> None:
    """A colour bar as wide as what stands over it."""
    st.plotly_chart(
        color_bar(table, scale, title, height=BAR_HEIGHT),
        key=f"scale:{key}",
        height=BAR_HEIGHT,
        config={"displayModeBar": False},
        alt=f"{title}: from {scale.low:.3g} to {scale.high:.3g}",
    )


def _filters(filters: Filters) -> None:
    """A column a filter: its number, the source's channel, the target's beneath."""
    chosen = {
        "attention": "most attended filters, and how many times the average they weigh",
        "drift": "filters that drifted furthest (no attention tells them apart)",
    }[filters.chosen_by]
    st.caption(
        f"**The {len(filters.tiles)} {chosen}** · source above, target below · blue is "
        f"−{significant(filters.scale.high)}, white 0, red {significant(filters.scale.high)}"
    )
    with st.container(key="filter_tiles"):
        for column, tile in zip(st.columns(FILTERS), filters.tiles, strict=False):
            with column, st.container(gap="xsmall"):
                times = (
                    f" · {tile.relative_attention:.2f}×" if filters.chosen_by == "attention" else ""
                )
                st.image(tile.source, width="stretch", alt=f"Source, filter {tile.filter}")
                st.image(tile.target, width="stretch", alt=f"Target, filter {tile.filter}")
                st.caption(f"{tile.filter}{times}")


def _words(inspector: Inspector, picture: LookedAt, weights: str) -> str:
    """Which picture, which weights, and what W."""
    name = f"**{plain(picture.true_class)}** · " if picture.true_class else ""
    if inspector.live:
        age = duration(max(0.0, time.time() - inspector.weights_written_at))
        when = f"weights of {age} ago, while it goes on"
    else:
        when = "weights of the kept epoch"
    return f"{name}{plain(picture.name)} · {when} · maps weighted by the {plain(weights)}"
