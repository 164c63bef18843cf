"""The bundled demo: few drawings of small animals and a backbone pretrained on drawn signs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from delta_app.demo.bundle import GARDEN, WEIGHTS
from delta_app.demo.pretrain import BACKBONE, SIZE
from delta_app.errors import DatasetError, WeightsError
from delta_app.training.run_config import RunConfig, setting_groups

# Chosen on 2 CPU cores: see docs/demo.md for what was measured.
_SETTINGS: dict[str, Any] = {
    "backbone": BACKBONE,
    "image_size": SIZE,
    "epochs": 30,
    # So small a network gains nothing from a second thread, and one does not wait for the other.
    "threads": 1,
    "batch_size": 32,
    "lr": 0.015,
    # Half of the authors' batches: the demo is to be over in well under a minute.
    "attention_batches": 2,
}


def demo_data() -> Path:
    """The folder of the bundled pictures: {train,val,test}/CLASS/*.jpg.

    Raises:
        DatasetError: it is not there.
    """
    if not GARDEN.is_dir():
        raise DatasetError(
            f"the demo's pictures were expected in {GARDEN}, which is not there.",
            cure="Run Delta App from a complete checkout, or draw them again with "
            "'python -m delta_app.demo draw'.",
        )
    return GARDEN


def demo_weights() -> Path:
    """The weights file of the bundled backbone.

    Raises:
        WeightsError: it is not there.
    """
    if not WEIGHTS.is_file():
        raise WeightsError(
            f"the demo's weights were expected at {WEIGHTS}, which is not there.",
            cure="Run Delta App from a complete checkout, or train them again with "
            "'python -m delta_app.demo pretrain'.",
        )
    return WEIGHTS


def demo_config(method: str = "delta", **overrides: Any) -> RunConfig:
    """The settings of a run on the demo, by any method.

    Args:
        overrides: settings to change, by name, as `RunConfig.from_flat` takes them.

    Raises:
        SettingsError: an unknown method, setting or value.
        DatasetError, WeightsError: the bundled files are not there.
    """
    known = {info.name for group in setting_groups(method).values() for info in group}
    settings = {name: value for name, value in _SETTINGS.items() if name in known}
    where = {"data": str(demo_data()), "weights": str(demo_weights())}
    return RunConfig.from_flat({"method": method, **where, **settings, **overrides})
