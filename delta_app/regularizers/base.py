"""What every method is: a small object that names its penalties for one step.

The training loop minimises CE + alpha * backbone term + beta * head term and records every
term. A method is one file in this package: a settings model and a `Regularizer` subclass with
`@register`. Nothing else changes: form, command line and charts read the registry.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from torch import Tensor, nn

from delta_app.errors import SettingsError
from delta_app.settings import Settings


class MethodSettings(Settings):
    """Base of a method's settings; each subclass names its method."""

    method: str


@dataclass(frozen=True)
class Variant:
    """How a method with these settings is called and coloured on every chart."""

    key: str
    label: str
    color: str


@dataclass(frozen=True)
class Penalised:
    """What one step offers to penalise.

    Attributes:
        target: the network being fine-tuned.
        starting_point: the source's parameters by name, without the head's.
        head: the head's parameters.
        source_features, target_features: feature maps of the behaviour layers by name,
            each (N, C, H, W); empty for a method that compares none.
        batch_size: pictures of the whole batch, where the maps are those of a part of it; None
            where they are all there.
    """

    target: nn.Module
    starting_point: Mapping[str, Tensor] = field(default_factory=dict)
    head: Sequence[Tensor] = ()
    source_features: Mapping[str, Tensor] = field(default_factory=dict)
    target_features: Mapping[str, Tensor] = field(default_factory=dict)
    batch_size: int | None = None

    @property
    def pictures(self) -> int:
        """How many pictures the whole batch has."""
        return self.batch_size or next(iter(self.target_features.values())).shape[0]


class Regularizer(ABC):
    """One method. Subclasses set the class attributes and override the terms they have.

    Attributes:
        name: how the command line and the store call it.
        order: where it stands among the methods on the screen.
        compares_feature_maps: whether the step must run the source network.
        uses_attention: whether `attention` is needed to build it.
        trains_backbone: False for the linear probe.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str]
    color: ClassVar[str]
    order: ClassVar[int]
    Settings: ClassVar[type[MethodSettings]]
    compares_feature_maps: ClassVar[bool] = False
    trains_backbone: ClassVar[bool] = True

    def __init__(self, settings: Any, attention: Mapping[str, Tensor] | None = None) -> None:
        self.settings = settings
        self.attention = attention

    @classmethod
    def variant(cls, settings: Any) -> Variant:
        """Key, label and colour of this method with these settings."""
        return Variant(cls.name, cls.label, cls.color)

    @classmethod
    def variants(cls) -> tuple[Variant, ...]:
        """Every variant this method can have, for legends and filters."""
        return (Variant(cls.name, cls.label, cls.color),)

    @property
    def alpha(self) -> float:
        return float(getattr(self.settings, "alpha", 0.0))

    @property
    def beta(self) -> float:
        return float(getattr(self.settings, "beta", 0.0))

    @property
    def weight_decay(self) -> float:
        """The optimizer's weight decay; zero where the terms take its place."""
        return float(getattr(self.settings, "weight_decay", 0.0))

    def backbone_term(self, step: Penalised) -> Tensor | None:
        """Omega_backbone, unweighted, a float32 scalar; None where the method has none.

        Of a method that compares feature maps it is a sum over pictures: over the parts of a
        batch it adds up to the batch's, `step.batch_size` telling how large that is. Of any other
        it hangs on parameters alone, and is asked for once a batch.
        """
        return None

    def head_term(self, step: Penalised) -> Tensor | None:
        """Omega_head, unweighted, a float32 scalar; None where the method has none.

        It hangs on parameters alone, and is asked for once a batch.
        """
        return None


_METHODS: dict[str, type[Regularizer]] = {}


def register(cls: type[Regularizer]) -> type[Regularizer]:
    """Class decorator: make a method known under its name."""
    if cls.name in _METHODS:
        raise ValueError(f"two methods are called {cls.name!r}")
    _METHODS[cls.name] = cls
    return cls


def methods() -> tuple[type[Regularizer], ...]:
    """All methods, in the order of the screen."""
    return tuple(sorted(_METHODS.values(), key=lambda m: m.order))


def method(name: str) -> type[Regularizer]:
    """The method of that name.

    Raises:
        SettingsError: no method is called so.
    """
    try:
        return _METHODS[name]
    except KeyError:
        raise SettingsError(
            f"no method is called {name!r}.",
            cure=f"Choose one of {', '.join(m.name for m in methods())}.",
            field="method",
        ) from None


def variant_of(settings: MethodSettings) -> Variant:
    """Key, label and colour of a method with these settings."""
    return method(settings.method).variant(settings)


def all_variants() -> tuple[Variant, ...]:
    """Every variant of every method, in the order of the screen."""
    return tuple(v for m in methods() for v in m.variants())
