from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from delta_app.errors import CheckpointError
from delta_app.runs.journal import Journal, read_journal
from delta_app.runs.journal_writer import JournalWriter
from delta_app.runs.measurements import Measured

FIRST = Measured(1, 0.1, {"loss/total": 0.1 + 0.2, "lr/head": 1e-30})
SECOND = Measured(2, 0.2, {"loss/total": math.inf})
THIRD = Measured(2, 1.0, {"val/top1": 1 / 3})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics.jsonl"


def test_numbers_come_back_to_the_last_bit(path: Path) -> None:
    Journal(path).append([FIRST, SECOND])
    again = Journal(path)
    assert again.lines == 2
    again.append([THIRD])
    assert list(read_journal(path)) == [FIRST, SECOND, THIRD]


def test_not_a_number_is_kept_as_such(path: Path) -> None:
    Journal(path).append([Measured(1, 0.1, {"loss": math.nan})])
    assert path.read_text() == '[1,0.1,{"loss":null}]\n'
    (found,) = read_journal(path)
    assert math.isnan(found.values["loss"])


def test_a_journal_that_is_not_there_holds_nothing(path: Path) -> None:
    assert list(read_journal(path)) == []
    assert Journal(path).lines == 0
    Journal(path).sync()
    Journal(path).rewind(0)
    assert not path.exists()


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_line_that_a_killed_process_left_half_written_is_lost_alone(path: Path, cut: int) -> None:
    Journal(path).append([FIRST, THIRD])
    os.truncate(path, path.stat().st_size - cut)
    assert list(read_journal(path)) == [FIRST]
    journal = Journal(path)
    assert journal.lines == 1
    journal.append([SECOND])
    assert list(read_journal(path)) == [FIRST, SECOND]


def test_it_is_rewound_to_a_line_and_goes_on_from_there(path: Path) -> None:
    journal = Journal(path)
    journal.append([FIRST, SECOND, THIRD])
    journal.rewind(1)
    assert list(read_journal(path)) == [FIRST]
    journal.append([THIRD])
    assert (journal.lines, list(read_journal(path))) == (2, [FIRST, THIRD])
    with pytest.raises(ValueError, match="has 2 lines, not 3"):
        journal.rewind(3)


@pytest.mark.parametrize("text", ["{}\n", "[1,2]\n", '[1,0.5,{"loss":"a"}]\n', "no\n", "[1,2,3]\n"])
def test_what_is_no_journal_is_named_by_its_line(path: Path, text: str) -> None:
    Journal(path).append([FIRST])
    with path.open("a") as file:
        file.write(text)
    with pytest.raises(ValueError, match="line 2 of"):
        list(read_journal(path))


def test_a_full_disk_leaves_whole_lines_and_is_tried_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = JournalWriter(path)
    writer.take(FIRST)
    assert writer.write()
    full = True
    opened = Path.open

    class Full:
        def __init__(self, file: object) -> None:
            self.file = file

        def __enter__(self) -> Full:
            return self

        def __exit__(self, *ignored: object) -> None:
            self.file.close()  # type: ignore[attr-defined]

        def __getattr__(self, name: str) -> object:
            return getattr(self.file, name)

        def write(self, data: bytes) -> None:
            self.file.write(data[: len(data) // 2])  # type: ignore[attr-defined]
            self.file.flush()  # type: ignore[attr-defined]
            raise OSError(28, "No space left on device")

    def open_full(self: Path, mode: str = "r", *rest: object) -> object:
        file = opened(self, mode, *rest)  # type: ignore[call-overload]
        return Full(file) if full and mode == "ab" else file

    monkeypatch.setattr(Path, "open", open_full)
    writer.take(SECOND)
    assert not writer.write()
    assert writer.settle() is None
    assert list(read_journal(path)) == [FIRST]
    writer.take(THIRD)
    full = False
    assert writer.settle() == 3
    assert list(read_journal(path)) == [FIRST, SECOND, THIRD]


def test_rewinding_forgets_what_waits_and_refuses_what_is_not_there(path: Path) -> None:
    writer = JournalWriter(path)
    writer.take(FIRST)
    assert writer.settle() == 1
    writer.take(SECOND)
    writer.rewind(1)
    writer.take(THIRD)
    assert writer.settle() == 2
    assert list(writer.read()) == [FIRST, THIRD]
    with pytest.raises(CheckpointError, match="has 2 lines, not 9") as caught:
        writer.rewind(9)
    assert caught.value.cure
