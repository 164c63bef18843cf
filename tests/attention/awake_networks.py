"""Random networks that hear their filters, one architecture a family."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from walked_networks import WALKED

from delta_app.models.build import build_source

SIZES = WALKED | {"alexnet": 64, "resnext50_32x4d": 64}
"""With one that has no BatchNorm, and one of grouped convolutions."""


def batch(name: str) -> Tensor:
    generator = torch.Generator().manual_seed(2)
    size = SIZES[name]
    return torch.randn(3, 3, size, size, dtype=torch.float64, generator=generator)


def awake(name: str) -> nn.Module:
    """A random network that hears its filters: no layer lets the signal die out or explode."""
    model = build_source(name, "random").model.double()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                fan_in = module.weight[0].numel()
                module.weight.normal_(0, (2 / fan_in) ** 0.5, generator=generator)
        for parameter_name, parameter in model.named_parameters():
            if parameter_name.endswith("layer_scale"):  # ConvNeXt begins at 1e-6
                parameter.fill_(0.3)
        model.train()
        for _ in range(5):
            model(batch(name))
    return model.eval()
