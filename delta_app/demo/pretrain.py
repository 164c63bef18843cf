"""How the demo's small backbone was pretrained: ShuffleNetV2 x0.5 on drawn signs, from scratch.

One loop of plain PyTorch, apart from the app's own training, so that the demo's starting point
is made by nothing that the demo then shows.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
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
from delta_app.formatting import duration, percent

BACKBONE = "shufflenet_v2_x0_5"
SIZE = 96
_DRAWN = 104  # a little larger, for random crops
_SUPERSAMPLING = 2
# What torchvision's weights metadata gives for this network: the demo's run normalises so too.
_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


# Large, and hardly anything in the way: from the hard pictures alone a network this small does
# not get off the ground within the time there is.
EASY = Difficulty(scale=(0.34, 0.48), behind=5, before=1, noise=6.0, blur=0.4)
HARD = Difficulty()


@dataclass(frozen=True)
class Stage:
    """So many epochs over the easy pictures, or over all, shrunk to `size` pixels."""

    all_pictures: bool
    size: int
    epochs: int


@dataclass(frozen=True)
class Recipe:
    """The settings of a pretraining; the defaults made the bundled weights."""

    easy_per_class: int = 150
    hard_per_class: int = 360
    held_out_per_class: int = 20
    stages: tuple[Stage, ...] = (Stage(False, 64, 20), Stage(True, 64, 5), Stage(True, SIZE, 8))
    batch_size: int = 64
    lr: float = 0.05
    weight_decay: float = 1e-4
    label_smoothing: float = 0.1
    seed: int = 0


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
    say(f"drawing {recipe.easy_per_class + recipe.hard_per_class} pictures of {len(SIGNS)} signs")
    easy = draw_signs("easy", recipe.easy_per_class, _DRAWN, EASY)
    hard = draw_signs("signs", recipe.hard_per_class, _DRAWN, HARD)
    held_out = draw_signs("held out", recipe.held_out_per_class, _DRAWN, HARD)
    torch.manual_seed(recipe.seed)
    model = shufflenet_v2_x0_5(num_classes=len(SIGNS)).to(memory_format=torch.channels_last)
    started = time.monotonic()
    for epoch, loss in enumerate(_epochs(model, easy, hard, recipe), start=1):
        seconds = time.monotonic() - started
        right = accuracy(model, *held_out)
        say(f"epoch {epoch}: loss {loss:.3f}, held out {percent(right)} ({duration(seconds)})")
    reached = accuracy(model, *held_out)
    save_weights(model, output, reached)
    return reached


def _epochs(
    model: nn.Module,
    easy: tuple[Tensor, Tensor],
    hard: tuple[Tensor, Tensor],
    recipe: Recipe,
) -> Iterator[float]:
    """Train epoch by epoch, yielding each one's mean loss."""
    generator = torch.Generator().manual_seed(recipe.seed)
    optimizer = _optimizer(model, recipe)
    batch_size = recipe.batch_size
    pictures, labels = (torch.cat(both) for both in zip(easy, hard, strict=True))
    seen = {False: len(easy[0]), True: len(pictures)}  # the easy ones come first
    # A last batch that is not full is left out: BatchNorm would suffer from a small one.
    total = sum(stage.epochs * (seen[stage.all_pictures] // batch_size) for stage in recipe.stages)
    step = 0
    model.train()
    for stage in [each for each in recipe.stages for _ in range(each.epochs)]:
        losses = 0.0
        count = seen[stage.all_pictures] // batch_size
        order = torch.randperm(seen[stage.all_pictures], generator=generator)
        for chosen in order.split(batch_size)[:count]:
            for group in optimizer.param_groups:
                group["lr"] = recipe.lr * lr_factor(step / total)
            batch = normalised(varied(pictures[chosen], generator))
            if stage.size != SIZE:
                batch = F.interpolate(batch, size=stage.size, mode="bilinear")
            loss = F.cross_entropy(
                model(batch), labels[chosen], label_smoothing=recipe.label_smoothing
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses += loss.item()
            step += 1
        if not np.isfinite(losses):
            raise TrainingError(
                f"the pretraining's loss is not finite after {step} steps.",
                cure=f"Lower the learning rate ({recipe.lr}).",
            )
        yield losses / max(count, 1)


def _optimizer(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """SGD with Nesterov momentum; biases and BatchNorm's numbers do not decay."""
    groups: list[dict[str, Any]] = [
        {
            "params": [p for p in model.parameters() if p.ndim > 1],
            "weight_decay": recipe.weight_decay,
        },
        {"params": [p for p in model.parameters() if p.ndim <= 1]},
    ]
    return torch.optim.SGD(groups, lr=recipe.lr, momentum=0.9, nesterov=True)


def lr_factor(share: float) -> float:
    """Learning rate over its largest, by the share of all steps done.

    Rises over the first 1 %, stays until 40 %, then falls by half a cosine to zero.
    """
    if share < 0.01:
        return 0.02 + 0.98 * share / 0.01
    return float(0.5 * (1.0 + np.cos(np.pi * max(share - 0.4, 0.0) / 0.6)))


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
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda temporary: save_file(state, temporary, metadata))
