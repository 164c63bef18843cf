"""RunConfig: all that a training run needs to be had again."""

from __future__ import annotations

from typing import Any

from pydantic import Field, SerializeAsAny, ValidationError, field_validator

from delta_app.attention.authors_file import is_authors_file
from delta_app.config import AttentionSettings, DataSettings, ModelSettings, OptimizationSettings
from delta_app.errors import SettingsError
from delta_app.regularizers import MethodSettings, Variant, method, methods, variant_of
from delta_app.settings import SettingInfo, Settings, describe

ATTENTION_WORDS = ("learned", "uniform", "shuffled")
"""What DELTA's `attention` may be besides the path of a file."""

_OF_TRAIN_MODE = frozenset({"batchnorm", "dropout"})
"""Settings that do nothing in eval mode, which a network whose backbone is not trained stays in."""


class RunConfig(Settings):
    """Every setting of one training run, as config.json holds it."""

    data: DataSettings
    model: ModelSettings
    method: SerializeAsAny[MethodSettings]
    optimization: OptimizationSettings = Field(default_factory=OptimizationSettings)
    attention: AttentionSettings = Field(default_factory=AttentionSettings)

    @field_validator("method", mode="before")
    @classmethod
    def _settings_of_the_named_method(cls, value: Any) -> Any:
        if isinstance(value, dict):
            return method(str(value.get("method"))).Settings.model_validate(value)
        return value

    @property
    def variant(self) -> Variant:
        """Key, label and colour of this run's method on every chart."""
        return variant_of(self.method)

    @property
    def measures_attention(self) -> bool:
        """Whether the run needs a learned attention (its own settings group counts)."""
        return getattr(self.method, "attention", None) in ("learned", "shuffled")

    @property
    def weighs_authors_scores(self) -> bool:
        """Whether the attention is made of the importances in a file of the authors' form."""
        wanted = getattr(self.method, "attention", None)
        return isinstance(wanted, str) and wanted not in ATTENTION_WORDS and is_authors_file(wanted)

    def flat(self, *, measuring: bool = False) -> dict[str, Any]:
        """Setting name -> value, of every group that counts for this run.

        Args:
            measuring: as `setting_groups` has it.
        """
        values: dict[str, Any] = {}
        groups: tuple[Settings, ...] = (self.data, self.model, self.method, self.optimization)
        for group in groups:
            values |= group.model_dump()
        if not method(self.method.method).trains_backbone:
            values = {name: value for name, value in values.items() if name not in _OF_TRAIN_MODE}
        if self.measures_attention:
            counting = {info.name for info in attention_settings(measuring=measuring)}
            values |= self.attention.model_dump(include=counting)
        elif self.weighs_authors_scores:
            values["temperature"] = self.attention.temperature
        return values

    @classmethod
    def from_flat(cls, values: dict[str, Any]) -> RunConfig:
        """The config from setting names and values; names left out take their defaults.

        Raises:
            SettingsError: an unknown method, a setting the method does not have, or a value
                that does not fit; its field is the setting's name.
        """
        groups = setting_groups(str(values.get("method")), measuring=True)
        nested: dict[str, Any] = {group: {} for group in groups}
        where = {info.name: group for group, infos in groups.items() for info in infos}
        where["method"] = "method"
        for name, value in values.items():
            if name not in where:
                raise SettingsError(
                    f"{name} is not a setting of the method {values.get('method')}.",
                    cure="Leave it out, or choose a method that has it.",
                    field=name,
                )
            nested[where[name]][name] = value
        try:
            return cls.model_validate(nested)
        except ValidationError as error:
            raise settings_error(error) from error


def setting_groups(
    method_name: str, *, measuring: bool = False
) -> dict[str, tuple[SettingInfo, ...]]:
    """Group -> settings for a run by that method; only those that count, so that the attention
    group may be missing.

    Args:
        measuring: with those that only a run has which measures attention and trains nothing.
    """
    kind = method(method_name)
    settings = kind.Settings
    optimization = describe(OptimizationSettings)
    if not kind.trains_backbone:
        optimization = tuple(info for info in optimization if info.name not in _OF_TRAIN_MODE)
    groups = {
        "data": describe(DataSettings),
        "model": describe(ModelSettings),
        "method": describe(settings),
        "optimization": optimization,
    }
    if "attention" in settings.model_fields:
        groups["attention"] = attention_settings(measuring=measuring)
    return groups


def attention_settings(*, measuring: bool) -> tuple[SettingInfo, ...]:
    """The attention group, of a run that only measures one or of a training run."""
    return tuple(i for i in describe(AttentionSettings) if measuring or not i.measuring)


def all_settings(*, measuring: bool = False) -> dict[str, SettingInfo]:
    """Setting name -> info, over all groups and methods, for the command line's options."""
    infos: dict[str, SettingInfo] = {}
    for each in methods():
        for group in setting_groups(each.name, measuring=measuring).values():
            for info in group:
                infos.setdefault(info.name, info)
    return infos


def settings_error(error: ValidationError) -> SettingsError:
    """The first complaint of a validation as an error with its field's name and value."""
    first = error.errors()[0]
    field = str(first["loc"][-1]) if first["loc"] else None
    value = first.get("input")
    return SettingsError(
        f"{field or 'settings'}: {first['msg']}, got {value!r}.",
        cure="Correct the value.",
        field=field,
    )
