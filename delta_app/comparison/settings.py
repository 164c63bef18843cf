"""Settings of several runs side by side, and exactly those that differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from delta_app.regularizers import method
from delta_app.settings import SettingInfo, Settings
from delta_app.training.run_config import RunConfig, all_settings

ABSENT = "–"
"""What stands where a run's method has no such setting."""

NOT_SET = "not set"
"""What stands for a setting left empty."""


@dataclass(frozen=True)
class SettingRow:
    """One setting in every run, in the runs' order.

    Attributes:
        values: as they are read on the screen; ABSENT where the run has no such setting.
        differs: whether not all runs have it with one and the same value.
    """

    name: str
    label: str
    values: tuple[str, ...]
    differs: bool


def setting_rows(configs: Sequence[RunConfig]) -> tuple[SettingRow, ...]:
    """Every setting that counts for at least one of the runs: method first, then by group.

    The settings of the attention's measurement count only for runs that measure one; its
    temperature also for runs that make it of an authors' file.
    """
    flat = [config.flat() for config in configs]
    infos = all_settings()
    return tuple(
        SettingRow(
            name=name,
            label=infos[name].label if name in infos else name.capitalize(),
            values=tuple(_said(name, infos.get(name), values) for values in flat),
            differs=_differs(name, flat),
        )
        for name in _names(configs)
    )


def differing(rows: Sequence[SettingRow]) -> tuple[SettingRow, ...]:
    """Only those that differ; first what all runs have, then what only some methods have."""
    return tuple(sorted((row for row in rows if row.differs), key=lambda r: ABSENT in r.values))


def _differs(name: str, flat: Sequence[dict[str, Any]]) -> bool:
    first = flat[0].get(name, ABSENT)
    return any(values.get(name, ABSENT) != first for values in flat)


def _names(configs: Sequence[RunConfig]) -> list[str]:
    """Names of settings, each once: group by group, runs in order within a group."""
    names: dict[str, None] = {}
    for group in ("method", "data", "model", "optimization", "attention"):
        for config in configs:
            counting = config.flat()
            settings: Settings = getattr(config, group)
            names |= dict.fromkeys(n for n in type(settings).model_fields if n in counting)
    return list(names)


def _said(name: str, info: SettingInfo | None, values: dict[str, Any]) -> str:
    if name not in values:
        return ABSENT
    value = values[name]
    if name == "method":
        return method(value).label
    if value is None:
        return NOT_SET
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (tuple, list)):
        return ", ".join(map(str, value))
    text = f"{value:g}" if isinstance(value, float) else str(value)
    if info is None:
        return text
    text = info.choice_labels.get(text, text)
    return f"{text} {info.unit}".rstrip()
