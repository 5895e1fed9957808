"""A pickle carried out without building anything that it names.

A pickle is a small program. The machine here knows lists, dictionaries, texts and numbers only: every name that the
program looks up becomes an inert stand-in, every call a note of what was to be called. So numpy's arrays and numbers,
which toolkits keep beside the weights, cost nothing and do nothing. Standard library only.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mesa_core.victims.filekinds import SAVE, WHOLE

MOST_STEPS = 1_000_000  # of a pickle's program; a network's is some ten thousand
CODE = "holds more than weights, which could run code{named}; where it was made, save its state dict alone: " + SAVE
DAMAGED = "is not a checkpoint that torch can read"
LONG_WINDED = "holds too much beside its weights; save its state dict alone"
STORAGES: Mapping[str, tuple[str, int]] = {  # torch's names of storages: kind, and bytes a number
    "Double": ("float64", 8), "Float": ("float32", 4), "Half": ("float16", 2), "BFloat16": ("bfloat16", 2),
    "Long": ("int64", 8), "Int": ("int32", 4), "Short": ("int16", 2), "Char": ("int8", 1), "Byte": ("uint8", 1),
    "Bool": ("bool", 1), "Untyped": ("uint8", 1), "ComplexDouble": ("complex128", 16), "ComplexFloat": ("complex64", 8),
    "QInt8": ("qint8", 1), "QUInt8": ("quint8", 1), "QInt32": ("qint32", 4),
}  # fmt: skip
HARMLESS = re.compile(
    r"torch\.(storage\.)?\w+Storage|torch\.(\w*Tensor|Size|device|(bfloat|float|u?int|complex|bool|quint|qint)\w*)"
    r"|torch\._utils\._rebuild_\w+|torch\._tensor\._rebuild_from_type_v2|torch\.nn\.parameter\.Parameter"
    r"|torch\.serialization\._get_layout|numpy\._?core\.multiarray\.(_reconstruct|scalar)"
    r"|numpy\._?core\.numeric\._frombuffer|numpy\.(ndarray|dtype|(float|u?int|complex|bool|str|bytes)\w*)"
    r"|numpy\.dtypes\.\w+DType|collections\.(OrderedDict|Counter|defaultdict|deque)|_codecs\.encode|argparse\.Namespace"
    r"|(builtins|__builtin__)\.(set|frozenset|bytearray|complex|list|dict|tuple|str|int|float|bool|bytes|slice|range)"
    r"|pathlib\.(Pure)?(Posix|Windows)?Path|datetime\.(datetime|date|time|timedelta|timezone)"
    # containers of settings, as toolkits keep them beside the weights
    r"|(pytorch_lightning|lightning|lightning_fabric)(\.\w+)*\.AttributeDict|omegaconf(\.\w+)+|yacs\.config\.CfgNode"
    r"|easydict\.EasyDict|addict(\.\w+)?\.Dict|(mmcv|mmengine)(\.\w+)*\.(ConfigDict|Config)|types\.SimpleNamespace"
    r"|ml_collections(\.\w+)*\.(Frozen)?ConfigDict|typing\.Any|decimal\.Decimal|fractions\.Fraction|uuid\.UUID"
    r"|copyreg\._reconstructor|copy_reg\._reconstructor|(builtins|__builtin__)\.object"
)
WORD = re.compile(r"[\w.]{1,80}")
PLAIN_KEYS = (str, int, float, bool, bytes, type(None))


class Unreadable(ValueError):
    """Why a checkpoint is not read, as the rest of a sentence that begins with its name."""


# -- stand-ins
@dataclass(frozen=True)
class Named:
    """What a pickle looked up, by its name alone."""

    name: str


@dataclass(frozen=True, eq=False)
class Made:
    """A call that a pickle asked for, and that nobody has made."""

    name: str
    arguments: Any


@dataclass(frozen=True)
class Storage:
    """Numbers somewhere in the file: their kind, bytes a number, under which key, how many."""

    kind: str
    width: int
    key: str
    count: int


@dataclass(frozen=True)
class Tensor:
    """A view of a storage; all in numbers, not bytes."""

    storage: Storage
    kind: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def count(self) -> int:
        return math.prod(self.shape)

    @property
    def span(self) -> int:
        """Numbers of the storage from the first one used to the last."""
        if not self.count:
            return 0
        return 1 + sum((n - 1) * step for n, step in zip(self.shape, self.strides, strict=True))

    @property
    def whole(self) -> bool:
        """Whether its numbers lie one after another, in their order."""
        step = 1
        for n, stride in zip(reversed(self.shape), reversed(self.strides), strict=True):
            if n != 1 and stride != step:
                return False
            step *= n
        return True


class _Mark:
    """Where a group of values begins on the stack."""


class Machine:
    """Carries out the pickles that lie one after another in `data`. Raises Unreadable."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.steps = data, 0, 0
        self.widths: dict[str, int] = {}  # of every storage that was pointed to, by its key

    def _take(self, count: int) -> bytes:
        taken = self.data[self.at : self.at + count]
        if count < 0 or len(taken) != count:
            raise Unreadable(DAMAGED)
        self.at += count
        return taken

    def _number(self, form: str) -> int:
        return struct.unpack(form, self._take(struct.calcsize(form)))[0]

    def _line(self) -> str:
        end = self.data.find(b"\n", self.at, self.at + 1000)
        if end < 0:
            raise Unreadable(DAMAGED)
        return self._take(end + 1 - self.at)[:-1].decode("utf-8", "replace")

    def next(self) -> Any:
        """What the next pickle holds."""
        try:
            return self._next()
        except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:  # a stack that is empty, and so on
            if isinstance(error, Unreadable):
                raise
            raise Unreadable(DAMAGED) from None

    def _next(self) -> Any:
        stack: list[Any] = []
        memo: dict[int, Any] = {}

        def group() -> list[Any]:
            at = len(stack) - 1
            while stack[at] is not _Mark:
                at -= 1
                if at < 0:
                    raise Unreadable(DAMAGED)
            found = stack[at + 1 :]
            del stack[at:]
            return found

        fixed = self._fixed()
        while True:
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise Unreadable(LONG_WINDED)
            step = self._take(1)
            if step in fixed:
                stack.append(fixed[step]())
            elif step == b"(":
                stack.append(_Mark)
            elif step in b"hj":
                stack.append(memo[self._number("<B" if step == b"h" else "<I")])
            elif step in b"qr":
                memo[self._number("<B" if step == b"q" else "<I")] = stack[-1]
            elif step == b"\x94":
                memo[len(memo)] = stack[-1]
            elif step == b"t":
                stack.append(tuple(group()))
            elif step in b"\x85\x86\x87":
                count = step[0] - 0x84
                stack[-count:] = [tuple(stack[-count:])]
            elif step in b"su":
                pairs = group() if step == b"u" else [stack.pop(-2), stack.pop()]
                _set_items(stack[-1], pairs)
            elif step in b"ae\x90":
                items = [stack.pop()] if step == b"a" else group()
                if type(stack[-1]) is list:
                    stack[-1].extend(items)
                elif not isinstance(stack[-1], Made):
                    raise Unreadable(DAMAGED)
            elif step in b"c\x93":
                name = f"{self._line()}.{self._line()}" if step == b"c" else f"{stack.pop(-2)}.{stack.pop()}"
                stack.append(self._looked_up(name))
            elif step in b"R\x81\x92":
                if step == b"\x92":
                    stack.pop()  # arguments by name
                arguments = stack.pop()
                stack.append(_called(stack.pop(), arguments))
            elif step == b"b":
                stack.pop()  # attributes: of no use to us
                if not isinstance(stack[-1], (Made, dict)):
                    raise Unreadable(DAMAGED)
            elif step == b"\x91":
                stack.append(Made("builtins.frozenset", group()))
            elif step == b"Q":
                storage = _stored(stack.pop())
                self.widths[storage.key] = storage.width
                stack.append(storage)
            elif step == b"0":
                stack.pop()
            elif step == b"\x80":
                self._take(1)
            elif step == b"\x95":
                self._take(8)
            elif step == b".":
                return stack.pop()
            else:
                raise Unreadable(DAMAGED)

    def _looked_up(self, name: str) -> Named:
        """A stand-in of what a pickle names; Unreadable where that is more than weights need."""
        if not HARMLESS.fullmatch(name):
            named = f" ({name})" if WORD.fullmatch(name) else ""
            module = b"_parameters" in self.data and b"_modules" in self.data  # what every torch module consists of
            raise Unreadable((WHOLE if module else CODE).format(named=named))
        return Named(name)

    def _fixed(self) -> Mapping[bytes, Callable[[], Any]]:
        """Steps that put one value on the stack."""

        def text(form: str) -> str:
            return self._take(self._number(form)).decode("utf-8", "surrogatepass")

        def long(form: str) -> int:
            return int.from_bytes(self._take(self._number(form)), "little", signed=True)

        return {
            b"N": lambda: None, b"\x88": lambda: True, b"\x89": lambda: False, b")": tuple, b"]": list, b"}": dict,
            b"\x8f": lambda: Made("builtins.set", ()), b"J": lambda: self._number("<i"), b"K": lambda: self._number("<B"),
            b"M": lambda: self._number("<H"), b"G": lambda: struct.unpack(">d", self._take(8))[0],
            b"\x8a": lambda: long("<B"), b"X": lambda: text("<I"), b"\x8c": lambda: text("<B"),
            b"U": lambda: self._take(self._number("<B")), b"T": lambda: self._take(self._number("<I")),
            b"C": lambda: self._take(self._number("<B")), b"B": lambda: self._take(self._number("<I")),
        }  # fmt: skip


def _called(what: Any, arguments: Any) -> Any:
    """A note of the call; dictionaries of other names are plain ones."""
    if not isinstance(what, Named) or type(arguments) is not tuple:
        raise Unreadable(DAMAGED)
    if what.name in ("collections.OrderedDict", "collections.Counter", "collections.defaultdict"):
        made: dict[Any, Any] = {}
        for pair in arguments[0] if arguments and type(arguments[0]) is list else ():  # as Python 2 wrote them
            _set_items(made, list(pair))
        return made
    return Made(what.name, arguments)


def _set_items(held: Any, pairs: list[Any]) -> None:
    if isinstance(held, Made):
        return
    if type(held) is not dict or len(pairs) % 2:
        raise Unreadable(DAMAGED)
    for key, value in zip(pairs[::2], pairs[1::2], strict=True):
        if type(key) in PLAIN_KEYS:  # others name no weights, and are not to be hashed
            held[key] = value


def _stored(told: Any) -> Storage:
    """The storage that a pickle points to."""
    word, kind, key, _, count, *view = told
    name = kind.name.rsplit(".", 1)[1].removesuffix("Storage") if isinstance(kind, Named) else ""
    if text_of(word) != "storage" or type(count) is not int or count < 0 or any(v is not None for v in view):
        raise Unreadable(DAMAGED)
    if name not in STORAGES:
        raise Unreadable("holds numbers of a kind that weights are not of")
    return Storage(*STORAGES[name], text_of(key), count)


def text_of(value: Any) -> str:
    """A word or a number as text. Raises Unreadable for all else, which could be endless once it is written out."""
    if isinstance(value, bytes):
        return value.decode("ascii", "replace")
    if not isinstance(value, (str, int)):
        raise Unreadable(DAMAGED)
    return value if isinstance(value, str) else str(value)[:200]
