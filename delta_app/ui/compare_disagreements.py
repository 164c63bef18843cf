"""Test pictures on which the runs disagree, with every run's answer beneath."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from delta_app.comparison.disagreement import Agreement, Disagreement, only_right
from delta_app.errors import DatasetError, OutsideError
from delta_app.formatting import count, counted, percent
from delta_app.services import comparison
from delta_app.services.comparison import ComparedRun, Comparison, answered_runs
from delta_app.services.datasets import thumbnail
from delta_app.ui.messages import error_text, plain
from delta_app.ui.run_choice import choose

IN_A_ROW = 6
ON_A_PAGE = 12
SIDE = 240
ALL = "all"


def draw(found: Comparison, choices: str) -> None:
    """How far they agree, and the pictures, widest gap first."""
    tested = answered_runs(found)
    if len(tested) < 2:
        st.info(
            "Fewer than two of these runs were tested yet: that happens once, when training ends.",
            icon=":material/rule:",
        )
        return
    result = comparison.agreement_of(found)
    names = {each.run.id: each.run.name for each in tested}
    with st.container(horizontal=True, vertical_alignment="center"):
        wanted = choose(
            choices,
            "show",
            (ALL, *names),
            label="Which pictures",
            words=lambda key: "All disagreements" if key == ALL else f"Only {names[key]} is right",
        )
        st.caption(_words(result))
    pictures = result.disagreements
    if wanted != ALL:
        pictures = only_right(pictures, tuple(names).index(wanted))
    if not pictures:
        st.info("There is no such picture.", icon=":material/done_all:")
        return
    _grid(found, tested, pictures, f"{choices}:{wanted}")


def _words(result: Agreement) -> str:
    words = (
        f"{count(len(result.disagreements))} of {counted(result.compared, 'test picture')}: the "
        f"runs answer differently · {count(result.all_right)} all right, "
        f"{count(result.all_wrong)} all wrong alike"
    )
    if result.left_out:
        words += f" · {count(result.left_out)} not tested by all, left out"
    return words


def _grid(
    found: Comparison,
    tested: Sequence[ComparedRun],
    pictures: Sequence[Disagreement],
    key: str,
) -> None:
    pages = -(-len(pictures) // ON_A_PAGE)
    page = st.pagination(pages, key=f"{key}:page") if pages > 1 else 1
    here = pictures[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
    with st.container(key="disagreements"):
        for start in range(0, len(here), IN_A_ROW):
            row = here[start : start + IN_A_ROW]
            for column, each in zip(st.columns(IN_A_ROW), row, strict=False):
                with column:
                    _card(found, tested, each)


def _card(found: Comparison, tested: Sequence[ComparedRun], each: Disagreement) -> None:
    picture = comparison.picture_of(found, str(each.key))
    if picture is not None:
        try:
            small = thumbnail(picture.picture, SIDE)
            st.image(small, width="stretch", alt=f"{each.true_class}: {picture.picture.relative}")
        except OutsideError as error:
            st.caption(error_text(error))
        except DatasetError as error:
            st.caption(plain(f"{picture.picture.relative} {error.message}"))
    lines = [
        f':color[●]{{foreground="{run.run.color}"}} :small[{"✓" if right else "✗"} '
        f"{plain(answer.predicted)} {percent(answer.probability, 0)}]"
        for run, answer, right in zip(tested, each.answers, each.right, strict=True)
    ]
    # Not a caption: it would fade the methods' colours.
    st.markdown("  \n".join([f":small[**{plain(each.true_class)}**]", *lines]))
