"""The head: the last classification layer of a network."""

from __future__ import annotations

import math

import torch
from torch import nn

from delta_app.errors import BackboneError

Head = nn.Linear | nn.Conv2d


def head_of(model: nn.Module) -> tuple[str, Head]:
    """Name and module of the last classification layer.

    It is the last linear layer; SqueezeNet, which has none, classifies by its last 1x1
    convolution.

    Raises:
        BackboneError: the network has neither.
    """
    linear: tuple[str, Head] | None = None
    pointwise: tuple[str, Head] | None = None
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear):
            linear = name, module
        elif isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1):
            pointwise = name, module
    head = linear or pointwise
    if head is None:
        raise BackboneError(
            f"{type(model).__name__} has no linear layer and no 1x1 convolution to classify with.",
            cure="Choose another backbone.",
            field="backbone",
        )
    return head


def head_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The head's weight and, where it has one, its bias."""
    return list(head_of(model)[1].parameters())


def backbone_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """All parameters by name but the head's."""
    head = {id(parameter) for parameter in head_parameters(model)}
    return {n: p for n, p in model.named_parameters() if id(p) not in head}


def fresh_head(module: Head, n_classes: int, generator: torch.Generator) -> Head:
    """A new head for `n_classes` with the old one's inputs, bias, dtype and device.

    Weight and bias are drawn from U(-b, b) with b = 1 / sqrt(number of inputs), as torch
    initialises such a layer (and the authors leave it), but from `generator`.

    Raises:
        ValueError: fewer than one class.
    """
    if n_classes < 1:
        raise ValueError(f"a head needs at least one class, got {n_classes}")
    has_bias = module.bias is not None
    head: Head
    # On the meta device constructors draw nothing from the process-wide random state.
    if isinstance(module, nn.Linear):
        head = nn.Linear(module.in_features, n_classes, bias=has_bias, device="meta")
    else:
        head = nn.Conv2d(module.in_channels, n_classes, 1, bias=has_bias, device="meta")
    head = head.to(module.weight.dtype).to_empty(device=module.weight.device)
    bound = 1 / math.sqrt(module.weight[0].numel())
    with torch.no_grad():
        for parameter in head.parameters():
            drawn = torch.empty(parameter.shape, dtype=torch.float32, device=generator.device)
            parameter.copy_(drawn.uniform_(-bound, bound, generator=generator))
    return head.train(module.training)


def replace_head(model: nn.Module, n_classes: int, generator: torch.Generator) -> None:
    """Put a fresh head for `n_classes` in the place of the network's head."""
    name, module = head_of(model)
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, fresh_head(module, n_classes, generator))
    if isinstance(getattr(model, "num_classes", None), int):
        setattr(model, "num_classes", n_classes)  # noqa: B010  torchvision's own note of it
