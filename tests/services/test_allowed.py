"""Each way in which a path comes to the app is judged before anything is looked at."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drawn import draw_folder
from small_runs import SmallRuns, copied, small_runs

from delta_app.data import listing
from delta_app.data.cache import default_cache_folder
from delta_app.demo.bundle import ASSETS
from delta_app.errors import OutsideError, SettingsError
from delta_app.services import allowed, attention_again, datasets, demo, locations, runs
from delta_app.services.datasets import CheckInBackground
from delta_app.services.exciting_pictures import exciting_pictures
from delta_app.services.inspection import Inspector, from_split
from delta_app.services.measured_attention import measurement
from delta_app.services.run_pictures import pictures_of
from delta_app.services.weights_files import weights_files_in
from delta_app.training.run_config import RunConfig


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only root; runs, data and cache lie beside it."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("DELTA_ROOTS", str(folder))
    monkeypatch.setenv("DELTA_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("DELTA_CACHE_DIR", str(tmp_path / "cache"))
    return folder


@pytest.fixture
def config(home: Path) -> Callable[..., RunConfig]:
    def make(**settings: Any) -> RunConfig:
        data = {"data": str(home / "shapes"), "backbone": "resnet18", "weights": "random"}
        return RunConfig.from_flat({"method": "delta"} | data | settings)

    return make


def test_by_default_the_home_folder_and_what_is_the_apps_own(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DELTA_ROOTS")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home.parent)
    roots = allowed.roots()
    assert roots.chosen == (home,)
    own = (locations.runs_dir(), locations.user_data_dir(), default_cache_folder(), ASSETS)
    assert all(roots.allow(each / "x") for each in own)
    assert not roots.allow(Path.cwd() / "x"), "where the app was started is not a root"
    allowed.check_config(demo.demo_config())


def test_the_option_takes_the_place_of_the_home_folder(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DELTA_ROOTS")
    two = tmp_path / "two words"
    two.mkdir()
    allowed.set_roots(())
    assert allowed.roots().chosen == (Path.home(),)
    monkeypatch.setenv("DELTA_ROOTS", "")  # so that it is taken back after the test
    allowed.set_roots((str(home), two))
    assert allowed.roots().chosen == (home, two)
    for wrong in (home / "gone", __file__):
        with pytest.raises(SettingsError, match="is no folder"):
            allowed.set_roots((str(wrong),))
    separated = tmp_path / f"a{os.pathsep}b"
    separated.mkdir()
    with pytest.raises(SettingsError, match="separates") as caught:
        allowed.set_roots((str(separated),))
    assert "link" in caught.value.cure


def test_a_form_is_told_of_each_path_beside_its_field(home: Path, tmp_path: Path) -> None:
    (home / "out").symlink_to(tmp_path)
    for outside in (f"{tmp_path}/x", f"{home}/../x", f"{home}/out/x", "/etc/passwd", "~root/x"):
        values = {"data": f' "{outside}" ', "weights": outside, "attention": outside}
        assert set(allowed.refusals(values)) == {"data", "weights", "attention"}, outside
    inside = f"{home}/x"
    assert not allowed.refusals({"data": inside, "weights": inside, "attention": inside})
    words = {"data": "", "weights": "default", "attention": "learned", "lr": 0.1}
    assert not allowed.refusals(words)
    assert not allowed.refusals({"data": None, "weights": "random", "attention": "  "})


@pytest.mark.parametrize("setting", ["data", "weights", "attention"])
def test_nothing_is_queued_whose_config_leads_out(
    config: Callable[..., RunConfig], home: Path, tmp_path: Path, setting: str
) -> None:
    (home / "out").symlink_to(tmp_path)
    for outside in (tmp_path / "x", home / "out" / "x", home / ".." / "x"):
        for submit in (runs.submit, runs.submit_attention):
            with pytest.raises(OutsideError) as caught:
                submit(config(**{setting: str(outside)}))
            assert caught.value.field == setting
            assert "--root" in caught.value.cure
    assert not runs.list_runs()
    runs.submit(config(**{setting: str(home / "x")}))


def test_nothing_is_queued_on_pictures_that_lie_elsewhere(
    config: Callable[..., RunConfig], home: Path, tmp_path: Path
) -> None:
    shapes = draw_folder(home / "shapes")
    picture = next(shapes.rglob("*.png"))
    picture.rename(tmp_path / picture.name)
    picture.symlink_to(tmp_path / picture.name)
    with pytest.raises(OutsideError, match="leads to"):
        runs.submit(config())


def test_a_folder_outside_is_not_even_listed(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = draw_folder(tmp_path / "shapes")
    listed: list[Path] = []
    real = os.scandir

    def scandir(path: Any) -> Any:
        listed.append(Path(path))
        return real(path)

    monkeypatch.setattr(listing.os, "scandir", scandir)
    (home / "link").symlink_to(shapes)
    (home / "data").mkdir()
    (home / "data" / "red").symlink_to(shapes / "red")
    for path in (shapes, home / "link", home / "data", home / ".." / "shapes"):
        work = CheckInBackground(path)
        assert work.wait(20)
        assert isinstance(work.error, OutsideError)
        assert work.result is None
    assert not [each for each in listed if shapes in (each, *each.parents)]
    assert not [each for each in listed if each.is_relative_to(home / "data" / "red")]


def test_advice_stays_inside(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is a split of one above it; that one is named only where it may be read."""
    for split in ("train", "test"):
        draw_folder(home / "set" / split)
    found = CheckInBackground(home / "set" / "train")
    assert found.wait(20)
    assert found.result is not None
    assert str(home / "set") in [each.suggestion for each in found.result.problems]
    monkeypatch.setenv("DELTA_ROOTS", str(home / "set" / "train"))
    found = CheckInBackground(home / "set" / "train")
    assert found.wait(20)
    assert found.result is not None
    assert found.result.usable
    assert not [each for each in found.result.problems if each.suggestion or "test" in each.message]
    again = datasets.checked_before(home / "set" / "train")
    assert again is not None
    assert [each.suggestion for each in again.problems] == []
    # The root itself, written wrongly.
    monkeypatch.setenv("DELTA_ROOTS", str(home / "set" / "tran"))
    missing = CheckInBackground(home / "set" / "tran")
    assert missing.wait(20)
    assert missing.result is not None
    (problem,) = missing.result.problems
    assert (problem.suggestion, problem.cure) == (None, "Choose another folder.")


def test_browsing_and_recent_folders_stay_inside(home: Path, tmp_path: Path) -> None:
    (home / "out").symlink_to(tmp_path)
    inside = home / "in"
    inside.mkdir()
    for path in (tmp_path, home / "out", home / "..", "/"):
        with pytest.raises(OutsideError) as caught:
            datasets.browse(path)
        assert "--root" in caught.value.cure
        assert not datasets.may_browse(Path(path))
    assert [entry.name for entry in datasets.browse().folders] == ["in"]
    for folder in (tmp_path, inside, home / "out"):
        datasets.remember_folder(folder)
    assert datasets.recent_folders() == (inside,)


def test_a_weights_file_that_leads_out_is_not_offered(home: Path, tmp_path: Path) -> None:
    for name in ("own.pth", "other.pth"):
        (tmp_path / name).write_bytes(b"x")
    (home / "own.pth").write_bytes(b"x")
    (home / "link.pth").symlink_to(tmp_path / "other.pth")
    assert [file.name for file in weights_files_in(home)] == ["own.pth"]


# A run that the command line made, of pictures that the app may not read


@pytest.fixture
def foreign(home: Path, tmp_path: Path) -> SmallRuns:
    """Runs in this app's folder whose pictures lie outside its roots."""
    return copied(tmp_path / "runs")


def test_its_record_is_shown_and_its_pictures_are_not(foreign: SmallRuns) -> None:
    run = runs.get_run(foreign.delta)
    assert run.test_top1 is not None
    found = pictures_of(run).pictures
    with pytest.raises(OutsideError, match="--root"):
        datasets.thumbnail(found[0].picture, 32)
    with pytest.raises(OutsideError, match="--root"):
        from_split(found[0]).read()
    with pytest.raises(OutsideError):
        Inspector(run.id).transformed(from_split(found[0]))
    of = measurement(run)
    assert of is not None
    excited = exciting_pictures(of, of.layers[-1], 0)
    assert excited.pictures
    assert all(each.shown is None for each in excited.pictures)
    assert isinstance(excited.problem, OutsideError)


def test_it_is_not_run_again_here(foreign: SmallRuns) -> None:
    before = len(runs.list_runs())
    for again in (attention_again.again, attention_again.with_faithfulness):
        with pytest.raises(OutsideError) as caught:
            again(runs.get_run(foreign.delta).__class__(**_as_measurement(foreign)))
        assert caught.value.field == "data"
    with pytest.raises(OutsideError):
        runs.submit_attention_of(foreign.l2)
    assert len(runs.list_runs()) == before


def _as_measurement(foreign: SmallRuns) -> dict[str, Any]:
    run = runs.get_run(foreign.delta)
    return vars(run) | {"kind": runs.ATTENTION, "config": {"run": run.config}}


def test_starting_weights_that_lie_outside_are_not_read(
    foreign: SmallRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = foreign.folder(foreign.l2) / "model.json"
    text = model.read_text()
    assert '"weights": "random"' in text
    model.write_text(text.replace('"weights": "random"', f'"weights": "{tmp_path}/secret.pth"'))
    monkeypatch.setenv("DELTA_ROOTS", os.pathsep.join([str(tmp_path / "home"), str(foreign.data)]))
    picture = from_split(pictures_of(runs.get_run(foreign.l2)).pictures[0])
    inspector = Inspector(foreign.l2)
    with pytest.raises(OutsideError, match="secret"):
        inspector.maps(picture, inspector.layers[0])


def test_a_measured_network_that_lies_outside_is_not_opened(
    foreign: SmallRuns, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DELTA_ROOTS", os.pathsep.join([str(tmp_path / "home"), str(foreign.data)]))
    run = runs.get_run(foreign.delta)
    settings = run.config["attention"] | {"attention_of": "/elsewhere/l2-k3f9a2"}
    of = measurement(run.__class__(**vars(run) | {"config": run.config | {"attention": settings}}))
    assert of is not None
    with pytest.raises(OutsideError, match="elsewhere"):
        exciting_pictures(of, of.layers[-1], 1)


def test_small_runs_are_of_the_tests_own_pictures() -> None:
    assert allowed.roots().allow(small_runs().data)
