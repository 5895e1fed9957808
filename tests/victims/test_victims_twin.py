"""Networks, their training, their images and files against the same written out in plain steps."""

import io
import json
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mesa_core.victims import clean, devices, numpy_resnet9, weights
from mesa_core.victims import images as im
from mesa_core.victims.architectures import ConvNorm, ResNet9, ResNet18, build, frozen
from mesa_core.victims.devices import Compute
from mesa_core.victims.images import Normalise
from mesa_core.victims.training import CLEAN, Recipe, Trainer
from mesa_core.victims.victim import Victim

NORMALISE = Normalise((0.4, 0.5, 0.3), (0.2, 0.25, 0.5))


def awake(model):
    """With statistics and scales that leave no layer silent or trivial."""
    torch.manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5), nn.init.uniform_(module.bias, -0.3, 0.3)
            nn.init.uniform_(module.running_mean, -0.3, 0.3), nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.eval()


def conv(x, state, name, stride=1, padding=1):
    return F.conv2d(x, state[f"{name}.weight"], None, stride, padding)


def norm(x, state, name):
    mean, var, weight, bias = (state[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias"))
    shape = (1, -1, 1, 1)
    return (x - mean.view(shape)) / (var.view(shape) + 1e-5).sqrt() * weight.view(shape) + bias.view(shape)


# -- networks
@pytest.mark.parametrize("width", [16, 32])
def test_a_resnet9_in_plain_steps(width):
    model = awake(build(f"resnet9-{width}", 7))
    state, x = model.state_dict(), torch.randn(2, 3, 32, 32)
    assert [model.state_dict()[f"{n}.conv.weight"].shape[0] // width for n in numpy_resnet9.CONVOLUTIONS] == [
        1,
        2,
        2,
        2,
        4,
        8,
        8,
        8,
    ]
    block = lambda x, name: F.relu(norm(conv(x, state, f"{name}.conv"), state, f"{name}.norm"))
    h = F.max_pool2d(block(block(x, "prep"), "layer1"), 2)
    h = h + block(block(h, "res1.0"), "res1.1")
    h = F.max_pool2d(block(h, "layer2"), 2)
    h = F.max_pool2d(block(h, "layer3"), 2)
    h = h + block(block(h, "res3.0"), "res3.1")
    wanted = h.amax((2, 3)) @ state["linear.weight"].T + state["linear.bias"]
    assert wanted.shape == (2, 7)
    assert torch.allclose(model(x), wanted, atol=1e-4)
    assert ResNet9().linear.weight.shape == (10, 256)
    assert build("resnet9-16").linear.out_features == 10


STRIDES = {"layer1": 1, "layer2": 2, "layer3": 2, "layer4": 2}


def test_a_resnet18_in_plain_steps():
    model = awake(build("resnet18", 5))
    state, x = model.state_dict(), torch.randn(2, 3, 32, 32)
    h = F.relu(norm(conv(x, state, "conv1"), state, "bn1"))
    for layer, stride in STRIDES.items():
        for number in (0, 1):
            name, step = f"{layer}.{number}", stride if number == 0 else 1
            out = F.relu(norm(conv(h, state, f"{name}.conv1", step), state, f"{name}.bn1"))
            out = norm(conv(out, state, f"{name}.conv2"), state, f"{name}.bn2")
            if f"{name}.shortcut.0.weight" in state:
                h = norm(conv(h, state, f"{name}.shortcut.0", step, 0), state, f"{name}.shortcut.1")
            h = F.relu(out + h)
    assert h.shape == (2, 512, 4, 4)
    wanted = h.mean((2, 3)) @ state["linear.weight"].T + state["linear.bias"]
    assert torch.allclose(model(x), wanted, atol=1e-4)
    assert sum(f"{layer}.0.shortcut.0.weight" in state for layer in STRIDES) == 3
    assert not any("1.shortcut" in name for name in state)


def test_a_preact_resnet18_in_plain_steps():
    model = awake(build("preact-resnet18", 5))
    state, x = model.state_dict(), torch.randn(2, 3, 32, 32)
    h = conv(x, state, "conv1")
    for layer, stride in STRIDES.items():
        for number in (0, 1):
            name, step = f"{layer}.{number}", stride if number == 0 else 1
            ready = F.relu(norm(h, state, f"{name}.bn1"))
            out = F.relu(norm(conv(ready, state, f"{name}.conv1", step), state, f"{name}.bn2"))
            out = conv(out, state, f"{name}.conv2")
            short = f"{name}.shortcut.0"
            h = out + (conv(ready, state, short, step, 0) if f"{short}.weight" in state else h)
    wanted = h.mean((2, 3)) @ state["linear.weight"].T + state["linear.bias"]
    assert torch.allclose(model(x), wanted, atol=1e-4)
    assert sum(f"{layer}.0.shortcut.0.weight" in state for layer in STRIDES) == 3
    assert "bn1.weight" not in state


def test_no_bias_goes_unseen_and_widths_double():
    assert ConvNorm(3, 4).conv.bias is None
    shapes = {k: tuple(v.shape) for k, v in build("resnet18").state_dict().items() if "conv" in k}
    assert shapes["conv1.weight"] == (64, 3, 3, 3)
    assert [shapes[f"{layer}.1.conv2.weight"][0] for layer in STRIDES] == [64, 128, 256, 512]
    small = ResNet18(3, type(build("preact-resnet18").layer1[0]), width=8)
    assert small.linear.in_features == 64
    for name in ("resnet18", "preact-resnet18", "resnet9-16"):
        biases = [k for k, m in build(name).named_modules() if isinstance(m, nn.Conv2d) and m.bias is not None]
        assert not biases


@pytest.mark.parametrize("name", ["resnet9-16", "resnet18", "preact-resnet18"])
def test_a_frozen_copy_is_folded_still_and_leaves_its_model_alone(name):
    model = awake(build(name)).train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    still = frozen(model, memory_format=torch.channels_last)
    assert not still.training
    assert not any(p.requires_grad for p in still.parameters())
    left = {n for n, m in still.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert left == ({f"{layer}.{i}.bn1" for layer in STRIDES for i in (0, 1)} if "preact" in name else set())
    assert model.training
    assert all(p.requires_grad for p in model.parameters())
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    x = torch.randn(2, 3, 32, 32)
    assert torch.allclose(still(x), model.eval()(x), atol=1e-3)
    first = next(m for m in still.modules() if isinstance(m, nn.Conv2d) and m.in_channels > 4)
    assert first.weight.is_contiguous(memory_format=torch.channels_last)
    half = frozen(model, torch.bfloat16)
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}
    assert {p.dtype for p in frozen(model).parameters()} == {torch.float32}


# -- images
def test_images_and_triggers_come_to_the_same_units():
    pictures = torch.randint(0, 256, (4, 3, 5, 5), dtype=torch.uint8)
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.4, 0.5, 0.3), (0.2, 0.25, 0.5)))
    wanted = (pictures / 255 - mean) / std
    assert torch.allclose(NORMALISE.images(pictures), wanted, atol=1e-5)
    assert torch.allclose(NORMALISE.triggers(pictures / 255), wanted, atol=1e-5)


def test_crops_reflect_the_border_and_half_are_mirrored():
    pictures = torch.randint(0, 256, (6, 3, 8, 8), dtype=torch.uint8)
    padded = im.pad_for_crops(pictures, 2)
    reflected = F.pad(pictures.float(), (2, 2, 2, 2), mode="reflect").to(torch.uint8)
    assert torch.equal(padded, reflected.permute(0, 2, 3, 1))
    assert im.pad_for_crops(pictures).shape == (6, 16, 16, 3)
    index = torch.arange(600) % 6
    found = im.crop_and_flip(padded, index, (8, 8), torch.Generator().manual_seed(3))
    draw = torch.Generator().manual_seed(3)
    corner, flip = torch.randint(5, (2, 600), generator=draw), torch.randint(2, (600,), generator=draw)
    for i in range(600):
        row, column = corner[:, i].tolist()
        crop = reflected[index[i], :, row : row + 8, column : column + 8]
        assert torch.equal(found[i], crop.flip(2) if flip[i] else crop)
    assert 0.4 < flip.float().mean() < 0.6
    assert corner.max() == 4


def test_many_images_are_padded_as_few():
    pictures = torch.randint(0, 256, (5003, 3, 5, 5), dtype=torch.uint8)
    padded = im.pad_for_crops(pictures, 1)
    assert len(padded) == 5003
    assert torch.equal(padded[5001], im.pad_for_crops(pictures[5001:5002], 1)[0])


# -- training
def test_steps_and_rates_of_recipes():
    assert Recipe(0.1, 16, 2.0).steps(100) == 12
    assert Recipe(0.1, 16, 0.0).steps(100) == 0
    assert Recipe(0.1, 16, 0.001).steps(100) == 1
    cycle = Recipe(0.2, 16, 2.0, "cycle")
    assert [cycle.rate(s, 10) for s in (0, 1, 2, 6, 10)] == pytest.approx([0, 0.1, 0.2, 0.1, 0])
    assert Recipe(0.2, 16, 2.0, "linear").rate(3, 10) == pytest.approx(0.14)
    assert Recipe(0.2, 16, 2.0).rate(3, 10) == 0.2
    assert (CLEAN.lr, CLEAN.batch, CLEAN.schedule, CLEAN.weight_decay, CLEAN.nesterov) == (
        0.2,
        128,
        "cycle",
        5e-4,
        True,
    )
    assert CLEAN.epochs == 12
    assert Recipe(0.1, 16, 2.0) == Recipe(0.1, 16, 2.0, "constant", 0.0, False, True)
    assert clean.clean_recipe(7.0) == Recipe(0.2, 128, 7.0, "cycle", 5e-4, True, True)


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        self.weight = nn.Parameter(0.1 * torch.randn(3 * 64, 3, generator=draw))

    def forward(self, x):
        return x.flatten(1) @ self.weight


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize(("nesterov", "decay"), [(False, 0.0), (True, 0.01)])
def test_training_in_plain_steps(augment, nesterov, decay):
    draw = torch.Generator().manual_seed(2)
    pictures = torch.randint(0, 256, (10, 3, 8, 8), dtype=torch.uint8, generator=draw)
    labels = torch.arange(10) % 3
    recipe = Recipe(0.05, 4, 2.0, "linear", decay, nesterov, augment)

    def stamp(batch, wanted, generator):
        assert generator is made.generator
        return torch.cat([batch[:1] * 0 + 1, batch[1:]]), torch.cat([torch.tensor([2]), wanted[1:]]), 1

    made = Trainer(Victim(Flat(), NORMALISE), pictures, labels, recipe, 5, stamp)
    found = list(made)
    twin, host = Flat(), torch.Generator().manual_seed(5)
    sgd = torch.optim.SGD(twin.parameters(), 0.05, momentum=0.9, nesterov=nesterov, weight_decay=decay)
    order, padded = [], im.pad_for_crops(pictures)
    for step in range(5):
        if len(order) < 4:
            order = torch.randperm(10, generator=host).tolist()
        index, order = torch.tensor(order[:4]), order[4:]
        batch = im.crop_and_flip(padded, index, (8, 8), host) if augment else pictures[index]
        batch, wanted = NORMALISE.images(batch), labels[index].clone()
        batch[0], wanted[0] = 1, 2
        sgd.param_groups[0]["lr"] = 0.05 * (1 - step / 5)
        logits = twin(batch)
        loss = -logits.log_softmax(1)[torch.arange(4), wanted].mean()
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        assert found[step].loss.item() == pytest.approx(loss.item(), abs=1e-5)
        assert (found[step].done, found[step].total, found[step].stamped) == (step + 1, 5, 1)
        assert int(found[step].stamped_as_wanted) == int(logits[0].argmax() == 2)
    assert len(found) == 5
    assert torch.allclose(made.model.weight, twin.weight, atol=1e-5)
    assert not found[0].loss.requires_grad


def test_a_batch_larger_than_the_set_takes_images_as_often_as_each_other():
    pictures, labels = torch.zeros(5, 3, 8, 8, dtype=torch.uint8), torch.zeros(5, dtype=torch.int64)
    made = Trainer(Victim(Flat(), NORMALISE), pictures, labels, Recipe(0.1, 12, 9.0), 0)
    index = made._next_indices()
    assert len(index) == 12
    assert len(made.order) == 3
    assert all(2 <= int((index == i).sum()) <= 3 for i in range(5))


def test_without_a_stamp_nothing_is_stamped_and_evaluation_between_steps_does_no_harm():
    pictures, labels = torch.randint(0, 256, (8, 3, 8, 8), dtype=torch.uint8), torch.arange(8) % 3
    made = Trainer(Victim(Flat(), NORMALISE), pictures, labels, Recipe(0.1, 4, 1.0), 0)
    for step in made:
        assert made.model.training
        assert (step.stamped, int(step.stamped_as_wanted)) == (0, 0)
        made.model.eval()


def test_cooling_falls_from_the_rate_of_its_moment():
    made = Trainer(
        Victim(Flat(), NORMALISE), torch.zeros(20, 3, 8, 8, dtype=torch.uint8), torch.zeros(20).long(),
        Recipe(0.1, 4, 4.0, "linear"), 0,
    )  # fmt: skip
    rates = []
    for step in made:
        rates.append(made.optimiser.param_groups[0]["lr"])
        if step.done == 10:
            made.cool(5)
    assert rates == pytest.approx([0.1 * (1 - i / 20) for i in range(10)] + [0.05 * (1 - i / 5) for i in range(5)])


# -- files
def test_half_precision_is_for_floats_alone_and_words_are_kept(tmp_path):
    model = build("resnet9-16")
    weights.save(model, tmp_path / "half.safetensors", half=True, metadata={"victim": "resnet9-16"})
    weights.save(model, tmp_path / "whole.safetensors")
    half, whole = (weights.read(tmp_path / f"{name}.safetensors") for name in ("half", "whole"))
    for name, value in model.state_dict().items():
        assert torch.equal(whole[name], value)
        assert half[name].dtype == value.dtype, "read as float32, and counts as counts"
        assert torch.equal(half[name], value.half().float() if value.is_floating_point() else value)
    assert not torch.equal(half["linear.weight"], whole["linear.weight"])
    head = (tmp_path / "half.safetensors").read_bytes()
    length = int.from_bytes(head[:8], "little")
    assert json.loads(head[8 : 8 + length])["__metadata__"] == {"victim": "resnet9-16"}


def test_names_of_parallel_training_are_shortened_and_four_wraps_are_opened(tmp_path):
    state = {f"module.{k}": v for k, v in build("resnet9-16").state_dict().items()}
    for depth, wraps in enumerate((["model"], ["net", "netC"], ["weights", "state_dict", "model_state_dict"])):
        inner = state
        for name in wraps:
            inner = {name: inner, "epoch": 3}
        torch.save(inner, tmp_path / f"{depth}.pt")
        assert set(weights.read(tmp_path / f"{depth}.pt")) == set(build("resnet9-16").state_dict())
    deep = state
    for name in ("model", "net", "netC", "weights", "state_dict"):
        deep = {name: deep}
    torch.save({"other": state, "epoch": 3}, tmp_path / "other.pt")  # whatever it is called, if nothing else can be it
    assert set(weights.read(tmp_path / "other.pt")) == set(build("resnet9-16").state_dict())
    for number, nonsense in enumerate((deep, {}, {"model": 3}, [1, 2], {"other": [state]})):
        torch.save(nonsense, tmp_path / f"bad-{number}.pt")
        with pytest.raises(weights.WeightsError, match="holds no state dict"):
            weights.read(tmp_path / f"bad-{number}.pt")
    with pytest.raises(weights.WeightsError, match="There is no weights file"):
        weights.read(tmp_path / "absent.pt")


def test_what_does_not_fit_is_counted_and_named():
    model, state = build("resnet9-16"), build("resnet9-16").state_dict()
    less = {k: v for k, v in state.items() if k not in ("linear.weight", "linear.bias")}
    other = {**state, "linear.weight": torch.zeros(3, 128), "more.weight": torch.zeros(1)}
    for given, said in (
        (less, r"2 weights missing, 0 unknown, 0 of another shape \(first: linear.weight\)"),
        (other, r"0 weights missing, 1 unknown, 1 of another shape \(first: linear.weight\)"),
        ({**state, "more.weight": torch.zeros(1)}, r"0 weights missing, 1 unknown, 0 of another shape \(first: more"),
    ):
        with pytest.raises(weights.WeightsError, match=said):
            weights.load_into(model, given)
    counts = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    assert torch.equal(weights.load_into(model, counts).linear.weight, state["linear.weight"])
    for bad in (math.nan, math.inf):
        broken = {**state, "linear.bias": torch.full((10,), bad)}
        with pytest.raises(weights.WeightsError, match=r"not finite \(first in linear.bias"):
            weights.load_into(build("resnet9-16"), broken)


def test_a_short_file_is_no_safetensors_file():
    like = weights._looks_like_safetensors
    length = lambda size: size.to_bytes(8, "little")
    for content in (b"", length(2), b"\xff" * 8 + b"{}", length(weights.HEADER + 1) + b"{}", length(10) + b"[]"):
        assert not like(content)
    assert like(length(10) + b"{")
    assert like(length(weights.HEADER) + b"{}")


def test_a_checkpoint_can_be_read_with_weights_only(tmp_path):
    weights.save_checkpoint(tmp_path / "x.pt", {"a": torch.arange(3), "b": 2, "c": "words"})
    found = torch.load(tmp_path / "x.pt", weights_only=True)
    assert (found["a"].tolist(), found["b"], found["c"]) == ([0, 1, 2], 2, "words")


# -- devices
def test_what_is_auto_elsewhere_than_on_a_cpu_is_what_is_known_to_be_fast(monkeypatch):
    monkeypatch.setattr(devices, "pick_device", torch.device)
    for fast, name, asked, wanted in (
        (True, "cuda", ("auto", "auto"), ("bf16", "nhwc")),
        (False, "cuda", ("auto", "auto"), ("fp32", "nchw")),
        (True, "mps", ("auto", "auto"), ("fp32", "nchw")),
        (True, "cuda", ("fp32", "auto"), ("fp32", "nchw")),
        (False, "cuda", ("bf16", "nchw"), ("bf16", "nchw")),
    ):
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda fast=fast: fast)
        found = devices.resolve(name, *asked)
        assert (found.device.type, found.precision, found.memory) == (name, *wanted)


def test_the_first_device_that_is_there_is_taken(monkeypatch):
    for cuda, mps, wanted in ((True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert devices.pick_device().type == devices.pick_device("auto").type == wanted
    with pytest.raises(ValueError, match="no tpu device"):
        devices.pick_device("tpu")


def test_the_fastest_pair_is_taken_and_what_is_said_is_kept(monkeypatch):
    taken = {("fp32", "nchw"): 4.0, ("fp32", "nhwc"): 3.0, ("bf16", "nchw"): 2.0, ("bf16", "nhwc"): 5.0}
    seen = []

    def time_pair(model, compute, batch):
        torch.rand(1)
        seen.append((compute.precision, compute.memory))
        return taken[seen[-1]]

    monkeypatch.setattr(devices, "_time_pair", time_pair)
    torch.manual_seed(3)
    wanted = torch.rand(1)
    torch.manual_seed(3)
    assert devices.calibrate("resnet9-16") == ("bf16", "nchw")
    assert torch.equal(torch.rand(1), wanted), "nobody's random numbers are touched"
    assert sorted(seen) == sorted(taken)
    assert devices.calibrate("resnet9-16", precision="fp32") == ("fp32", "nhwc")
    assert devices.calibrate("resnet9-16", memory="nhwc") == ("fp32", "nhwc")
    assert devices.calibrate("resnet9-16", "bf16", "nhwc") == ("bf16", "nhwc")


def test_a_calibration_is_kept_for_its_processor_version_threads_victim_and_question(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(devices, "calibrate", lambda *given: asked.append(given) or ("fp32", "nchw"))
    ask = lambda *given: devices.remembered(tmp_path, "cpu", *given)[1]
    first = ask("auto", "auto", 1, "resnet9-16")
    assert "fp32 in nchw order is the fastest for resnet9-16" in first
    for other in (
        ("auto", "nhwc", 1, "resnet9-16"),
        ("auto", "auto", 1, "resnet18"),
        ("auto", "auto", 2, "resnet9-16"),
    ):
        assert ask(*other)
        assert not ask(*other)
    assert not ask("auto", "auto", 1, "resnet9-16")
    assert asked[:3] == [("resnet9-16", "auto", "auto"), ("resnet9-16", "auto", "nhwc"), ("resnet18", "auto", "auto")]
    assert ask("fp32", "nhwc", 1, "resnet9-16") == ""
    assert len(asked) == 4
    torch.set_num_threads(devices.THREADS)


def test_what_is_ready_has_the_settings_type_and_layout():
    compute = Compute(torch.device("cpu"), "bf16", "nhwc")
    ready = compute.ready(torch.randn(2, 3, 8, 8))
    assert ready.dtype == torch.bfloat16
    assert ready.is_contiguous(memory_format=torch.channels_last)
    with compute.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    with Compute(torch.device("cpu")).autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    a, b = (torch.rand(2, generator=compute.generator(seed)) for seed in (1, 1))
    assert torch.equal(a, b)
    assert Compute(torch.device("cpu")) == Compute(torch.device("cpu"), "fp32", "nchw")


def test_a_large_batch_goes_through_in_pieces_on_a_cpu():
    seen = []

    class Counts(nn.Module):
        def forward(self, x):
            seen.append(len(x))
            return x.flatten(1)[:, :2]

    found = Compute(torch.device("cpu")).through(Counts(), torch.randn(130, 3, 4, 4))
    assert seen == [64, 64, 2]
    assert found.shape == (130, 2)
    seen.clear()
    Compute(torch.device("cpu")).through(Counts(), torch.randn(64, 3, 4, 4))
    assert seen == [64]


# -- without torch
def test_numpys_network_in_its_parts(tmp_path):
    model = awake(build("resnet9-16", 4))
    weights.save(model, tmp_path / "x.safetensors")
    net = numpy_resnet9.NumpyNet.read(tmp_path / "x.safetensors", [0.4, 0.5, 0.3], [0.2, 0.25, 0.5])
    pictures = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        wanted = model(NORMALISE.images(pictures)).softmax(1).numpy()
    assert np.abs(net.probabilities(pictures.numpy()) - wanted).max() < 1e-5
    x = np.random.default_rng(0).normal(0, 1, (2, 16, 6, 8)).astype(np.float32)
    with torch.no_grad():
        assert np.abs(net._conv("layer1", x) - model.layer1(torch.from_numpy(x)).numpy()).max() < 1e-4
    assert (numpy_resnet9._pool(x) == F.max_pool2d(torch.from_numpy(x), 2).numpy()).all()
    large = numpy_resnet9.NumpyNet(net.layers, (net.linear[0] * 1e4, net.linear[1]), net.mean, net.std)
    assert np.isfinite(large.probabilities(pictures.numpy())).all(), "no exponent is too large"


def test_several_inks_take_turns_and_are_clipped():
    pictures = np.zeros((3, 3, 9, 9), np.uint8)
    inks, places = np.stack([np.full((3, 4, 4), 2.0), np.full((3, 4, 4), 0.5)]), np.array([[0, 0], [5, 1], [2, 5]])
    found = numpy_resnet9.stamped(pictures, inks, places)
    assert [int(image.max()) for image in found] == [255, 128, 255]
    for image, (row, column) in zip(found, places, strict=True):
        assert (image[:, row : row + 4, column : column + 4] > 0).all()
        assert (image > 0).sum() == 3 * 16
    assert not pictures.any()


def test_a_clean_training_is_that_of_its_recipe_and_seed(blobs, compute):
    def ends(seed, epochs=0.4):
        work = clean.train(blobs, "resnet9-16", epochs, seed, compute)
        while True:
            try:
                next(work)
            except StopIteration as done:
                return done.value.model

    first, again, other = ends(3), ends(3), ends(4)
    assert not first.training
    same = lambda a, b: all(
        torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )
    assert same(first, again)
    assert not same(first, other)
    torch.manual_seed(3)
    fresh = build("resnet9-16", 3)
    given = Victim(fresh, Normalise(blobs.mean, blobs.std), compute)
    trainer = Trainer(given, blobs.train.images, blobs.train.labels, clean.clean_recipe(0.4), 3)
    for _ in trainer:
        pass
    assert same(first, fresh.eval())


def test_a_damaged_checkpoint_is_begun_anew(tmp_path, blobs, compute):
    path, buffer = tmp_path / "x.pt", io.BytesIO()
    torch.save({"recipe": "of something else"}, buffer)
    ends = []
    for content in (None, b"nonsense", buffer.getvalue()):
        if content is not None:
            path.write_bytes(content)
        work = clean.train(blobs, "resnet9-16", 0.4, 3, compute, path)
        while True:
            try:
                next(work)
            except StopIteration as done:
                ends.append(done.value.model.state_dict())
                break
        assert path.is_file()
    for end in ends[1:]:
        assert all(torch.equal(v, ends[0][k]) for k, v in end.items())
