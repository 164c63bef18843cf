"""How a run's attention looks at the end of fine-tuning, beside where it began."""

from __future__ import annotations

import math
from dataclasses import dataclass

from delta_app.attention.precision import rank_correlation
from delta_app.runs.folder import RunFolder
from delta_app.runs.records import TRAINING, RunRecord
from delta_app.services.shown_attention import ShownAttention, attention_at_end, shown_attention


@dataclass(frozen=True)
class EndOfAttention:
    """What is known of a finished run's attention.

    Attributes:
        start: what it began with; None for a method without a measured attention.
        run: the run that measures the fine-tuned network; None where none does.
        end: what that found; None while it is not there.
    """

    start: ShownAttention | None
    run: RunRecord | None = None
    end: ShownAttention | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that were measured at the end."""
        return tuple(self.end.measured) if self.end else ()

    def rank_correlation(self, layer: str) -> float:
        """Spearman's rho of the importances at start and end; nan where one is missing."""
        if self.end is None or self.start is None or layer not in self.start.measured:
            return math.nan
        one, other = (each.measured[layer].importance for each in (self.start, self.end))
        return rank_correlation(one, other) if len(one) == len(other) else math.nan


def has_an_end(run: RunRecord) -> bool:
    """Whether a run has left a fine-tuned network that can be measured."""
    return run.kind == TRAINING and run.status.ended and RunFolder(run.folder).best.is_file()


def end_of_attention(run: RunRecord) -> EndOfAttention:
    """What a finished run began with, and what its fine-tuned network was measured to have.

    Raises:
        AttentionError: a file of attention cannot be read.
    """
    start = shown_attention(run)
    if start is not None and not start.measured:
        start = None  # uniform: nothing was measured
    measured = attention_at_end(run)
    return EndOfAttention(start) if measured is None else EndOfAttention(start, *measured)


def awaits_its_end(run: RunRecord) -> bool:
    """Whether the fine-tuned network of a finished run is being measured just now.

    Raises:
        AttentionError: a file of attention cannot be read.
    """
    if not has_an_end(run):
        return False
    measured = attention_at_end(run)
    return measured is not None and not measured[0].status.ended
