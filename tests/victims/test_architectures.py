import numpy as np
import pytest
import torch

from mesa_core.victims import weights
from mesa_core.victims.architectures import build, frozen
from mesa_core.victims.names import ARCHITECTURES


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_shape_and_a_gradient_to_every_parameter(name):
    model = build(name, 7)
    logits = model(torch.randn(2, 3, 32, 32))
    assert logits.shape == (2, 7)
    logits.square().sum().backward()
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())


@pytest.mark.parametrize("name", ["resnet9-16", "resnet18", "preact-resnet18"])
def test_folding_changes_nothing_but_rounding(name):
    torch.manual_seed(0)
    model = build(name)
    for _ in range(2):
        model(torch.randn(8, 3, 32, 32))  # running statistics that differ from the initial ones
    x = torch.randn(2, 3, 32, 32)
    assert torch.allclose(model.eval()(x), frozen(model)(x), atol=1e-3)


def test_an_unknown_name_is_refused():
    with pytest.raises(ValueError, match="resnet9-16"):
        build("vgg")


@pytest.mark.parametrize("nested", [None, "model", "state_dict"])
def test_brought_checkpoints_load_plain_or_nested(tmp_path, nested):
    model = build("resnet9-16")
    state = model.state_dict()
    torch.save({nested: state} if nested else state, tmp_path / "a.pt")
    other = weights.load_into(build("resnet9-16"), weights.read(tmp_path / "a.pt"))
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), other.state_dict().values(), strict=True))


class Evil:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_a_pickle_that_would_run_code_is_refused(tmp_path):
    torch.save({"model": Evil(str(tmp_path / "ran"))}, tmp_path / "evil.pt")
    with pytest.raises(weights.WeightsError, match="code"):
        weights.read(tmp_path / "evil.pt")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["a.pt", "a.safetensors"])
def test_a_damaged_file_is_one_sentence(tmp_path, name):
    (tmp_path / name).write_bytes(b"not weights at all")
    with pytest.raises(weights.WeightsError) as caught:
        weights.read(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_weights_of_another_architecture_are_refused():
    with pytest.raises(weights.WeightsError, match="fit"):
        weights.load_into(build("resnet9-16"), build("resnet9-32").state_dict())


def test_a_checkpoint_with_arrays_and_numbers_beside_it_loads(tmp_path):
    """As BackdoorBench writes its results: numpy arrays beside the state dict."""
    model = build("preact-resnet18")
    beside = {
        "model_name": "preactresnet18",
        "num_classes": 10,
        "model": model.state_dict(),
        "acc": np.float64(0.9),
        "bd_train": {
            "original_index_array": np.arange(5),
            "poison_indicator": np.zeros(5, bool),
            "names": np.array("a"),
        },
    }
    torch.save(beside, tmp_path / "attack_result.pt")
    other = weights.load_into(build("preact-resnet18"), weights.read(tmp_path / "attack_result.pt"))
    assert torch.equal(model.linear.weight, other.linear.weight)


def test_safetensors_under_another_name_load(tmp_path):
    model = build("resnet9-16")
    weights.save(model, tmp_path / "a.safetensors")
    (tmp_path / "a.safetensors").rename(tmp_path / "a.bin")
    assert set(weights.read(tmp_path / "a.bin")) == set(model.state_dict())
