"""The download of CIFAR-10, on the user's word only: with progress, resumable, checked. Needs no torch."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator
from pathlib import Path

from mesa_core.data.locate import ARCHIVE, DataError
from mesa_core.disk.errors import naming
from mesa_core.disk.plain import plain

ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
MD5 = "c58f30108f718f92721af3b95e74349a"
BLOCK = 2**18
LARGEST = 2**28  # bytes; the archive has 163 MiB, and no server fills the disk


def download_cifar10(
    folder: Path, address: str = ADDRESS, md5: str = MD5, timeout: float = 30.0
) -> Generator[tuple[int, int], None, Path]:
    """Fetch the archive into `folder`; yields (bytes so far, bytes in all or 0) and returns the path.

    A part that an earlier try left is gone on from, however far that came. Raises DataError where the network or the
    checksum fails, and where another file has the archive's name; Closed where the folder is full or closed.
    """
    target, part = folder / ARCHIVE, folder / f".{ARCHIVE}.part"
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if os.path.lexists(target):
            if target.is_file() and _md5(target) == md5:
                return target
            raise DataError(
                f"{plain(str(target))} is not CIFAR-10's archive (its checksum differs); move it away first."
            )
        if os.path.lexists(part) and (part.is_symlink() or not part.is_file()):
            raise DataError(f"{plain(str(part))} is in the way of the download; move it away first.")
        have = part.stat().st_size if part.exists() else 0
        if have and _md5(part) == md5:  # killed after the last byte
            os.replace(part, target)
            return target
    yield from _fetch(part, have, address, timeout)
    with naming(target):
        if _md5(part) != md5:
            part.unlink()
            raise DataError("What was downloaded is not CIFAR-10 (its checksum differs); try again.")
        os.replace(part, target)
    return target


def _fetch(part: Path, have: int, address: str, timeout: float) -> Iterator[tuple[int, int]]:
    """Append to the part until it is as long as the server says; one that does not fit what the server has is begun anew."""
    for begin in (have, 0):
        headers = {"Range": f"bytes={begin}-"} if begin else {}
        try:
            answer = urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=timeout)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 416 and begin:  # there is nothing beyond what we have, and that is not what we want
                continue
            raise _failed(error) from None
        except (urllib.error.URLError, OSError, ValueError, http.client.HTTPException) as error:
            raise _failed(error) from None
        with answer:
            if begin and not _goes_on(answer, begin):
                if answer.status == 206:  # a piece, but not the one that was asked for
                    continue
                begin = 0  # the server sends the whole file again
            yield from _receive(answer, part, begin)
        return
    raise DataError("CIFAR-10 could not be downloaded (the server's answers do not fit together); try again later.")


def _goes_on(answer: http.client.HTTPResponse, begin: int) -> bool:
    given = answer.headers.get("Content-Range") or ""
    return answer.status == 206 and given.startswith(f"bytes {begin}-")


def _receive(answer: http.client.HTTPResponse, part: Path, have: int) -> Iterator[tuple[int, int]]:
    try:
        total = have + max(0, int(answer.headers.get("Content-Length") or 0))
    except ValueError:
        total = 0
    stated = answer.headers.get("Content-Length") is not None and total > 0
    with naming(part):
        file = open(part, "ab" if have else "wb")
    with file:
        while True:
            try:
                block = answer.read(BLOCK)
            except (OSError, ValueError, http.client.HTTPException) as error:
                raise _failed(error) from None
            if not block:
                break
            have += len(block)
            if have > LARGEST:
                raise DataError(
                    "CIFAR-10 could not be downloaded (the server sends more than it has bytes); try again later."
                )
            with naming(part):
                file.write(block)
                file.flush()
            yield have, total
        with naming(part):
            os.fsync(file.fileno())
    if stated and have < total:
        raise _failed(f"the connection ended after {have:,} of {total:,} bytes")


def _failed(error: object) -> DataError:
    reason = plain(str(getattr(error, "reason", error)) or type(error).__name__)
    return DataError(f"CIFAR-10 could not be downloaded ({reason}); try again, it goes on where it stopped.")


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
