"""The measurements of channel attention that the Attention page shows, and what each holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from delta_app.attention.artifact import ChannelAttention, load_attention
from delta_app.attention.by_picture import BY_PICTURE_FILE, ByPicture, load_by_picture
from delta_app.attention.faithfulness import FAITHFULNESS_FILE, Faithfulness, load_faithfulness
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import ATTENTION, RunRecord
from delta_app.services import runs
from delta_app.services.shown_attention import wanted_attention

MEASURING = ("learned", "shuffled")
"""What a DELTA run's attention is where it measures one."""

_KEPT = 12

T = TypeVar("T")


@dataclass(frozen=True)
class Measurement:
    """One finished measurement, read from its run's folder.

    Attributes:
        run: the run that measured it.
        found: importances, errors and attention by layer, and what they were measured on.
    """

    run: RunRecord
    found: ChannelAttention

    @property
    def layers(self) -> tuple[str, ...]:
        """The behaviour layers, from the network's input to its output."""
        return tuple(self.found.layers)

    @property
    def estimator(self) -> str:
        """exact, first-order or combined."""
        return str(self.found.settings.get("estimator", "exact"))

    @property
    def temperature(self) -> float:
        """What the standardised importances were divided by."""
        return float(self.found.settings.get("temperature", 5.0))

    @property
    def holds_back(self) -> bool:
        """Whether some pictures did not train, as far as the run has said."""
        pictures = self.run.facts.get("pictures")
        if not isinstance(pictures, Mapping):
            return True
        return any(pictures.get(split, 1) for split in ("val", "test"))

    def by_picture(self) -> ByPicture | None:
        """What is known by class, and what excites each filter; None in older measurements.

        The importances of single pictures are left out: they may take hundreds of megabytes.

        Raises:
            AttentionError: the file is damaged.
        """
        return _read(self.run.folder / BY_PICTURE_FILE, _load_summary)

    def faithfulness(self) -> Faithfulness | None:
        """Its faithfulness curves; None where they were not asked for.

        Raises:
            AttentionError: the file is damaged.
        """
        return _read(self.run.folder / FAITHFULNESS_FILE, load_faithfulness)


def measurements(runs_dir: str | Path | None = None) -> list[RunRecord]:
    """Runs that measure attention or have measured it, newest first.

    Measurements of their own in every state, and DELTA runs once theirs is there.
    """
    return [
        run
        for run in runs.list_runs(runs_dir=runs_dir)
        if run.kind == ATTENTION
        or (wanted_attention(run) in MEASURING and RunFolder(run.folder).attention.is_file())
    ]


def parts(run: RunRecord) -> tuple[bool, bool]:
    """Whether a run's importances are there by now, and its faithfulness curves."""
    return RunFolder(run.folder).attention.is_file(), (run.folder / FAITHFULNESS_FILE).is_file()


def measurement(run: RunRecord) -> Measurement | None:
    """What a run has measured; None while there is nothing.

    Raises:
        AttentionError: its file cannot be read.
    """
    found = _read(RunFolder(run.folder).attention, load_attention)
    return None if found is None else Measurement(run, found)


def _load_summary(file: Path) -> ByPicture:
    found = load_by_picture(file)
    layers = {name: replace(layer, importance=None) for name, layer in found.layers.items()}
    return replace(found, layers=layers)


def _read(file: Path, load: Callable[[Path], T]) -> T | None:
    """What is in a file, read again only when it has changed; None where it is not there."""
    try:
        stamp = file.stat().st_mtime_ns
    except OSError:
        return None
    return _kept(file, stamp, load)


@lru_cache(maxsize=3 * _KEPT)
def _kept(file: Path, stamp: int, load: Callable[[Path], T]) -> T:
    return load(file)
