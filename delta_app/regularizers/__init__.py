"""The methods, one a file; importing the package registers them all."""

from importlib import import_module
from pkgutil import iter_modules

from delta_app.regularizers.base import (
    MethodSettings,
    Penalised,
    Regularizer,
    Variant,
    all_variants,
    method,
    methods,
    variant_of,
)

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = [
    "MethodSettings",
    "Penalised",
    "Regularizer",
    "Variant",
    "all_variants",
    "method",
    "methods",
    "variant_of",
]
