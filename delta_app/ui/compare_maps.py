"""One picture through every run, on one scale and weighted alike."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from delta_app.formatting import percent, significant
from delta_app.services.comparison import Comparison
from delta_app.services.comparison_inside import (
    OverlaysOfRuns,
    SideBySide,
    common_layers,
    overlays,
    shared_pictures,
    weightings,
)
from delta_app.services.inspection import from_split
from delta_app.services.run_pictures import RunPicture
from delta_app.services.weighting import Weighting
from delta_app.ui.inspect_maps import FORMULAS, scale_bar
from delta_app.ui.messages import error_text, plain, variant_chip
from delta_app.ui.run_choice import choose_layer, keep, seeded
from delta_app.ui.run_strip import choose_picture


def draw(found: Comparison, choices: str) -> None:
    """Picture, layer and W to choose; above where each run looks, beneath where it drifted."""
    layers, pictures = common_layers(found), shared_pictures(found)
    if not layers or pictures is None:
        missing = "behaviour layer" if pictures is not None else "picture"
        st.info(
            f"These runs have no {missing} in common, so there is nothing to lay side by side.",
            icon=":material/layers:",
        )
        return
    picture = choose_picture(choices, pictures)
    with st.container(horizontal=True, vertical_alignment="center"):
        layer = choose_layer(choices, layers)
        offered = {each.key: each for each in weightings(found, layer)}
        weighting = _choose_weighting(choices, offered)
    shown = overlays(found, from_split(picture), layer, offered[weighting])
    _side_by_side(shown, picture)
    _scales(shown)
    st.caption(
        f"**{plain(picture.true_class)}** · {plain(picture.picture.relative)} · all maps "
        f"weighted by the {plain(offered[weighting].name)}",
        help=FORMULAS,
    )


def _choose_weighting(choices: str, offered: Mapping[str, Weighting]) -> str:
    """A list: names of runs are long."""
    first = next(iter(offered))
    chosen = st.selectbox(
        "Weights of the channels",
        tuple(offered),
        key=seeded(choices, "weights", tuple(offered), first),
        format_func=lambda key: f"W: {offered[key].name}",
        label_visibility="collapsed",
        width=330,
    )
    keep("weights", chosen, first)
    return chosen


def _side_by_side(shown: OverlaysOfRuns, picture: RunPicture) -> None:
    """The picture and the source first, then a column a run."""
    columns = st.columns(len(shown.runs) + 1)
    if shown.shown:
        with columns[0]:
            first = shown.shown[0]
            words = "Source" if shown.same_source else "Source of the first run"
            st.markdown(f":small[**{words}**]")
            st.image(first.source, width="stretch", alt=words)
            st.image(first.picture, width="stretch", alt="The picture as the networks see it")
            st.caption(f"filed under {plain(picture.true_class)}")
    for column, side in zip(columns[1:], shown.runs, strict=True):
        with column:
            _column(side, picture)


def _column(side: SideBySide, picture: RunPicture) -> None:
    run = side.compared.run
    st.markdown(f":small[{variant_chip(run.name, run.color)}]")
    if side.overlays is None or side.answer is None:
        st.caption(error_text(side.problem) if side.problem else "")
        return
    st.image(side.overlays.target, width="stretch", alt=f"Where {run.name} looks")
    st.image(side.overlays.drift, width="stretch", alt=f"Where {run.name} drifted")
    name, share = side.answer
    mark = "✓" if name == picture.true_class else "✗"
    st.caption(
        f"{mark} {plain(name)} {percent(share, 0)} · drift {significant(side.overlays.drift_total)}"
    )


def _scales(shown: OverlaysOfRuns) -> None:
    if not shown.shown:
        return
    first = shown.shown[0]
    left, right = st.columns(2)
    with left:
        scale_bar("magma", first.activation_scale, "Above: activation", "activation")
    with right:
        scale_bar("viridis", first.drift_scale, "Beneath: drift", "drift")
