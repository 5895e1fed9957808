"""The network in numpy answers as the one in torch does."""

import numpy as np
import pytest
import torch

from mesa_core.apply.stamping import apply
from mesa_core.store.shipped import shipped_weights
from mesa_core.victims import weights
from mesa_core.victims.architectures import build
from mesa_core.victims.images import Normalise
from mesa_core.victims.numpy_resnet9 import NumpyNet, _folded, stamped

MEAN, STD = [0.45, 0.44, 0.46], [0.2, 0.21, 0.22]


@pytest.fixture(scope="module")
def path():
    return shipped_weights("signs", "resnet9-16")


def answers(path, images):
    model = weights.load_into(build("resnet9-16", 10), weights.read(path)).eval()
    with torch.no_grad():
        return model(Normalise(tuple(MEAN), tuple(STD)).images(images)).softmax(1).numpy()


def test_numpy_and_torch_agree(path, tiny_signs):
    images = tiny_signs.test.images[:40]
    ours = NumpyNet.read(path, MEAN, STD).probabilities(images.numpy())
    theirs = answers(path, images)
    assert np.abs(ours - theirs).max() < 1e-3
    assert np.abs(ours - answers(path, images.flip(3))).max() > 0.05  # other images would be noticed


def test_both_stamp_alike(tiny_signs):
    images, draw = tiny_signs.test.images[:20], np.random.default_rng(0)
    trigger, places = np.float32(draw.random((3, 3, 3)).round()), draw.integers(0, 30, (20, 2))
    ours = stamped(images.numpy(), trigger, places)
    theirs = apply(images.float(), torch.from_numpy(trigger)[None] * 255, torch.from_numpy(places))
    assert (ours == theirs.numpy()).all()
    assert (ours != images.numpy()).any()


@pytest.mark.parametrize("content", [b"", b"no weights", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_damaged_file_is_one_sentence(tmp_path, content):
    (tmp_path / "x.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match="does not hold the weights"):
        NumpyNet.read(tmp_path / "x.safetensors", MEAN, STD)


def test_a_channel_that_never_varied_is_divided_by_the_root_of_a_hundred_thousandth():
    state = {f"x.norm.{name}": np.array([value]) for name, value in
             {"weight": 2.0, "bias": 0.5, "running_mean": 3.0, "running_var": 0.0}.items()}  # fmt: skip
    weight, bias = _folded({**state, "x.conv.weight": np.ones((1, 1, 3, 3))}, "x")
    assert weight == pytest.approx(np.full((1, 9), 2 / 1e-5**0.5))
    assert bias == pytest.approx([0.5 - 3 * 2 / 1e-5**0.5])
