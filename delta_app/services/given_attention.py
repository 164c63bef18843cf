"""Whether the attention file that a DELTA run is given fits its network, before there is a run."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from delta_app.attention.artifact import check_fits
from delta_app.attention.authors_file import load_given
from delta_app.errors import AttentionError
from delta_app.models.preprocessing import preprocessing
from delta_app.services.network_cost import cost
from delta_app.training.run_config import ATTENTION_WORDS, RunConfig

_KEPT = 16


def check_given_attention(config: RunConfig) -> None:
    """Read the attention file that these settings name, if they name one.

    It is read once and remembered until it changes, since forms ask again and again.

    Raises:
        AttentionError: it cannot be read, is none, or does not fit the network's behaviour layers;
            its field is attention.
        DeltaAppError: the network itself cannot be had with these settings.
    """
    named = getattr(config.method, "attention", None)
    if named is None or named in ATTENTION_WORDS:
        return
    size = preprocessing(config.model.backbone, config.model.image_size).size
    channels = cost(config.model.backbone, size, config.model.behaviour_layers).channels
    path = Path(os.path.expanduser(named))
    try:
        state = path.stat()
        version = (state.st_mtime_ns, state.st_size)
    except (OSError, ValueError):
        version = (0, 0)  # no such file, which is what reading it will say
    found = _problem(path, version, tuple(channels.items()))
    if found is not None:  # a fresh one, since a raised one collects tracebacks
        raise AttentionError(found.message, cure=found.cure, field=found.field)


@lru_cache(maxsize=_KEPT)
def _problem(
    path: Path, version: tuple[int, int], channels: tuple[tuple[str, int], ...]
) -> AttentionError | None:
    """What is wrong with a file for layers of so many channels; `version` tells a changed file."""
    layers = dict(channels)
    try:
        # Whether it fits does not hang on the temperature.
        check_fits(load_given(path, layers, temperature=1.0).weights(), layers, str(path))
    except AttentionError as error:
        return error.with_traceback(None)
    return None
