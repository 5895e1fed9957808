"""Files that are never seen half written: to a temporary name in the same folder, then renamed. Needs no torch."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mesa_core.disk import archives, untrusted
from mesa_core.disk.errors import BUSY, StoreError, closed, naming
from mesa_core.disk.leftovers import new_file
from mesa_core.disk.untrusted import Refused


def write_atomically(path: Path, data: bytes, mode: int | None = None) -> None:
    """Write to a temporary name in the same folder, then rename; `mode` as for chmod, by default its maker's alone.

    Raises Closed, which says what is full or closed, and where; then nothing has changed.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = new_file(path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if mode is not None:
                os.chmod(temporary, mode)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise


def write_json(path: Path, value: Any, mode: int | None = None) -> None:
    """JSON, indented, atomically; `mode` as for `write_atomically`. Raises ValueError for NaN, which JSON does not have."""
    write_atomically(path, (json.dumps(value, indent=1, allow_nan=False) + "\n").encode(), mode)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], packed: bool = True) -> None:
    """Arrays as a .npz, atomically; not `packed` where speed counts more than room."""
    buffer = io.BytesIO()
    held: dict[str, Any] = dict(arrays)
    (np.savez_compressed if packed else np.savez)(buffer, **held)
    write_atomically(path, buffer.getvalue())


def read_json(path: Path, most: int = untrusted.MOST_JSON) -> Any:
    """JSON from a file of at most `most` bytes; StoreError in one sentence where it is missing, damaged or harmful."""
    with _told(path):
        return untrusted.read_json(path, most)


def read_arrays(path: Path, most: int = archives.MOST_ARRAYS) -> dict[str, np.ndarray]:
    """The inverse of `write_arrays`, `most` bytes once unpacked. Never unpickles. StoreError where missing or damaged."""
    with _told(path):
        return archives.read_npz(path, most)


def check_file(path: Path, most: int) -> None:
    """StoreError where there is no regular file of at most `most` bytes that can be opened."""
    with _told(path), untrusted.open_file(path, most):
        pass


def read_bytes(path: Path, most: int) -> bytes:
    """A whole file of at most `most` bytes; StoreError where it is missing or no such file."""
    with _told(path):
        return untrusted.read_bytes(path, most)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Says in one sentence why a file is not read."""
    try:
        yield
    except FileNotFoundError:
        raise StoreError(f"{path.name} is missing from {path.parent.name}.") from None
    except Refused as error:
        raise StoreError(f"{path.name} of {path.parent.name} cannot be read: it {error}.") from None
    except OSError as error:
        if error.errno in BUSY:
            raise closed(error, path) from None
        why = error.strerror or type(error).__name__
        raise StoreError(f"{path.name} of {path.parent.name} cannot be read: {why}.") from None
