"""model.json of a run's folder: what its network is, and what it takes and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter
from pydantic.dataclasses import dataclass

from delta_app.errors import DeltaAppError
from delta_app.json_files import checked, read_json
from delta_app.models.preprocessing import Preprocessing, preprocessing


@dataclass(frozen=True)
class NetworkDescription:
    """What model.json holds.

    Attributes:
        backbone: torchvision's name.
        classes: by label.
        preprocessing: what pictures go through before the network.
        behaviour_layers: of the run.
        weights: the starting weights as they were asked for.
        weights_digest: of the starting weights.
    """

    backbone: str
    classes: Annotated[tuple[str, ...], Field(min_length=1)]
    preprocessing: Preprocessing
    behaviour_layers: tuple[str, ...] = ()
    weights: str = "default"
    weights_digest: str = ""


_DESCRIPTION = TypeAdapter(NetworkDescription)


def read_network(path: Path) -> NetworkDescription:
    """What a run's model.json says.

    Raises:
        OSError: the file cannot be read.
        ValueError: it describes no network that can be built.
    """
    found = checked(_DESCRIPTION, read_json(path))
    try:
        preprocessing(found.backbone, found.preprocessing.size)
    except DeltaAppError as error:
        raise ValueError(error.message.rstrip(".")) from error
    return found
