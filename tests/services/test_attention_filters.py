from __future__ import annotations

import torch

from delta_app.attention.by_picture import ByPicture, LayerByPicture
from delta_app.services.attention_filters import hardest_hit

NAN = float("nan")


def known(by_class: list[list[float]], errors: list[list[float]]) -> ByPicture:
    """Two filters, three classes."""
    layer = LayerByPicture(
        None,
        torch.tensor(by_class),
        torch.tensor(errors),
        torch.zeros(2, 1, dtype=torch.int32),
        torch.zeros(2, 1),
    )
    nothing = torch.zeros(0, dtype=torch.int64)
    return ByPicture({"layer1": layer}, nothing, ("ants", "bees", "wasps"), (), ("a",))


def test_the_class_whose_loss_rises_most() -> None:
    of = known([[0.1, 0.0], [0.5, -0.1], [0.25, 0.2]], [[0.1, 0.1], [0.25, 0.1], [0.1, 0.125]])
    hit = hardest_hit(of, "layer1", 0)
    assert hit is not None
    assert (hit.name, hit.rise, hit.standard_error) == ("bees", 0.5, 0.25)
    other = hardest_hit(of, "layer1", 1)
    assert other is not None
    assert (other.name, other.standard_error) == ("wasps", 0.125)


def test_a_class_without_a_measured_picture_is_passed_over() -> None:
    hit = hardest_hit(known([[NAN, 0], [0.5, 0], [0.1, 0]], [[NAN, 0]] * 3), "layer1", 0)
    assert hit is not None
    assert hit.name == "bees"


def test_no_class_is_hit_where_no_loss_rises() -> None:
    errors = [[0.1, 0.1]] * 3
    assert hardest_hit(known([[-0.1, 0], [0.0, 0], [-0.2, 0]], errors), "layer1", 0) is None
    assert hardest_hit(known([[NAN, 0]] * 3, errors), "layer1", 0) is None
