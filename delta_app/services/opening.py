"""How the app is to be opened, as the command line says it to the user interface."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Opening:
    """How the app is to be opened.

    Attributes:
        host: None takes this computer's own address, or all of them to share.
        share: whether other computers shall reach it.
        password_file: holds the password; None where the environment says one, or none is asked.
        roots: folders that the app may read; none is the default.
        open_browser: whether to open a window on it.
    """

    runs_dir: Path
    port: int = 8501
    host: str | None = None
    share: bool = False
    password_file: str | None = None
    roots: tuple[str, ...] = ()
    open_browser: bool = True
