"""A run's channel attention as a page shows it, read again only when its file has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Literal

from torch import Tensor

from delta_app.attention.artifact import LayerAttention, load_attention
from delta_app.attention.channel_attention import effective_share
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import ATTENTION, RunRecord

Kind = Literal["learned", "shuffled", "given", "uniform"]

_KEPT = 12


@dataclass(frozen=True)
class ShownAttention:
    """W of every behaviour layer, and what it was measured with.

    Attributes:
        kind: how the run came by it; "given" is read from a file of its person's.
        weights: W by layer as the run holds it, (C,) each; empty where it is uniform.
        measured: importance and its standard error by layer; empty where it is uniform.
        pictures: how many training pictures it was measured on.
        seconds: what the measurement took.
        estimator: exact, first-order or combined.
    """

    kind: Kind
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    measured: Mapping[str, LayerAttention] = field(default_factory=dict)
    pictures: int = 0
    seconds: float = 0.0
    estimator: str = "exact"

    def effective_share(self, layer: str) -> float:
        """Share of the filters that would weigh as much if all were alike, exp(entropy) / C."""
        return effective_share(self.weights[layer])


def wanted_attention(run: RunRecord) -> Kind | None:
    """What attention a run uses; None for a method without one."""
    if run.kind == ATTENTION:
        return "learned"
    wanted = run.config.get("method", {}).get("attention")
    if wanted in (None, "learned", "shuffled", "uniform"):
        return wanted
    return "given"


def shown_attention(run: RunRecord) -> ShownAttention | None:
    """The attention of a run; None for a method without one, or while it is still measured.

    Raises:
        AttentionError: its file cannot be read.
    """
    kind = wanted_attention(run)
    if kind is None:
        return None
    if kind == "uniform":
        return ShownAttention("uniform")
    file = RunFolder(Path(run.folder)).attention
    try:
        stamp = file.stat().st_mtime_ns
    except OSError:
        return None
    return _read(file, stamp, kind)


@lru_cache(maxsize=_KEPT)
def _read(file: Path, stamp: int, kind: Kind) -> ShownAttention:
    found = load_attention(file)
    return ShownAttention(
        kind,
        found.weights(),
        found.layers,
        len(found.pictures),
        found.seconds,
        str(found.settings.get("estimator", "exact")),
    )
