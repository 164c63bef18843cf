"""Finding weights files in a folder."""

from __future__ import annotations

from pathlib import Path

from delta_app.services.weights_files import weights_files_in


def test_weights_files_by_name_whatever_their_case(tmp_path: Path) -> None:
    for name in ("b.pth", "A.PT", "c.safetensors", "notes.txt", ".hidden.pth"):
        (tmp_path / name).touch()
    (tmp_path / "folder.pth").mkdir()
    assert [path.name for path in weights_files_in(tmp_path)] == ["A.PT", "b.pth", "c.safetensors"]


def test_a_folder_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    assert weights_files_in(tmp_path / "nowhere") == ()
