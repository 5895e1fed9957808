"""A torch checkpoint turned into safetensors without torch: torch's two formats, and the tensors that they point to.

The pickle inside is carried out by `pickles.Machine`, which builds nothing that it names; a tensor is what its note
says: a place in the file, a shape and strides, which are checked before a byte is copied.

`convert` runs in a process of its own (see `mesa_core.victims.weights`): `python -m mesa_core.victims.checkpoints < checkpoint`
writes safetensors to the standard output, or ends with 2 and a sentence on the standard error. Standard library only,
but for numpy where a tensor does not lie in one piece.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from mesa_core.victims.filekinds import HEAD, of_zip, unlike
from mesa_core.victims.pickles import DAMAGED, LONG_WINDED, Machine, Made, Named, Storage, Tensor, Unreadable, text_of

MOST_BYTES = 640 << 20  # of all tensors of a state dict, floats counted as float32 at least
FEW_BYTES = 256 << 20  # of them that a file may ask for, however small it is; a larger one for FACTOR times its own
FACTOR = 4
MOST_TENSORS = 20_000
MOST_HEAD = 1 << 20  # bytes of what is said of them; as of every safetensors file that is read here
MOST_PICKLE = 64 << 20  # bytes
MOST_AXES = 8
MEMORY = 1 << 30  # bytes of address space for the whole process
SECONDS = 4  # of processor time
NESTED = ("model", "state_dict", "model_state_dict", "net", "netC", "weights", "network", "net_state_dict", "params")
NOT_WEIGHTS = ("optim", "sched", "ema", "scaler", "rng")  # parts of the names of what lies beside the weights
MOST_DICTS = 1000  # dictionaries in each other that are looked through
DEEPEST = 4
NONE = f"holds no state dict (looked at the top and under {', '.join(NESTED[:6])}, and whatever else lies there)"
NOTES = "brought"  # under which safetensors' metadata tells where the numbers lie in the file that they came from
ARCHITECTURE = (
    "arch",
    "model_name",
    "architecture",
    "model",
    "net",
    "backbone",
)  # keys under which a file says what it is of
CLASSES = ("num_classes", "n_classes", "nb_classes", "classes")
MAGIC = 0x1950A86A20F9469CFC6C  # of torch's format before 1.6
KINDS: Mapping[str, tuple[str, int]] = {  # of safetensors, and bytes a number
    "float64": ("F64", 8), "float32": ("F32", 4), "float16": ("F16", 2), "bfloat16": ("BF16", 2), "int64": ("I64", 8),
    "int32": ("I32", 4), "int16": ("I16", 2), "int8": ("I8", 1), "uint8": ("U8", 1), "bool": ("BOOL", 1),
    "uint16": ("U16", 2), "uint32": ("U32", 4), "uint64": ("U64", 8), "float8_e4m3fn": ("F8_E4M3", 1),
    "float8_e5m2": ("F8_E5M2", 1),
}  # fmt: skip


# -- what the pickle told
def tensor_of(value: Any) -> Tensor | None:
    """The tensor that a stand-in stands for; None where it stands for something else. Raises Unreadable."""
    for _ in range(4):
        if not isinstance(value, Made) or not value.name.startswith("torch._"):
            return None
        name, given = value.name.rsplit(".", 1)[1], value.arguments
        if name == "_rebuild_from_type_v2" and len(given) == 4 and isinstance(given[0], Named):
            value = Made(given[0].name, given[2])
        elif name in ("_rebuild_parameter", "_rebuild_parameter_with_state") and given:
            value = given[0]
        else:
            return _dense(name, given)
    raise Unreadable(DAMAGED)


def _dense(name: str, given: Any) -> Tensor:
    if name not in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"):
        raise Unreadable("holds tensors of a kind that weights are not of, such as sparse or quantised ones")
    if type(given) is not tuple or len(given) < 4 or not isinstance(given[0], Storage):
        raise Unreadable(DAMAGED)
    storage, offset, shape, strides = given[:4]
    kind, flags = storage.kind, given[6:]
    if name == "_rebuild_tensor_v3":
        if len(given) < 7 or not isinstance(given[6], Named):
            raise Unreadable(DAMAGED)
        kind, flags = given[6].name.removeprefix("torch."), given[7:]
    if kind not in KINDS or any(flags):  # flags: numbers that are to be negated or conjugated
        raise Unreadable("holds numbers of a kind that weights are not of")
    shape, strides = (v.arguments[0] if isinstance(v, Made) and v.arguments else v for v in (shape, strides))
    if type(shape) is not tuple or type(strides) is not tuple or not len(shape) == len(strides) <= MOST_AXES:
        raise Unreadable(DAMAGED)
    if any(type(v) is not int or not 0 <= v < 1 << 40 for v in (offset, *shape, *strides)):
        raise Unreadable(DAMAGED)
    tensor = Tensor(storage, kind, offset, shape, strides)
    if (offset + tensor.span) * KINDS[kind][1] > storage.count * storage.width:
        raise Unreadable("holds a tensor that reaches beyond its numbers")
    return tensor


def unnested(held: Any) -> tuple[dict[str, Tensor], list[str]]:
    """The state dict in what a checkpoint holds, wherever it lies, and the names of what lies in it that is no tensor.

    Where there are several, the first under a name of NESTED; else the one with the most tensors. Raises Unreadable.
    """
    best, most = None, (0, 0)
    for one, rank in _dicts(held):
        count = sum(type(key) is str and _stands(value) for key, value in one.items())
        if count and (rank, count) > most:
            best, most = one, (rank, count)
    if best is None:
        raise Unreadable(NONE)
    found = {key: tensor_of(value) for key, value in best.items() if type(key) is str and _stands(value)}
    tensors = {key: tensor for key, tensor in found.items() if tensor is not None}
    return tensors, [text_of(key) for key in best if key not in tensors]


def _dicts(held: Any) -> Iterator[tuple[dict[Any, Any], int]]:
    """Dictionaries in each other, the outer ones first; with each how early in NESTED its name stands (0: it does not)."""
    level = [(held, 0)] if type(held) is dict else []
    seen = 0
    for depth in range(DEEPEST):
        inner: list[tuple[dict[Any, Any], int]] = []
        for one, rank in level:
            yield one, rank
            for key, value in one.items():
                word = text_of(key)
                if type(value) is not dict or not value or any(no in word.lower() for no in NOT_WEIGHTS):
                    continue
                seen += 1
                if seen > MOST_DICTS:
                    return
                named = word in NESTED and (rank or not depth)
                inner.append((value, len(NESTED) - NESTED.index(word) if named else 0))
        level = inner


def told_by(held: Any) -> dict[str, str | int]:
    """What a file says of its network beside the weights: the architecture's name, how many classes."""
    told: dict[str, str | int] = {}
    if type(held) is dict:
        for name in ARCHITECTURE:
            if type(held.get(name)) is str and 0 < len(held[name]) <= 60 and "arch" not in told:
                told["arch"] = held[name]
        for name in CLASSES:
            if type(held.get(name)) is int and 0 < held[name] < 1 << 20 and "classes" not in told:
                told["classes"] = held[name]
    return told


def _stands(value: Any) -> bool:
    return isinstance(value, Made) and value.name.startswith("torch._")


# -- the file
Places = Mapping[str, tuple[int, int]]
"""Where the numbers of each storage lie in the file: first byte, number of bytes."""


@dataclass(frozen=True)
class Parsed:
    """A checkpoint, before a number of it is read."""

    state: Mapping[str, Tensor]
    places: Places
    swapped: bool  # whether the bytes of a number stand in the other order
    beside: list[str]  # names in the state dict of what is no tensor
    told: Mapping[str, str | int]
    kind: str  # zip or legacy
    sums: Mapping[str, list[int]] = field(default_factory=dict)  # of a storage: where its checksum stands in a zip


def parse(file: BinaryIO) -> Parsed:
    """What a checkpoint of torch's holds. Raises Unreadable, which says what the file is instead where that can be told."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(HEAD)
    if said := unlike(head):
        raise Unreadable(said)
    file.seek(0)
    return _parse_zip(file, size) if head[:4] == b"PK\x03\x04" else _parse_legacy(file, size)


def _parse_zip(file: BinaryIO, size: int) -> Parsed:
    try:
        archive = zipfile.ZipFile(file)
        members = {member.filename: member for member in archive.infolist()}
        start = archive.start_dir
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        raise Unreadable(DAMAGED) from None
    if said := of_zip(members):
        raise Unreadable(said)
    pickles = [name for name in members if name.endswith("/data.pkl") and name.count("/") == 1]
    if len(pickles) != 1:
        raise Unreadable(DAMAGED)
    root = pickles[0].removesuffix("data.pkl")

    def place(name: str) -> tuple[int, int]:
        member = members.get(name)
        if member is None:
            raise Unreadable(DAMAGED)
        if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & 1:
            raise Unreadable("is packed as torch does not pack it; save it again with torch")
        file.seek(member.header_offset)
        head = file.read(30)
        if len(head) != 30 or head[:4] != b"PK\x03\x04":
            raise Unreadable(DAMAGED)
        begin = member.header_offset + 30 + sum(struct.unpack("<HH", head[26:]))
        if begin + member.file_size > size:
            raise Unreadable(DAMAGED)
        return begin, member.file_size

    def content(name: str, most: int) -> bytes:
        begin, count = place(name)
        if count > most:
            raise Unreadable(LONG_WINDED)
        file.seek(begin)
        return file.read(count)

    order = content(f"{root}byteorder", 16) if f"{root}byteorder" in members else b"little"
    if order not in (b"little", b"big"):
        raise Unreadable(DAMAGED)
    held = Machine(content(pickles[0], MOST_PICKLE)).next()
    state, beside = unnested(held)
    keys = {tensor.storage.key for tensor in state.values()}
    places = {key: place(f"{root}data/{key}") for key in keys}
    where = _sums(file, start, size)
    sums = {key: _sums_of(members[f"{root}data/{key}"], where, *places[key]) for key in keys}
    return Parsed(state, places, order == b"big", beside, told_by(held), "zip", sums)


def _sums(file: BinaryIO, start: int, size: int) -> dict[int, int]:
    """Where the checksum of each member stands in a zip's list of them, by where the member begins."""
    file.seek(start)
    data, found, at = file.read(min(size - start, MOST_PICKLE)), {}, 0
    while data[at : at + 4] == b"PK\x01\x02" and at + 46 <= len(data):
        n, m, k = struct.unpack_from("<HHH", data, at + 28)
        (begin,) = struct.unpack_from("<I", data, at + 42)
        found[begin] = start + at + 16
        at += 46 + n + m + k
    return found


def _sums_of(member: zipfile.ZipInfo, where: Mapping[int, int], begin: int, count: int) -> list[int]:
    """Every place of a member's checksum: before it, after it where its writer did not know it, and in the list."""
    found = [where[member.header_offset]] if member.header_offset in where else []
    return found + ([begin + count + 4] if member.flag_bits & 8 else [member.header_offset + 14])


def _parse_legacy(file: BinaryIO, size: int) -> Parsed:
    """Pickles one after another, then each storage's number of numbers and its numbers."""
    machine = Machine(file.read(MOST_PICKLE))
    if machine.next() != MAGIC or machine.next() != 1001:
        raise Unreadable(DAMAGED)
    machine.next()  # the machine that wrote it
    held, keys = machine.next(), machine.next()
    if type(keys) is not list or len(keys) > MOST_TENSORS:
        raise Unreadable(DAMAGED)
    state, beside = unnested(held)
    places = _legacy_places(file, size, machine, [text_of(key) for key in keys])
    return Parsed(state, places, False, beside, told_by(held), "legacy")


def _legacy_places(file: BinaryIO, size: int, machine: Machine, keys: list[str]) -> dict[str, tuple[int, int]]:
    places, at = {}, machine.at
    for key in keys:
        file.seek(at)
        head = file.read(8)
        count = int.from_bytes(head, "little", signed=True) * machine.widths.get(key, 0)
        if key not in machine.widths or len(head) != 8 or not 0 <= count <= size - at - 8:
            raise Unreadable(DAMAGED)
        places[key] = (at + 8, count)
        at += 8 + count
    return places


# -- safetensors
def convert(file: BinaryIO, out: BinaryIO) -> None:
    """Write the state dict of a checkpoint as safetensors. Raises Unreadable; nothing is written then."""
    found = parse(file)
    state, places = found.state, found.places
    most = min(MOST_BYTES, max(FEW_BYTES, FACTOR * file.seek(0, os.SEEK_END)))
    if len(state) > MOST_TENSORS or sum(t.count * max(4, KINDS[t.kind][1]) for t in state.values()) > most:
        raise Unreadable(f"asks for more than {most >> 20} MiB of weights")
    header: dict[str, Any] = {}
    end = 0
    for name, tensor in state.items():
        width = KINDS[tensor.kind][1]
        begin, end = end, end + tensor.count * width
        held = places.get(tensor.storage.key, (0, -1))[1]
        if tensor.storage.count * tensor.storage.width > held or name == "__metadata__" or len(name) > 1000:
            raise Unreadable(DAMAGED)
        header[name] = {"dtype": KINDS[tensor.kind][0], "shape": tensor.shape, "data_offsets": [begin, end]}
    header["__metadata__"] = {NOTES: json.dumps(_notes(found))}
    try:
        head = json.dumps(header, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # half of a pair of surrogates
        raise Unreadable(DAMAGED) from None
    head += b" " * (-len(head) % 8)
    if len(head) > MOST_HEAD:
        raise Unreadable(LONG_WINDED)
    out.write(struct.pack("<Q", len(head)) + head)
    for tensor in state.values():
        for piece in _numbers(file, places[tensor.storage.key][0], tensor, found.swapped):
            out.write(piece)


def _notes(found: Parsed) -> dict[str, Any]:
    """What it takes to put other numbers in the places of these, and what the file says of itself."""
    slots = {
        name: [found.places[t.storage.key][0] + t.offset * KINDS[t.kind][1], t.kind, list(t.shape), list(t.strides)]
        for name, t in found.state.items()
        if t.storage.key in found.places
    }
    used = {tensor.storage.key for tensor in found.state.values()}
    sums = [[*found.places[key], where] for key, where in found.sums.items() if key in used]
    return {
        "kind": found.kind, "swapped": found.swapped, "slots": slots, "sums": sums, "beside": found.beside[:50],
        "told": found.told,
    }  # fmt: skip


def _numbers(file: BinaryIO, begin: int, tensor: Tensor, swapped: bool) -> Iterator[bytes]:
    """The bytes of a tensor in order, a piece at a time where they lie in one piece."""
    width = KINDS[tensor.kind][1]
    file.seek(begin + tensor.offset * width)
    left = tensor.span * width
    if tensor.whole and not swapped:
        while left:
            piece = file.read(min(left, 1 << 20))
            if not piece:
                raise Unreadable(DAMAGED)
            left -= len(piece)
            yield piece
        return
    import numpy as np

    data = np.frombuffer(file.read(left), f"u{width}")
    if len(data) != tensor.span:
        raise Unreadable(DAMAGED)
    data = data.byteswap() if swapped else data
    strides = tuple(step * width for step in tensor.strides)
    yield np.lib.stride_tricks.as_strided(data, tensor.shape, strides, writeable=False).tobytes()


def limit(memory: int, seconds: int, most: int) -> None:
    """Bound this process: its memory and largest file in bytes, its processor time; where the system has no limits, no."""
    try:
        import resource
    except ImportError:  # Windows; whoever started the process ends it when its time is over
        return
    for what, bound in (("AS", memory), ("CPU", seconds), ("FSIZE", most), ("CORE", 0)):
        kind = getattr(resource, f"RLIMIT_{what}")
        highest = resource.getrlimit(kind)[1]
        bound = bound if highest == resource.RLIM_INFINITY else min(bound, highest)
        try:
            resource.setrlimit(kind, (bound, bound))
        except (OSError, ValueError):  # macOS does not bound the address space
            continue


def main() -> int:
    """Read a checkpoint from the standard input, write safetensors to the standard output; 2 where it cannot be read."""
    limit(MEMORY, SECONDS, 2 * MOST_BYTES)
    try:
        with open(0, "rb", closefd=False) as file, open(1, "wb", closefd=False) as out:
            convert(file, out)
    except Unreadable as error:
        print(error, file=sys.stderr)
        return 2
    except MemoryError:
        print(LONG_WINDED, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
