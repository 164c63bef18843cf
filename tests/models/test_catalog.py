"""The catalog against torchvision's own builders and metadata."""

from __future__ import annotations

import pytest
import torchvision
from torchvision.models import get_model_weights, list_models

from delta_app.errors import BackboneError
from delta_app.models.catalog import backbone, backbones


def test_every_torchvision_classifier_but_the_transformers_is_there() -> None:
    transformers = ("vit_", "swin_", "maxvit")
    expected = {n for n in list_models(torchvision.models) if not n.startswith(transformers)}
    assert {b.name for b in backbones()} == expected
    assert len(expected) >= 68


def test_numbers_are_those_torchvision_publishes() -> None:
    resnet = backbone("resnet18")
    assert (resnet.parameters, resnet.input_size, resnet.top1) == (11_689_512, 224, 0.69758)
    assert (resnet.label, resnet.family) == ("ResNet-18", "ResNet")
    assert resnet.weights_file == "resnet18-f37072fd.pth"
    assert resnet.weights_url == "https://download.pytorch.org/models/resnet18-f37072fd.pth"
    assert resnet.weights_bytes == pytest.approx(46_830_571, rel=1e-4)
    assert backbone("inception_v3").input_size == 299
    assert backbone("regnet_y_128gf").input_size == 384


def test_labels_are_different_and_made_for_people() -> None:
    labels = [b.label for b in backbones()]
    assert len(set(labels)) == len(labels)
    assert not [b.name for b in backbones() if b.label == b.name]
    assert backbone("regnet_x_1_6gf").label == "RegNetX-1.6GF"
    assert backbone("vgg16_bn").label == "VGG-16 with BatchNorm"


def test_the_weights_are_torchvisions_default_ones() -> None:
    for entry in backbones():
        assert entry.weights_url == get_model_weights(entry.name).DEFAULT.url


def test_families_stand_together_and_small_networks_first() -> None:
    order = [b.family for b in backbones()]
    assert [f for i, f in enumerate(order) if i == 0 or order[i - 1] != f] == sorted(
        set(order), key=str.lower
    )
    resnets = [b.parameters for b in backbones() if b.family == "ResNet"]
    assert resnets == sorted(resnets)


@pytest.mark.parametrize("name", ["ResNet-50", "resnet5", "vit_b_16", ""])
def test_an_unknown_name_is_refused_beside_its_field(name: str) -> None:
    with pytest.raises(BackboneError, match="no backbone is called") as caught:
        backbone(name)
    assert caught.value.field == "backbone"
    if name == "ResNet-50":
        assert "resnet50" in caught.value.cure
