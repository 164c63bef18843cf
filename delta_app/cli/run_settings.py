"""The options of a run, made from the settings models, and a RunConfig made from options."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from delta_app.cli.command import UsageError
from delta_app.cli.setting_options import add_option, say, typed
from delta_app.errors import SettingsError
from delta_app.json_files import read_json
from delta_app.regularizers import methods
from delta_app.services import forms
from delta_app.settings import SettingInfo
from delta_app.training.run_config import (
    RunConfig,
    all_settings,
    setting_groups,
    settings_error,
)

_TITLES = {
    "data": "pictures",
    "model": "network",
    "method": "method",
    "optimization": "training",
    "attention": "channel attention (delta, learned or shuffled)",
}


def add_settings(
    parser: argparse.ArgumentParser,
    groups: Iterable[str] = tuple(_TITLES),
    only: Iterable[str] | None = None,
    *,
    measuring: bool = False,
) -> None:
    """Add an option for every setting of these groups, or for the named ones alone.

    Args:
        measuring: with those that only a run has which measures attention and trains nothing.
    """
    for group in groups:
        section = parser.add_argument_group(_TITLES[group])
        if group == "method":
            section.add_argument(
                "--method",
                default=argparse.SUPPRESS,
                choices=[each.name for each in methods()],
                help="; ".join(f"{each.name}: {_begin_low(each.summary)}" for each in methods()),
            )
        for owners in _settings_of(group, measuring):
            if only is not None and next(iter(owners.values())).name not in only:
                continue
            add_option(section, next(iter(owners.values())), _notes(owners))


def run_config(
    options: argparse.Namespace, start: RunConfig | None = None, *, measuring: bool = False
) -> RunConfig:
    """The run's settings: those of --config, overridden by what was typed.

    Args:
        start: settings to start from, in place of those of --config.
        measuring: the run measures attention and trains nothing.

    Raises:
        UsageError: an option that the method does not have or that would do nothing, a value
            out of range, or a setting that must be there and is not.
        SettingsError: the file of --config or the attention's cannot be used.
    """
    given = typed(options, ("method", *all_settings(measuring=measuring)))
    if start is None and options.config:
        start = _read_config(options.config)
    base = {} if start is None else start.flat(measuring=True)
    name = given.get("method") or base.get("method")
    if name is None:
        raise UsageError(f"--method is missing. Choose one of {_names(methods())}.")
    if name != base.get("method"):  # alpha means something else to another method
        own = _names_in("method", base.get("method"))
        base = {setting: value for setting, value in base.items() if setting not in own}
    known = _names_of(name, measuring)
    _refuse_strange([setting for setting in given if setting not in known], name)
    values = {setting: value for setting, value in base.items() if setting in known} | given
    missing = [n for n, info in all_settings().items() if info.required and n not in values]
    if missing:
        raise UsageError(f"{_flags(missing)} must be given, or come from --config.")
    config = forms.validate(values)
    if not isinstance(config, RunConfig):
        first = config[0]
        if first.field == "attention":  # a file that is not there: no fault of the options
            raise first
        raise UsageError(f"{_flags([first.field or 'settings'])}: {first}") from first
    counting = config.flat(measuring=measuring)
    idle = [setting for setting in given if setting not in counting]
    if idle:
        raise UsageError(
            f"{_flags(idle)}: nothing is measured with --attention {values.get('attention')}. "
            "Leave it out, or choose --attention learned."
        )
    if measuring and start is not None and start.attention.attention_of is not None:
        of = {"attention_of": start.attention.attention_of}
        config = config.model_copy(update={"attention": config.attention.model_copy(update=of)})
    return config


def _refuse_strange(strange: list[str], name: str) -> None:
    """Raise UsageError where options were typed that the method does not have."""
    if not strange:
        return
    others = [each for each in methods() if strange[0] in _names_of(each.name)]
    raise UsageError(
        f"{_flags(strange)}: --method {name} has no such option. "
        f"Leave it out, or choose {_names(others)}."
    )


def _read_config(path: str) -> RunConfig:
    """The settings in a run's config.json."""
    cure = "Give the config.json of a run's folder."
    try:
        return RunConfig.model_validate(read_json(Path(path).expanduser()))
    except OSError as error:
        raise SettingsError(
            f"--config {path} cannot be read: {error.strerror}.", cure=cure
        ) from error
    except ValidationError as error:
        complaint = settings_error(error)
        raise SettingsError(
            f"--config {path} does not hold a run's settings: {complaint.message}", cure=cure
        ) from error
    except ValueError as error:
        raise SettingsError(f"--config {path} is not JSON: {error}.", cure=cure) from error


def _settings_of(group: str, measuring: bool) -> list[dict[str, SettingInfo]]:
    """The group's settings: for each, method name -> what that method makes of it."""
    merged: dict[str, dict[str, SettingInfo]] = {}
    for each in methods():
        for info in setting_groups(each.name, measuring=measuring).get(group, ()):
            merged.setdefault(info.name, {})[each.name] = info
    return list(merged.values())


def _notes(owners: dict[str, SettingInfo]) -> list[str]:
    """A setting's range and default, and which methods have it where not all do."""
    info = next(iter(owners.values()))
    notes = [forms.range_words(info)] if forms.range_words(info) else []
    defaults = {name: say(each.default) for name, each in owners.items()}
    if not info.required:
        if len(set(defaults.values())) == 1:
            notes.append(f"default {next(iter(defaults.values()))}")
        else:
            notes.append("default " + ", ".join(f"{v} for {n}" for n, v in defaults.items()))
    if len(owners) < len(methods()):
        notes.append("only " + ", ".join(owners))
    return notes


def _names_of(method_name: str, measuring: bool = False) -> set[str]:
    """Every setting that a run by this method has; an unknown method is refused."""
    groups = setting_groups(method_name, measuring=measuring)
    return {"method"} | {info.name for infos in groups.values() for info in infos}


def _names_in(group: str, method_name: str | None) -> set[str]:
    if method_name is None:
        return set()
    return {info.name for info in setting_groups(method_name).get(group, ())}


def _names(of: Iterable[Any]) -> str:
    return ", ".join(each.name for each in of)


def _flags(names: Iterable[str]) -> str:
    return ", ".join("--" + name.replace("_", "-") for name in names)


def _begin_low(text: str) -> str:
    return text[:1].lower() + text[1:].rstrip(".")
