"""What a form needs: all complaints at once, each beside its field, and the equal command.

The command line, the form and config.json hold the same settings under the same names; this
module goes from a form's values to a `RunConfig` and from there to the words of a shell.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from delta_app.config import AttentionSettings, DataSettings, ModelSettings
from delta_app.data.names import printable
from delta_app.errors import SettingsError
from delta_app.regularizers import methods
from delta_app.runs.records import ATTENTION, TRAINING, RunRecord
from delta_app.services.kept_configs import read_config
from delta_app.settings import SettingInfo
from delta_app.training.devices import MixedPrecision, resolve_device
from delta_app.training.run_config import ATTENTION_WORDS, RunConfig, setting_groups

PROGRAM = "python -m delta_app"

_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "more than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}
_KINDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "yes or no",
    "text": "a text",
    "list": "a list",
}


def settings_of(method: str, *, measuring: bool = False) -> dict[str, SettingInfo]:
    """Setting name -> info, of every group of a run by that method, in the form's order.

    Args:
        measuring: as `setting_groups` has it.
    """
    groups = setting_groups(method, measuring=measuring)
    return {info.name: info for group in groups.values() for info in group}


def validate(values: Mapping[str, Any]) -> RunConfig | tuple[SettingsError, ...]:
    """The config of a form's values, or every complaint about them.

    Settings that the method does not have are left out: a form keeps the values of methods
    that are not chosen. Each complaint's field is the name of its setting.
    """
    try:
        known = settings_of(str(values.get("method")), measuring=True)
    except SettingsError as error:
        return (error,)
    own = {name: value for name, value in values.items() if name in known or name == "method"}
    missing = [
        SettingsError(f"{info.label} is missing.", cure=_expected(info, "Give"), field=info.name)
        for info in known.values()
        if info.required and own.get(info.name) in (None, "")
    ]
    if missing:
        # The other values are judged all the same, with the missing ones filled in.
        rest = validate(own | {str(error.field): "-" for error in missing})
        return (*missing, *(() if isinstance(rest, RunConfig) else rest))
    try:
        config = RunConfig.from_flat(own)
    except SettingsError as error:
        cause = error.__cause__
        if not isinstance(cause, ValidationError):
            return (error,)
        return tuple(_complaint(dict(each), known) for each in cause.errors())
    complaints = _together(config)
    return complaints or config


def _complaint(error: Mapping[str, Any], known: Mapping[str, SettingInfo]) -> SettingsError:
    """A validation's complaint in words: label, what was expected, what was got."""
    location = [str(part) for part in error["loc"] if str(part) in known]
    info = known[location[-1]] if location else None
    if info is None:
        return SettingsError(f"{error['msg']}, got {error.get('input')!r}.")
    got = error.get("input")
    kind = str(error["type"])
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        expected = f"{words} {error['ctx'][key]:g}"
    elif info.choices:
        expected = f"one of {', '.join(info.choices)}"
    else:
        expected = _KINDS[info.kind]
    unit = f" {info.unit}" if info.unit else ""
    return SettingsError(
        f"{info.label}: expected {expected}{unit}, got {got}.",
        cure=_expected(info, "Enter"),
        field=info.name,
    )


def _expected(info: SettingInfo, verb: str) -> str:
    """The cure: what to enter."""
    if info.choices:
        return f"Choose one of {', '.join(info.choices)}."
    text = range_words(info)
    if text:
        return f"{verb} {'a whole number' if info.kind == 'int' else 'a number'}: {text}."
    return f"{verb} {_KINDS.get(info.kind, 'a value')}."


def range_words(info: SettingInfo) -> str:
    """A setting's range: "1 to 10000", "more than 0, at most 10", "" where it has none."""
    low, high = info.minimum, info.maximum
    if low is None and high is None:
        return ""
    if high is None:
        return f"more than {low:g}" if info.minimum_exclusive else f"{low:g} or more"
    if low is None:
        return f"at most {high:g}"
    if info.minimum_exclusive:
        return f"more than {low:g}, at most {high:g}"
    return f"{low:g} to {high:g}"


def _together(config: RunConfig) -> tuple[SettingsError, ...]:
    """Complaints that no single setting can see."""
    complaints = []
    try:
        device = resolve_device(config.optimization.device)
        MixedPrecision.resolve(config.optimization.precision, device)
    except SettingsError as error:
        complaints.append(error)
    attention = getattr(config.method, "attention", None)
    if attention is not None and attention not in ATTENTION_WORDS:
        complaints += _attention_file(str(attention))
    return tuple(complaints)


def _attention_file(text: str) -> list[SettingsError]:
    """Whether an attention that is none of the words is a file that is there."""
    cure = (
        f"Choose {', '.join(ATTENTION_WORDS)}, or give the path of a run's attention.json or of a "
        "file of the authors' form."
    )
    if not text.strip():
        return [SettingsError("No attention file is given.", cure=cure, field="attention")]
    if not os.path.isfile(os.path.expanduser(text)):
        return [SettingsError(f"There is no attention file {text}.", cure=cure, field="attention")]
    return []


def command_line(
    config: RunConfig, *, kind: str = TRAINING, runs_dir: str | Path | None = None
) -> str:
    """The command that does the same run: only what differs from the defaults, shell-quoted.

    A measurement of a run's own network says every setting of the attention: beside `--of RUN` what
    is left out is as in that run.

    Args:
        kind: TRAINING, or ATTENTION for a measurement of this config's attention.
        runs_dir: named where the command must write into this folder and not the default's.
    """
    values = config.flat(measuring=kind == ATTENTION)
    of = config.attention.measured_run if kind == ATTENTION else None
    words = ["--method", str(values["method"])] if kind == TRAINING else []
    words += [] if of is None else ["--of", of]
    for name, info in counting_settings(config, kind).items():
        if _is_said(info, values[name], beside_of=of is not None):
            words += _option(info, values[name])
    if runs_dir is not None:
        words += ["--runs-dir", str(runs_dir)]
    return f"{PROGRAM} {_COMMANDS[kind]} {' '.join(map(shell_word, words))}"


def shell_word(word: str) -> str:
    """A word as a shell reads it, fit to be copied.

    What cannot be seen is written as an escape ($'...', as bash and zsh have it): pasted as it is,
    it could end the paste and begin a command.
    """
    if printable(word) == word:
        return shlex.quote(word)
    plain = {"\\": "\\\\", "'": "\\'"}
    written = [
        plain.get(c, c) if printable(c) == c else "".join(f"\\x{b:02x}" for b in os.fsencode(c))
        for c in word
    ]
    return f"$'{''.join(written)}'"


_COMMANDS = {TRAINING: "train", ATTENTION: "attention"}
_OF_THE_MACHINE = ("device", "threads")


def _is_said(info: SettingInfo, value: Any, *, beside_of: bool) -> bool:
    """Whether a setting's option stands in the command."""
    if beside_of and info.name in (*DataSettings.model_fields, *ModelSettings.model_fields):
        return False  # they are the measured run's
    if beside_of and info.name in AttentionSettings.model_fields and not info.measuring:
        return True
    return info.required or bool(value != info.default)


def counting_settings(config: RunConfig, kind: str = TRAINING) -> dict[str, SettingInfo]:
    """Setting name -> info, of those that a run of this kind depends on, in the form's order."""
    measuring = kind == ATTENTION
    values = config.flat(measuring=measuring)
    groups = setting_groups(config.method.method, measuring=measuring)
    if measuring:
        groups["optimization"] = tuple(
            info for info in groups["optimization"] if info.name in _OF_THE_MACHINE
        )
        groups["method"] = ()
    return {info.name: info for each in groups.values() for info in each if info.name in values}


def config_of_run(record: RunRecord) -> RunConfig | None:
    """The settings of a run of either kind; None where they are of another version."""
    return read_config(record.config, "run" if record.kind == ATTENTION else None)


def _option(info: SettingInfo, value: Any) -> list[str]:
    """One setting as words of the command line, as `delta_app.cli` reads them."""
    if isinstance(value, bool):
        return [info.flag if value else f"--no-{info.flag[2:]}"]
    if value is None:
        return [info.flag, "none"]
    if isinstance(value, (tuple, list)):
        return [info.flag, ",".join(map(str, value))]
    if isinstance(value, float):
        return [info.flag, f"{value:g}" if float(f"{value:g}") == value else repr(value)]
    return [info.flag, str(value)]


def variants_of(values: Mapping[str, Any], chosen: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """The same form by each of the chosen methods, with each method's own settings.

    A setting that several methods have under one name (alpha) is not carried from one to the
    other: it means something else there. The other methods take their defaults.
    """
    own = {info.name for each in methods() for info in setting_groups(each.name)["method"]}
    method = str(values.get("method"))
    shared = {name: value for name, value in values.items() if name not in own}
    return {name: dict(values) if name == method else shared | {"method": name} for name in chosen}
