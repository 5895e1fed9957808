"""Weights on disk: safetensors for ours, and a careful reader for checkpoints that others bring.

Nothing is ever unpickled freely: a `.safetensors` file holds numbers only, and any other checkpoint is read with
`weights_only=True`, which refuses code.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_bytes
from safetensors.torch import save as save_bytes
from torch import Tensor, nn

from mesa_core.disk.files import write_atomically

NESTED = ("model", "state_dict", "model_state_dict", "net", "netC", "weights")


class WeightsError(ValueError):
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


def read(path: Path) -> dict[str, Tensor]:
    """The state dict in a file, plain or nested, floats as float32. Raises WeightsError."""
    if not path.is_file():
        raise WeightsError(f"There is no weights file {path}.")
    if path.suffix == ".safetensors" or _looks_like_safetensors(path):
        try:
            state: Any = load_bytes(path.read_bytes())
        except (SafetensorError, ValueError) as error:
            raise WeightsError(f"{path.name} is not a whole safetensors file ({error}).") from None
    else:
        try:
            with torch.serialization.safe_globals(_numbers()):
                state = torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError:
            raise WeightsError(
                f"{path.name} holds more than weights, which could run code; save its state dict alone."
            ) from None
        except Exception:  # torch raises many types for damaged archives
            raise WeightsError(f"{path.name} is not a checkpoint that torch can read.") from None
    return {k: v.float() if v.is_floating_point() else v for k, v in _unnest(state, path.name).items()}


def _numbers() -> list[Any]:
    """What rebuilds numpy's arrays and numbers, which toolkits keep beside a state dict; none of it can run code.

    Both spellings, since numpy 2 has moved the module.
    """
    multiarray = (np._core if hasattr(np, "_core") else np.core).multiarray
    rebuilt = [
        (getattr(multiarray, name), f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for name in ("_reconstruct", "scalar")
    ]
    kinds = {type(np.dtype(t)) for t in ("bool", "u1", "i1", "i2", "i4", "i8", "f2", "f4", "f8", "U1", "S1")}
    return [*rebuilt, np.ndarray, np.dtype, *kinds]


def _looks_like_safetensors(path: Path) -> bool:
    """A length of eight bytes, then JSON; people rename files."""
    with open(path, "rb") as file:
        head = file.read(9)
    return len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") <= path.stat().st_size


def _unnest(state: Any, name: str) -> dict[str, Tensor]:
    for _ in range(4):
        if not isinstance(state, Mapping):
            break
        if state and all(isinstance(v, Tensor) for v in state.values()):
            return {str(k).removeprefix("module."): v for k, v in state.items()}
        inner = next((state[key] for key in NESTED if isinstance(state.get(key), Mapping)), None)
        if inner is None:
            break
        state = inner
    raise WeightsError(f"{name} holds no state dict (looked at the top and under {', '.join(NESTED)}).")


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
