"""From what stands in the form to settings, and back from a run's settings to the form."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from delta_app.models.weights import WEIGHTS_WORDS
from delta_app.settings import SettingInfo
from delta_app.training.devices import resolve_device
from delta_app.training.run_config import ATTENTION_WORDS, RunConfig, setting_groups
from delta_app.ui.session import FormState
from delta_app.ui.settings_form import parsed

FIRST_METHOD = "delta"
FIRST_BACKBONES = {"cpu": "mobilenet_v2"}
"""What is chosen at first by kind of device; else the authors' ResNet-50."""

FILE = "file"
"""The choice that a path is given instead of a word; the path stands under its own key."""

WORDS = {"weights": WEIGHTS_WORDS, "attention": ATTENTION_WORDS}


def form() -> FormState:
    """The page's form, kept while the person looks at other pages."""
    return FormState("fine-tune")


def chosen_method(state: FormState) -> str:
    """The name of the method that the form stands on."""
    return str(state.current("method") or FIRST_METHOD)


def scope_of(group: str, method: str) -> str:
    """What stands before a setting's key: alpha is another thing for each method."""
    return f"{method}." if group == "method" else ""


@lru_cache(maxsize=1)
def first_backbone() -> str:
    """A backbone that this machine trains in reasonable time."""
    return FIRST_BACKBONES.get(resolve_device("auto").type, "resnet50")


def layers_key(backbone: object) -> str:
    """Where the chosen behaviour layers stand: each backbone has its own names."""
    return f"{backbone}.behaviour_layers"


def flat_values(state: FormState, *, measuring: bool = False) -> dict[str, Any]:
    """Setting name -> value, as the form stands now, even before its widgets are drawn.

    Args:
        measuring: as `setting_groups` has it.
    """
    method = chosen_method(state)
    values: dict[str, Any] = {"method": method}
    for group, infos in setting_groups(method, measuring=measuring).items():
        for info in infos:
            values[info.name] = _value(state, scope_of(group, method), info)
    layers = state.current(layers_key(values["backbone"]))
    values["behaviour_layers"] = tuple(layers) if layers else None
    return values


def _value(state: FormState, scope: str, info: SettingInfo) -> Any:
    key = scope + info.name
    if info.name in WORDS:
        word = state.current(f"{key}:from", info.default)
        return str(state.current(f"{key}:{FILE}") or "").strip() if word == FILE else word
    first = first_backbone() if info.name == "backbone" else info.default
    value = state.current(key, first)
    return parsed(info, value)


def fill_from(state: FormState, config: RunConfig, *, measuring: bool = False) -> None:
    """Fill the form in from a run's settings, for a run with changes.

    Args:
        measuring: as `setting_groups` has it.
    """
    method = config.method.method
    values: dict[str, Any] = {"method": method}
    flat = config.flat(measuring=measuring)
    groups = setting_groups(method, measuring=measuring)
    for group, infos in groups.items():
        for info in infos:
            if info.name not in flat:
                continue
            key = scope_of(group, method) + info.name
            value = flat[info.name]
            if info.name in WORDS:
                is_word = value in WORDS[info.name]
                values[f"{key}:from"] = value if is_word else FILE
                values[f"{key}:{FILE}"] = "" if is_word else value
            elif info.name == "behaviour_layers":
                values[layers_key(flat["backbone"])] = list(value or ())
            else:
                values[key] = value
    state.fill(values)
