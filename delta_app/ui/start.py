"""The Start page: continue, begin, put right, and what this machine has."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from delta_app.errors import DeltaAppError
from delta_app.formatting import counted, duration, size
from delta_app.regularizers import method
from delta_app.runs.records import RunRecord, RunStatus
from delta_app.services import companions, datasets, demo, runs
from delta_app.training.run_config import RunConfig
from delta_app.ui import navigation, start_earlier, start_interrupted, start_wrong
from delta_app.ui.frame import progress_of
from delta_app.ui.messages import error_box, plain, variant_chip

GOING = (RunStatus.RUNNING, RunStatus.QUEUED)
MOST_RECENT = 3


def draw() -> None:
    """Draw the page."""
    try:
        records = runs.list_runs()
    except DeltaAppError as error:
        error_box(error)
        return
    waiting = len(runs.queue(records))
    broken = start_interrupted.interrupted(records)
    start_interrupted.draw(broken, waiting)
    if records:
        going = any(record.status in GOING for record in records)
        # A fragment's buttons are drawn anew with it: as seldom as it tells something.
        every = 2.0 if going else 15.0
        st.fragment(run_every=every)(_now_or_last)(_states(records))
    _begin(first=not records, calm=not broken)
    start_wrong.draw(start_wrong.went_wrong(records))
    start_earlier.draw(start_earlier.earlier(records))
    if records:
        _machine()


# What goes on, or was last finished


def _states(records: Sequence[RunRecord]) -> tuple[tuple[str, str], ...]:
    return tuple((record.id, record.status.value) for record in records)


def _now_or_last(drawn_for: tuple[tuple[str, str], ...]) -> None:
    """What goes on; the whole page is drawn again where a run has begun or ended since."""
    records = runs.list_runs()
    if _states(records) != drawn_for:
        st.rerun()
    running = [record for record in records if record.status is RunStatus.RUNNING]
    queued = runs.queue(records)
    finished = start_earlier.finished(records)
    with st.container(border=True, key="now"):
        if running:
            _running(running[0], len(queued))
        elif queued:
            _waiting(queued[0], len(queued))
        elif finished:
            _finished(finished[0], records)
        else:
            st.markdown("**Nothing is running.**")


def _running(record: RunRecord, waiting: int) -> None:
    words, button = st.columns([5, 1], vertical_alignment="center")
    with words:
        st.markdown(f"**Running now** · {variant_chip(record.name, record.color)}")
        left = runs.time_left(record)
        more = f" · {waiting} more in the queue" if waiting else ""
        time_left = "" if left is None else f" · {duration(left)} left"
        st.progress(
            progress_of(record), text=f"{plain(runs.status_words(record))}{time_left}{more}"
        )
    with button, st.container(horizontal=True, horizontal_alignment="right"):
        navigation.run_link(record.id, "Watch", icon=":material/monitoring:")


def _waiting(record: RunRecord, waiting: int) -> None:
    """Nothing runs although some wait: which is next, and what for."""
    words, button = st.columns([5, 1], vertical_alignment="center")
    with words, st.container(gap="xsmall"):
        st.markdown(
            f"**{counted(waiting, 'run')} in the queue** · next "
            f"{variant_chip(record.name, record.color)}"
        )
        st.caption(plain(runs.status_words(record)))
    with button, st.container(horizontal=True, horizontal_alignment="right"):
        navigation.run_link(record.id, "Watch", icon=":material/monitoring:")


def _finished(record: RunRecord, records: Sequence[RunRecord]) -> None:
    words, buttons = st.columns([3, 2], vertical_alignment="center")
    with words, st.container(gap="xsmall"):
        st.markdown(f"**Last finished** · {variant_chip(record.name, record.color)}")
        st.caption(f"{plain(runs.status_words(record))} · {duration(record.seconds)}")
    with buttons, st.container(horizontal=True, horizontal_alignment="right"):
        navigation.run_link(record.id, "Open", icon=":material/open_in_new:")
        _companions(record, records)


def _companions(record: RunRecord, records: Sequence[RunRecord]) -> None:
    """The same by the other methods, in one click; then, side by side."""
    beside = companions.companions(record, records)
    if beside is None:
        return
    if beside.missing:
        names = [method(config.method.method).label for config in beside.missing]
        if st.button(
            f"Run {_listed(names)} too",
            key="companions",
            icon=":material/playlist_add:",
            help="The same pictures, backbone and training; queued one after the other.",
        ):
            _queue(beside.missing)
    elif beside.done and st.button(
        "Compare L2, L2-SP and DELTA", key="compare", icon=":material/compare:"
    ):
        navigation.open_compare([each.id for each in beside.done])


def _listed(names: Sequence[str]) -> str:
    """ "L2, L2-SP and DELTA"."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


# Beginning


def _begin(*, first: bool, calm: bool) -> None:
    """Both ways to begin.

    Args:
        first: whether there are no runs yet.
        calm: whether nothing above asks for a click more urgently.
    """
    left, right = st.columns(2, gap="medium")
    with left, st.container(border=True, height="stretch", key="demo"):
        st.markdown("#### Try the demo")
        st.markdown(
            "Drawn animals and a small network come with the app: nothing to download, "
            "a result in under a minute."
        )
        with st.container(horizontal=True):
            one = st.button(
                "Fine-tune the demo", type="primary" if first else "secondary", key="demo-one"
            )
            all_three = st.button("Compare L2, L2-SP and DELTA on it", key="demo-all")
        if one:
            _demo(("delta",))
        if all_three:
            _demo(companions.COMPARED)
    with right, st.container(border=True, height="stretch", key="new"):
        st.markdown("#### New fine-tuning")
        st.markdown("Choose a folder of your own pictures, a pretrained network and a method.")
        if st.button(
            "Choose pictures", type="primary" if calm and not first else "secondary", key="new-one"
        ):
            navigation.open_fine_tune()
        _recent()


def _recent() -> None:
    folders = datasets.recent_folders()[:MOST_RECENT]
    if not folders:
        return
    with st.container(horizontal=True, gap="small"):
        for folder in folders:
            st.page_link(
                navigation.FINE_TUNE,
                label=plain(folder.name or str(folder)),
                icon=":material/folder:",
                help=plain(str(folder)),
                query_params={"data": str(folder)},
            )


def _demo(methods: Sequence[str]) -> None:
    try:
        configs = [demo.demo_config(name) for name in methods]
    except DeltaAppError as error:
        error_box(error)
        return
    _queue(configs)


def _queue(configs: Sequence[RunConfig]) -> None:
    """Queue the runs and go to the first."""
    try:
        ids = companions.queue(configs)
    except DeltaAppError as error:
        error_box(error)
        return
    navigation.open_run(ids[0])


# The machine


def _machine() -> None:
    try:
        machine = runs.machine()
    except DeltaAppError as error:
        error_box(error)
        return
    kind = "GPU memory" if machine.gpu else "Memory"
    free = size(machine.memory_total - machine.memory_used)
    st.caption(
        f"**This machine** · {plain(machine.device)} · {kind}: {free} of "
        f"{size(machine.memory_total)} free · Disk: {size(machine.disk_free)} free"
    )
