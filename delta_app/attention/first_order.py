"""Filter importance to first order: every filter of every layer from one forward and backward."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from delta_app.attention.finite import check_finite

PICTURES_AT_ONCE = 16
"""Pictures whose activations are kept together for the backward pass."""


def first_order_importance(
    model: nn.Module, layers: tuple[str, ...], images: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    """What the loss would rise by if it were linear in each filter's activation, by picture.

    Disabling filter c changes the layer's output A by -A_c, so to first order the loss of picture
    n rises by -sum over positions of (dCE_n / dA_c) A_c. Exact where nothing behind the layer
    bends; a filter's full importance may differ from it in size and sign.

    Args:
        model: backbone and head in eval mode: then no picture's loss hangs on another picture.
        layers: behaviour layers.
        images: (N, 3, S, S), normalised.
        labels: (N,), class indices.

    Returns:
        By layer, (C, N) each, float64 on the CPU, signed.

    Raises:
        AttentionError: the network's answers are no numbers.
    """
    parts = [
        _of_some(model, layers, few, their)
        for few, their in zip(
            images.split(PICTURES_AT_ONCE), labels.split(PICTURES_AT_ONCE), strict=True
        )
    ]
    return {layer: torch.cat([part[layer] for part in parts], dim=1) for layer in layers}


def _of_some(
    model: nn.Module, layers: tuple[str, ...], images: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    outputs: dict[str, list[Tensor]] = {layer: [] for layer in layers}

    def keep(name: str) -> Callable[[nn.Module, object, Tensor], Tensor]:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
            # With frozen weights the graph begins at the first layer, not at the pictures.
            own = output if output.requires_grad else output.detach().requires_grad_()
            outputs[name].append(own)  # one a call of the layer
            return own.clone()  # the network may go on to change it in place

        return hook

    modules = {layer: model.get_submodule(layer) for layer in layers}
    handles = [module.register_forward_hook(keep(layer)) for layer, module in modules.items()]
    try:
        with torch.enable_grad():
            logits = model(images.detach())
            check_finite(logits)
            logits = logits if logits.dtype == torch.float64 else logits.float()
            loss = F.cross_entropy(logits, labels, reduction="sum")
            every = [output for layer in layers for output in outputs[layer]]
            gradients = iter(torch.autograd.grad(loss, every, allow_unused=True))
    finally:
        for handle in handles:
            handle.remove()
    importance = {}
    for layer in layers:
        # ConvNeXt's linear layers put out (N, H, W, C), all else (N, C, H, W).
        positions = (1, 2) if isinstance(modules[layer], nn.Linear) else (2, 3)
        calls = [_summed(out.detach(), next(gradients), positions) for out in outputs[layer]]
        importance[layer] = -torch.stack(calls).sum(dim=0)
    return importance


def _summed(output: Tensor, gradient: Tensor | None, positions: tuple[int, int]) -> Tensor:
    """Sum over positions of gradient times output, (C, N) float64 on the CPU."""
    if gradient is None:  # the layer's output reaches no logit
        gradient = torch.zeros_like(output)
    if output.device.type != "mps":  # which has no float64
        output, gradient = output.double(), gradient.double()
    return (gradient * output).sum(positions).T.cpu().double()
