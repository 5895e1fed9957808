"""Checkpoints that do harm or are damaged: torch's two formats, safetensors and zips; read whole, or one sentence."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from mesa_core.victims import weights
from tests.attacks.attack import Attack
from tests.attacks.bad_files import EVERY, spoil
from tests.harmful import Pickle, legacy, object_field, zipped

# Each call reads in a process of its own, so there are few in an attack; on a busy machine one takes a second.
PATIENCE = 40.0
STEPS = b"()]}.0NRQabcehjqrstu\x80\x81\x85\x86\x87\x88\x89\x8a\x8c\x8f\x90\x91\x92\x93\x94\x95XKMJGUTBCi o1 2dlp gIFLSV"
MODULES = (
    "os", "sys", "subprocess", "builtins", "__builtin__", "numpy", "numpy._core.multiarray", "torch", "torch._utils", "torch.storage",
    "torch.hub", "collections", "_codecs", "pathlib", "functools", "operator", "importlib", "mesa_core.victims.checkpoints",
)  # fmt: skip
NAMES = (
    "system", "eval", "exec", "getattr", "dtype", "ndarray", "scalar", "_reconstruct", "load", "OrderedDict", "encode", "Tensor", "FloatStorage",
    "_rebuild_tensor_v2", "_rebuild_sparse_tensor", "_import_dotted_name", "partial", "Popen", "Path", "__class__.__base__", "bytearray",
)  # fmt: skip
NUMBERS = (0, 1, 2, 3, 4, -1, 7, 2**16, 2**31, 2**40, 2**63, -(2**63), 2**64, 10**30)


def attacks(rng: random.Random) -> Iterator[Attack]:
    made = (
        ("an object field among the bytes", _object), ("a pickle with odd tensors", _tensors), ("a pickle of random steps", _steps),
        ("names that could run code", _names), ("a good checkpoint, damaged", _damaged), ("a safetensors header", _header),
        ("a packed or crowded zip", _zip),
    )  # fmt: skip
    while True:
        for name, make in made:
            yield Attack(name, make(rng.randrange(1 << 30)), limit=PATIENCE)
        way = rng.choice(list(EVERY))
        yield Attack(f"{way} for weights", _file(way, rng.randrange(1 << 30)), limit=PATIENCE)


def read(path: Path) -> dict[str, torch.Tensor] | str:
    """The state dict, or why it is not read."""
    try:
        found = weights.read(path)
    except weights.WeightsError as error:
        assert "\n" not in str(error), error  # noqa: PT017
        return str(error)
    assert found
    assert sum(v.numel() for v in found.values()) <= 1 << 28
    return found


def _write(rng: random.Random, place: Path, pickled: bytes, storages: dict[str, bytes]) -> Path:
    return rng.choice((zipped, legacy))(place / "a.pt", pickled, storages)


def _object(seed: int):
    def run(place: Path) -> None:
        rng = random.Random(seed)
        made = object_field(
            rng.choice((0, 1, 8, -8, 4096, 10**6, 10**9, rng.randrange(1 << 40))), rng.randrange(256), rng.choice((1, 8, 16, 64)),
            rng.choice((1, 2, 64, 1000)), rng.choice(("S8", "U2", "f8", "i8", "V8", "O8", "M8", "b1")),
        )  # fmt: skip
        found = read(zipped(place / "a.pt", made, {"0": bytes(16)}))
        assert isinstance(found, dict), found
        assert found["w"].tolist() == [0, 0, 0, 0]

    return run


def _tensors(seed: int):
    def run(place: Path) -> None:
        rng = random.Random(seed)
        p = Pickle()(b"}")
        for i in range(rng.choice((1, 3))):
            shape = tuple(rng.choice(NUMBERS) for _ in range(rng.choice((0, 1, 2, 4, 9))))
            strides = tuple(rng.choice(NUMBERS) for _ in range(rng.choice((len(shape), len(shape), 1))))
            if rng.random() < 0.4:  # a few numbers that are to be seen as gigabytes of them
                shape, strides = rng.choice(((2**16, 2**16), (2**20, 2**13, 2))), (0, 0, 0)
                p.text(f"v{i}").tensor("0", 4, shape, strides[: len(shape)])(b"s")
                continue
            p.text(f"w{i}").tensor(
                rng.choice("01"), rng.choice((4, 4, rng.choice(NUMBERS))), shape, strides, rng.choice((0, 0, rng.choice(NUMBERS))),
                rng.choice(("FloatStorage", "DoubleStorage", "ByteStorage", "QInt8Storage", "UntypedStorage", "NoStorage", "BoolStorage")),
                rng.choice(("_rebuild_tensor_v2", "_rebuild_tensor", "_rebuild_tensor_v3", "_rebuild_parameter", "_rebuild_qtensor")),
            )(b"s")  # fmt: skip
        read(_write(rng, place, p.end(), {"0": rng.randbytes(16), "1": b""}))

    return run


def _steps(seed: int):
    def run(place: Path) -> None:
        rng = random.Random(seed)
        many = rng.choice((5, 50, 3000, 300_000))
        body = (
            bytes(rng.choice(STEPS) for _ in range(many)) if rng.random() < 0.7 else rng.choice(STEPS).to_bytes() * many
        )
        read(_write(rng, place, b"\x80\x02" + body + b".", {"0": bytes(16)}))

    return run


def _names(seed: int):
    def run(place: Path) -> None:
        rng = random.Random(seed)
        module, name = rng.choice(MODULES), rng.choice(NAMES)
        p = Pickle()(b"}").text("w").tensor("0", 4, (4,), (1,))(b"s").text("beside").named(module, name)(b"(")
        p.text("touch ran")(b"t").__call__(rng.choice((b"R", b"\x81", b"}\x92")))(b"}b")(b"s")
        read(_write(rng, place, p.end(), {"0": bytes(16)}))
        assert not Path("ran").exists()

    return run


def _good(rng: random.Random, place: Path) -> Path:
    state = OrderedDict(w=torch.arange(12.0).view(3, 4), b=torch.arange(3), h=torch.ones(5).half())
    beside = {"state_dict": state, "acc": np.float64(0.5), "index": np.arange(9), "epoch": 3}
    path = place / rng.choice(("a.pt", "a.safetensors"))
    if path.suffix == ".pt":
        torch.save(rng.choice((state, beside)), path, _use_new_zipfile_serialization=rng.random() < 0.5)
    else:
        weights.write_atomically(path, weights.save_bytes(dict(state)))
    return path


def _damaged(seed: int):
    def run(place: Path) -> None:
        rng = random.Random(seed)
        path = _good(rng, place)
        data = bytearray(path.read_bytes())
        for _ in range(rng.choice((1, 1, 5, 50))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.choice((len(data), rng.randrange(len(data))))])
        read(path)

    return run


def _header(seed: int):
    def run(place: Path) -> None:
        rng = random.Random(seed)
        for _ in range(20):
            shape = [rng.choice((1, 2, 4, 0, -1, 2**31, 2**62, 1e300, None)) for _ in range(rng.choice((0, 1, 2, 9)))]
            offsets = [rng.choice((0, 4, 16, -1, 2**63)), rng.choice((4, 16, 0, 2**63, 1.5))]
            kind = rng.choice(("F32", "F4", "F64", "BOOL", "I64", "F8_E8M0", "C64", "", None, [], "U16", "F6_E2M3"))
            told = {
                "w": {"dtype": kind, "shape": shape, "data_offsets": offsets},
                "__metadata__": rng.choice(({}, None, {"a": 1})),
            }
            text = rng.choice((json.dumps(told), "[" * 5000, '{"w":' * 4000, "{}", "null", '{"w": Infinity}')).encode()
            length = rng.choice((len(text), len(text), len(text), 0, 2**63, 2**24 + 1, len(text) + 1))
            path = place / "a.safetensors"
            path.write_bytes(struct.pack("<Q", length) + text + bytes(rng.choice((0, 4, 16))))
            read(path)

    return run


def _zip(seed: int):
    def run(place: Path) -> None:
        rng = random.Random(seed)
        held = io.BytesIO()
        pickled = Pickle()(b"}").text("w").tensor("0", 4, (4,), (1,))(b"s").end()
        with zipfile.ZipFile(held, "w") as archive:
            for root in rng.choice((("a",), ("a", "b"), ("a/b",), ("",), ("..",))):
                how = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
                archive.writestr(f"{root}/data.pkl", pickled, how)
                archive.writestr(
                    f"{root}/data/0",
                    bytes(rng.choice((16, 15, 10**8))),
                    zipfile.ZIP_DEFLATED if rng.random() < 0.5 else None,
                )
                archive.writestr(f"{root}/byteorder", rng.choice((b"little", b"big", b"", b"x" * 99)))
            for i in range(rng.choice((0, 10, 20_000))):
                archive.writestr(f"a/data/x{i}", b"")
        (place / "a.pt").write_bytes(held.getvalue())
        read(place / "a.pt")

    return run


def _file(way: str, seed: int):
    def run(place: Path) -> None:
        path = _good(random.Random(seed), place)
        spoil(path, way, seed)
        read(path)

    return run
