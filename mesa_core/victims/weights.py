"""Weights on disk: safetensors for ours, and a careful reader for checkpoints that others bring.

Nothing is ever unpickled freely. A `.safetensors` file holds numbers only; any other checkpoint is read by
`mesa_core.victims.checkpoints` in a process of its own, which builds nothing that the file names, has limits on memory and
time, and hands back safetensors. Both are checked whole before a number is read.
"""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes
from torch import Tensor, nn

from mesa_core.disk import untrusted
from mesa_core.disk.archives import HEADER, check_safetensors, read_safetensors
from mesa_core.disk.errors import StoreError
from mesa_core.disk.files import write_atomically
from mesa_core.disk.untrusted import MIB, Refused, open_file
from mesa_core.victims.checkpoints import FACTOR, FEW_BYTES, MOST_BYTES
from mesa_core.victims.filekinds import HEAD, unlike
from mesa_core.victims.pickles import LONG_WINDED

MOST_FILE = 2048 * MIB  # bytes of a checkpoint with all that lies beside its weights
MOST_RESUMED = 1024 * MIB  # bytes of a checkpoint of our own
PATIENCE = 20.0  # seconds that the process which reads a checkpoint may take; of a processor far fewer
ROOT = Path(__file__).resolve().parents[2]


class WeightsError(StoreError):
    """Weights that cannot be used; the message says why in one sentence."""


def save(model: nn.Module, path: Path, half: bool = False, metadata: Mapping[str, str] | None = None) -> None:
    """Write the state dict as safetensors, atomically; `half` stores floats in half precision."""
    state = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items()}
    if half:
        state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    write_atomically(path, save_bytes(state, dict(metadata or {})))


def save_checkpoint(path: Path, state: Mapping[str, Any]) -> None:
    """Tensors and plain numbers to go on from, atomically; `torch.load` with weights_only reads it."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    write_atomically(path, buffer.getvalue())


def load_checkpoint(path: Path, device: torch.device) -> dict[str, Any] | None:
    """What `save_checkpoint` wrote; None where there is nothing, or nothing that can be read."""
    try:
        with open_file(path, MOST_RESUMED) as file:
            found = torch.load(file, map_location=device, weights_only=True)
    except Exception:  # torch raises many types for damaged archives
        return None
    return found if isinstance(found, dict) else None


def read(path: Path) -> dict[str, Tensor]:
    """The state dict in a file, plain or nested, floats as float32, without the prefix of parallel training. Raises WeightsError.

    It may take 640 MiB as float32, from small files 256.
    """
    _, state = read_whole(path)
    if not state:
        raise WeightsError(f"{path.name} holds no weights.")
    return {k.removeprefix("module."): v.float() if v.is_floating_point() else v for k, v in state.items()}


def read_whole(path: Path) -> tuple[bytes, dict[str, Tensor]]:
    """A file of weights as safetensors, checked whole, and its tensors as they are.

    Of other checkpoints the safetensors' metadata tells where the numbers lie in the file (`checkpoints.NOTES`).

    Raises WeightsError in one sentence, which says what the file is instead where that can be told.
    """
    with reading(path):
        with open_file(path, MOST_FILE) as file:
            head = file.read(HEAD)
            if path.suffix == ".safetensors" and (said := unlike(head)):
                raise Refused(said)
            plain = _looks_like_safetensors(head) or (path.suffix == ".safetensors" and head[:4] != b"PK\x03\x04")
            most = min(MOST_BYTES, max(FEW_BYTES, FACTOR * os.fstat(file.fileno()).st_size))
            data = read_safetensors(path, MOST_BYTES + HEADER) if plain else _converted(file)
        check_safetensors(data[: 8 + HEADER], len(data), most, least=4)  # floats are read as float32
        return data, load_bytes(data)


@contextlib.contextmanager
def reading(path: Path, form: str = "safetensors") -> Iterator[None]:
    """Around the reading of a file of weights: whatever hinders it is said in one WeightsError."""
    try:
        yield
    except WeightsError:
        raise
    except FileNotFoundError:
        raise WeightsError(f"There is no weights file {path}.") from None
    except OSError as error:
        raise WeightsError(f"{path.name} cannot be opened ({error.strerror or error}).") from None
    except Refused as error:
        raise WeightsError(f"{path.name} {error}.") from None
    except (SafetensorError, ValueError, KeyError, RuntimeError) as error:  # whatever is left to find out
        raise WeightsError(f"{path.name} is not a whole {form} file ({error}).") from None


def digest(path: Path) -> str:
    """SHA-256 of a weights file in hex; '' where there is none that `read` would look at."""
    try:
        return untrusted.digest(path, MOST_FILE)
    except (OSError, Refused):
        return ""


def _converted(file: BinaryIO) -> bytes:
    """The state dict of another kind of checkpoint as safetensors, made in a process of its own. Raises Refused.

    That process gets the open file and nothing else: no path, no environment but what Python needs.
    """
    environment = {k: v for k, v in os.environ.items() if k in ("SYSTEMROOT", "LD_LIBRARY_PATH", "PATH")}
    places = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment |= {"PYTHONPATH": places, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", "mesa_core.victims.checkpoints"]
    file.seek(0)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        try:
            done = subprocess.run(
                command, stdin=file, stdout=out, stderr=said, env=environment, timeout=PATIENCE, check=False
            )
        except subprocess.TimeoutExpired:
            raise Refused(LONG_WINDED) from None
        if done.returncode == 2:
            said.seek(0)
            raise Refused(said.read(500).decode("utf-8", "replace").strip())
        if done.returncode:  # it was ended by a limit, most likely
            raise Refused(LONG_WINDED)
        if out.seek(0, os.SEEK_END) > MOST_BYTES + HEADER:
            raise Refused(LONG_WINDED)
        out.seek(0)
        return out.read()


def _looks_like_safetensors(head: bytes) -> bool:
    """A length of eight bytes, then JSON; people rename files."""
    return len(head) >= 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= HEADER


def load_into(model: nn.Module, state: Mapping[str, Tensor], what: str = "The file") -> nn.Module:
    """Fill `model`, strictly. Raises WeightsError in one sentence where names or shapes do not fit."""
    own = model.state_dict()
    missing = [k for k in own if k not in state and not k.endswith("num_batches_tracked")]
    extra = [k for k in state if k not in own]
    wrong = [k for k in own if k in state and own[k].shape != state[k].shape]
    if missing or extra or wrong:
        first = (missing or wrong or extra)[0]
        raise WeightsError(
            f"{what} does not fit this architecture: {len(missing)} weights missing, {len(extra)} "
            f"unknown, {len(wrong)} of another shape (first: {first})."
        )
    bad = [k for k, v in state.items() if v.is_floating_point() and not torch.isfinite(v).all()]
    if bad:
        raise WeightsError(f"{what} holds numbers that are not finite (first in {bad[0]}).")
    model.load_state_dict({**own, **state})
    return model
