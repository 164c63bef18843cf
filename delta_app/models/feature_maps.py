"""Feature maps of named layers, captured by hooks that a `with` block owns."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.hooks import RemovableHandle

from delta_app.errors import BackboneError
from delta_app.models.construction import meta_copy


class FeatureMaps:
    """While the `with` block lasts, `maps` holds the layers' outputs of the last forward.

    Every map is (N, C, H, W), part of the graph where gradients are on, and exactly what the
    layer put out: before a layer whose output the network goes on to change in place (DenseNet's
    last BatchNorm) the change is sent to a copy, and one that slipped through is an error.

    Raises:
        BackboneError: on entry, a layer that the network does not have; in a forward, an
            output that is no map, or one that was overwritten.
    """

    def __init__(self, model: nn.Module, layers: Sequence[str]) -> None:
        self.maps: dict[str, Tensor] = {}
        self._model = model
        self._layers = tuple(layers)
        self._handles: list[RemovableHandle] = []
        self._versions: dict[str, int] = {}

    def __enter__(self) -> FeatureMaps:
        modules = dict(self._model.named_modules())
        for layer in self._layers:
            if layer not in modules:
                raise BackboneError(
                    f"{type(self._model).__name__} has no layer called {layer!r}.",
                    cure="Choose behaviour layers of this backbone.",
                    field="behaviour_layers",
                )
        try:
            self._handles.append(self._model.register_forward_pre_hook(self._begin))
            for layer in self._layers:
                hook = self._capture(layer)
                self._handles.append(modules[layer].register_forward_hook(hook))
            self._handles.append(self._model.register_forward_hook(self._check))
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._remove()
        self.release()

    def release(self) -> None:
        """Let the maps of the last forward go, and with them its graph."""
        self.maps = {}

    def _remove(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def _begin(self, module: nn.Module, inputs: Any) -> None:
        self.release()  # before the next graph is built

    def _capture(self, layer: str) -> Any:
        def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor | None:
            if not isinstance(output, Tensor) or output.ndim != 4:
                shape = tuple(output.shape) if isinstance(output, Tensor) else type(output)
                raise BackboneError(
                    f"the layer {layer!r} puts out {shape}, not a map (N, C, H, W).",
                    cure="Choose behaviour layers of this backbone.",
                    field="behaviour_layers",
                )
            if isinstance(module, nn.Linear):  # ConvNeXt: (N, H, W, C)
                self.maps[layer] = output.permute(0, 3, 1, 2)
            else:
                self.maps[layer] = output
            self._versions[layer] = output._version
            return output.clone() if _ends_with_batchnorm(module) else None

        return hook

    def _check(self, module: nn.Module, inputs: Any, output: Any) -> None:
        for layer, feature_map in self.maps.items():
            if feature_map._version != self._versions[layer]:
                raise BackboneError(
                    f"the output of {layer!r} is overwritten by what follows it.",
                    cure="Choose the convolution before it, or the block that holds it.",
                    field="behaviour_layers",
                )


def _ends_with_batchnorm(module: nn.Module) -> bool:
    """Whether a module's output is a BatchNorm's: networks add to it or rectify it in place."""
    while isinstance(module, nn.Sequential) and len(module):
        module = module[-1]
    return isinstance(module, _BatchNorm)


def count_hooks(model: nn.Module) -> int:
    """Number of forward and backward hooks on a network and all its modules."""
    kinds = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)


def layer_shapes(
    model: nn.Module, layers: Sequence[str], size: int
) -> dict[str, tuple[int, int, int]]:
    """(C, H, W) of each layer's map for square pictures of `size` px, without computing them.

    The network is walked on the meta device: no memory, no arithmetic, no change to `model`.

    Raises:
        BackboneError: a layer that the network does not have or that puts out no map.
    """
    shadow = _without_batchnorm(meta_copy(model).eval())
    with torch.no_grad(), FeatureMaps(shadow, layers) as captured:
        shadow(torch.empty(1, 3, size, size, device="meta"))
        shapes = {layer: tuple(captured.maps[layer].shape[1:]) for layer in layers}
    return {layer: (c, h, w) for layer, (c, h, w) in shapes.items()}


def _without_batchnorm(shadow: nn.Module) -> nn.Module:
    """For shapes alone: BatchNorm keeps them, and is by far the slowest on the meta device."""
    for module in shadow.modules():
        if isinstance(module, _BatchNorm):
            setattr(module, "forward", torch.empty_like)  # noqa: B010  of this copy alone
    return shadow


def layer_channels(model: nn.Module, layers: Sequence[str], size: int) -> dict[str, int]:
    """Number of channels of each layer's map, as `layer_shapes` finds them."""
    return {layer: shape[0] for layer, shape in layer_shapes(model, layers, size).items()}
