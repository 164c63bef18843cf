"""Notices: each is told in a toast that no redraw takes away before its time."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from delta_app.ui import notices


def page() -> None:
    import streamlit as st

    from delta_app.ui import notices

    st.button("both", key="both", on_click=lambda: [notices.note("one"), notices.note("two")])
    st.button("again", key="again")
    notices.tell()


def test_what_a_click_noted_is_told_together_and_stays_over_redraws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [50.0]
    monkeypatch.setattr("delta_app.ui.notices.time.monotonic", lambda: now[0])
    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.toast
    app.button(key="both").click().run()
    assert [toast.value for toast in app.toast] == ["one  \ntwo"]
    now[0] += notices.STAYS_SECONDS - 1
    app.button(key="again").click().run()
    assert [toast.value for toast in app.toast] == ["one  \ntwo"]
    now[0] += 2
    app.button(key="again").click().run()
    assert not app.toast
