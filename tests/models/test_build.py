"""Source and target: the same starting point, a fresh head, nothing shared."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from delta_app.errors import BackboneError, WeightsError
from delta_app.models.build import build_network, build_source, build_target
from delta_app.models.construction import random_network
from delta_app.models.head import head_of
from delta_app.models.weights import backbone_digest

NAME = "shufflenet_v2_x0_5"


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 2, size: int = 64) -> torch.Tensor:
    return torch.rand(count, 3, size, size, generator=generator(9))


def test_the_source_is_frozen_and_in_eval_mode() -> None:
    source = build_source(NAME, "random")
    assert not any(m.training for m in source.model.modules())
    assert not any(p.requires_grad for p in source.model.parameters())
    assert source.backbone.name == NAME
    assert source.report.digest == source.digest == backbone_digest(source.model)
    assert "Random weights, seed 0" in source.report.summary()


def test_random_weights_depend_on_the_seed_alone() -> None:
    one, same, other = (build_source(NAME, "random", seed=s).digest for s in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_file_gives_the_very_network_it_was_saved_from(tmp_path: Path) -> None:
    theirs = torchvision.models.shufflenet_v2_x0_5().eval()
    torch.save({"state_dict": theirs.state_dict()}, tmp_path / "w.pth")
    before = torch.get_rng_state()
    source = build_source(NAME, str(tmp_path / "w.pth"))
    assert torch.equal(torch.get_rng_state(), before)
    with torch.no_grad():
        assert torch.equal(source.model(images()), theirs(images()))


def test_one_network_has_one_digest_whatever_the_file(tmp_path: Path) -> None:
    state = random_network(NAME, seed=0).state_dict()
    torch.save({f"module.{n}": t for n, t in state.items()}, tmp_path / "w.pth")
    save_file(state, tmp_path / "w.safetensors")
    digests = {build_source(NAME, str(tmp_path / f"w.{s}")).digest for s in ("pth", "safetensors")}
    assert digests == {build_source(NAME, "random", seed=0).digest}


def test_what_a_file_lacks_stays_random_by_the_seed(tmp_path: Path) -> None:
    state = {n: t + 1 for n, t in random_network(NAME, seed=0).state_dict().items()}
    lacking = "conv5.0.weight"
    torch.save({n: t for n, t in state.items() if n != lacking}, tmp_path / "w.pth")
    source = build_source(NAME, str(tmp_path / "w.pth"), seed=4)
    assert source.report.missing == (lacking,)
    made = source.model.state_dict()
    assert torch.equal(made[lacking], random_network(NAME, seed=4).state_dict()[lacking])
    assert torch.equal(made["conv1.0.weight"], state["conv1.0.weight"])
    assert source.digest != source.report.digest  # of all the backbone, and of what was loaded


@pytest.mark.slow
@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_torchvisions_files_with_auxiliary_heads_give_its_own_logits(
    name: str, tmp_path: Path
) -> None:
    # As torchvision sets them up with its pretrained weights.
    options = {"aux_logits": True, "transform_input": True, "init_weights": False}
    theirs = torchvision.models.get_model(name, weights=None, **options).eval()
    torch.save(theirs.state_dict(), tmp_path / "w.pth")
    source = build_source(name, str(tmp_path / "w.pth"))
    assert source.report.missing == ()
    assert source.report.left_over
    assert all("aux" in n.lower() for n in source.report.left_over)
    with torch.no_grad():
        assert torch.equal(source.model(images(1, 96)), theirs(images(1, 96)))


def test_the_target_starts_where_the_source_is_with_a_fresh_head() -> None:
    source = build_source(NAME, "random")
    target = build_target(source, 5, generator())
    assert target(images()).shape == (2, 5)
    assert all(p.requires_grad for p in target.parameters())
    assert backbone_digest(target) == source.digest
    assert not any(p.requires_grad for p in source.model.parameters())


def test_target_and_source_share_no_memory() -> None:
    source = build_source(NAME, "random")
    target = build_target(source, 5, generator())
    with torch.no_grad():
        for tensor in (*target.parameters(), *target.buffers()):
            tensor.add_(1)
    assert backbone_digest(source.model) == source.digest


def test_heads_are_drawn_from_the_generator_in_turn() -> None:
    source = build_source(NAME, "random")
    own = generator(3)
    first, second = (build_target(source, 5, own).fc.weight for _ in range(2))
    again = build_target(source, 5, generator(3)).fc.weight
    assert torch.equal(first, again)
    assert not torch.equal(first, second)


@pytest.mark.parametrize("name", [NAME, "mnasnet0_5", "squeezenet1_1"])
def test_a_trained_state_goes_into_a_network_built_anew(name: str, tmp_path: Path) -> None:
    target = build_target(build_source(name, "random"), 4, generator()).train()
    with torch.no_grad():
        target(images(4))  # moves the BatchNorms' statistics
    state = {n: t.contiguous() for n, t in target.state_dict().items()}
    network = build_network(name, 4)
    network.load_state_dict(state)
    assert not any(m.training for m in network.modules())
    with torch.no_grad():
        assert torch.equal(network(images()), target.eval()(images()))
    save_file(state, tmp_path / "best.safetensors")  # and a run's file starts another run
    report = build_source(name, str(tmp_path / "best.safetensors")).report
    assert report.complete
    assert all(n.startswith(head_of(network)[0]) for n in report.other_shape)


def test_errors_stand_beside_their_fields(tmp_path: Path) -> None:
    with pytest.raises(BackboneError) as unknown:
        build_source("resnet", "random")
    assert unknown.value.field == "backbone"
    with pytest.raises(WeightsError) as no_file:
        build_source(NAME, str(tmp_path / "none.pth"))
    assert no_file.value.field == "weights"


def test_default_weights_are_torchvisions_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    place = tmp_path / "hub" / "checkpoints" / "shufflenetv2_x0.5-f707e7126e.pth"
    place.parent.mkdir(parents=True)
    state = random_network(NAME, seed=6).state_dict()
    torch.save(state, place)
    source = build_source(NAME, "default")
    assert source.digest == build_source(NAME, "random", seed=6).digest
    assert str(place) in source.report.summary()


@pytest.mark.data
def test_the_unfolded_mobilenet_is_the_source_wholly(test_data: Path) -> None:
    path = test_data / "weights" / "mobilenet_v2_imagenet_unfolded.pth"
    source = build_source("mobilenet_v2", str(path))
    assert source.report.complete
    theirs = torchvision.models.mobilenet_v2()
    theirs.load_state_dict(torch.load(path, weights_only=True))  # strictly
    with torch.no_grad():
        assert torch.equal(source.model(images()), theirs.eval()(images()))
