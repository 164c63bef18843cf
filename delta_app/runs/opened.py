"""One store object, and one of the curves kept, a runs folder in this process."""

from __future__ import annotations

import threading
from pathlib import Path

from delta_app.runs.curves import Curves
from delta_app.runs.store import STORE_FILE, RunStore

_lock = threading.Lock()
_stores: dict[Path, tuple[int, RunStore, Curves]] = {}


def opened(runs_dir: str | Path) -> RunStore:
    """The store of that folder, opened once; again where another file stands in its place.

    Raises:
        StoreError: the folder or the database cannot be used.
    """
    return _entry(Path(runs_dir).expanduser().resolve())[1]


def curves_of(store: RunStore) -> Curves:
    """The curves kept of a store that `opened` gave."""
    return _entry(store.runs_dir)[2]


def _entry(folder: Path) -> tuple[int, RunStore, Curves]:
    with _lock:
        known = _stores.get(folder)
        if known is not None:
            if known[0] == _inode(folder):
                return known
            known[1].close()
        store = RunStore(folder)
        _stores[folder] = (_inode(folder), store, Curves(store))
        return _stores[folder]


def _inode(folder: Path) -> int:
    """Which file the store is now; 0 where it is gone."""
    try:
        return (folder / STORE_FILE).stat().st_ino
    except OSError:
        return 0
