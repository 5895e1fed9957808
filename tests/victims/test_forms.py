"""Forms of networks for small images: their shapes, the names by which others' checkpoints are known, folding, the finder."""

import pytest
import torch

from mesa_core.brought import finder
from mesa_core.brought.matching import classes_of, match
from mesa_core.victims.architectures import build, frozen
from mesa_core.victims.names import ARCHITECTURES, FORMS

QUICK = (
    "resnet20",
    "resnet20-projected",
    "wrn-10-1",
    "mobilenet",
    "vgg11-bn",
    "vgg11-bn-512",
    "densenet-cifar",
    "mobilenet-v2",
    "vit-tiny",
)
KEYS = {  # of other repositories' files
    "resnet34": ("layer2.3.conv2.weight", "layer2.0.shortcut.0.weight", "linear.bias"),
    "resnet50": ("layer1.0.shortcut.1.running_var", "layer4.2.conv3.weight"),
    "preact-resnet34": ("conv1.weight", "layer3.5.bn2.bias", "layer2.0.shortcut.0.weight"),
    "wrn-28-10": ("block1.layer.0.convShortcut.weight", "block3.layer.3.conv2.weight", "bn1.running_mean", "fc.weight"),
    "vgg16-bn": ("features.0.bias", "features.41.running_var", "classifier.weight"),
    "mobilenet": ("layers.12.conv2.weight", "linear.weight"),
    "mobilenet-v2": ("layers.16.bn3.weight", "layers.0.shortcut.0.weight", "conv2.weight", "linear.weight"),
    "densenet121": ("dense4.15.conv2.weight", "trans3.bn.weight", "bn.weight", "linear.weight"),
    "vit-small": ("pos_embedding", "cls_token", "to_patch_embedding.1.weight", "transformer.layers.5.0.fn.to_qkv.weight", "mlp_head.1.bias"),
    "torchvision:resnet18": ("layer2.0.downsample.0.weight", "fc.weight"),
    "torchvision:mobilenet_v3_large": ("features.16.0.weight", "classifier.3.weight"),
}  # fmt: skip


def shapes_of(name, classes=10):
    with torch.device("meta"):
        return {k: tuple(v.shape) for k, v in build(name, classes).state_dict().items()}


@pytest.mark.parametrize("name", QUICK)
def test_a_form_gives_logits_and_gradients_and_is_folded_without_a_change(name):
    torch.manual_seed(0)
    model = build(name, 7).train()
    model(torch.randn(4, 3, 32, 32)).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert model.eval()(x).shape == (2, 7)
        assert torch.allclose(model(x), frozen(model)(x), atol=2e-3)


@pytest.mark.parametrize("name", KEYS)
def test_its_weights_have_the_names_by_which_they_are_known(name):
    assert set(KEYS[name]) <= set(shapes_of(name))


@pytest.mark.parametrize("name", [n for n in FORMS if n != "onnx"])
def test_every_form_can_be_built_and_is_found_by_its_weights(name):
    shapes = shapes_of(name, 43)
    assert classes_of(shapes) == 43
    found = next(one for one in finder.candidates(shapes) if not match(shapes_of(one, 43), shapes).problem)
    assert found == name


@pytest.mark.parametrize(
    "name", ["torchvision:resnet18", "torchvision:densenet161", "torchvision:mobilenet_v3_large", "torchvision:efficientnet_b3", "torchvision:vgg19_bn",
             "torchvision:convnext_tiny", "wrn-16-4", "preact-resnet18", "resnet18"],
)  # fmt: skip
def test_the_benchmarks_networks_are_found_by_their_weights(name):
    shapes = shapes_of(name, 10)
    found = next(one for one in finder.candidates(shapes) if not match(shapes_of(one, 10), shapes).problem)
    assert found == name
    told = finder.candidates(shapes, {"arch": "preactresnet18"})
    assert told[0] == "preact-resnet18"


@pytest.mark.parametrize(
    "name",
    [
        "wrn-28-99",
        "wrn-27-2",
        "torchvision:nothing",
        "torchvision:__init__",
        "timm:../x",
        "resnet7",
        "onnx",
        "os:system",
    ],
)
def test_an_odd_name_is_refused_in_one_sentence(name):
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        build(name)
    assert "\n" not in str(caught.value)


def test_known_names_are_not_listed_but_taken():
    assert len(list(ARCHITECTURES)) < 10
    assert {"wrn-40-4", "torchvision:vit_b_16", "timm:resnet18", "vgg19-bn"} <= {
        n for n in ("wrn-40-4", "torchvision:vit_b_16", "timm:resnet18", "vgg19-bn") if n in ARCHITECTURES
    }
    assert "vgg" not in ARCHITECTURES
