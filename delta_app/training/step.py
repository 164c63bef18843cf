"""One step: forward, terms, backward, update. Nothing here waits for the device.

logits        = target(images)                    autocast, hooks keep T's maps
source(images)                                    no_grad, autocast, hooks keep S's maps
cross_entropy = CE(logits, labels)                float32
loss          = CE + alpha * Omega_backbone + beta * Omega_head
loss.backward(); optimizer.step()
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from types import TracebackType

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from delta_app.models.feature_maps import FeatureMaps
from delta_app.models.head import backbone_parameters, head_parameters
from delta_app.models.modes import freeze_batchnorm
from delta_app.regularizers import Penalised, Regularizer
from delta_app.training import metric_names as names
from delta_app.training.devices import MixedPrecision


class Step:
    """The update of one run's target network; owns the hooks while its `with` block lasts.

    Args:
        target: the network being fine-tuned.
        source: the frozen network; it is run only where the method compares feature maps.
        layers: behaviour layers.
        optimizer: over the target's parameters.
        class_weights: (K,), or None.
        frozen_batchnorm: the target's BatchNorms keep the source's statistics.
    """

    def __init__(
        self,
        target: nn.Module,
        source: nn.Module,
        regularizer: Regularizer,
        optimizer: torch.optim.Optimizer,
        precision: MixedPrecision,
        *,
        layers: tuple[str, ...] = (),
        label_smoothing: float = 0.0,
        class_weights: Tensor | None = None,
        frozen_batchnorm: bool = False,
    ) -> None:
        self.target = target
        self._source = source
        self._regularizer = regularizer
        self._optimizer = optimizer
        self._precision = precision
        self._label_smoothing = label_smoothing
        self._class_weights = class_weights
        self._frozen_batchnorm = frozen_batchnorm
        self._scaler = torch.amp.GradScaler(precision.device.type, enabled=precision.scaled)
        self._head = tuple(head_parameters(target))
        held = set(backbone_parameters(target))
        self._starting_point = {
            name: p.detach() for name, p in source.named_parameters() if name in held
        }
        self._source_maps: FeatureMaps | None = None
        self._target_maps: FeatureMaps | None = None
        if regularizer.compares_feature_maps:
            self._source_maps = FeatureMaps(source, layers)
            self._target_maps = FeatureMaps(target, layers)
        self._hooks = contextlib.ExitStack()

    def __enter__(self) -> Step:
        for maps in (self._source_maps, self._target_maps):
            if maps is not None:
                self._hooks.enter_context(maps)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hooks.close()

    def scaler_state(self) -> dict[str, float]:
        """Of fp16's gradient scaler; empty in other precisions."""
        return self._scaler.state_dict()

    def load_scaler(self, state: Mapping[str, float]) -> None:
        """Take up what `scaler_state` gave; another precision's is left out."""
        if state and self._scaler.is_enabled():
            self._scaler.load_state_dict(dict(state))

    def train_mode(self) -> None:
        """Put the target in the mode its steps need; the source stays in eval mode always."""
        self.target.train(self._regularizer.trains_backbone)
        if self._frozen_batchnorm:
            freeze_batchnorm(self.target)

    def __call__(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """One update on (N, 3, S, S) and (N,).

        Returns:
            The weighted terms and the loss as detached scalars, and how many pictures were
            right, all still on the device.
        """
        with self._precision.autocast():
            logits = self.target(images)
        source_features: dict[str, Tensor] = {}
        target_features: dict[str, Tensor] = {}
        if self._source_maps is not None and self._target_maps is not None:
            with torch.no_grad(), self._precision.autocast():
                self._source(images)
            source_features = self._source_maps.maps
            target_features = self._target_maps.maps
        loss, terms = self._loss(logits.float(), labels, source_features, target_features)
        self._optimizer.zero_grad(set_to_none=True)
        self._scaler.scale(loss).backward()
        self._scaler.step(self._optimizer)
        self._scaler.update()
        terms["right"] = (logits.detach().argmax(dim=1) == labels).sum()
        return terms

    def _loss(
        self,
        logits: Tensor,
        labels: Tensor,
        source_features: dict[str, Tensor],
        target_features: dict[str, Tensor],
    ) -> tuple[Tensor, dict[str, Tensor]]:
        loss = F.cross_entropy(
            logits, labels, weight=self._class_weights, label_smoothing=self._label_smoothing
        )
        terms = {names.LOSS_CROSS_ENTROPY: loss.detach()}
        penalised = Penalised(
            target=self.target,
            starting_point=self._starting_point,
            head=self._head,
            source_features=source_features,
            target_features=target_features,
        )
        method = self._regularizer
        for name, weight, term in (
            (names.LOSS_BACKBONE, method.alpha, method.backbone_term(penalised)),
            (names.LOSS_HEAD, method.beta, method.head_term(penalised)),
        ):
            if term is not None:
                weighted = weight * term
                terms[name] = weighted.detach()
                loss = loss + weighted
        terms[names.LOSS_TOTAL] = loss.detach()
        return loss, terms
