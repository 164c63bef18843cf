"""Settings of runs, validated once: pages that list thousands of runs ask for them all the time.

They are kept by the dictionary that the store gives, the same one for a row that is unchanged.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from delta_app.errors import DeltaAppError
from delta_app.training.run_config import RunConfig

KEPT_CONFIGS = 10_000

_lock = threading.Lock()
# id of the dictionary -> it, so that no other can take its id, and what it says.
_kept: OrderedDict[int, tuple[Mapping[str, Any], RunConfig | None]] = OrderedDict()


def read_config(values: Mapping[str, Any], part: str | None = None) -> RunConfig | None:
    """The settings in a run's config, not to be changed; None where another version wrote them.

    Args:
        values: as the store has them.
        part: under which name they stand in it; None where they are all of it.
    """
    with _lock:
        known = _kept.get(id(values))
        if known is not None:
            _kept.move_to_end(id(values))
            return known[1]
    try:
        config = RunConfig.model_validate(values if part is None else values.get(part))
    except (ValueError, DeltaAppError):
        config = None
    with _lock:
        _kept[id(values)] = (values, config)
        while len(_kept) > KEPT_CONFIGS:
            _kept.popitem(last=False)
    return config
