"""Members of a data set's archive, read in memory: nothing is extracted, so no path of the archive is ever used."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from mesa_core.data.locate import DataError
from mesa_core.data.seen import fit
from mesa_core.disk.untrusted import open_file

HEADER = 512  # bytes of a member before its contents


def members(
    archive: Path, names: Sequence[str], named: Callable[[str], str], most: int, most_each: int
) -> dict[str, bytes]:
    """The members called `names`, in that order; `named` makes such a name of the whole one in the archive.

    `most` bytes of the archive, packed and unpacked, `most_each` of a member, larger ones are passed over. DataError where
    it is damaged, larger, or one is missing.
    """
    found: dict[str, bytes] = {}
    left = most
    try:
        with open_file(archive, most) as held, tarfile.open(fileobj=held, mode="r:gz") as tar:
            for member in tar:
                left -= HEADER + member.size  # what is passed over is unpacked, too
                if left < 0:
                    raise tarfile.TarError("more than the data set has")
                name = named(member.name)
                if member.isfile() and name in names and member.size < most_each:
                    file = tar.extractfile(member)
                    found[name] = file.read() if file else b""
    except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error):
        raise DataError(f"{fit(archive.name)} is not a whole archive; download it again.") from None
    for name in names:
        if name not in found:
            raise DataError(f"{fit(archive.name)} has no {name}; download it again.")
    return {name: found[name] for name in names}
