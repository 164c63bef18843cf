"""torchvision's networks made bare: without weights, without touching process-wide state.

All networks here are alike in three things. Auxiliary heads are off. GoogLeNet and Inception v3
keep `transform_input=True` as torchvision sets it with its weights: pictures are normalised by
the metadata's mean and standard deviation first, and the network then maps them to [-1, 1]
itself. No activation works in place, since it would overwrite the feature map before it.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode
from torchvision.models import get_model, mnasnet

from delta_app.models.catalog import backbone

_LOCK = threading.Lock()

_OPTIONS: dict[str, dict[str, Any]] = {
    "googlenet": {"aux_logits": False, "transform_input": True},
    "inception_v3": {"aux_logits": False, "transform_input": True},
}


class _OnMeta(TorchFunctionMode):
    """Makes new parameters on the meta device, in this thread alone.

    Unlike `torch.device("meta")` it leaves `torch.tensor` and `torch.arange` alone, with which
    RegNet computes its widths.
    """

    _MAKERS = frozenset({torch.empty, torch.zeros, torch.ones})

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in self._MAKERS and kwargs.get("device") is None:
            kwargs = kwargs | {"device": "meta"}
        return func(*args, **kwargs)


class MNASNet(mnasnet.MNASNet):
    """torchvision's MNASNet, able to load a plain state dict.

    torchvision's own refuses one without the version that torch keeps beside it, which neither
    safetensors nor a dict of tensors has.
    """

    def _load_from_state_dict(self, *args: Any) -> None:
        nn.Module._load_from_state_dict(self, *args)


def _construct(name: str, n_classes: int, *, initialised: bool) -> nn.Module:
    options = _OPTIONS.get(backbone(name).name, {})
    if options:  # both warn unless told whether to draw their own initial weights
        options = options | {"init_weights": initialised}
    model: nn.Module = get_model(name, weights=None, num_classes=n_classes, **options)
    if type(model) is mnasnet.MNASNet:
        model.__class__ = MNASNet
    for module in model.modules():
        if hasattr(module, "inplace"):
            setattr(module, "inplace", False)  # noqa: B010  plain assignment is for modules
    return model.eval()


def random_network(name: str, seed: int, n_classes: int = 1000) -> nn.Module:
    """The network with torchvision's own random initialisation, in eval mode.

    The weights depend on the seed alone, and the process-wide random state is left as it was:
    constructors draw from it, so one at a time does, inside `fork_rng`.
    """
    with _LOCK, torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return _construct(name, n_classes, initialised=True)


def meta_network(name: str, n_classes: int = 1000) -> nn.Module:
    """The network without memory for its weights: names, shapes and structure, in eval mode.

    Nothing is drawn on the meta device, so it needs not wait while another network is made.
    """
    with _OnMeta():
        return _construct(name, n_classes, initialised=False)


def blank_network(name: str, n_classes: int = 1000) -> nn.Module:
    """The network with every weight zero, to be filled from a state dict; in eval mode."""
    model = meta_network(name, n_classes).to_empty(device="cpu")
    with torch.no_grad():
        for tensor in (*model.parameters(), *model.buffers()):
            tensor.zero_()
    return model


def meta_copy(model: nn.Module) -> nn.Module:
    """A copy of a network's structure on the meta device; the network itself stays untouched."""
    memo: dict[int, Any] = {}
    for parameter in model.parameters():
        shape = torch.empty_like(parameter, device="meta")
        memo[id(parameter)] = nn.Parameter(shape, requires_grad=parameter.requires_grad)
    for buffer in model.buffers():
        memo[id(buffer)] = torch.empty_like(buffer, device="meta")
    return copy.deepcopy(model, memo)
