"""What leads into the roots may be read, and nothing else, whatever links and dots say."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from delta_app.data.roots import Roots
from delta_app.errors import OutsideError


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    """A folder with links in and out of it; beside it another."""
    folder, other = tmp_path / "in", tmp_path / "other"
    for each in (folder / "deep" / "er", other / "secret"):
        each.mkdir(parents=True)
    (other / "secret" / "note.txt").write_text("secret")
    (folder / "out").symlink_to(other)
    (folder / "home").symlink_to(folder / "deep")
    (folder / "nowhere").symlink_to(tmp_path / "gone")
    (folder / "round").symlink_to(folder / "round")
    return folder


@pytest.mark.parametrize(
    "path",
    ["", ".", "deep", "deep/er/new.pth", "home/er", "not there/at all", "deep/../deep", "round"],
)
def test_what_leads_inside_may_be_read(inside: Path, path: str) -> None:
    Roots((inside,)).check(inside / path)


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../other",
        "../in2",
        "out",
        "out/secret/note.txt",
        "out/not there",
        "out/..",
        "home/../../other",
        "deep/../../other",
        "nowhere",
        "/",
        "/etc",
        os.path.join(os.sep, "proc", "self", "root", "etc"),  # the whole disk again, by a link
    ],
)
def test_what_leads_out_may_not(inside: Path, path: str) -> None:
    with pytest.raises(OutsideError) as caught:
        Roots((inside,)).check(os.path.join(inside, path), field="weights")
    assert caught.value.field == "weights"
    assert f"--root {inside}" in caught.value.cure
    assert str(inside) in caught.value.message
    str(caught.value).encode()  # it can be shown


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_what_is_no_path_may_not_either(inside: Path, path: str) -> None:
    with pytest.raises(OutsideError, match="cannot be the path of anything") as caught:
        Roots((inside,)).check(os.path.join(inside, path), field="data")
    str(caught.value).encode()


def test_a_root_may_be_a_link_and_the_apps_own_folders_count(inside: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(inside)
    assert Roots((tmp_path / "link",)).allow(inside / "deep")
    assert Roots((tmp_path / "link",)).allow(tmp_path / "link" / "deep")
    assert not Roots((inside,)).allow(tmp_path / "other")
    assert Roots((inside,), own=(tmp_path / "other",)).allow(tmp_path / "other" / "secret")


def test_the_cure_is_the_whole_option(inside: Path, tmp_path: Path) -> None:
    outside = tmp_path / "two words"
    with pytest.raises(OutsideError) as caught:
        Roots((inside,)).check(outside, folder=True)
    words = shlex.split(caught.value.cure.rstrip("."))
    assert words[-4:] == ["--root", str(inside), "--root", str(outside)]
    with pytest.raises(OutsideError) as caught:
        Roots((inside,)).check(outside / "net.pth")
    assert shlex.split(caught.value.cure.rstrip("."))[-1] == str(outside)


def test_only_of_a_path_in_a_root_it_is_told_where_it_leads(inside: Path, tmp_path: Path) -> None:
    target = tmp_path / "other" / "secret"
    with pytest.raises(OutsideError, match="leads to") as caught:
        Roots((inside,)).check(inside / "out" / "secret")
    assert str(target) in caught.value.message
    (tmp_path / "beside").symlink_to(target)
    with pytest.raises(OutsideError, match="lies outside") as caught:
        Roots((inside,)).check(tmp_path / "beside")
    assert str(target) not in str(caught.value)


def test_a_folder_with_a_link_that_leads_out_is_refused(inside: Path, tmp_path: Path) -> None:
    roots = Roots((inside,))
    data = inside / "deep"
    roots.check_folder(data)
    (data / ".hidden").symlink_to(tmp_path / "other")
    (data / "er" / "1.jpg").symlink_to(inside / "real.jpg")
    (data / "again").symlink_to(data)  # a circle
    roots.check_folder(data)
    (data / "er" / "2.jpg").symlink_to(tmp_path / "other" / "2.jpg")
    with pytest.raises(OutsideError, match=r"2\.jpg leads to") as caught:
        roots.check_folder(data, field="data")
    assert caught.value.cure.endswith(f"--root {tmp_path / 'other'}.")
    (data / "er" / "2.jpg").unlink()
    (data / "class").symlink_to(tmp_path / "other" / "secret")
    with pytest.raises(OutsideError, match="class leads to"):
        roots.check_folder(data)


def test_a_link_into_the_roots_is_followed_to_what_leads_out(inside: Path, tmp_path: Path) -> None:
    elsewhere = inside / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "1.jpg").symlink_to(tmp_path / "other" / "1.jpg")
    (inside / "deep" / "class").symlink_to(elsewhere)
    with pytest.raises(OutsideError, match=r"class/1\.jpg"):
        Roots((inside,)).check_folder(inside / "deep")
