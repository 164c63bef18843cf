"""JSON that may be anything: what is read, and that every complaint is a ValueError of one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import TypeAdapter

from delta_app.json_files import checked, read_json


def written(folder: Path, data: bytes) -> Path:
    path = folder / "a.json"
    path.write_bytes(data)
    return path


def test_reads_what_json_is(tmp_path: Path) -> None:
    path = written(tmp_path, '{"a": [1, 0.1, null, true, "ä"]}'.encode())
    assert read_json(path) == {"a": [1, 0.1, None, True, "ä"]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"nul",
        b"{} {}",
        b"\xff\xfe",
        b"[" * 100_000,  # Python's own reader raises RecursionError
        b'"\\ud800"',  # which nothing could print or write
        b"1" * 5000,
        b"[NaN]",
        b"[-Infinity]",
    ],
)
def test_all_else_is_a_value_error(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r".+ at line 1 column"):
        read_json(written(tmp_path, data))


def test_what_python_writes_for_not_a_number_may_be_asked_for(tmp_path: Path) -> None:
    (value,) = read_json(written(tmp_path, b"[Infinity]"), finite=False)
    assert value == float("inf")


def test_a_complaint_says_where_and_what_was_there_in_one_line() -> None:
    kind = TypeAdapter(dict[str, list[int]])
    assert checked(kind, {"a": [1, 2]}) == {"a": [1, 2]}
    with pytest.raises(ValueError, match=r"^a\.1: .*integer.*, got 'x+\.\.\.$") as caught:
        checked(kind, {"a": [1, "x" * 1000 + "\n"]})
    assert len(str(caught.value)) < 200
    with pytest.raises(ValueError, match=r"^the whole: .*, got None$"):
        checked(kind, None)
