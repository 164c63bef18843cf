"""Weights files: finding one of one's own, fetching torchvision's."""

from __future__ import annotations

import os
from pathlib import Path

from delta_app.data.names import is_passed_over, is_text
from delta_app.models.weights_download import download_default
from delta_app.services import allowed
from delta_app.services.background import InBackground

SUFFIXES = (".pth", ".pt", ".safetensors")


def weights_files_in(folder: Path) -> tuple[Path, ...]:
    """The weights files that lie directly in a folder, by name; none where it cannot be read.

    A link that leads out of what the app may read is left away.
    """
    roots = allowed.roots()
    try:
        with os.scandir(folder) as entries:
            names = [e.name for e in entries if e.is_file() and not is_passed_over(e.name)]
    except OSError:
        return ()
    files = [
        folder / n
        for n in sorted(names, key=str.lower)
        if n.lower().endswith(SUFFIXES) and is_text(n)
    ]
    return tuple(file for file in files if roots.allow(file))


def download_in_background(backbone: str) -> InBackground[Path]:
    """Fetch torchvision's weights file of a backbone; its error is a WeightsError."""
    return InBackground(
        lambda on_progress, _cancelled: download_default(backbone, on_progress), "download"
    )
