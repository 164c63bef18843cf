"""The panel beside the steps: what was found in the folder, and the equal command."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from delta_app.data.records import SPLIT_WORDS, SPLITS, DatasetCheck, Problem, Splits
from delta_app.figures.pictures_per_class import pictures_per_class
from delta_app.formatting import count, counted
from delta_app.services import datasets
from delta_app.services.background import InBackground
from delta_app.services.forms import command_line
from delta_app.ui.fine_tune.draft import Draft
from delta_app.ui.fine_tune.pictures import check_again
from delta_app.ui.frame import named_runs_folder
from delta_app.ui.messages import plain, problem_text
from delta_app.ui.watching import watch

SAMPLES = 6
PROBLEMS = 2
"""How many of a folder's problems stand open in the panel."""

LEFT_OUT = 300
"""How many of the files that are left out are named: a message to the browser must stay small."""

LAYOUT = """animals/
├─ cat/   1.jpg  2.jpg  …
├─ dog/   …
└─ owl/   …"""


def panel(draft: Draft) -> None:
    """Draw the panel; it stays in sight while the steps scroll."""
    pictures = draft.pictures
    if pictures.usable and pictures.check is not None:
        _found(pictures.check, draft.splits)
    elif pictures.task is not None:
        _checking(pictures.task)
    else:
        if pictures.check is not None:
            _refused(pictures.check)
        _expected()
    if draft.config is not None and pictures.usable:
        st.caption("The same from the command line")
        command = command_line(draft.config, runs_dir=named_runs_folder())
        st.code(command, language="bash", wrap_lines=True)


def _refused(check: DatasetCheck) -> None:
    """What was found in a folder that cannot be used; why it cannot stands beside its path."""
    if not check.classes:
        return
    st.markdown(f"##### {plain(check.name)}")
    st.caption(summary(check, None))
    _problems(problem for problem in check.problems if problem.level != "error")
    _left_out(check)


def _expected() -> None:
    st.markdown("##### What a folder should look like")
    st.code(LAYOUT, language=None)
    st.caption(
        "One folder of pictures a class; or train, val and test folders that each hold one folder "
        "a class. What is missing is cut from the training pictures. Nothing is ever written "
        "into your folder."
    )


def _checking(task: InBackground[DatasetCheck]) -> None:
    if task.cancelled:  # given up by the person
        st.markdown("##### Not checked")
        st.caption("The check was cancelled.")
        st.button("Check the pictures", on_click=check_again)
        return
    st.markdown("##### Checking the pictures")
    watch(task, "pictures", pictures_read)


def pictures_read(done: int, total: int | None) -> str:
    """ "120 of 530 pictures"; while the folders are still listed, how many were found."""
    if not done:
        return f"{count(total or 0)} pictures found"
    return f"{count(done)} of {count(total or 0)} pictures"


def _found(check: DatasetCheck, splits: Splits | None) -> None:
    st.markdown(f"##### {plain(check.name)}")
    st.caption(summary(check, splits))
    by_split = splits.counts() if splits is not None else check.counts()
    counts = {str(split): numbers for split, numbers in by_split.items()}
    st.plotly_chart(
        pictures_per_class(check.classes, counts),
        key="pictures-per-class",
        config={"displayModeBar": False},
    )
    _samples(check)
    _problems(check.problems)
    _left_out(check)


def summary(check: DatasetCheck, splits: Splits | None) -> str:
    """ "10 classes · 224 training, 56 validation, 250 test pictures"."""
    classes = counted(len(check.classes), "class", "classes")
    if splits is None:
        return f"{classes} · {counted(check.n_pictures, 'picture')}"
    parts = [f"{count(len(splits.of(s)))} {SPLIT_WORDS[s]}" for s in SPLITS if splits.of(s)]
    return f"{classes} · {', '.join(parts)} pictures"


def _samples(check: DatasetCheck) -> None:
    shown = datasets.samples(check, SAMPLES)
    if not shown:
        return
    with st.container(key="samples", gap="xsmall"):
        for column, sample in zip(st.columns(SAMPLES, gap="xsmall"), shown, strict=False):
            with column:
                st.image(sample.image, width="stretch", alt=f"A picture of {sample.class_name}")
                st.caption(plain(sample.class_name))


def _problems(found: Iterable[Problem]) -> None:
    """What is worth knowing, warnings first; more than a few are folded."""
    problems = sorted(found, key=lambda each: each.level != "warning")
    with st.container(gap="xsmall"):
        for problem in problems[:PROBLEMS]:
            _problem(problem)
        rest = problems[PROBLEMS:]
        if rest:
            with st.expander(f"{count(len(rest))} more to know", type="compact"):
                for problem in rest:
                    _problem(problem)


def _problem(problem: Problem) -> None:
    warns = problem.level == "warning"
    icon = ":orange[:material/warning:]" if warns else ":gray[:material/info:]"
    st.markdown(f":small[{icon} {problem_text(problem)}]")


def _left_out(check: DatasetCheck) -> None:
    if not check.left_out:
        return
    with st.expander(f"Left out: {counted(len(check.left_out), 'file')}", type="compact"):
        lines = [f"{each.relative}: {each.reason}" for each in check.left_out[:LEFT_OUT]]
        if len(check.left_out) > LEFT_OUT:
            lines.append(f"and {count(len(check.left_out) - LEFT_OUT)} more")
        st.code("\n".join(lines), language=None, height=160 if len(lines) > 6 else "content")
