"""Parquet files of pictures and labels, as far as every reader of them agrees: opening one, and the class names in it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mesa_core.data.locate import DataError
from mesa_core.data.order import MOST_CLASSES
from mesa_core.data.seen import fit
from mesa_core.disk.untrusted import Refused, open_file, parse_json

if TYPE_CHECKING:
    import pyarrow.parquet as pq


@contextlib.contextmanager
def opened(path: Path, whose: str, most: int) -> Iterator[pq.ParquetFile]:
    """The open file of `most` bytes; whatever goes wrong while it is read is said in one DataError, as a file of `whose`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_file(path, most) as held:
            yield pq.ParquetFile(held)
    except DataError:
        raise
    except Refused as error:
        raise DataError(f"{fit(path.name)} {error}.") from None
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise DataError(f"{fit(path.name)} is not a whole Parquet file of {whose}; get it again.") from None


def unpacked(file: pq.ParquetFile) -> list[int]:
    """The bytes of each group of rows once it is unpacked, as the file's own list of contents says."""
    return [file.metadata.row_group(i).total_byte_size for i in range(file.metadata.num_row_groups)]


def class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, tuple[str, ...]]:
    """Class names by column, as the usual publisher writes them into the schema's metadata."""
    try:
        features = parse_json((metadata or {})[b"huggingface"])["info"]["features"]
        found = {str(column): told["names"] for column, told in features.items() if "names" in told}
        return {
            column: tuple(names)
            for column, names in found.items()
            if type(names) is list and 2 <= len(names) <= MOST_CLASSES and len(set(names)) == len(names)
            and all(type(name) is str and name.isprintable() for name in names)
        }  # fmt: skip
    except (KeyError, ValueError, TypeError, AttributeError):
        return {}
