"""One step: forward, terms, backward, update. Nothing here waits for the device.

logits        = target(images)                    autocast, hooks keep T's maps
source(images)                                    no_grad, autocast, hooks keep S's maps
cross_entropy = CE(logits, labels)                float32
loss          = CE + alpha * Omega_backbone + beta * Omega_head
loss.backward(); optimizer.step()

Where the device's memory does not suffice, what the try changed is put back and the same batch is
tried again in micro-batches, of half as many pictures each time: everything above but the update
runs on each of them, and their shares of the terms and of the gradient add up to the batch's.
Two things are then no longer those of the whole batch. BatchNorm in train mode normalises each
micro-batch by its own mean and variance and moves its running ones once for each. Dropout draws
other masks, of the same distribution.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from types import TracebackType

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from delta_app.errors import TrainingError
from delta_app.models.feature_maps import FeatureMaps
from delta_app.models.head import backbone_parameters, head_parameters
from delta_app.models.modes import freeze_batchnorm
from delta_app.models.out_of_memory import CURE, give_back, is_out_of_memory, let_go, no_room
from delta_app.regularizers import Penalised, Regularizer
from delta_app.training import metric_names as names
from delta_app.training.devices import MixedPrecision
from delta_app.training.micro_batches import Smaller, cross_entropy_share, micro_batch_sizes
from delta_app.training.undo import Undo


class Step:
    """The update of one run's target network; owns the hooks while its `with` block lasts.

    Args:
        target: the network being fine-tuned.
        source: the frozen network; it is run only where the method compares feature maps.
        layers: behaviour layers.
        optimizer: over the target's parameters.
        class_weights: (K,), or None.
        frozen_batchnorm: the target's BatchNorms keep the source's statistics.
        on_smaller: told once a step that went on only in smaller micro-batches than before, when
            these have fitted.

    Attributes:
        micro_batch: pictures of a micro-batch at most; None while whole batches have fitted. May
            be set, to go on as an earlier run of the same batches did.
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
        on_smaller: Callable[[Smaller], None] = lambda smaller: None,
    ) -> None:
        self.target = target
        self._source = source
        self._regularizer = regularizer
        self._optimizer = optimizer
        self._precision = precision
        self._label_smoothing = label_smoothing
        self._class_weights = class_weights
        self._frozen_batchnorm = frozen_batchnorm
        self._on_smaller = on_smaller
        self.micro_batch: int | None = None
        self._note_modes()
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
        self._note_modes()

    def _note_modes(self) -> None:
        """What hangs on which modules are in train mode."""
        self._undo = Undo(self.target)
        modules = self.target.modules()
        self._batchnorm = any(isinstance(m, _BatchNorm) and m.training for m in modules)

    def __call__(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """One update on (N, 3, S, S) and (N,).

        Returns:
            The weighted terms and the loss as detached scalars, and how many pictures were
            right, of the whole batch, all still on the device.

        Raises:
            TrainingError: memory does not suffice even for the smallest micro-batch, which is one
                picture, or two with BatchNorm in train mode.
        """
        terms = self._gradient(images, labels)
        try:
            self._scaler.step(self._optimizer)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            # Some weights may have moved already: trying again would move them twice.
            raise TrainingError("Out of memory in the optimizer's update.", cure=CURE) from error
        self._scaler.update()
        return terms

    def _gradient(self, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Leave the gradient of the batch's loss in the parameters, however small the parts must
        be for it; the batch's terms."""
        self._undo.remember()
        before, pictures = self.micro_batch, len(labels)
        least = 2 if self._batchnorm else 1
        while True:
            sizes = micro_batch_sizes(pictures, self.micro_batch or pictures, least)
            self._optimizer.zero_grad(set_to_none=True)
            try:
                terms = self._in_parts(images, labels, sizes)
                break
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                let_go(error)
                half = -(-sizes[0] // 2)
                if micro_batch_sizes(pictures, half, least)[0] == sizes[0]:
                    raise no_room(
                        sizes[0], images.shape[-1], images.device, batchnorm=self._batchnorm
                    ) from error
            # Outside the clause above, where the error and all it holds is gone.
            self._put_back(images.device)
            self.micro_batch = half
        if self.micro_batch is not None and self.micro_batch != before:
            self._on_smaller(Smaller(tuple(sizes), self.micro_batch, self._batchnorm))
        return terms

    def _put_back(self, device: torch.device) -> None:
        """Leave nothing of a try that broke off."""
        for maps in (self._source_maps, self._target_maps):
            if maps is not None:
                maps.release()
        self._optimizer.zero_grad(set_to_none=True)
        give_back(device)
        self._undo.undo()

    def _in_parts(self, images: Tensor, labels: Tensor, sizes: list[int]) -> dict[str, Tensor]:
        """Forward and backward of one micro-batch after the other; their terms' sums."""
        sums: dict[str, Tensor] = {}
        for few, their in zip(images.split(sizes), labels.split(sizes), strict=True):
            for name, term in self._backward(few, their, labels, first=not sums).items():
                sums[name] = sums[name] + term if name in sums else term
        return sums

    def _backward(
        self, images: Tensor, labels: Tensor, of_batch: Tensor, *, first: bool
    ) -> dict[str, Tensor]:
        """Forward and backward of some pictures of a batch; their shares of its terms.

        Args:
            of_batch: (N,), the labels of the whole batch.
            first: whether they are the batch's first, which take the terms of the parameters
                along: these count once a batch.
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
        penalised = Penalised(
            target=self.target,
            starting_point=self._starting_point,
            head=self._head,
            source_features=source_features,
            target_features=target_features,
            batch_size=len(of_batch),
        )
        if logits.dtype != torch.float64:
            logits = logits.float()
        loss, terms = self._loss(logits, labels, of_batch, penalised, first)
        self._scaler.scale(loss).backward()
        terms["right"] = (logits.detach().argmax(dim=1) == labels).sum()
        return terms

    def _loss(
        self,
        logits: Tensor,
        labels: Tensor,
        of_batch: Tensor,
        penalised: Penalised,
        first: bool,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        loss = cross_entropy_share(
            logits,
            labels,
            of_batch,
            class_weights=self._class_weights,
            label_smoothing=self._label_smoothing,
        )
        terms = {names.LOSS_CROSS_ENTROPY: loss.detach()}
        method = self._regularizer
        of_pictures = method.compares_feature_maps
        for name, weight, term in (
            (
                names.LOSS_BACKBONE,
                method.alpha,
                method.backbone_term(penalised) if first or of_pictures else None,
            ),
            (names.LOSS_HEAD, method.beta, method.head_term(penalised) if first else None),
        ):
            if term is not None:
                weighted = weight * term
                terms[name] = weighted.detach()
                loss = loss + weighted
        terms[names.LOSS_TOTAL] = loss.detach()
        return loss, terms
