from __future__ import annotations

import re
from pathlib import Path

import pytest

from delta_app.errors import StoreError
from delta_app.runs.folder import new_folder


def test_an_id_is_short_and_safe_in_a_path_and_an_address(tmp_path: Path) -> None:
    for prefix in ("delta_uniform", "../../etc", "L2-SP · größe", ""):
        folder = new_folder(tmp_path, prefix)
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*-[2-9a-z]{6}", folder.path.name)
        assert folder.path.parent == tmp_path
        assert folder.path.is_dir()


def test_ids_differ(tmp_path: Path) -> None:
    assert len({new_folder(tmp_path, "l2").path for _ in range(200)}) == 200


def test_a_folder_that_cannot_be_made_is_said_with_its_cure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"No run folder can be made in .*file") as raised:
        new_folder(tmp_path / "file", "l2")
    assert "--runs-dir" in raised.value.cure
