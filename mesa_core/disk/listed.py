"""A folder of single result files with a list of what was written there, so that only that is ever replaced.

The list holds the SHA-256 of each file; of two, where a process was killed while it put new ones in place.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from mesa_core.disk.errors import StoreError, naming
from mesa_core.disk.files import read_json, write_atomically, write_json
from mesa_core.disk.owned import Exchange
from mesa_core.disk.plain import plain
from mesa_core.disk.untrusted import digest

LARGEST = 1 << 28  # bytes of one file of results
Known = Mapping[str, list[str]]


@contextlib.contextmanager
def results(out: Path, listing: str, may: Iterable[str]) -> Iterator[Callable[[str, bytes], None]]:
    """Yields what takes a file's name and contents; at the end all of them are put into `out`, or none.

    `may` are all names that could come: StoreError at once, in one sentence, where one of them is there that the list
    does not know as it is.
    """
    known = _read(out / listing)
    _require_known(out, may, known)
    with Exchange(out) as exchange:
        made: dict[str, list[str]] = {}

        def put(name: str, data: bytes) -> None:
            write_atomically(exchange.staging / name, data, 0o644)
            made[name] = [hashlib.sha256(data).hexdigest()]

        yield put
        _require_known(out, made, known)
        both = {name: [*known.get(name, []), *made.get(name, [])] for name in {**known, **made}}
        _write(exchange.staging / listing, both)  # first, so that a kill leaves nothing that is not known
        exchange.replace(listing)
        for name in made:
            exchange.replace(name)
        _write(out / listing, {**known, **made})


def _read(path: Path) -> dict[str, list[str]]:
    if not os.path.lexists(path):
        return {}
    value = read_json(path)
    files = value.get("files") if isinstance(value, dict) else None
    if not isinstance(files, dict) or any(not isinstance(one, list) for one in files.values()):
        raise StoreError(f"{plain(str(path))} was not written by this program; move it away, or name another folder.")
    return files


def _write(path: Path, files: Mapping[str, list[str]]) -> None:
    write_json(path, {"files": dict(sorted(files.items()))}, 0o644)


def _require_known(out: Path, names: Iterable[str], known: Known) -> None:
    for name in names:
        path = out / name
        if not os.path.lexists(path):
            continue
        with naming(path):
            own = path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST
            if not own or digest(path, LARGEST) not in known.get(name, []):
                raise StoreError(
                    f"{plain(str(path))} was not written by this program, or changed since; move it away, or name "
                    "another folder."
                )
