"""Stops a measurement on a network whose answers are no numbers."""

from __future__ import annotations

from torch import Tensor

from delta_app.errors import AttentionError


def check_finite(logits: Tensor) -> None:
    """Look at the intact network's logits, (N, K), before anything is made of them.

    Raises:
        AttentionError: some are infinite or not a number.
    """
    if not bool(logits.isfinite().all()):
        raise AttentionError(
            "The network's answers to some pictures are infinite or not a number, so no importance "
            "can be measured.",
            cure="Lower the learning rate of the attention's head, or choose weights that have not "
            "diverged.",
        )
