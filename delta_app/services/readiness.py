"""What would keep a run from starting, found before there is a run."""

from __future__ import annotations

from delta_app.data.scan import folder_of
from delta_app.data.wrong_folder import not_a_readable_folder
from delta_app.errors import DatasetError
from delta_app.services.backbones import check_weights
from delta_app.services.given_attention import check_given_attention
from delta_app.training.run_config import RunConfig


def check_ready(config: RunConfig) -> None:
    """Look at what can be known at once: the folder is there, the weights fit the backbone, an
    attention file fits its layers.

    The pictures are not read: the run does that, and says how far it is. A run that measures
    another run's network needs that run's files alone, and looks at them first of all.

    Raises:
        DatasetError: no such folder, or one that may not be read.
        BackboneError: an unknown backbone, or with an attention file one without the named layers.
        WeightsError: a weights file that is not there, cannot be read or does not fit.
        AttentionError: the same of an attention file.
        SettingsError: with an attention file, a picture size too small for the network.
    """
    if config.attention.attention_of is not None:
        return
    problem = not_a_readable_folder(folder_of(config.data.data), config.data.data)
    if problem is not None:
        raise DatasetError(f"{problem.title} {problem.message}", cure=problem.cure, field="data")
    check_weights(config.model.backbone, config.model.weights)
    check_given_attention(config)
