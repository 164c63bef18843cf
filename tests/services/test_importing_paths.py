"""Where the paths in a run folder from elsewhere lead, nobody goes."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
from received_runs import changed, slow
from small_runs import small_runs

from delta_app.errors import OutsideError
from delta_app.services import going_on, importing, resuming, runs
from delta_app.services.looked_at import from_split
from delta_app.services.run_pictures import pictures_of
from delta_app.services.shown_attention import shown_attention


@pytest.fixture
def outside(here: Path, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only root; each path that the sent folder names leads to a file outside it."""
    home, secret = tmp_path / "home", tmp_path / "secret.png"
    home.mkdir()
    secret.write_text("root:x:0:0")
    monkeypatch.setenv("DELTA_ROOTS", str(home))

    def lead_out(content: dict[str, Any]) -> None:
        for split in ("train", "val", "test"):
            for picture in content[split]:
                picture.update(path=str(secret), relative=secret.name)

    changed(sent / "split.json", lead_out)
    (sent / "predictions.json").unlink()
    for file, inside in (("config.json", None), ("run.json", "config")):
        changed(
            sent / file,
            lambda c, inside=inside: _lead_out(c if inside is None else c[inside], secret),
        )
    changed(sent / "model.json", lambda c: c.update(weights=str(secret)))
    return secret


def _lead_out(config: dict[str, Any], secret: Path) -> None:
    config["data"]["data"] = str(secret.parent)
    config["model"]["weights"] = str(secret)
    config["method"]["attention"] = str(secret)


def test_no_path_in_it_is_opened_by_the_import(
    sent: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched: list[str] = []

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event in ("open", "os.listdir", "os.scandir"):
            touched.append(str(arguments[0]))

    watching = [True]
    sys.addaudithook(hook)
    try:
        run = importing.import_run(sent).run
    finally:
        watching.clear()
    assert any("config.json" in path for path in touched)
    assert not [path for path in touched if path == str(outside)]
    assert str(outside.parent) not in touched
    assert run.config["model"]["weights"] == str(outside)


@pytest.mark.parametrize("status", ["paused", *map(slow, ["failed", "interrupted"])])
def test_it_is_not_taken_up_here(sent: Path, outside: Path, status: str) -> None:
    changed(sent / "run.json", lambda c: c.update(status=status))
    (sent / "result.json").unlink()
    run = importing.import_run(sent).run
    asked = [resuming.resume] if status == "failed" else [resuming.resume, runs.request_stop]
    for ask in asked:
        with pytest.raises(OutsideError, match="outside the folders") as caught:
            ask(run.id)
        assert "--root" in caught.value.cure
    assert runs.get_run(run.id).status == status
    with pytest.raises(OutsideError, match="was imported") as caught:
        resuming.resume_here(run.id, runs.Shutdown())
    assert "DELTA_ROOTS" in caught.value.cure
    assert runs.get_run(run.id).status == status


@pytest.mark.slow
def test_it_is_neither_continued_nor_measured_here(sent: Path, outside: Path) -> None:
    shutil.copy(small_runs().folder(sent.name) / "last.ckpt", sent)
    run = importing.import_run(sent).run
    for ask in (lambda: resuming.continue_for(run.id, 1), lambda: runs.submit_attention_of(run.id)):
        with pytest.raises(OutsideError, match="outside the folders"):
            ask()
    assert [each.id for each in runs.list_runs()] == [run.id]


def test_its_pictures_are_not_shown(sent: Path, outside: Path) -> None:
    run = importing.import_run(sent).run
    for picture in pictures_of(run).pictures:
        with pytest.raises(OutsideError, match="outside the folders"):
            from_split(picture).read()
    assert shown_attention(run) is not None, "its own file, in its own folder"


def test_pictures_outside_are_told_although_the_settings_lead_inside(
    here: Path, sent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that may be read do not vouch for what split.json names."""
    small = small_runs()
    monkeypatch.setenv("DELTA_ROOTS", str(small.data))
    run = importing.import_run(sent).run
    going_on.check_may_go_on(run)
    changed(
        run.folder / "split.json",
        lambda c: c["val"][0].update(path=f"/etc/{c['val'][0]['relative']}"),
    )
    with pytest.raises(OutsideError, match="/etc/"):
        going_on.check_may_go_on(run)
    with pytest.raises(OutsideError, match="/etc/"):
        runs.submit_attention_of(run.id)


@pytest.mark.slow
def test_a_picture_that_is_a_link_does_not_vouch_for_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: Path, sent: Path
) -> None:
    home = tmp_path / "home"
    (home / "red").mkdir(parents=True)
    (home / "red" / "0.png").symlink_to("/etc/passwd")
    monkeypatch.setenv("DELTA_ROOTS", str(home))

    def lead(content: dict[str, Any]) -> None:
        for split in ("train", "val", "test"):
            for n, picture in enumerate(content[split]):
                name = "red/0.png" if (split, n) == ("test", 0) else "red/1.png"
                picture.update(path=str(home / name), relative=name)

    changed(sent / "split.json", lead)
    (sent / "predictions.json").unlink()
    run = importing.import_run(sent).run
    with pytest.raises(OutsideError, match="leads to /etc/passwd"):
        going_on.check_kept_pictures(run.folder)


@pytest.mark.slow
def test_a_form_leads_only_to_what_may_be_read(here: Path, sent: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to(sent)
    patch = pytest.MonkeyPatch()
    patch.setenv("DELTA_ROOTS", str(home))
    try:
        for path in (sent, home / "link", home / ".." / "received" / sent.name):
            with pytest.raises(OutsideError) as caught:
                importing.import_in_app(str(path))
            assert caught.value.field == "folder"
        assert not runs.list_runs()
        inside = shutil.move(sent, home / sent.name)
        assert importing.import_in_app(f' "{inside}" ').run.id == sent.name
    finally:
        patch.undo()
