"""What may lie where a file should be: drawn from a seed, written at a path. Used by several kinds of attack."""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import socket
import struct
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

Write = Callable[[Path, random.Random, bytes], None]
"""Writes at a path, where nothing is any more, what is made of the bytes that lay there."""


def _pipe(path: Path, rng: random.Random, data: bytes) -> None:
    os.mkfifo(path)


def _socket(path: Path, rng: random.Random, data: bytes) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the name of a socket must be short
    try:
        socket.socket(socket.AF_UNIX).bind(path.name)
    finally:
        os.chdir(here)


def _link(target: str) -> Write:
    return lambda path, rng, data: path.symlink_to(target)


def _sparse(path: Path, rng: random.Random, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data[: rng.choice((0, 100, len(data)))])
        file.truncate(rng.choice((1 << 26, 1 << 30, 1 << 33, 1 << 40)))


def _cut(path: Path, rng: random.Random, data: bytes) -> None:
    path.write_bytes(data[: rng.randrange(len(data) + 1)])


def _flipped(path: Path, rng: random.Random, data: bytes) -> None:
    held = bytearray(data or b"{}")
    for _ in range(rng.choice((1, 3, 30))):
        held[rng.randrange(len(held))] = rng.randrange(256)
    path.write_bytes(held)


def _noise(path: Path, rng: random.Random, data: bytes) -> None:
    path.write_bytes(rng.randbytes(rng.choice((0, 1, 9, 1000, 100_000))))


def _deep(path: Path, rng: random.Random, data: bytes) -> None:
    depth, (first, last) = rng.choice((41, 500, 1000, 5000, 200_000)), rng.choice((("[", "]"), ('{"n":', "}")))
    path.write_text(first * depth + "1" + last * depth + "\n")


NASTY = (
    "null", "Infinity", "-Infinity", "NaN", "1e999", "-1e999", "9" * 20, "9" * 400, "9" * 5000, "-" + "9" * 20, "true", '""',
    '"x"', "[]", "{}", "[[]]", "-1", "0.5", "1e308", '"\\ud800"', '"' + "x" * 10_000 + '"', "9223372036854775807",
)  # fmt: skip


def _whole_value(path: Path, rng: random.Random, data: bytes) -> None:
    path.write_text(
        rng.choice((rng.choice(NASTY), json.dumps({"config": None}), '{"n": Infinity}', '{"pid": ' + "9" * 20 + "}"))
    )


def _one_value(path: Path, rng: random.Random, data: bytes) -> None:
    """JSON that is whole but for one value of it, which is replaced by another."""
    try:
        lines = data.decode().splitlines() or ["{}"]
        at = rng.randrange(len(lines)) if path.suffix == ".jsonl" else 0
        text = lines[at] if path.suffix == ".jsonl" else data.decode()
        value = json.loads(text)
    except ValueError:
        return _noise(path, rng, data)
    mark = "a place for another value"
    spots = list(_spots(value))
    if spots:
        holder, key = rng.choice(spots)
        holder[key] = mark
    text = json.dumps(value).replace(f'"{mark}"', rng.choice(NASTY))
    if path.suffix == ".jsonl":
        lines[at] = text
        text = "\n".join(lines) + "\n"
    path.write_text(text)


def _spots(value):
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from _spots(value[key])


def _long_line(path: Path, rng: random.Random, data: bytes) -> None:
    path.write_bytes(data + b'{"n": 1, "type": "Note", "text": "' + b"x" * rng.choice((10**5, 3 * 10**7)) + b'"}\n')


def _many_lines(path: Path, rng: random.Random, data: bytes) -> None:
    path.write_bytes(data + rng.choice((b"{}\n", b'{"n":1}\n', b"\n", b"[\n")) * rng.choice((10**4, 2 * 10**6)))


def npy(shape: str, kind: str, data: bytes, version: int = 1) -> bytes:
    """An array as numpy writes it, whatever its header says."""
    head = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H" if version == 1 else "<I", len(head)) + head + data


SHAPES = (
    "(4,)",
    "(-4,)",
    "(4, 0)",
    "(2**40,)",
    "(1099511627776,)",
    "()",
    "(0, 1099511627776)",
    "(True,)",
    "(1,) * 99",
    "4",
    "None",
    "(4.0,)",
)
DTYPES = (
    "'<f4'",
    "'|O'",
    "'<U4'",
    "'|V8'",
    "[('a', '<f4')]",
    "[('a', '|O')]",
    "'<M8[s]'",
    "'<f16'",
    "'|S9'",
    "'nonsense'",
    "1",
    "'<U0'",
)


def _arrays(path: Path, rng: random.Random, data: bytes) -> None:
    """A .npz with odd headers, or one that unpacks to a thousand times its size."""
    held = io.BytesIO()
    with zipfile.ZipFile(
        held, "w", rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    ) as archive:
        for name in rng.sample(("axes", "codes_asr", "triggers", "level", "asr", "mode", "pca", "tsne", "classes"), 5):
            body = rng.choice((b"", rng.randbytes(16), b"\xff" * 16, b"\0" * 10 ** rng.choice((2, 6, 8))))
            archive.writestr(f"{name}.npy", npy(rng.choice(SHAPES), rng.choice(DTYPES), body, rng.choice((1, 2, 3))))
    path.write_bytes(held.getvalue())


def _members(path: Path, rng: random.Random, data: bytes) -> None:
    """A zip with very many members."""
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(rng.choice((300, 20_000))):
            archive.writestr(f"{i}.npy", b"")


EVERY: Mapping[str, Write] = {
    "a pipe": _pipe, "a socket": _socket, "a link to /dev/zero": _link("/dev/zero"), "a link to itself": _link("."),
    "a link to nowhere": _link("nowhere"), "a terminal": _link("/dev/tty"), "a sparse file": _sparse, "a cut file": _cut,
    "flipped bytes": _flipped, "noise": _noise, "a folder": lambda path, rng, data: path.mkdir(),
}  # fmt: skip
OF_JSON: Mapping[str, Write] = {"deep JSON": _deep, "another value": _whole_value, "one odd value": _one_value}
OF_LINES: Mapping[str, Write] = {"a long line": _long_line, "many lines": _many_lines}
OF_ARRAYS: Mapping[str, Write] = {"odd arrays": _arrays, "many members": _members}


def ways(path: Path) -> Mapping[str, Write]:
    """The ways in which a file of this name can be bad."""
    found = dict(EVERY)
    if path.suffix in (".json", ".jsonl"):
        found |= {name: way for name, way in OF_JSON.items() for _ in range(1)}
    if path.suffix == ".jsonl":
        found |= OF_LINES
    if path.suffix == ".npz":
        found |= OF_ARRAYS
    return found


def spoil(path: Path, way: str, seed: int) -> None:
    """Put something bad where a file is, or would be."""
    data = path.read_bytes() if path.is_file() else b""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    ways(path)[way](path, random.Random(seed), data)
