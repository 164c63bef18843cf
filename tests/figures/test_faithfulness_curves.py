from __future__ import annotations

import pytest
import torch

from delta_app.attention.faithfulness import Curve, LayerFaithfulness
from delta_app.figures.base import QUIET
from delta_app.figures.faithfulness_curves import faithfulness_curves


def curve(*loss: float) -> Curve:
    """Its accuracy falls by as much as the loss rises, a tenth of it."""
    values = torch.tensor(loss, dtype=torch.float64)
    return Curve(values, 1 - values / 10)


FOUND = LayerFaithfulness(
    shares=torch.tensor([0, 0.25, 1], dtype=torch.float64),
    most=curve(0.5, 2, 3),
    least=curve(0.5, 0.4, 3),
    random=(curve(0.5, 1, 3), curve(0.5, 1.5, 3), curve(0.5, 0.8, 3)),
)


def test_the_order_stands_in_the_methods_colour_least_first_dashed() -> None:
    _, _, least, most = faithfulness_curves("layer1", FOUND, "#123456").data
    assert list(most.x) == list(least.x) == [0, 25, 100]
    assert (list(most.y), list(least.y)) == ([0.5, 2, 3], [0.5, 0.4, 3])
    assert (most.line.color, least.line.color) == ("#123456", "#123456")
    assert (most.line.dash, least.line.dash) == (None, "dash")
    assert (most.name, least.name) == ("Most important first", "Least important first")


def test_random_orders_are_a_grey_band_from_lowest_to_highest_with_their_mean() -> None:
    band, mean, *_ = faithfulness_curves("layer1", FOUND, "#123456").data
    assert list(band.x) == [0, 25, 100, 100, 25, 0]
    assert list(band.y) == [0.5, 0.8, 3, 3, 1.5, 0.5]
    assert band.fill == "toself"
    assert list(mean.y) == pytest.approx([0.5, 1.1, 3])
    assert mean.line.color == QUIET


def test_axes_are_named_with_their_units() -> None:
    loss = faithfulness_curves("layer1", FOUND, "#123456").layout
    assert loss.xaxis.title.text == "Filters disabled (%)"
    assert loss.yaxis.title.text == "Cross-entropy (nats)"
    assert loss.title.text == "layer1"
    accuracy = faithfulness_curves("layer1", FOUND, "#123456", quantity="accuracy")
    assert accuracy.layout.yaxis.title.text == "Top-1 accuracy (%)"
    assert list(accuracy.data[-1].y) == pytest.approx([95, 80, 70])
    assert list(accuracy.data[0].y) == pytest.approx([95, 85, 70, 70, 92, 95])


def test_zoom_is_kept_for_each_layer_and_quantity_apart() -> None:
    kept = {
        faithfulness_curves(layer, FOUND, "#123456", quantity=quantity).layout.uirevision
        for layer in ("a", "b")
        for quantity in ("loss", "accuracy")
    }
    assert len(kept) == 4


def test_names_beneath_half_a_page_are_short_and_three() -> None:
    figure = faithfulness_curves("layer1", FOUND, "#123456", narrow=True)
    named = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert named == ["Random", "Least first", "Most first"]
