"""A folder of many pictures: read in a stream, and given up at once where that is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.scaled.folders import many_pictures
from delta_app.data import check as checking
from delta_app.data import listing
from delta_app.data.check import check_folder
from delta_app.data.listing import folders_in
from delta_app.data.threads import _AHEAD, DECODE_THREADS
from delta_app.errors import Cancelled

CLASSES, PICTURES = 40, 2_000


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return many_pictures(tmp_path_factory.mktemp("large") / "many", CLASSES, PICTURES)


class Counted(bytes):
    """A file's bytes that tell when they are let go."""

    alive = most = read = 0

    def __new__(cls, data: bytes) -> Counted:
        cls.alive += 1
        cls.read += 1
        cls.most = max(cls.most, cls.alive)
        return super().__new__(cls, data)

    def __del__(self) -> None:
        type(self).alive -= 1


@pytest.mark.slow
def test_the_bytes_of_few_files_are_held_at_a_time(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = checking.read_bytes
    monkeypatch.setattr(checking, "read_bytes", lambda path: Counted(read(path)))
    told: list[tuple[int, int]] = []
    found = check_folder(large, on_progress=lambda *each: told.append(each))
    assert (found.n_pictures, len(found.classes)) == (PICTURES, CLASSES)
    assert found.problems == ()  # no two are copies
    assert Counted.read == PICTURES
    assert Counted.most <= DECODE_THREADS + 1
    assert [done for done, _ in told if done] == list(range(1, PICTURES + 1))


@pytest.mark.slow
def test_it_asks_whether_to_go_on_between_any_two_folders_and_pictures(
    large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that takes long is done twice without asking in between."""
    since = 0
    most = 0

    def did(work: Callable[..., object]) -> Callable[..., object]:
        def counted(*given: object) -> object:
            nonlocal since, most
            since += 1
            most = max(most, since)
            return work(*given)

        return counted

    def asked() -> bool:
        nonlocal since
        since = 0
        return False

    monkeypatch.setattr(listing, "list_folder", did(listing.list_folder))
    monkeypatch.setattr(checking, "_examine", did(checking._examine))
    check_folder(large, cancelled=asked)
    # The first pictures are handed to the threads at once; from then on it is one by one.
    assert 1 <= most <= DECODE_THREADS * _AHEAD


@pytest.mark.parametrize("after", [0, 1, CLASSES, 3 * CLASSES, 3 * CLASSES + 500])
def test_it_ends_where_it_is_told_to(large: Path, after: int) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked > after

    with pytest.raises(Cancelled):
        check_folder(large, cancelled=cancelled)
    assert asked == after + 1


@pytest.mark.slow
def test_it_ends_after_the_last_picture_too(large: Path) -> None:
    """What is looked at once all are read takes its time in a large folder."""
    read = 0

    def on_progress(done: int, total: int) -> None:
        nonlocal read
        read = done

    with pytest.raises(Cancelled):
        check_folder(large, on_progress=on_progress, cancelled=lambda: read == PICTURES)


def test_folders_in_a_folder_by_name_and_no_files(tmp_path: Path) -> None:
    for name in ("b", "a", ".hidden", "__MACOSX"):
        (tmp_path / name).mkdir()
    (tmp_path / "file.jpg").touch()
    (tmp_path / "link").symlink_to(tmp_path / "link")
    assert folders_in(tmp_path) == [tmp_path / "a", tmp_path / "b"]
    assert folders_in(tmp_path / "absent") == []
