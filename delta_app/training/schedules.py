"""Learning-rate schedules as pure functions of the step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Schedule = Literal["step", "exponential", "cosine", "constant"]


def lr_factor(
    schedule: Schedule,
    step: int,
    total: int,
    *,
    step_at: float = 0.67,
    decay: float = 0.1,
    warmup: int = 0,
) -> float:
    """What the learning rate is multiplied by at a step.

    With p = step / total: step is `decay` once step >= floor(step_at * total), else 1;
    exponential is decay^p; cosine is (1 + cos(pi p)) / 2; constant is 1. During warm-up the
    factor rises linearly, (step + 1) / warmup times what it would be.

    Args:
        step: optimizer updates done before this one, 0-based.
        total: of the whole run.
        step_at: share of all steps.
        warmup: steps.
    """
    progress = step / total
    if schedule == "step":
        factor = decay if step >= math.floor(step_at * total) else 1.0
    elif schedule == "exponential":
        factor = decay**progress
    elif schedule == "cosine":
        factor = (1 + math.cos(math.pi * progress)) / 2
    else:
        factor = 1.0
    return factor * min(1.0, (step + 1) / warmup) if warmup else factor


def place_in_round(step: int, rounds: Sequence[int]) -> tuple[int, int, int]:
    """Where a step lies when the schedule runs anew in each round.

    Args:
        step: optimizer updates done before this one, 0-based, over all rounds.
        rounds: steps of each.

    Returns:
        Which round, 0-based; the step within it; how many steps it has.

    Raises:
        ValueError: the rounds have no such step.
    """
    before = 0
    for number, length in enumerate(rounds):
        if step < before + length:
            return number, step - before, length
        before += length
    raise ValueError(f"there is no step {step} in rounds of {list(rounds)} steps")
