"""Bytes that somebody else may have written: read from regular files only, up to a stated size, and nothing but data.

A run, a cache, a checkpoint may come from anybody, may be damaged, and may be made to do harm: a pipe waits for ever, a
link to /dev/zero never ends, JSON nests without end or holds numbers that no other part of the program expects. Every
reader of such files opens them here. Standard library only.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from pathlib import Path
from typing import Any, BinaryIO

MIB = 1 << 20
MOST_JSON = 16 * MIB  # bytes
MOST_DEPTH = 40  # of lists and dictionaries in each other
MOST_VALUES = 1_000_000  # in one document; a value costs half a microsecond and a hundred bytes
MOST_DIGITS = 20  # of a whole number
LARGEST = 1 << 63  # what a whole number stays below, whatever its sign
KINDS = {
    stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket", stat.S_IFCHR: "device", stat.S_IFBLK: "device",
}  # fmt: skip


class Refused(ValueError):
    """Why something is not read, as the rest of a sentence that begins with its name."""


# -- files
def open_file(path: Path | str, most: int) -> BinaryIO:
    """Open a regular file of at most `most` bytes; a link to one will do.

    Raises Refused for anything else, and OSError where the system does not let us (FileNotFoundError, for one).
    """
    _check(os.stat(path), most)  # before it is opened, since to open a device can already do something
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags)
    try:
        _check(os.fstat(handle), most)  # it may be another file by now
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def _check(known: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(known.st_mode):
        raise Refused(f"is a {KINDS.get(stat.S_IFMT(known.st_mode), 'special file')}, not a file")
    if known.st_size > most:
        raise Refused(f"is larger than {size_in_words(most)}")


def size_in_words(count: int) -> str:
    """A number of bytes for people: MiB, or kB where that is less than one."""
    return f"{count // MIB:,} MiB" if count >= MIB else f"{count / 1000:g} kB"


def read_bytes(path: Path | str, most: int) -> bytes:
    """A whole regular file of at most `most` bytes. Raises Refused and OSError, as `open_file` does."""
    with open_file(path, most) as file:
        data = file.read(most + 1)
    if len(data) > most:  # it has grown since
        raise Refused(f"is larger than {size_in_words(most)}")
    return data


def digest(path: Path | str, most: int) -> str:
    """SHA-256 of a regular file in hex, read a piece at a time. Raises Refused and OSError."""
    found = hashlib.sha256()
    with open_file(path, most) as file:
        left = most
        while piece := file.read(min(MIB, left + 1)):
            left -= len(piece)
            if left < 0:
                raise Refused(f"is larger than {size_in_words(most)}")
            found.update(piece)
    return found.hexdigest()


# -- JSON
def parse_json(data: bytes | str) -> Any:
    """What JSON holds: at most MOST_VALUES, finite numbers, whole ones of 64 bits, MOST_DEPTH deep. Raises Refused."""
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        if sum(map(text.count, ",[{")) > MOST_VALUES:  # each value but the first has one of these before it
            raise Refused(f"holds more than {MOST_VALUES:,} values")
        value = json.loads(text, parse_float=_finite, parse_int=_whole, parse_constant=_constant)
    except Refused:
        raise
    except RecursionError:
        raise Refused(f"is nested deeper than {MOST_DEPTH}") from None
    except ValueError:  # no JSON, or no text
        raise Refused("is not whole JSON; it may be damaged") from None
    if text.count("[") + text.count("{") > MOST_DEPTH and _deeper(value):
        raise Refused(f"is nested deeper than {MOST_DEPTH}")
    return value


def read_json(path: Path | str, most: int = MOST_JSON) -> Any:
    """JSON from a regular file of at most `most` bytes. Raises Refused and OSError."""
    return parse_json(read_bytes(path, most))


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Refused("holds a number that is too large")
    return number


def _whole(text: str) -> int:
    number = int(text) if len(text) <= MOST_DIGITS else LARGEST
    if abs(number) >= LARGEST:
        raise Refused("holds a number that is too large")
    return number


def _constant(text: str) -> float:
    raise Refused(f"holds {text}, which is not a number of JSON")


def _deeper(value: Any) -> bool:
    """Whether lists and dictionaries lie deeper than MOST_DEPTH; level by level, without recursion."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(MOST_DEPTH):
        values = (inner for one in level for inner in (one.values() if isinstance(one, dict) else one))
        level = [inner for inner in values if isinstance(inner, (dict, list))]
    return bool(level)
