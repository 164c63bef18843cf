"""The Inspect page, driven without a browser on real finished runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from page_words import words
from small_runs import SmallRuns, copied, small_config
from streamlit.testing.v1 import AppTest

from delta_app.services.run_pictures import pictures_of
from delta_app.services.runs import get_run, submit

Opener = Callable[..., AppTest]


@pytest.fixture
def small(runs_dir: Path) -> SmallRuns:
    """The app's runs folder holds three finished runs."""
    return copied(runs_dir)


@pytest.fixture
def inspect(open_page: Opener) -> Opener:
    """inspect(run="...", layer="..."): the page at that address."""
    return lambda **query: open_page("pages/inspect.py", **query)


def images(app: AppTest) -> int:
    return len(app.get("image")) + len(app.get("imgs"))


def test_without_runs_it_says_what_to_do_next(inspect) -> None:
    app = inspect()
    assert "nothing to look into yet" in app.info[0].value
    assert [link.label for link in app.get("page_link")][-2:] == ["Try the demo", "New fine-tuning"]


def test_a_run_opens_on_its_first_test_picture(inspect, small) -> None:
    app = inspect(run=small.delta)
    assert app.selectbox(key="inspect:run").value == small.delta
    assert images(app) == 5 + 2 * 8
    assert "weights of the kept epoch" in words(app)
    assert "learned attention of DELTA" in words(app)
    assert "The 8 most attended filters" in words(app)


@pytest.mark.slow
def test_the_address_opens_the_same_view_again(inspect, small) -> None:
    run = get_run(small.delta, small.runs_dir)
    picture = pictures_of(run).select(split="test")[-1]
    layer = run.facts["behaviour_layers"][0]
    app = inspect(run=small.delta, layer=layer, picture=picture.key, weights="uniform")
    assert picture.picture.relative in words(app)
    assert "uniform weights" in words(app)
    assert "drifted furthest" in words(app)
    assert app.query_params["layer"] == layer
    assert app.query_params["picture"] == picture.key


def test_a_method_without_attention_offers_no_choice_of_weights(inspect, small) -> None:
    app = inspect(run=small.l2)
    assert "uniform weights" in words(app)
    assert f"run:{small.l2}:weights" not in app.session_state


def test_filters_narrow_the_strip(inspect, small) -> None:
    app = inspect(run=small.l2)
    app.selectbox(key=f"run:{small.l2}:class").select("red").run()
    assert not app.exception
    assert app.query_params["class"] == "red"
    assert "**red**" in words(app)


def test_a_filter_that_leaves_nothing_says_so(inspect, small) -> None:
    run = get_run(small.l2, small.runs_dir)
    found = pictures_of(run)
    empty = next(
        (c, v) for c in found.classes for v in ("right", "wrong") if not found.select("test", c, v)
    )
    app = inspect(run=small.l2, **{"class": empty[0], "answers": empty[1]})
    assert f"There is no {empty[1]} test picture of {empty[0]}" in app.info[0].value
    assert images(app) == 0


@pytest.mark.slow
def test_the_arrows_step_through_the_pictures(inspect, small) -> None:
    app = inspect(run=small.l2)
    assert "picture" not in app.query_params, "the address leaves the first picture out"
    app.button(key="inspect:step:1").click().run()
    second = app.query_params["picture"]
    app.button(key="inspect:step:-1").click().run()
    assert "picture" not in app.query_params
    app.button(key="inspect:step:-1").click().run()
    assert not app.exception, "before the first comes the last"
    assert app.query_params["picture"] != second


def test_a_picture_of_ones_own_is_answered(inspect, small) -> None:
    app = inspect(run=small.l2, **{"from": "upload"})
    assert "Drop a picture here" in app.info[0].value
    path = next(small.data.glob("red/*.png"))
    app.file_uploader[0].upload("mine.png", path.read_bytes(), "image/png").run()
    assert not app.exception
    assert "mine.png" in words(app)
    assert images(app) == 5 + 2 * 8


def test_a_file_that_is_no_picture_is_told_by_its_name(inspect, small) -> None:
    app = inspect(run=small.l2, **{"from": "upload"})
    app.file_uploader[0].upload("notes.png", b"only words", "image/png").run()
    assert not app.exception
    assert "notes.png" in words(app)


def test_a_run_that_is_not_there_is_said_and_another_shown(inspect, small) -> None:
    app = inspect(run="gone-222222")
    assert "gone" in app.warning[0].value
    assert images(app) > 0


def test_a_run_without_weights_is_not_offered(inspect, small) -> None:
    submit(small_config(small.data, "l2_sp"), runs_dir=small.runs_dir)
    names = [get_run(i, small.runs_dir).name for i in (small.shuffled, small.delta, small.l2)]
    assert inspect().selectbox(key="inspect:run").options == names
