"""Filter importance to first order: every filter of every layer from one forward and backward."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


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
        By layer, (C, N) each, float64, signed.
    """
    outputs: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, object, Tensor], Tensor]:
        def hook(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
            outputs[name] = output
            return output.clone()  # the network may go on to change it in place

        return hook

    modules = {layer: model.get_submodule(layer) for layer in layers}
    handles = [module.register_forward_hook(keep(layer)) for layer, module in modules.items()]
    try:
        # The pictures ask for a gradient, so that there is a graph though all weights be frozen.
        with torch.enable_grad():
            logits = model(images.detach().requires_grad_())
            logits = logits if logits.dtype == torch.float64 else logits.float()
            loss = F.cross_entropy(logits, labels, reduction="sum")
            gradients = torch.autograd.grad(loss, [outputs[layer] for layer in layers])
    finally:
        for handle in handles:
            handle.remove()
    importance = {}
    for layer, gradient in zip(layers, gradients, strict=True):
        product = gradient.double() * outputs[layer].detach().double()
        # ConvNeXt's linear layers put out (N, H, W, C), all else (N, C, H, W).
        positions = (1, 2) if isinstance(modules[layer], nn.Linear) else (2, 3)
        importance[layer] = -product.sum(positions).T
    return importance
