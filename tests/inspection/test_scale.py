from __future__ import annotations

import pytest
import torch

from delta_app.inspection.scale import Scale, centred_scale, shared_scale

MAPS = [torch.tensor([[1.0, 4.0]]), torch.tensor([[2.0, 9.0]])]


def test_one_scale_holds_all_maps() -> None:
    assert shared_scale(MAPS) == Scale(1.0, 9.0)


def test_a_scale_from_zero_starts_there() -> None:
    assert shared_scale(MAPS, from_zero=True) == Scale(0.0, 9.0)


def test_zero_stands_in_the_middle_of_a_centred_scale() -> None:
    scale = centred_scale([torch.tensor([-3.0, 1.0]), torch.tensor([2.0])])
    assert scale == Scale(-3.0, 3.0)
    assert float(scale.positions(torch.tensor(0.0))) == 0.5


def test_positions_are_cut_off_at_both_ends() -> None:
    positions = Scale(2.0, 4.0).positions(torch.tensor([1.0, 2.0, 3.0, 9.0]))
    assert positions.tolist() == [0.0, 0.0, 0.5, 1.0]


def test_a_map_of_one_value_is_shown_as_nothing() -> None:
    flat = torch.full((2, 2), 7.0)
    assert shared_scale([flat]).positions(flat).tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(value) -> None:
    with pytest.raises(ValueError, match="not finite"):
        shared_scale([torch.tensor([1.0, value])])


def test_no_map_has_no_scale() -> None:
    with pytest.raises(ValueError, match="at least one map"):
        centred_scale([])
