"""The Compare page, driven without a browser on real finished runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from page_words import kept_charts, words
from small_runs import SmallRuns, copied, small_config
from streamlit.testing.v1 import AppTest

from delta_app.formatting import percent
from delta_app.regularizers import all_variants
from delta_app.services.run_pictures import pictures_of
from delta_app.services.runs import get_run, rename, submit

Opener = Callable[..., AppTest]
COLORS = {variant.key: variant.color for variant in all_variants()}


@pytest.fixture
def small(runs_dir: Path) -> SmallRuns:
    """The app's runs folder holds three finished runs."""
    return copied(runs_dir)


@pytest.fixture
def compare(open_page: Opener) -> Opener:
    """compare(run, run, ..., view="..."): the page at that address."""

    def opened(*runs: str, **query: str) -> AppTest:
        return open_page("pages/compare.py", runs=",".join(runs), **query)

    return opened


def charts(app: AppTest) -> list[dict]:
    return [json.loads(chart.proto.spec) for chart in app.get("plotly_chart")]


def test_without_runs_it_says_what_to_do_next(compare) -> None:
    app = compare()
    assert "needs two runs that have begun" in words(app)


def test_runs_are_chosen_from_a_list(compare, small) -> None:
    app = compare()
    assert "Choose two to eight runs" in words(app)
    assert app.button(key="compare:go").disabled
    app.multiselect(key="compare:add").select(small.l2).select(small.delta).run()
    app.button(key="compare:go").click().run()
    assert not app.exception
    assert app.query_params["runs"] == f"{small.l2},{small.delta}"
    assert len(app.table) == 1


def test_one_run_asks_for_another(compare, small) -> None:
    app = compare(small.l2)
    assert "Choose another run" in words(app)
    assert not app.table


def test_the_result_table_comes_first_with_intervals(compare, small) -> None:
    app = compare(small.l2, small.delta)
    table = app.table[0].value
    assert list(table["Run"].str.contains("L2")) == [True, False]
    run = get_run(small.l2, small.runs_dir)
    assert table["Test"][0].startswith(f"**{percent(run.test_top1)}** (")
    assert table["Validation"][0] == percent(run.val_top1)


def test_chips_have_the_methods_colours_and_take_their_run_out(compare, small) -> None:
    app = compare(small.l2, small.delta, small.shuffled)
    chip = app.button(key=f"compare:out:{small.delta}")
    assert COLORS["delta"] in chip.label
    chip.click().run()
    assert not app.exception
    assert app.query_params["runs"] == f"{small.l2},{small.shuffled}"
    assert len(app.table[0].value) == 2


def test_curves_are_laid_over_one_another(compare, small) -> None:
    app = compare(small.l2, small.delta)
    accuracy, loss = kept_charts(app)
    for chart in (accuracy, loss):
        assert [t["name"].split(" ·")[0] for t in chart["data"]] == ["L2", "DELTA"]
        assert [t["line"]["color"] for t in chart["data"]] == [COLORS["l2"], COLORS["delta"]]
        assert len({t["line"]["dash"] for t in chart["data"]}) == 2
    assert "Validation" in accuracy["layout"]["title"]["text"]


def test_exactly_what_differs_and_all_behind_a_switch(compare, small) -> None:
    app = compare(small.delta, small.shuffled, view="Settings")
    rows = list(app.table[0].value["Setting"])
    assert rows == ["**Seed**", "**Channel attention**"] or rows == [
        "**Channel attention**",
        "**Seed**",
    ]
    app.segmented_control(key=f"run:compare:{small.delta},{small.shuffled}:settings").select(
        "all"
    ).run()
    assert len(app.table[0].value) > 20
    assert app.query_params["settings"] == "all"


def test_confusion_and_recall(compare, small) -> None:
    app = compare(small.l2, small.delta, view="Errors")
    titles = [chart["layout"]["title"]["text"] for chart in charts(app)]
    assert titles == [
        get_run(small.l2, small.runs_dir).name,
        get_run(small.delta, small.runs_dir).name,
        "Recall by class",
    ]


def test_attention_of_one_layer_on_one_axis(compare, small) -> None:
    app = compare(small.l2, small.delta, small.shuffled, view="Attention")
    shown = charts(app)
    assert len(shown) == 2
    assert shown[0]["layout"]["yaxis"]["range"] == shown[1]["layout"]["yaxis"]["range"]
    assert [c["layout"]["title"]["text"].split("· ")[-1] for c in shown] == ["learned", "shuffled"]
    assert "L2 does not weigh filters" in words(app)


@pytest.mark.slow
def test_the_same_picture_through_every_run(compare, small) -> None:
    app = compare(small.l2, small.delta, view="Feature maps")
    assert len(app.get("image")) + len(app.get("imgs")) == 2 + 2 * 2
    assert "all maps weighted by the learned attention of DELTA" in words(app)
    titles = [chart["layout"]["xaxis"]["title"]["text"] for chart in charts(app)]
    assert titles == ["Above: activation", "Beneath: drift"]


def test_pictures_on_which_the_runs_disagree(compare, small) -> None:
    for run_id, answer in ((small.l2, 0), (small.delta, 2)):
        file = small.folder(run_id) / "predictions.json"
        content = json.loads(file.read_text())
        for picture in content["test"]["pictures"]:
            picture["predicted"] = answer
            picture["probabilities"] = [0.8 if k == answer else 0.1 for k in range(3)]
        file.write_text(json.dumps(content))
    app = compare(small.l2, small.delta, view="Disagreements")
    pictures = pictures_of(get_run(small.l2, small.runs_dir)).select(split="test")
    assert len(app.get("image")) + len(app.get("imgs")) == len(pictures)
    assert f"{len(pictures)} of {len(pictures)} test pictures" in words(app)
    assert "✓ blue" in words(app)
    assert "✗ red" in words(app)
    app.segmented_control(key=f"run:compare:{small.l2},{small.delta}:show").select(
        small.delta
    ).run()
    assert len(app.get("image")) + len(app.get("imgs")) == len(
        [p for p in pictures if p.true_class == "red"]
    )


@pytest.mark.slow
def test_an_untested_run_stands_beside_tested_ones(compare, small) -> None:
    queued = submit(small_config(small.data, "l2_sp"), runs_dir=small.runs_dir)
    for view in ("Settings", "Errors", "Attention", "Feature maps", "Disagreements"):
        app = compare(small.l2, queued, view=view)
        assert not app.error, view
    app = compare(small.l2, queued)
    assert not app.error
    assert app.table[0].value["Test"][1] == "–"
    assert app.table[0].value["State"][1] == "Queued"


def test_a_deleted_run_in_the_address_is_named(compare, small) -> None:
    app = compare(small.l2, small.delta, "gone-222222")
    assert "Not there any more: gone-222222" in words(app)
    assert len(app.table[0].value) == 2


def test_too_many_runs_can_be_left(compare, small) -> None:
    app = compare(*(f"run{i}" for i in range(9)))
    assert "9 runs were chosen, at most 8" in words(app)
    next(b for b in app.button if b.label == "Choose other runs").click().run()
    assert "runs" not in app.query_params


def test_two_runs_of_one_name_stay_two_columns(compare, small) -> None:
    rename(small.delta, "mine", small.runs_dir)
    rename(small.shuffled, "mine", small.runs_dir)
    app = compare(small.delta, small.shuffled, view="Settings")
    assert app.table[0].value.shape[1] == 3


def test_a_name_is_shown_as_it_is(compare, small) -> None:
    rename(small.delta, "a_b *c* [d](e) $f$ :red[g]", small.runs_dir)
    app = compare(small.l2, small.delta)
    assert "a_b *c* [d](e) $f$ :red[g]" in app.table[0].value["Run"][1].replace("\\", "")
    assert ":red[g]" not in app.table[0].value["Run"][1]
