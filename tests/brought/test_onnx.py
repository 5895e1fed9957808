"""ONNX files: the same answers as the network that they were written of, gradients, and the healed file."""

import random
from importlib.util import find_spec

import numpy as np
import onnx_bytes as ob
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from mesa_core.brought import files, networks
from mesa_core.brought.onnx_ops import OPERATORS
from mesa_core.disk.untrusted import Refused
from mesa_core.victims.images import Normalise
from mesa_core.victims.weights import WeightsError


def small(batch="n", side=8, norm=False, extra=()):
    """conv, batch normalisation, HardSwish, pooling by two ways, concatenation, a linear layer; and what it computes."""
    torch.manual_seed(0)
    conv, bn, linear = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Linear(8, 10)
    bn.running_mean.normal_()
    bn.running_var.uniform_(0.5, 2)
    weights = {
        "conv.weight": conv.weight, "conv.bias": conv.bias, "bn.scale": bn.weight, "bn.bias": bn.bias, "bn.mean": bn.running_mean,
        "bn.var": bn.running_var, "fc.weight": linear.weight, "fc.bias": linear.bias, "shape": torch.tensor([1 if batch == 1 else 0, -1]),
        "mean": torch.full((1, 3, 1, 1), 0.5), "std": torch.full((1, 3, 1, 1), 0.25),
    }  # fmt: skip
    weights = {k: v.detach() for k, v in weights.items()}
    nodes = [
        *([ob.node("Sub", ["x", "mean"], ["x0"]), ob.node("Div", ["x0", "std"], ["x1"])] if norm else [ob.node("Identity", ["x"], ["x1"])]),
        ob.node("Conv", ["x1", "conv.weight", "conv.bias"], ["a"], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[1, 1]),
        ob.node("BatchNormalization", ["a", "bn.scale", "bn.bias", "bn.mean", "bn.var"], ["b"], epsilon=1e-5, momentum=0.9),
        ob.node("HardSwish", ["b"], ["c"]),
        ob.node("MaxPool", ["c"], ["d"], kernel_shape=[2, 2], strides=[2, 2]),
        ob.node("GlobalAveragePool", ["d"], ["e"]), ob.node("GlobalMaxPool", ["d"], ["f"]), ob.node("Concat", ["e", "f"], ["g"], axis=1),
        *extra, ob.node("Reshape", ["g", "shape"], ["h"]), ob.node("Gemm", ["h", "fc.weight", "fc.bias"], ["y"], transB=1),
    ]  # fmt: skip

    def answer(x):
        x = (x - 0.5) / 0.25 if norm else x
        x = F.max_pool2d(F.hardswish(bn.eval()(conv(x))), 2)
        return linear(torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))

    return ob.model(nodes, weights, (batch, 3, side, side)), answer, weights


def read(path, data):
    path.write_bytes(data)
    return networks.fit(files.read(path))


def refused(path, data):
    with pytest.raises(WeightsError) as caught:
        read(path, data)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(("batch", "norm"), [("n", False), (1, False), ("n", True), (1, True)])
def test_it_answers_as_the_network_that_it_was_written_of(tmp_path, batch, norm):
    data, answer, _ = small(batch, norm=norm)
    found = read(tmp_path / "a.onnx", data)
    assert (found.arch, found.classes, found.side, found.grey) == ("onnx", 10, 8, False)
    x = torch.rand(5, 3, 8, 8, requires_grad=True)
    out = found.module()(x)
    assert torch.allclose(out, answer(x), atol=1e-5)
    out.square().sum().backward()
    assert x.grad.abs().sum() > 0
    assert torch.allclose(answer(torch.rand(5, 3, 8, 8)), out, atol=1e-3) is False, "the negative control"


def test_what_a_repair_may_change_are_the_layers_and_not_the_normalisation_before_them(tmp_path):
    data, _, _weights = small(norm=True)
    found = read(tmp_path / "a.onnx", data)
    model = found.module()
    learned = {found.match.keys[name.removeprefix("net.")] for name, _ in model.named_parameters()}
    assert learned == {"conv.weight", "conv.bias", "bn.scale", "bn.bias", "fc.weight", "fc.bias"}
    assert set(found.match.keys.values()) == learned | {"bn.mean", "bn.var"}
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.train()(torch.rand(6, 3, 8, 8)).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    assert any(not torch.equal(before[k], v) for k, v in model.state_dict().items()), "the running mean moves"


def test_the_healed_file_is_the_same_with_other_numbers(tmp_path):
    data, _answer, weights = small(norm=True)
    found = read(tmp_path / "a.onnx", data)
    new = {k: v * 2 for k, v in found.module().state_dict().items()}
    found.healed(new, tmp_path / "b.onnx")
    again = files.read(tmp_path / "b.onnx")
    for name, tensor in weights.items():
        if name not in ("mean", "std", "shape"):
            assert torch.equal(again.state[name], tensor * 2), name
        else:
            assert torch.equal(again.state[name], tensor), name
    assert len((tmp_path / "b.onnx").read_bytes()) == len(data)


@pytest.mark.parametrize("norm", [False, True])
def test_a_network_that_sees_0_to_255_is_made_trainable_and_written_back_as_it_was(tmp_path, norm):
    found = read(tmp_path / "a.onnx", small(norm=norm)[0])
    bytewise = Normalise(std=(1 / 255,) * 3)
    other, normalise = found.conditioned(bytewise)
    assert (other is found) == norm, "where the file normalises by itself there is nothing to do"
    images = torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8)
    assert torch.allclose(found.module()(bytewise.images(images)), other.module()(normalise.images(images)), rtol=1e-3)
    other.healed(other.module().state_dict(), tmp_path / "b.onnx")
    again = files.read(tmp_path / "b.onnx").state
    assert all(torch.allclose(again[k], v, rtol=1e-5) for k, v in found.brought.state.items())
    same, usual = found.conditioned(Normalise(std=(0.25,) * 3))
    assert same is found
    assert usual.std == (0.25,) * 3


def test_a_file_by_another_name_is_told_by_its_bytes(tmp_path):
    assert read(tmp_path / "a.pt", small()[0]).arch == "onnx"


@pytest.mark.parametrize(
    ("extra", "words"),
    [(ob.node("Loop", ["g"], ["q"]), "the operator Loop"), (ob.node("Fused", ["g"], ["q"], domain="com.acme"), "the operator com.acme.Fused"),
     (ob.node("Relu", ["nowhere"], ["q"]), "not a whole ONNX file"), (ob.node("\x1b[31m", ["g"], ["q"]), "the operator 31m")],
)  # fmt: skip
def test_an_operator_that_is_not_known_is_named(tmp_path, extra, words):
    assert words in refused(tmp_path / "a.onnx", small(extra=[extra])[0])


def test_weights_in_another_file_are_told_with_the_way_to_have_one():
    far = (
        ob.number(1, 4)
        + ob.number(2, 1)
        + ob.block(8, "w")
        + ob.block(13, ob.block(1, "location") + ob.block(2, "../w.bin"))
        + ob.number(14, 1)
    )
    from mesa_core.brought import onnx_wire

    with pytest.raises(Refused, match="external_data=False"):
        onnx_wire.parse(ob.number(1, 8) + ob.block(7, ob.block(5, far)))


@pytest.mark.parametrize(
    ("source", "words"), [((1, 5, 8, 8), "not images"), ((1, 3, 8, 9), "8x9"), ((1, 3), "not images")]
)
def test_what_takes_no_images_is_refused(tmp_path, source, words):
    _data, _, weights = small()
    nodes = [
        ob.node("Flatten", ["x"], ["f"]),
        ob.node("ReduceMean", ["f"], ["m"], axes=[1]),
        ob.node("Concat", ["m", "m"], ["y"], axis=1),
    ]
    assert words in refused(tmp_path / "a.onnx", ob.model(nodes, weights, source))


def test_damaged_files_are_one_sentence_or_read(tmp_path):
    data, _, _ = small()
    rng, sentences = random.Random(0), 0
    for _i in range(150):
        bad = bytearray(data)
        for _ in range(rng.choice((1, 3, 20))):
            bad[rng.randrange(len(bad) if rng.random() < 0.5 else 400)] = rng.randrange(256)
        bad = bad[: rng.choice((len(bad), rng.randrange(len(bad))))]
        (tmp_path / "a.onnx").write_bytes(bad)
        try:
            networks.fit(files.read(tmp_path / "a.onnx"))
        except WeightsError as error:
            sentences += 1
            assert "\n" not in str(error)  # noqa: PT017
    assert sentences > 30
    assert read(tmp_path / "a.onnx", data).classes == 10


def test_a_few_bytes_cannot_ask_for_gigabytes(tmp_path):
    nodes = [ob.node("ConstantOfShape", ["huge"], ["z"]), ob.node("Conv", ["x", "w"], ["c"]), ob.node("GlobalAveragePool", ["c"], ["d"]),
             ob.node("Flatten", ["d"], ["y"])]  # fmt: skip
    held = {"huge": torch.tensor([1 << 30, 1 << 10]), "w": torch.ones(10, 3, 1, 1)}
    assert "too much" in refused(tmp_path / "a.onnx", ob.model(nodes, held, ("n", 3, 8, 8)))
    nodes[0] = ob.node("Identity", ["huge"], ["z"])
    assert read(tmp_path / "b.onnx", ob.model(nodes, held, ("n", 3, 8, 8))).classes == 10


@pytest.mark.parametrize(
    "name", ["Slice", "Pad", "Gather", "Split", "Squeeze", "Clip", "Transpose", "Softmax", "ReduceMax"]
)
def test_an_operator_computes_what_its_schema_says(name):
    x = torch.arange(24.0).view(2, 3, 4)
    given, attributes, want = {
        "Slice": ([x, *map(torch.tensor, ([1], [-1], [2]))], {}, x[:, :, 1:-1]),
        "Pad": ([x, torch.tensor([0, 1, 0, 0, 0, 2])], {}, F.pad(x, (0, 2, 1, 0))),
        "Gather": ([x, torch.tensor([-1, 0])], {"axis": 1}, x[:, [-1, 0]]),
        "Split": ([x, torch.tensor([1, 2])], {"axis": 1}, x[:, :1]),
        "Squeeze": ([x[:, :1], torch.tensor([1])], {}, x[:, 0]),
        "Clip": ([x, torch.tensor(2.0), None], {}, x.clamp(min=2)),
        "Transpose": ([x], {"perm": [2, 0, 1]}, x.permute(2, 0, 1)),
        "Softmax": ([x], {"axis": 1}, x.softmax(1)),
        "ReduceMax": ([x, torch.tensor([1, 2])], {"keepdims": 0}, x.amax((1, 2))),
    }[name]
    found = OPERATORS[name](attributes, given)
    assert torch.equal(found[0] if isinstance(found, tuple) else found, want)


@pytest.mark.parametrize(
    ("start", "end", "step", "want"),
    [(-1, -(2**63) + 1, -1, [4, 3, 2, 1, 0]), (9, 0, -2, [4, 2]), (3, -5, -1, [3, 2, 1]), (0, 3, -1, []), (2, -9, -3, [2]), (-9, -9, -1, [0])],
)  # fmt: skip
def test_a_slice_may_go_backwards(start, end, step, want):
    given = [torch.arange(5)[None], *(torch.tensor([v]) for v in (start, end, 1, step))]
    assert OPERATORS["Slice"]({}, given)[0].tolist() == want
    assert np.arange(5)[slice(start if start >= -5 else 0, None if end < -5 else end, step)].tolist() == want, (
        "as numpy"
    )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.skipif(find_spec("onnx") is None, reason="torch exports with it")
def test_what_the_older_exporter_writes_of_a_shortcut_without_weights_is_read(tmp_path):
    from mesa_core.victims.architectures import build

    model, x = build("resnet20", 10).eval(), torch.randn(2, 3, 32, 32)
    names = {"input_names": ["x"], "output_names": ["y"], "dynamic_axes": {"x": {0: "n"}}}
    torch.onnx.export(model, (x,), str(tmp_path / "a.onnx"), dynamo=False, **names)
    found = networks.fit(files.read(tmp_path / "a.onnx")).module()
    with torch.no_grad():
        assert torch.allclose(found(x), model(x), atol=1e-4)
        assert torch.allclose(found(x[:1].repeat(5, 1, 1, 1)), model(x[:1].repeat(5, 1, 1, 1)), atol=1e-4), (
            "of any number"
        )


@pytest.mark.slow
@pytest.mark.skipif(find_spec("onnx") is None or find_spec("onnxscript") is None, reason="torch exports with these")
@pytest.mark.parametrize("name", ["resnet9-16", "vit-tiny", "mobilenet-v2", "resnet20"])
def test_what_torch_exports_is_read(tmp_path, name):
    from mesa_core.victims.architectures import build

    model, x = build(name, 10).eval(), torch.randn(2, 3, 32, 32)
    torch.onnx.export(model, (x,), str(tmp_path / "a.onnx"), dynamo=True, external_data=False, verbose=False)
    found = networks.fit(files.read(tmp_path / "a.onnx"))
    with torch.no_grad():
        assert torch.allclose(found.module()(x), model(x), atol=1e-4)


@pytest.mark.parametrize(
    ("nodes", "held"),
    [
        ([("Expand", ["x", "t"], {})], {"t": torch.tensor([2**28, 1, 1, 1, 1])}),
        ([("Pad", ["x", "t"], {})], {"t": torch.tensor([0, 0, 0, 0, 0, 0, 0, 2**31])}),
        ([("MaxPool", ["x"], {"kernel_shape": [1, 1], "pads": [2**20, 0, 2**20, 0]})], {}),
        ([("Expand", ["f", "a"], {}), ("Expand", ["f", "b"], {}), ("Add", ["o0", "o1"], {})],
         {"f": torch.ones(1), "a": torch.tensor([2**16, 1]), "b": torch.tensor([1, 2**16])}),
        ([("Gather", ["f", "i"], {})], {"f": torch.ones(1, 2**14), "i": torch.zeros(2**14, dtype=torch.int64)}),
    ],
)  # fmt: skip
def test_a_small_file_that_asks_for_all_memory_is_refused_before_it_gets_it(tmp_path, nodes, held):
    made = [ob.node(op, inputs, [f"o{i}"], **more) for i, (op, inputs, more) in enumerate(nodes)]
    last = [ob.node("Conv", [f"o{len(nodes) - 1}", "w"], ["c"]), ob.node("GlobalAveragePool", ["c"], ["d"])]
    held = {**held, "w": torch.randn(10, 3, 1, 1)}
    words = refused(
        tmp_path / "a.onnx", ob.model([*made, *last, ob.node("Flatten", ["d"], ["y"])], held, ("n", 3, 8, 8))
    )
    assert "asks for" in words
