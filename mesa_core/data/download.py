"""The download of CIFAR-10, on the user's word only: with progress, resumable, checked. Needs no torch."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from mesa_core.data.locate import ARCHIVE, DataError

ADDRESS = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
MD5 = "c58f30108f718f92721af3b95e74349a"
BLOCK = 2**18


def download_cifar10(
    folder: Path, address: str = ADDRESS, md5: str = MD5, timeout: float = 30.0
) -> Iterator[tuple[int, int]]:
    """Fetch the archive into `folder`; yields (bytes so far, bytes in all or 0) and returns the path.

    A part that an earlier try left is gone on from. Raises DataError where the network or the checksum fails.
    """
    target, part = folder / ARCHIVE, folder / f".{ARCHIVE}.part"
    folder.mkdir(parents=True, exist_ok=True)
    if target.is_file() and _md5(target) == md5:
        return target
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            if have and answer.status != 206:
                have = 0  # the server sends the whole file again
            total = have + int(answer.headers.get("Content-Length") or 0)
            with open(part, "ab" if have else "wb") as file:
                while block := answer.read(BLOCK):
                    file.write(block)
                    have += len(block)
                    yield have, total
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise DataError(
            f"CIFAR-10 could not be downloaded ({reason}); try again, it goes on where it stopped."
        ) from None
    if _md5(part) != md5:
        part.unlink()
        raise DataError("What was downloaded is not CIFAR-10 (its checksum differs); try again.")
    os.replace(part, target)
    return target


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
