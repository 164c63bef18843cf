"""What a forward pass changes besides gradients, kept to be put back."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from delta_app.models.randomness import generators


class Undo:
    """Remembers the buffers (BatchNorm's statistics) and the random state of one network.

    Only of modules that are in train mode when this is made: others change nothing. The memory
    for the copies is taken once.

    Args:
        model: the network; its buffers stay the same tensors.
    """

    def __init__(self, model: nn.Module) -> None:
        by_kind: dict[torch.dtype, list[Tensor]] = {}
        for module in model.modules():
            if module.training:
                for buffer in module.buffers(recurse=False):
                    by_kind.setdefault(buffer.dtype, []).append(buffer)
        # One kernel a kind: on a GPU tensors of mixed kinds are copied one by one.
        self._kept = [
            (buffers, [torch.empty_like(b) for b in buffers]) for buffers in by_kind.values()
        ]
        self._generators = generators(model)
        self._states: list[Tensor] = []

    def remember(self) -> None:
        """Keep how things are now; waits for no device."""
        for buffers, copies in self._kept:
            torch._foreach_copy_(copies, buffers)
        self._states = [generator.get_state() for generator in self._generators]

    def undo(self) -> None:
        """Put back how things were when they were last kept."""
        with torch.no_grad():
            for buffers, copies in self._kept:
                torch._foreach_copy_(buffers, copies)
        for generator, state in zip(self._generators, self._states, strict=True):
            generator.set_state(state)
