"""The dialog that imports a run, and what the pages say of a run that was imported.

The dialog's form is drawn by itself: this runner draws the whole page at every click, and closes
dialogs (tests/pages/test_runs.py).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from page_words import words
from small_runs import small_runs
from streamlit.testing.v1 import AppTest

from delta_app.services import importing, runs

Opener = Callable[..., AppTest]


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    """A DELTA run's folder as somebody sent it; what is large was left out."""
    small = small_runs()
    large = ("*.lock", "last.ckpt", "best.safetensors", "snapshot.safetensors")
    return shutil.copytree(
        small.folder(small.delta),
        tmp_path / "received" / small.delta,
        ignore=shutil.ignore_patterns(*large),
    )


def _form() -> None:
    import streamlit as st

    from delta_app.ui.runs_import import ask

    imported = ask()
    if imported is not None:
        st.session_state["imported"] = imported.run.id


def filled_in(folder: object, name: str = "") -> AppTest:
    app = AppTest.from_function(_form, default_timeout=60).run()
    app.text_input(key="runs:import:folder").set_value(str(folder))
    app.text_input(key="runs:import:name").set_value(name)
    return app.button[0].click().run()


@pytest.mark.slow
def test_the_way_in_is_on_the_page(open_page: Opener, sent: Path) -> None:
    app = open_page("pages/runs.py")
    app.button(key="runs:import:first").click().run()
    assert [each.label for each in app.text_input] == ["Folder of the run", "Name"]
    importing.import_run(sent)
    app = open_page("pages/runs.py")
    app.button(key="runs:Import").click().run()
    assert "Folder of the run" in [each.label for each in app.text_input]
    assert not app.exception


def test_a_folder_is_imported(runs_dir: Path, sent: Path) -> None:
    app = filled_in(f" {sent} ", " theirs ")
    assert not app.exception
    assert not app.error
    run = runs.get_run(app.session_state["imported"])
    assert (run.id, run.name, run.folder) == (sent.name, "theirs", runs_dir / sent.name)


def test_what_does_not_enter_is_said_beside_its_field(
    runs_dir: Path, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = filled_in(tmp_path / "<b>gone").error[0].value.replace("\\", "")
    assert "<b>gone is no folder" in said
    (sent / "config.json").write_text("{}")
    assert "config.json does not fit" in filled_in(sent).error[0].value.replace("\\", "")
    assert filled_in("  ").error
    monkeypatch.setenv("DELTA_ROOTS", str(runs_dir))
    said = filled_in(sent).error[0].value.replace("\\", "")
    assert "outside the folders that this app may read" in said
    assert "--root" in said
    assert not runs.list_runs()


@pytest.mark.slow
def test_its_page_says_where_it_came_from(open_page: Opener, sent: Path) -> None:
    row = json.loads((sent / "run.json").read_text())
    (sent / "run.json").write_text(json.dumps(row | {"status": "queued"}))
    run = importing.import_run(sent).run
    said = words(open_page("pages/run.py", run=run.id))
    assert f"from {sent}" in said
    assert "Imported on" in said
    assert "It had not ended where it comes from." in said
    app = open_page("pages/run.py", run=run.id, tab="Settings and log")
    assert not app.exception


@pytest.mark.slow
def test_every_page_shows_it_without_its_pictures(
    open_page: Opener, runs_dir: Path, sent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = small_runs()
    shutil.copy(small.folder(small.delta) / "best.safetensors", sent)
    run = importing.import_run(sent).run
    monkeypatch.setenv("DELTA_ROOTS", str(runs_dir))
    for page, query in (
        *(("run", {"tab": tab}) for tab in ("Curves", "Errors", "Feature maps", "Attention")),
        ("inspect", {}),
        ("attention", {}),
        ("fine_tune", {"from": run.id}),
    ):
        app = open_page(f"pages/{page}.py", **({} if "from" in query else {"run": run.id}), **query)
        assert not app.exception, page
        assert not app.get("imgs"), page
