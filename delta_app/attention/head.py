"""The head that the importance is measured with: trained on the frozen backbone."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from delta_app.models.at_once import AtOnce
from delta_app.models.head import head_parameters

MOMENTUM = 0.9
WEIGHT_DECAY = 1e-4
DECAY = 0.1
DECAY_EPOCHS = 6


def train_head(
    model: nn.Module,
    batches: Callable[[int], Iterable[tuple[Tensor, Tensor]]],
    *,
    epochs: int,
    lr: float,
    on_epoch: Callable[[int], None] = lambda done: None,
    at_once: AtOnce | None = None,
) -> float:
    """Train only the head; every other parameter and every BatchNorm statistic stays.

    The whole network is in eval mode: the authors' loop leaves BatchNorm in train mode, so that
    its running statistics drift away from the source's, which the paper does not intend.

    Args:
        model: a network with a fresh head; left in eval mode.
        batches: epoch -> (images, labels) of that epoch.
        epochs: passes over the pictures.
        lr: SGD's learning rate at the start, falling exponentially by 0.1 per six epochs.
        on_epoch: told after each epoch; it may raise to stop.
        at_once: how many of a batch's pictures run through the network together. The loss is the
            whole batch's however many these are: behind the head's inputs nothing is kept for
            the backward pass.

    Returns:
        Mean cross-entropy over the last epoch.

    Source: the authors' channel_eval.py: SGD, momentum 0.9, weight decay 1e-4.
    """
    at_once = at_once or AtOnce()
    model.eval()
    model.requires_grad_(False)
    head = list(head_parameters(model))
    for parameter in head:
        parameter.requires_grad_(True)
    optimizer = torch.optim.SGD(head, lr=lr, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY)
    loss_of_epoch = float("nan")
    for epoch in range(epochs):
        for group in optimizer.param_groups:
            group["lr"] = lr * DECAY ** (epoch / DECAY_EPOCHS)
        losses, pictures = [], 0
        for images, labels in batches(epoch):
            logits = torch.cat(at_once(model, images)).float()
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach() * len(labels))
            pictures += len(labels)
        loss_of_epoch = float(torch.stack(losses).sum()) / pictures
        on_epoch(epoch + 1)
    for parameter in head:
        parameter.requires_grad_(False)
    return loss_of_epoch
