"""A sound run to damage, trained once."""

from __future__ import annotations

import pytest

from benchmarks.damage.sound import Place, make_place


@pytest.fixture(scope="session")
def sound_place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Must not be changed; `copied` gives one that may be."""
    with pytest.MonkeyPatch.context() as patch:
        root = tmp_path_factory.mktemp("sound")
        patch.setenv("DELTA_CACHE_DIR", str(root / "cache"))
        return make_place(root)
