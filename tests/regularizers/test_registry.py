"""The registry from which form, command line and charts are made."""

from __future__ import annotations

import re

import pytest
import torch

from delta_app.errors import SettingsError
from delta_app.regularizers import all_variants, method, methods
from delta_app.regularizers.head import head_l2
from delta_app.settings import describe


def test_every_method_of_the_field_is_there_in_order() -> None:
    assert [m.name for m in methods()] == ["linear_probe", "l2", "l2_sp", "feature_map", "delta"]


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"'l3'.*l2_sp"):
        method("l3")


def test_every_variant_has_a_colour_of_its_own() -> None:
    variants = all_variants()
    assert len({v.color for v in variants}) == len({v.key for v in variants}) == len(variants) == 7
    assert all(re.fullmatch(r"#[0-9A-F]{6}", v.color) for v in variants)


@pytest.mark.parametrize("cls", methods(), ids=lambda m: m.name)
def test_every_setting_says_what_it_is(cls: type) -> None:
    for info in describe(cls.Settings):  # type: ignore[attr-defined]
        assert info.label
        assert len(info.help) > 20


def test_plain_l2_and_the_probe_decay_the_others_penalise() -> None:
    decay = {m.name: getattr(m.Settings(method=m.name), "weight_decay", None) for m in methods()}
    beta = {m.name: getattr(m.Settings(method=m.name), "beta", None) for m in methods()}
    assert decay == {
        "linear_probe": 1e-4, "l2": 1e-4, "l2_sp": None, "feature_map": None, "delta": None,
    }  # fmt: skip
    assert beta == {
        "linear_probe": None, "l2": None, "l2_sp": 0.01, "feature_map": 0.01, "delta": 0.01,
    }  # fmt: skip


def test_the_head_term_has_its_half_and_its_bias() -> None:
    weight, bias = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([1.0, -1.0])
    assert head_l2([weight, bias]).item() == 0.5 * (1 + 4 + 9 + 16 + 1 + 1)
