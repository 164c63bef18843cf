"""A run's channel attention as a page shows it, read again only when its file has changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from delta_app.attention.artifact import LayerAttention, load_attention
from delta_app.attention.channel_attention import effective_share
from delta_app.errors import AttentionError
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import ATTENTION, RunRecord
from delta_app.services import runs
from delta_app.services.attention_of import measures

Kind = Literal["learned", "shuffled", "given", "uniform"]

_KEPT = 12
_SUMMARIES = 500


@dataclass(frozen=True)
class ShownAttention:
    """W of every behaviour layer, and what it was measured with.

    Attributes:
        kind: how the run came by it; "given" is read from a file of its person's.
        weights: W by layer as the run holds it, (C,) each; empty where it is uniform.
        measured: importance and its standard error by layer; empty where it is uniform.
        pictures: how many training pictures it was measured on; 0 where a file of the authors'
            form does not say.
        seconds: what the measurement took.
        estimator: exact, first-order or combined.
        complete: False where the measurement was stopped before its end.
    """

    kind: Kind
    weights: Mapping[str, Tensor] = field(default_factory=dict)
    measured: Mapping[str, LayerAttention] = field(default_factory=dict)
    pictures: int = 0
    seconds: float = 0.0
    estimator: str = "exact"
    complete: bool = True

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


def attention_at_end(trained: RunRecord) -> tuple[RunRecord, ShownAttention | None] | None:
    """How attention looks at the end of a training run, on its fine-tuned network.

    Returns:
        The newest run that measures it, or has measured it, and what it found: None while that is
        not there yet. None where there is no such run, or every one ended without a result.

    Raises:
        AttentionError: the file of the measurement cannot be read.
    """
    for run in runs.list_runs(ATTENTION, runs_dir=trained.folder.parent):
        if measures(run, trained) and (run.attention is not None or not run.status.ended):
            return run, shown_attention(run)
    return None


@dataclass(frozen=True)
class FinishedAttention:
    """A measurement that a DELTA run can be given.

    Attributes:
        path: of its attention.json.
        channels: number of filters by behaviour layer.
        pictures: how many training pictures it was measured on.
        key: names its content; "" where there is no name for it.
    """

    run_id: str
    name: str
    path: Path
    backbone: str
    channels: Mapping[str, int]
    estimator: str
    pictures: int
    dataset: str
    key: str = ""


def finished_attentions(
    backbone: str | None = None, runs_dir: str | Path | None = None
) -> tuple[FinishedAttention, ...]:
    """Every measurement that runs have left, each once: measurements alone first, newest first.

    A DELTA run's own counts too, unless it is shuffled, or was itself given. Files that cannot be
    read are left out.

    Args:
        backbone: only of this backbone; None for all.
    """
    records = sorted(runs.list_runs(runs_dir=runs_dir), key=lambda run: run.kind != ATTENTION)
    found: list[FinishedAttention] = []
    keys: set[str] = set()
    for run in records:
        if run.attention is None or wanted_attention(run) != "learned":
            continue
        if backbone is not None and run.backbone != backbone:
            continue
        each = _finished(run)
        if each is not None and not (each.key and each.key in keys):
            keys.add(each.key)
            found.append(each)
    return tuple(found)


def _finished(run: RunRecord) -> FinishedAttention | None:
    file = RunFolder(run.folder).attention
    try:
        summary = _summary(file, file.stat().st_mtime_ns)
    except (OSError, AttentionError):
        return None
    return FinishedAttention(run.id, run.name, file, run.backbone, dataset=run.dataset, **summary)


@lru_cache(maxsize=_SUMMARIES)
def _summary(file: Path, stamp: int) -> dict[str, Any]:
    found = load_attention(file)
    return {
        "channels": {name: len(layer.attention) for name, layer in found.layers.items()},
        "estimator": str(found.settings.get("estimator", "exact")),
        "pictures": len(found.pictures),
        "key": found.key,
    }


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
        found.complete,
    )
