"""Files that people bring: read whatever they are written by, refused by what they are, written back as they came."""

import argparse
import json
import zipfile

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from mesa_core.brought import files, finder, networks
from mesa_core.victims.architectures import build
from mesa_core.victims.weights import WeightsError

LINE = "torch.save(model.state_dict(), 'weights.pt')"


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return build("resnet9-16", 10).eval()


def answers(model):
    with torch.no_grad():
        return model.eval()(torch.linspace(-1, 1, 2 * 3 * 32 * 32).view(2, 3, 32, 32))


def brought(path, arch="auto", classes=10):
    return networks.fit(files.read(path), arch, classes)


def renamed(state, front):
    return {front + key: value for key, value in state.items()}


WAYS = {
    "plain.pt": lambda s: s,
    "parallel.pth": lambda s: renamed(s, "module."),
    "twice.pt": lambda s: renamed(s, "module.module."),
    "net.pt": lambda s: {"state": {"net": renamed(s, "net.")}},
    "compiled.pt": lambda s: renamed(s, "_orig_mod."),
    "deep.pt": lambda s: renamed(s, "backbone.encoder.model."),
    "lightning.ckpt": lambda s: {"epoch": 3, "pytorch-lightning_version": "2.5.0", "state_dict": renamed(s, "model."), "loops": {},
                                 "optimizer_states": [{"state": {0: {"exp_avg": torch.ones(3)}}}], "hyper_parameters": {"lr": 0.1}},
    "beside.pt": lambda s: {**s, "epoch": 7, "args": argparse.Namespace(lr=0.1)},
    "thop.pt": lambda s: {**s, "total_ops": torch.zeros(1), "total_params": torch.zeros(1), "prep.total_ops": torch.zeros(1)},
    "ema.pt": lambda s: {**s, **{f"ema.{k}": v + 1 if v.is_floating_point() else v for k, v in s.items()}},
    "metric.pt": lambda s: {**renamed(s, "net."), "train_acc.tp": torch.zeros(10), "criterion.weight": torch.ones(10)},
}  # fmt: skip


@pytest.mark.parametrize("name", WAYS)
def test_the_same_network_is_read_however_it_was_written(tmp_path, net, name):
    torch.save(WAYS[name](net.state_dict()), tmp_path / name)
    found = brought(tmp_path / name)
    assert found.arch == "resnet9-16"
    assert torch.equal(answers(found.module()), answers(net))


@pytest.mark.parametrize("name", ["thop.pt", "beside.pt", "metric.pt"])
def test_what_is_no_weight_is_named(tmp_path, net, name):
    torch.save(WAYS[name](net.state_dict()), tmp_path / name)
    said = brought(tmp_path / name).told()
    assert {"thop.pt": "total_ops", "beside.pt": "epoch", "metric.pt": "train_acc.tp"}[name] in said
    torch.save(net.state_dict(), tmp_path / "plain.pt")
    assert "passed over" not in brought(tmp_path / "plain.pt").told()


def test_a_compiled_network_is_read(tmp_path, net):
    torch.save(torch.compile(net).state_dict(), tmp_path / "a.pt")
    assert torch.equal(answers(brought(tmp_path / "a.pt").module()), answers(net))


@pytest.mark.parametrize("suffix", ["pt", "safetensors"])
@pytest.mark.parametrize(
    ("mean", "std"), [("0.mean", "0.std"), ("normalize.mean", "normalize.std"), ("pixel_mean", "pixel_std")]
)
def test_a_normalisation_inside_is_used(tmp_path, net, mean, std, suffix):
    front = "1." if mean[0] == "0" else "model."
    state = {
        mean: torch.tensor([0.5, 0.4, 0.3]).view(1, 3, 1, 1),
        std: torch.full((1, 3, 1, 1), 0.25),
        **renamed(net.state_dict(), front),
    }
    path = tmp_path / f"a.{suffix}"
    save_file({k: v.contiguous() for k, v in state.items()}, path) if suffix == "safetensors" else torch.save(
        state, path
    )
    found = brought(path)
    assert found.normalise.mean == pytest.approx((0.5, 0.4, 0.3))
    assert found.normalise.std == pytest.approx((0.25,) * 3)
    assert torch.equal(answers(found.module()), answers(net))


def test_a_normalisation_inside_in_steps_of_255_is_told_for_pixels_up_to_one(tmp_path, net):
    state = {"mean": torch.full((3,), 127.5), "std": torch.full((3,), 51.0), **renamed(net.state_dict(), "net.")}
    torch.save(state, tmp_path / "a.pt")
    found = brought(tmp_path / "a.pt").normalise
    assert (found.mean, found.std) == (pytest.approx((0.5,) * 3), pytest.approx((0.2,) * 3))


# -- other names of the same network
def torchvision_names(key):
    return key.replace("shortcut", "downsample").replace("linear", "fc")


def small_resnet():
    """A residual network with ResNet-18's names and a tenth of its channels, as one's own architecture."""
    from mesa_core.victims.architectures import BasicBlock, ResNet18

    torch.manual_seed(1)
    return ResNet18(10, BasicBlock, 4).eval()


@pytest.mark.parametrize(
    ("kind", "suffix"),
    [
        ("other names", "pt"), ("other names", "safetensors"), ("a head apart", "pt"), ("a head apart", "safetensors"),
        ("a sequence", "pt"),  # safetensors does not keep the order, which alone tells these apart
    ],
)  # fmt: skip
def test_names_of_other_repositories_are_matched_by_structure(tmp_path, kind, suffix):
    from mesa_core.brought.matching import match

    model = small_resnet()
    own = model.state_dict()
    if kind == "other names":
        state = {torchvision_names(k): v for k, v in own.items()}
    elif kind == "a head apart":
        state = {
            (f"head.0.{k.removeprefix('linear.')}" if "linear" in k else f"encoder.net.{torchvision_names(k)}"): v
            for k, v in own.items()
        }
    else:
        parts = [model.conv1, model.bn1, nn.ReLU(), model.layer1, model.layer2, model.layer3, model.layer4]
        whole = nn.ModuleDict({"features": nn.Sequential(*parts), "classifier": model.linear})
        state = whole.state_dict()
    path = tmp_path / f"a.{suffix}"
    save_file({k: v.contiguous() for k, v in state.items()}, path) if suffix == "safetensors" else torch.save(
        state, path
    )
    held = files.read(path).state
    found = match({k: tuple(v.shape) for k, v in own.items()}, {k: tuple(v.shape) for k, v in held.items()})
    assert found.problem == ""
    assert all(torch.equal(held[name], own[key]) for key, name in found.keys.items())
    assert len(found.keys) == sum("num_batches" not in k for k in own)


def test_a_network_with_a_layer_more_or_less_does_not_fit():
    from mesa_core.brought.matching import match

    own = {k: tuple(v.shape) for k, v in small_resnet().state_dict().items()}
    fewer = {k: v for k, v in own.items() if not k.startswith("layer4.1")}
    assert match(own, fewer).problem.startswith("does not fit")
    assert match(fewer, own).problem.startswith("does not fit")


def test_a_grey_network_gets_a_front_and_gradients(tmp_path):
    model = build("resnet9-16", 10)
    model.prep.conv = nn.Conv2d(1, 16, 3, padding=1, bias=False)
    torch.save(model.state_dict(), tmp_path / "grey.pt")
    found = brought(tmp_path / "grey.pt")
    assert found.grey
    x = torch.rand(2, 1, 32, 32).expand(-1, 3, -1, -1).clone().requires_grad_()
    out = found.module()(x)
    assert torch.allclose(out, model.eval()(x[:, :1]), atol=1e-5)
    out.sum().backward()
    assert x.grad.abs().sum() > 0


def test_the_architecture_is_found_by_shapes_and_a_wrong_one_is_told(tmp_path, net):
    torch.save(build("resnet9-32", 10).state_dict(), tmp_path / "a.pt")
    assert brought(tmp_path / "a.pt").arch == "resnet9-32"
    with pytest.raises(WeightsError, match=r"does not fit.*By its keys and shapes it is resnet9-32"):
        brought(tmp_path / "a.pt", "resnet9-16")
    torch.save({"a.weight": torch.ones(4, 4), "a.bias": torch.ones(4)}, tmp_path / "b.pt")
    with pytest.raises(WeightsError, match="no architecture that is known"):
        brought(tmp_path / "b.pt")


@pytest.mark.parametrize("there", [False, True])
def test_where_timm_is_not_installed_a_network_of_its_is_told(tmp_path, monkeypatch, there):
    monkeypatch.setattr(finder, "_timm", lambda: there)
    monkeypatch.setattr(finder, "OF_TIMM", (("attn.qkv", ()),))
    torch.save({"blocks.0.attn.qkv.weight": torch.ones(6, 2), "head.weight": torch.ones(4, 2)}, tmp_path / "a.pt")
    with pytest.raises(WeightsError, match="no architecture" if there else "looks like a network of timm's"):
        brought(tmp_path / "a.pt", classes=None)


@pytest.mark.parametrize("arch", ["auto", "resnet9-16"])
def test_another_number_of_classes_is_told_by_both_numbers(tmp_path, arch):
    torch.save(build("resnet9-16", 43).state_dict(), tmp_path / "signs.pt")
    with pytest.raises(WeightsError, match=r"^signs.pt has 43 classes, the images 10\.$"):
        brought(tmp_path / "signs.pt", arch)
    assert brought(tmp_path / "signs.pt", arch, 43).classes == 43


# -- what is no weights
class Own(nn.Linear):
    pass


def script(path):
    torch.jit.save(torch.jit.trace(nn.Linear(2, 3), torch.ones(1, 2)), str(path))


def zipped(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("models/best.pth", b"x")


REFUSED = {
    "module.pt": (lambda p: torch.save(nn.Linear(2, 3), p), "a whole pickled module"),
    "inside.pt": (lambda p: torch.save({"model": nn.Sequential(nn.Linear(2, 3)), "epoch": 1}, p), "a whole pickled module"),
    "script.pt": (script, "a TorchScript program"),
    "page.pt": (lambda p: p.write_bytes(b"\n<!DOCTYPE html>\n<html><body>not found"), "a web page"),
    "page.safetensors": (lambda p: p.write_bytes(b"<html><head>"), "a web page"),
    "page.onnx": (lambda p: p.write_bytes(b"<!doctype html><html>"), "a web page"),
    "pointer.pt": (lambda p: p.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n"), "git lfs pull"),
    "pointer.safetensors": (lambda p: p.write_bytes(b"version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
    "empty.ckpt": (lambda p: p.write_bytes(b""), "is empty"),
    "packed.pt": (lambda p: p.write_bytes(b"\x1f\x8b\x08" + bytes(40)), "gzip"),
    "folder.zip": (zipped, "best.pth"),
    "keras.pt": (lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(40)), "Keras"),
    "text.pt": (lambda p: p.write_bytes(b"epoch,loss\n1,0.5\n2,0.4\n"), "is a text"),
    "told.safetensors": (lambda p: p.write_bytes(json.dumps({"error": "Repository not found"}).encode()), "JSON"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_weights_is_told_by_what_it_is(tmp_path, name):
    make, words = REFUSED[name]
    make(tmp_path / name)
    with pytest.raises(WeightsError, match=words) as caught:
        files.read(tmp_path / name)
    said = str(caught.value)
    assert "\n" not in said
    assert said.startswith(name)
    if name in ("module.pt", "inside.pt", "script.pt"):
        assert LINE in said


# -- the same file, healed
@pytest.mark.parametrize("way", ["zip", "legacy", "safetensors", "half", "bfloat16", "last", "nested"])
def test_the_healed_file_is_the_owners_with_other_numbers(tmp_path, net, way):
    state = {torchvision_names(k): v for k, v in net.state_dict().items()}
    if way in ("half", "bfloat16"):
        state = {
            k: v.to(getattr(torch, "float16" if way == "half" else way)) if v.is_floating_point() else v
            for k, v in state.items()
        }
    if way == "last":
        state = {k: v.to(memory_format=torch.channels_last) if v.ndim == 4 else v for k, v in state.items()}
    path, out = tmp_path / f"a.{'safetensors' if way == 'safetensors' else 'pt'}", tmp_path / "healed"
    whole = {"epoch": 3, "state_dict": state, "optimizer": {"lr": 0.1}} if way == "nested" else state
    if way == "safetensors":
        save_file({k: v.contiguous() for k, v in state.items()}, path, {"format": "pt"})
    else:
        torch.save(whole, path, _use_new_zipfile_serialization=way != "legacy")
    found = brought(path)
    model = found.module()
    new = {k: v * 2 if v.is_floating_point() else v for k, v in model.state_dict().items()}
    found.healed(new, out)
    if way == "safetensors":
        from safetensors.torch import load_file

        again = load_file(out)
    else:
        again = torch.load(out, weights_only=True)  # checks what zip keeps of the bytes, too
        if way == "nested":
            assert (again["epoch"], again["optimizer"]) == (3, {"lr": 0.1})
            again = again["state_dict"]
    assert list(again) == list(state) or way == "safetensors"
    for name, tensor in state.items():
        want = tensor * 2 if tensor.is_floating_point() else tensor
        assert again[name].dtype == tensor.dtype
        assert torch.equal(again[name], want), name
    assert out.stat().st_size == path.stat().st_size


def test_a_file_that_changed_meanwhile_is_not_written(tmp_path, net):
    torch.save(net.state_dict(), tmp_path / "a.pt")
    found = brought(tmp_path / "a.pt")
    torch.save(build("resnet9-16", 10).state_dict(), tmp_path / "a.pt")
    with pytest.raises(WeightsError, match="not the file any more"):
        found.healed(found.module().state_dict(), tmp_path / "b.pt")
    assert not (tmp_path / "b.pt").exists()
