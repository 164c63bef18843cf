"""The run page's feature maps: where source and target look, and where the target drifted."""

from __future__ import annotations

import time

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.figures.color_bar import color_bar
from delta_app.formatting import duration, significant
from delta_app.inspection.colors import ColorTable
from delta_app.inspection.scale import Scale
from delta_app.runs.records import RunRecord
from delta_app.services import runs
from delta_app.services.inspection import Inspector, Overlays, from_split
from delta_app.services.run_pictures import RunPicture
from delta_app.ui.chart import draw_chart
from delta_app.ui.messages import error_text, plain
from delta_app.ui.run_tab_choices import TabChoices

HEIGHT = 330
BAR_HEIGHT = 56


def draw(record: RunRecord, choices: TabChoices) -> None:
    """The tab: the maps of the chosen picture at the chosen layer, redrawn as training goes on."""
    if choices.picture is None or choices.layer is None:
        _not_yet(record)
        return
    _maps(record, choices.picture, choices.layer)


def _maps(record: RunRecord, picture: RunPicture, layer: str) -> None:
    try:
        inspector = Inspector(record.id)
        overlays = inspector.overlays(from_split(picture), layer)
    except DeltaAppError as error:
        with st.container(height=HEIGHT, border=False, key="run_no_maps"):
            st.info(error_text(error), icon=":material/hourglass_top:")
        return
    with st.container(key="run_maps"):
        _draw_overlays(overlays)
        _scales(overlays)
        st.caption(_words(inspector, picture))


def _draw_overlays(overlays: Overlays) -> None:
    shown = (
        ("Picture", overlays.picture),
        ("Source", overlays.source),
        ("Target", overlays.target),
        (f"Drift, {significant(overlays.drift_total)} in all", overlays.drift),
    )
    for column, (words, pixels) in zip(st.columns(4), shown, strict=True):
        column.image(pixels, caption=words, width="stretch", alt=words)


def _scales(overlays: Overlays) -> None:
    """One bar under the two that share it, one under the drift."""
    _, activation, drift = st.columns([1, 2, 1])
    with activation:
        _scale("magma", overlays.activation_scale, "Attention-weighted activation", "activation")
    with drift:
        _scale("viridis", overlays.drift_scale, "Drift", "drift")


def _scale(table: ColorTable, scale: Scale, title: str, key: str) -> None:
    draw_chart(
        color_bar(table, scale, title, height=BAR_HEIGHT),
        key=f"run_scale_{key}",
        height=BAR_HEIGHT,
        alt=f"{title}: from {scale.low:.3g} to {scale.high:.3g}",
        modebar=False,
    )


def _words(inspector: Inspector, picture: RunPicture) -> str:
    """Which picture, which weights, and what W."""
    name = f"**{plain(picture.true_class)}** · {plain(picture.picture.relative)}"
    weighting = plain(inspector.weighting.name)
    if inspector.live:
        age = duration(max(0.0, time.time() - inspector.weights_written_at))
        when = f"weights of {age} ago; they are written at an epoch's end, at least 10 s apart"
    else:
        when = "weights of the kept epoch"
    return f"{name} · {when} · weighted by the {weighting}"


def _not_yet(record: RunRecord) -> None:
    words = (
        "It ended before its pictures were read."
        if not record.status.unfinished
        else f"{plain(runs.status_words(record))}. The maps come once the pictures are read and "
        "the network is built."
    )
    with st.container(height=HEIGHT, border=False, key="run_no_pictures"):
        st.info(words, icon=":material/hourglass_top:")
