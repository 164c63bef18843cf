"""torchvision's own weights files: where they lie and how they get there."""

from __future__ import annotations

import hashlib
import http.client
import re
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from delta_app.atomic_files import written_whole
from delta_app.errors import WeightsError
from delta_app.formatting import size
from delta_app.models.catalog import Backbone, backbone

OnProgress = Callable[[int, int | None], None]
"""Told bytes so far and bytes in all (None where the server does not say)."""

_CHUNK = 1 << 18
_TIMEOUT = 30.0  # seconds without a byte


def weights_path_for(name: str) -> Path:
    """Where torchvision's weights file of that network belongs: torch's own cache folder.

    Raises:
        WeightsError: torchvision offers no weights for it.
    """
    return Path(torch.hub.get_dir()) / "checkpoints" / _offered(name)[1]


def download_default(name: str, on_progress: OnProgress | None = None) -> Path:
    """torchvision's weights file of that network, downloaded unless it is there.

    It is written beside its place, checked against the hash in its name, and renamed, so that
    the place holds a whole file or none. An exception out of `on_progress` stops the download.

    Raises:
        WeightsError: no network, no room, or a file whose hash is another; its field is weights.
    """
    path = weights_path_for(name)
    if path.exists():
        return path
    entry, file_name, url = _offered(name)
    _make_folder(path.parent)
    try:
        with written_whole(path) as temporary:
            _compare(_stream(url, temporary, on_progress), entry, file_name)
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        reason = getattr(error, "reason", None) or error
        volume = f" ({size(entry.weights_bytes)})" if entry.weights_bytes else ""
        raise WeightsError(
            f"{entry.label}'s weights could not be downloaded from {url}: {reason}.",
            cure=f"Without a network, fetch {file_name}{volume} on another machine and put it "
            f"at {path}, or choose a weights file of your own.",
            field="weights",
        ) from error
    return path


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WeightsError(
            f"torch's folder for weights, {folder}, cannot be made: {error.strerror}.",
            cure="Set TORCH_HOME to a folder that can be written, or choose a weights file of "
            "your own.",
            field="weights",
        ) from error


def _offered(name: str) -> tuple[Backbone, str, str]:
    entry = backbone(name)
    if entry.weights_file is None or entry.weights_url is None:
        raise WeightsError(
            f"torchvision offers no weights for {entry.label}.",
            cure="Choose a weights file of your own, or random.",
            field="weights",
        )
    return entry, entry.weights_file, entry.weights_url


def _opened(url: str) -> Any:
    try:
        return urllib.request.urlopen(url, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()  # it holds the connection
        raise OSError(f"HTTP {error.code} {error.reason}") from error


def _stream(url: str, to: Path, on_progress: OnProgress | None) -> str:
    """Copy what stands at `url` into a file; returns its sha256."""
    sha = hashlib.sha256()
    with _opened(url) as response, to.open("wb") as file:
        length = response.headers.get("Content-Length")
        total = int(length) if length else None
        done = 0
        while chunk := response.read(_CHUNK):
            file.write(chunk)
            sha.update(chunk)
            done += len(chunk)
            if on_progress is not None:
                on_progress(done, total)
    if total is not None and done < total:
        raise OSError(f"the connection ended after {size(done)} of {size(total)}")
    return sha.hexdigest()


def _compare(digest: str, entry: Backbone, file_name: str) -> None:
    """torchvision's file names end in the first digits of their sha256."""
    match = re.search(r"-([0-9a-f]{8,})\.", file_name)
    if match is not None and not digest.startswith(match[1]):
        raise WeightsError(
            f"{entry.label}'s weights arrived damaged: sha256 {digest[: len(match[1])]}..., "
            f"expected {match[1]}.",
            cure="Try again; if it happens again, something between here and "
            f"{entry.weights_url} changes files.",
            field="weights",
        )
