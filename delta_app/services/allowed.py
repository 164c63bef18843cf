"""What the app may read of this machine: every path out of a form, an address or a config.

The app serves a person in a browser, so what it is asked for is judged here before it is looked
at. The command line does not ask: what is typed in a terminal is the person's own word.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from delta_app.data.cache import default_cache_folder
from delta_app.data.roots import OPTION, Roots
from delta_app.data.scan import folder_of
from delta_app.demo.bundle import ASSETS
from delta_app.errors import OutsideError, SettingsError
from delta_app.models.weights import WEIGHTS_WORDS
from delta_app.models.weights_file import weights_path
from delta_app.services import locations
from delta_app.training.run_config import ATTENTION_WORDS, RunConfig

VARIABLE = "DELTA_ROOTS"


def roots(runs_dir: str | Path | None = None) -> Roots:
    """The roots of this process.

    Chosen are the folders in DELTA_ROOTS (separated like PATH), which `app --root` sets; by
    default the home folder alone. Not the folder the app was started in: that is `/` for a
    service or a container, and `--root .` says it in so many words.
    The app's own are the runs, its data and cache folders, and the bundled demo.

    Args:
        runs_dir: None is the process's own.
    """
    named = [each for each in os.environ.get(VARIABLE, "").split(os.pathsep) if each]
    chosen = tuple(dict.fromkeys(folder_of(each) for each in named)) or (Path.home(),)
    own = (
        locations.runs_dir(runs_dir),
        locations.user_data_dir(),
        default_cache_folder(),
        ASSETS,
    )
    return Roots(chosen, own)


def set_roots(folders: tuple[str | Path, ...]) -> None:
    """Let the app of this process read these folders, with all beneath; none leaves it as it is.

    Raises:
        SettingsError: one of them is no folder, or its name cannot stand in DELTA_ROOTS.
    """
    chosen = []
    for given in folders:
        folder = folder_of(given)
        if not folder.is_dir():
            raise SettingsError(
                f"{OPTION} {given} is no folder.", cure="Check its spelling.", field="root"
            )
        if os.pathsep in str(folder):
            raise SettingsError(
                f"{OPTION} {given} holds {os.pathsep!r}, which separates folders.",
                cure="Make a link to it under another name and give that.",
                field="root",
            )
        chosen.append(str(folder))
    if chosen:
        os.environ[VARIABLE] = os.pathsep.join(chosen)


def check_data(text: str | Path) -> None:
    """Whether a folder of pictures may be read, with whatever its links lead to.

    Raises:
        OutsideError: not; its field is data.
    """
    roots().check_folder(folder_of(text), field="data")


def check_picture(path: str | Path) -> None:
    """Whether a picture's file may be read to be shown.

    Raises:
        OutsideError: not.
    """
    roots().check(path)


def refusal(paths: Iterable[str | Path]) -> OutsideError | None:
    """Why the first picture that may not be shown may not; None where all may."""
    for path in paths:
        try:
            check_picture(path)
        except OutsideError as error:
            return error
    return None


def check_weights_file(weights: str) -> None:
    """Whether starting weights may be read, where they are a file.

    Raises:
        OutsideError: not; its field is weights.
    """
    for path, field in _paths(None, weights, None):
        roots().check(path, field=field)


def refusals(values: Mapping[str, Any]) -> dict[str, OutsideError]:
    """Setting -> why the path that a form says there may not be looked at.

    Args:
        values: setting name -> value, whatever of it there is.
    """
    found: dict[str, OutsideError] = {}
    for path, field in _paths(*(values.get(name) for name in ("data", "weights", "attention"))):
        try:
            roots().check(path, folder=field == "data", field=field)
        except OutsideError as error:
            found[field] = error
    return found


def check_config(config: RunConfig, runs_dir: str | Path | None = None) -> None:
    """Whether the app may read all that a run with these settings reads.

    Raises:
        OutsideError: not; its field is the setting.
    """
    allowed = roots(runs_dir)
    attention = getattr(config.method, "attention", None)
    for path, field in _paths(config.data.data, config.model.weights, attention):
        if field == "data":
            allowed.check_folder(path, field=field)
        else:
            allowed.check(path, field=field)
    if config.attention.attention_of is not None:
        allowed.check(config.attention.attention_of, folder=True)


def _paths(data: object, weights: object, attention: object) -> list[tuple[Path, str]]:
    """The paths among these settings as they will be opened, each with its setting."""
    found = []
    if str(data or "").strip():
        found.append((folder_of(str(data)), "data"))
    if str(weights or "").strip() and weights not in WEIGHTS_WORDS:
        found.append((weights_path(str(weights)), "weights"))
    if str(attention or "").strip() and attention not in ATTENTION_WORDS:
        found.append((Path(os.path.expanduser(str(attention))), "attention"))
    return found
