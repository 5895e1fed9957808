"""Networks that people bring, damaged or made to do harm: ONNX bytes, odd names and shapes; read whole, or one sentence."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from mesa_core.brought import files, networks
from mesa_core.brought.matching import match
from mesa_core.brought.onnx_ops import OPERATORS
from mesa_core.victims.weights import WeightsError
from tests import onnx_bytes as ob
from tests.attacks.attack import Attack

PATIENCE = 40.0
SIZES = (0, 1, 2, 3, 8, -1, 2**20, 2**31, 2**40, 2**63 - 1)
PARTS = ("0", "1", "weight", "bias", "mean", "std", "module", "conv1", "fc", "layer1", "", "total_ops", "running_var")


def attacks(rng: random.Random) -> Iterator[Attack]:
    while True:
        for name, make in (
            ("ONNX, damaged", _damaged),
            ("ONNX of odd operations", _odd),
            ("random bytes for ONNX", _noise),
            ("odd names of weights", _names),
        ):
            yield Attack(name, make(rng.randrange(1 << 30)), limit=PATIENCE)


def read(path: Path) -> None:
    """Read as a person's file would be; and written again where it is a network."""
    try:
        found = networks.fit(files.read(path))
        found.healed(found.module().state_dict(), path.with_name("out.onnx"))
    except WeightsError as error:
        assert "\n" not in str(error), error  # noqa: PT017
        return
    assert found.classes >= 2
    assert path.with_name("out.onnx").stat().st_size == path.stat().st_size


def _small(rng: random.Random) -> bytes:
    weights = {"w": torch.randn(4, 3, 3, 3), "v": torch.randn(10, 4), "b": torch.randn(10)}
    nodes = [
        ob.node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]), ob.node("Relu", ["a"], ["c"]), ob.node("GlobalAveragePool", ["c"], ["d"]),
        ob.node("Flatten", ["d"], ["e"]), ob.node("Gemm", ["e", "v", "b"], ["y"], transB=1),
    ]  # fmt: skip
    return ob.model(nodes, weights, (rng.choice(("n", 1)), 3, 8, 8))


def _damaged(seed: int) -> Callable[[Path], None]:
    def run(place: Path) -> None:
        rng = random.Random(seed)
        for _ in range(20):
            data = bytearray(_small(rng))
            for _ in range(rng.choice((1, 1, 4, 40))):
                data[rng.randrange(rng.choice((len(data), 300)))] = rng.randrange(256)
            (place / "a.onnx").write_bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])
            read(place / "a.onnx")

    return run


def _odd(seed: int) -> Callable[[Path], None]:
    def run(place: Path) -> None:
        rng = random.Random(seed)
        held = {f"t{i}": torch.tensor([rng.choice(SIZES) for _ in range(rng.choice((0, 1, 2, 4)))]) for i in range(4)}
        held |= {"w": torch.randn(10, 3, 1, 1), "f": torch.randn(rng.choice((1, 3, 10)))}
        names, nodes = ["x", *held], []
        for i in range(rng.choice((1, 3, 8))):
            op = rng.choice([*OPERATORS, "BatchNormalization", "Loop", "If"])
            more = {k: rng.choice((rng.choice(SIZES), 0.5, [rng.choice(SIZES)] * 2, "SAME_UPPER")) for k in rng.sample(
                ("axis", "axes", "kernel_shape", "pads", "strides", "perm", "to", "group", "value", "num_outputs"), rng.choice((0, 1, 2)))}  # fmt: skip
            nodes.append(ob.node(op, rng.choices(names, k=rng.choice((1, 2, 3))), [f"o{i}"], **more))
            names.append(f"o{i}")
        last = [
            ob.node("Conv", [names[-1], "w"], ["c"]),
            ob.node("GlobalAveragePool", ["c"], ["d"]),
            ob.node("Flatten", ["d"], ["y"]),
        ]
        (place / "a.onnx").write_bytes(ob.model([*nodes, *last], held, ("n", 3, 8, 8)))
        read(place / "a.onnx")

    return run


def _noise(seed: int) -> Callable[[Path], None]:
    def run(place: Path) -> None:
        rng = random.Random(seed)
        head = rng.choice((b"", b"\x08\x08\x12\x05tests:", b"\x3a", _small(rng)[:200]))
        (place / "a.onnx").write_bytes(head + rng.randbytes(rng.choice((0, 10, 1000, 10**5))))
        read(place / "a.onnx")

    return run


def _names(seed: int) -> Callable[[Path], None]:
    def run(place: Path) -> None:
        rng = random.Random(seed)
        draw = lambda: ".".join(rng.choices(PARTS, k=rng.choice((1, 2, 4, 60))))
        shape = lambda: tuple(rng.choice((1, 3, 4, 10)) for _ in range(rng.choice((0, 1, 2, 4))))
        file = {draw(): shape() for _ in range(rng.choice((1, 5, 60)))}
        own = (
            {draw(): shape() for _ in range(rng.choice((1, 5)))}
            if rng.random() < 0.5
            else {k: v for k, v in file.items() if rng.random() < 0.9}
        )
        found = match(own, {rng.choice(("", "net.")) + k: v for k, v in file.items()})
        assert found.problem or set(found.keys) == {k for k in own if not k.endswith("num_batches_tracked")}
        assert len(set(found.keys.values())) == len(found.keys)

    return run
