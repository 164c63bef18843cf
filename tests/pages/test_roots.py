"""No page looks at what lies outside the roots, whichever way the path comes to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from page_words import words
from small_runs import SmallRuns, copied, small_config
from streamlit.testing.v1 import AppTest

from delta_app.services import datasets, runs
from delta_app.services.run_pictures import pictures_of

FINE_TUNE, ATTENTION, START = "pages/fine_tune.py", "pages/attention.py", "pages/start.py"

Opener = Callable[..., AppTest]


@pytest.fixture
def home(runs_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Path]:
    """home(): from now on this folder is the only root. Pictures lie beside it."""
    folder = tmp_path / "home"
    folder.mkdir()

    def narrow() -> Path:
        monkeypatch.setenv("DELTA_ROOTS", str(folder))
        return folder

    return narrow


def refused(app: AppTest) -> str:
    """What the page refuses, and that it says how to allow it."""
    assert not app.exception, app.exception
    said = [each for each in words(app).splitlines() if "that this app may read" in each]
    assert said, words(app)
    assert all("--root" in each for each in said)
    return "\n".join(said)


def field(app: AppTest, label: str) -> Any:
    return next(each for each in app.text_input if each.label == label)


def choose(app: AppTest, label: str, word: str) -> None:
    next(each for each in app.segmented_control if each.label == label).set_value(word).run()


@pytest.mark.slow
@pytest.mark.parametrize("page", [FINE_TUNE, ATTENTION])
@pytest.mark.parametrize("way", ["", "../shapes", "link"])
def test_a_folder_in_the_address(
    open_page: Opener, home: Callable[[], Path], pictures: Path, page: str, way: str
) -> None:
    (home() / "link").symlink_to(pictures)
    path = home() / way if way else pictures
    query = {"data": str(path)} | ({"new": "measurement"} if page == ATTENTION else {})
    app = open_page(page, **query)
    assert "outside the folders" in refused(app)
    assert "3 classes" not in words(app)
    button = app.button(key="start" if page == FINE_TUNE else "measure")
    assert (button.label, button.disabled) == ("Choose another folder", True)


def test_a_folder_that_is_typed(
    open_page: Opener, home: Callable[[], Path], pictures: Path
) -> None:
    home()
    app = open_page(FINE_TUNE)
    field(app, "Folder of pictures").set_value(str(pictures)).run()
    assert str(pictures) in refused(app)
    assert app.button(key="start").disabled


def test_pictures_that_are_links_to_elsewhere(
    open_page: Opener, home: Callable[[], Path], pictures: Path
) -> None:
    data = home() / "data"
    data.mkdir()
    for folder in pictures.iterdir():
        (data / folder.name).symlink_to(folder)
    app = open_page(FINE_TUNE, data=str(data))
    assert "leads to" in refused(app)
    assert "red" not in [caption.value for caption in app.caption]


@pytest.mark.slow
def test_a_weights_file_and_an_attention_file(
    open_page: Opener, home: Callable[[], Path], pictures: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("[[1.0]]")
    data = pictures.rename(home() / "shapes")
    (home() / "link.json").symlink_to(secret)
    app = open_page(FINE_TUNE, data=str(data))
    app.button(key="step:2").click().run()
    choose(app, "Starting weights", "file")
    for path in (secret, tmp_path / "not there", home() / "link.json"):
        field(app, "Weights file").set_value(str(path)).run()
        assert str(path) in refused(app)
    choose(app, "Starting weights", "random")
    assert "that this app may read" not in words(app)
    app.button(key="step:3").click().run()
    choose(app, "Channel attention", "file")
    for path in (secret, tmp_path / "not there", home() / "link.json"):
        field(app, "Attention file").set_value(str(path)).run()
        assert str(path) in refused(app)
        assert "authors' code" not in words(app), "it is not even looked at for its kind"
    assert app.button(key="start").disabled


@pytest.mark.slow
def test_run_again_of_a_run_whose_data_lies_outside(
    open_page: Opener, home: Callable[[], Path], queued: Any, pictures: Path
) -> None:
    record = queued("l2", "completed")
    home()
    app = open_page(FINE_TUNE, **{"from": record.id})
    assert str(pictures) in refused(app)
    assert app.button(key="start").disabled
    app = open_page(START)
    app.button(key="companions").click().run()
    assert str(pictures) in refused(app)
    assert len(runs.list_runs()) == 1


def test_browsing_stays_inside(open_page: Opener, home: Callable[[], Path], pictures: Path) -> None:
    (home() / "out").symlink_to(pictures)
    (home() / "in").mkdir()
    datasets.remember_folder(pictures)
    app = open_page(FINE_TUNE)
    assert not [b for b in app.button if str(b.key).startswith("recent:")]
    app.button(key="browse:data").click().run()
    labels = [button.label for button in app.button]
    assert "in" in labels
    assert "out" not in labels


# A run of the command line's, of pictures that the app may not read


@pytest.fixture
def foreign(runs_dir: Path, home: Callable[[], Path]) -> SmallRuns:
    found = copied(runs_dir)
    home()
    return found


@pytest.mark.slow
def test_its_page_shows_the_record_and_says_why_there_are_no_pictures(
    open_page: Opener, foreign: SmallRuns
) -> None:
    app = open_page("pages/run.py", run=foreign.delta, tab="Errors")
    assert "tested once" in words(app)
    app = open_page("pages/run.py", run=foreign.delta, tab="Feature maps")
    assert str(foreign.data) in refused(app)
    strip = next(each for each in app.segmented_control if each.label == "Picture")
    assert "image/jpeg" not in "".join(strip.options)
    app = open_page("pages/run.py", run=foreign.delta, tab="Settings and log")
    assert not app.exception


@pytest.mark.slow
def test_inspect_and_compare_say_so_where_the_pictures_would_be(
    open_page: Opener, foreign: SmallRuns
) -> None:
    app = open_page("pages/inspect.py", run=foreign.delta)
    assert str(foreign.data) in refused(app)
    assert not app.get("image")
    assert not app.get("imgs")
    query = {"runs": f"{foreign.l2},{foreign.shuffled}"}
    for view in ("Feature maps", "Disagreements"):
        app = open_page("pages/compare.py", view=view, **query)
        assert not app.exception
        assert not app.get("imgs")
    assert "Disagreements" in [tab.label for tab in app.tabs]


def test_the_attention_page_says_so_too(open_page: Opener, foreign: SmallRuns) -> None:
    app = open_page(ATTENTION, run=foreign.delta)
    assert str(foreign.data) in refused(app)
    assert len(pictures_of(runs.get_run(foreign.delta)).pictures) > 0
    before = len(runs.list_runs())
    with pytest.raises(Exception, match="--root"):
        runs.submit_attention(small_config(foreign.data, "delta"))
    assert len(runs.list_runs()) == before
