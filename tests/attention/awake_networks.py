"""Random networks that hear their filters, of every architecture."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from walked_networks import WALKED

from delta_app.models.catalog import backbone
from delta_app.models.construction import meta_network

FAMILIES = (*WALKED, "alexnet", "resnext50_32x4d")
"""One a family, one that has no BatchNorm, and one of grouped convolutions."""

QUICK = ("mobilenet_v3_small",)
"""Those of them that are walked in seconds."""


LARGE = 60_000_000
"""Parameters beyond which a network gets smaller pictures, or it would take minutes."""


def is_large(name: str) -> bool:
    """Whether full forwards of a network take long even on one small picture."""
    return backbone(name).parameters > LARGE and name != "alexnet"  # which needs 63 px


def batch(name: str, pictures: int = 2, seed: int = 2) -> Tensor:
    """Pictures of noise, (N, 3, S, S) float64."""
    generator = torch.Generator().manual_seed(seed)
    size = 32 if is_large(name) else 64
    size = 96 if name == "inception_v3" else size
    return torch.randn(pictures, 3, size, size, dtype=torch.float64, generator=generator)


def awake(name: str) -> nn.Module:
    """A random network in which no layer lets the signal die out or explode.

    Its weights repeat a stretch of random numbers: drawing each anew would take most of the time.
    """
    model = meta_network(name, 10).double().to_empty(device="cpu")
    generator = torch.Generator().manual_seed(3)
    # A prime, so that no two filters are alike.
    stretch = torch.randn(1_000_003, dtype=torch.float64, generator=generator)
    with torch.no_grad():
        for name_of_parameter, parameter in model.named_parameters():
            size = parameter.numel()
            drawn = stretch.repeat(-(-size // len(stretch)))[:size].view_as(parameter)
            if parameter.dim() > 1 and not name_of_parameter.endswith("layer_scale"):
                parameter.copy_(drawn).mul_((2 / parameter[0].numel()) ** 0.5)
            elif name_of_parameter.endswith("bias"):
                parameter.copy_(drawn).mul_(0.1)
            elif name_of_parameter.endswith("layer_scale"):  # ConvNeXt begins at 1e-6
                parameter.fill_(0.1)
            else:
                parameter.copy_(drawn).mul_(0.1).add_(0.5)  # else deep ones multiply rounding
    return _let_batchnorm_learn(model, batch(name))


def calm(name: str) -> nn.Module:
    """An awake network that does not multiply the rounding of its intact values, as trained ones
    do not: its BatchNorms put most of their channels where a ReLU is straight."""
    model = awake(name)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.bias.add_(2)
    return _let_batchnorm_learn(model, batch(name, 8, seed=9))


@torch.no_grad()
def _let_batchnorm_learn(model: nn.Module, images: Tensor) -> nn.Module:
    # It alone: whatever drops at random would make another network each time.
    for module in model.modules():
        module.train(isinstance(module, nn.BatchNorm2d))
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # one pass in train mode tells all that it will hear
    model(images)
    return model.eval()
