"""From a config to what the store's columns say of its run."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from delta_app.data.names import printable
from delta_app.regularizers import method
from delta_app.runs.records import ATTENTION
from delta_app.runs.table import LONGEST_NAME, checked_name
from delta_app.training.run_config import RunConfig

ROOM_FOR_A_NUMBER = 8
"""Characters that a name leaves for the number behind it."""

ATTENTION_LABEL = "Attention"
ATTENTION_COLOR = method("delta").color  # whose attention it is


def describe_run(kind: str, config: RunConfig) -> dict[str, Any]:
    """The columns of a new run that follow from its settings, as `RunStore.create` takes them."""
    values = config.model_dump(mode="json")
    variant = config.variant
    attention = kind == ATTENTION
    return {
        "config": {"run": values} if attention else values,
        "method": ATTENTION if attention else variant.key,
        "method_label": ATTENTION_LABEL if attention else variant.label,
        "color": ATTENTION_COLOR if attention else variant.color,
        "dataset": _dataset(config.data.data),
        "backbone": config.model.backbone,
        "wanted_device": config.optimization.device,
    }


def _dataset(data: str) -> str:
    """What to call a folder of pictures: its own name, wherever a link to it lies."""
    real = os.path.realpath(os.path.expanduser(data))
    return printable(os.path.basename(real) or data)


def free_name(kind: str, config: RunConfig, taken: set[str]) -> str:
    """ "L2-SP · dtd10", with a number behind it where runs are called so already.

    A measurement of a run's own network is called after that run: "Attention of l2-k3f9a2 · dtd10".
    """
    described = describe_run(kind, config)
    of = config.attention.attention_of if kind == ATTENTION else None
    measured = f" of {Path(of).name}" if of else ""
    plain = f"{described['method_label']}{measured} · {described['dataset']}"
    if len(plain) > LONGEST_NAME - ROOM_FOR_A_NUMBER:
        plain = f"{plain[: LONGEST_NAME - ROOM_FOR_A_NUMBER - 1]}…"
    plain = checked_name(plain)
    name, number = plain, 1
    while name in taken:
        number += 1
        name = f"{plain} {number}"
    return name
