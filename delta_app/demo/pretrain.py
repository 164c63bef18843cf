"""How the demo's small backbone was pretrained: ShuffleNetV2 x0.5 on drawn signs, from scratch.

One loop of plain PyTorch, apart from the app's own training, so that the demo's starting point
is made by nothing that the demo then shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.models import shufflenet_v2_x0_5

from delta_app.atomic_files import write_whole
from delta_app.demo.scene import Difficulty, draw_scene
from delta_app.demo.signs import SIGNS
from delta_app.errors import TrainingError

BACKBONE = "shufflenet_v2_x0_5"
SIZE = 96
_DRAWN = 104  # a little larger, for random crops
_SUPERSAMPLING = 2
# What torchvision's weights metadata gives for this network: the demo's run normalises so too.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Recipe:
    """The settings of a pretraining; the defaults made the bundled weights."""

    per_class: int = 360
    held_out_per_class: int = 20
    epochs: int = 34
    batch_size: int = 64
    lr: float = 0.1
    warmup_epochs: float = 1.0
    weight_decay: float = 1e-4
    label_smoothing: float = 0.1
    seed: int = 0
    difficulty: Difficulty = field(default_factory=Difficulty)


def draw_signs(
    part: str, per_class: int, side: int, difficulty: Difficulty
) -> tuple[Tensor, Tensor]:
    """`per_class` pictures of every sign: uint8 (N, 3, side, side) and labels (N,)."""
    pictures = np.empty((len(SIGNS) * per_class, side, side, 3), dtype=np.uint8)
    for index in range(len(pictures)):
        name = list(SIGNS)[index // per_class]
        picture = draw_scene(
            SIGNS[name], part, name, index % per_class,
            side=side, supersampling=_SUPERSAMPLING, difficulty=difficulty,
        )  # fmt: skip
        pictures[index] = np.asarray(picture)
    labels = torch.arange(len(SIGNS)).repeat_interleave(per_class)
    return torch.from_numpy(pictures).permute(0, 3, 1, 2), labels


def normalised(pictures: Tensor) -> Tensor:
    """uint8 (N, 3, H, W) -> float32 with ImageNet's mean and standard deviation, NHWC inside."""
    mean, std = (torch.tensor(value).view(1, 3, 1, 1) * 255.0 for value in (_MEAN, _STD))
    return ((pictures.float() - mean) / std).contiguous(memory_format=torch.channels_last)


def varied(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """A batch cropped, mirrored, turned by quarters and with its colour channels exchanged.

    A picture gets its own crop and channel order; mirroring and turning are drawn once for each
    quarter of the batch. (N, 3, S, S) uint8 -> (N, 3, SIZE, SIZE) uint8.
    """
    room = pictures.shape[-1] - SIZE + 1
    corners = torch.randint(room, (len(pictures), 2), generator=generator).tolist()
    cut = []
    for picture, (top, left) in zip(pictures, corners, strict=True):
        picture = picture[:, top : top + SIZE, left : left + SIZE]
        if torch.rand((), generator=generator) < 0.5:
            picture = picture[torch.randperm(3, generator=generator)]
        cut.append(picture)
    quarters = []
    for quarter in torch.stack(cut).chunk(4):
        turns = int(torch.randint(4, (), generator=generator))
        quarter = torch.rot90(quarter, turns, dims=(2, 3))
        quarters.append(quarter.flip(3) if torch.rand((), generator=generator) < 0.5 else quarter)
    return torch.cat(quarters)


def accuracy(model: nn.Module, pictures: Tensor, labels: Tensor) -> float:
    """Top-1 accuracy over the middle SIZE x SIZE of the pictures, in eval mode."""
    edge = (pictures.shape[-1] - SIZE) // 2
    middle = pictures[:, :, edge : edge + SIZE, edge : edge + SIZE]
    was_training = model.training
    model.eval()
    with torch.no_grad():
        answers = [model(normalised(batch)).argmax(1) for batch in middle.split(256)]
    model.train(was_training)
    return (torch.cat(answers) == labels).float().mean().item()


def pretrain(recipe: Recipe, output: Path, say: Callable[[str], object] = print) -> float:
    """Draw the signs, train, save the weights; the accuracy on held-out drawings.

    Args:
        say: takes one line of progress at a time.

    Raises:
        TrainingError: the loss stopped being finite.
    """
    say(f"drawing {len(SIGNS) * (recipe.per_class + recipe.held_out_per_class)} signs")
    pictures, labels = draw_signs("signs", recipe.per_class, _DRAWN, recipe.difficulty)
    held_out = draw_signs("held out", recipe.held_out_per_class, _DRAWN, recipe.difficulty)
    torch.manual_seed(recipe.seed)
    model = shufflenet_v2_x0_5(num_classes=len(SIGNS)).to(memory_format=torch.channels_last)
    started = time.monotonic()
    for epoch, loss in enumerate(_epochs(model, pictures, labels, recipe), start=1):
        seen = "" if epoch % 4 and epoch != recipe.epochs else f"{accuracy(model, *held_out):.4f}"
        seconds = time.monotonic() - started
        say(f"epoch {epoch}: loss {loss:.4f}, held out {seen or '-'} ({seconds:.0f} s)")
    reached = accuracy(model, *held_out)
    save_weights(model, output, reached)
    return reached


def _epochs(model: nn.Module, pictures: Tensor, labels: Tensor, recipe: Recipe) -> Iterator[float]:
    """Train epoch by epoch, yielding each one's mean loss."""
    generator = torch.Generator().manual_seed(recipe.seed)
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups: list[dict[str, Any]] = [
        {"params": matrices, "weight_decay": recipe.weight_decay},
        {"params": vectors},
    ]
    optimizer = torch.optim.SGD(
        groups,
        lr=recipe.lr,
        momentum=0.9,
        nesterov=True,
    )
    steps = len(pictures) // recipe.batch_size  # a batch too small for BatchNorm is left out
    model.train()
    for epoch in range(recipe.epochs):
        total = 0.0
        order = torch.randperm(len(pictures), generator=generator)
        for step, chosen in enumerate(order.split(recipe.batch_size)[:steps]):
            done = epoch + step / steps
            for group in optimizer.param_groups:
                group["lr"] = lr_at(recipe, done)
            logits = model(normalised(varied(pictures[chosen], generator)))
            loss = F.cross_entropy(logits, labels[chosen], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        if not np.isfinite(total):
            raise TrainingError(
                f"the pretraining's loss is not finite in epoch {epoch + 1}.",
                cure=f"Lower the learning rate ({recipe.lr}).",
            )
        yield total / steps


def lr_at(recipe: Recipe, done: float) -> float:
    """Linear warm-up, then half a cosine down to zero; `done` in epochs."""
    if done < recipe.warmup_epochs:
        return recipe.lr * (done + 0.05) / (recipe.warmup_epochs + 0.05)
    share = (done - recipe.warmup_epochs) / (recipe.epochs - recipe.warmup_epochs)
    return float(recipe.lr * 0.5 * (1.0 + np.cos(np.pi * share)))


def save_weights(model: nn.Module, path: Path, reached: float) -> None:
    """The state as safetensors, matrices in float16, BatchNorm's numbers in float32."""
    state = {
        name: (value.half() if value.ndim > 1 else value).contiguous()
        for name, value in model.state_dict().items()
    }
    metadata = {
        "backbone": BACKBONE,
        "classes": ",".join(SIGNS),
        "image_size": str(SIZE),
        "held_out_top1": f"{reached:.4f}",
    }
    write_whole(path, lambda temporary: save_file(state, temporary, metadata))
