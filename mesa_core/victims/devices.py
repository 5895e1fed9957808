"""Where and in what number format to compute; on a CPU this is measured, since processors differ.

Processors with bf16 matrix units run a victim several times faster in bf16; others run it slower than in fp32.
Which memory format wins differs as well. So the choice is made by a calibration of a second or two on the actual
model, and the resolved settings are written into the run: equal figures are promised for equal settings only.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from mesa_core.disk.errors import StoreError
from mesa_core.disk.files import read_json, write_json
from mesa_core.disk.leases import Busy, moment
from mesa_core.victims.architectures import build, frozen

MEMORY = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
THREADS = torch.get_num_threads()  # of a process that nobody has told otherwise
CALIBRATION = 120.0  # seconds that a process waits for another's calibration
LARGE = (
    1 << 24
)  # numbers of a batch above which memory counts for more than time: 5,461 images of 32x32, 111 of 224x224
PIECE = 64  # images that a CPU takes through a frozen victim at once


@dataclass(frozen=True)
class Compute:
    """Resolved settings of a run."""

    device: torch.device
    precision: str = "fp32"
    memory: str = "nchw"

    @property
    def dtype(self) -> torch.dtype:
        return DTYPES[self.precision]

    @property
    def memory_format(self) -> torch.memory_format:
        return MEMORY[self.memory]

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Mixed precision for a training step: master weights stay in fp32."""
        if self.precision == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def freeze(self, model: nn.Module) -> nn.Module:
        """A folded, frozen copy of a victim in this precision and memory format."""
        return frozen(model, self.dtype, self.memory_format).to(self.device)

    def ready(self, images: torch.Tensor) -> torch.Tensor:
        """Normalised images as a frozen victim wants them."""
        return images.to(self.device, self.dtype, memory_format=self.memory_format)

    def through(self, model: nn.Module, images: torch.Tensor) -> torch.Tensor:
        """Logits `(n, classes)` of normalised images `(n, 3, h, w)` by a frozen victim, differentiable.

        On a CPU in pieces whose activations stay in the caches: 1.3 to 2 times faster than in one large batch. Of many
        large images no activations are kept for the gradient; each piece is computed anew on the way back.
        """
        images = self.ready(images)
        large = images.numel() > LARGE and images.requires_grad and torch.is_grad_enabled()
        if len(images) <= PIECE or (self.device.type != "cpu" and not large):
            return model(images)
        pieces = images.split(PIECE)
        return torch.cat([checkpoint(model, one, use_reentrant=False) if large else model(one) for one in pieces])

    def generator(self, seed: int) -> torch.Generator:
        """A seeded generator on the device."""
        return torch.Generator(self.device).manual_seed(seed)


def pick_device(name: str = "auto") -> torch.device:
    """auto: CUDA where there is one, Apple's MPS, else the CPU. Raises ValueError where the named one is missing."""
    have = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in have.items() if there))
    if not have.get(name, False):
        raise ValueError(f"This machine has no {name} device that torch can use; choose auto or cpu.")
    return torch.device(name)


def resolve(
    device: str = "auto", precision: str = "auto", memory: str = "auto", threads: int = 0, victim: str = "resnet9-16"
) -> Compute:
    """Turn 'auto' into settings; on a CPU by `calibrate`, elsewhere by what is known to be fast."""
    _use(threads)
    where = pick_device(device)
    if where.type != "cpu":
        fast = where.type == "cuda" and torch.cuda.is_bf16_supported()
        precision = ("bf16" if fast else "fp32") if precision == "auto" else precision
        memory = ("nhwc" if precision == "bf16" else "nchw") if memory == "auto" else memory
        return Compute(where, precision, memory)
    if "auto" in (precision, memory):
        precision, memory = calibrate(victim, precision, memory)
    return Compute(where, precision, memory)


def _use(threads: int) -> None:
    """Compute with as many threads; 0: as many as at the start, whatever an earlier run of this process used."""
    torch.set_num_threads(threads or THREADS)


def remembered(cache: Path, device: str, precision: str, memory: str, threads: int, victim: str) -> tuple[Compute, str]:
    """`resolve`, with what a calibration found kept in `cache` for this machine; also a sentence where it measured.

    Processes that begin at once measure one after another, so that they do not disturb each other, and all take what
    the first has found.
    """
    where = pick_device(device)
    if where.type != "cpu" or "auto" not in (precision, memory):
        return resolve(device, precision, memory, threads, victim), ""
    _use(threads)
    key = " ".join([_cpu_name(), torch.__version__, str(torch.get_num_threads()), victim, precision, memory])
    path, said = cache / "calibration.json", ""
    cache.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(Busy):  # a holder that sleeps hinders nobody
            stack.enter_context(moment(cache / ".calibration", CALIBRATION))
        known = _calibrations(path)
        if key not in known:
            known[key] = list(calibrate(victim, precision, memory))
            with contextlib.suppress(OSError):  # a folder of that name, say; then it is measured again next time
                write_json(path, known)
            said = f"Measured on this processor: {known[key][0]} in {known[key][1]} order is the fastest for {victim}."
    return Compute(where, *known[key]), said


def _calibrations(path: Path) -> dict[str, list[str]]:
    """What calibrations have found, by what was asked; those that make no sense are left out."""
    with contextlib.suppress(StoreError):
        found = read_json(path)
        if isinstance(found, dict):
            return {k: v for k, v in found.items() if _is_pair(v)}
    return {}


def _is_pair(found: object) -> bool:
    """Whether it is a precision and a memory format that are known here."""
    if not isinstance(found, list) or len(found) != 2 or not all(isinstance(v, str) for v in found):
        return False
    return found[0] in DTYPES and found[1] in MEMORY


def calibrate(victim: str, precision: str = "auto", memory: str = "auto", batch: int = 64) -> tuple[str, str]:
    """The fastest pair for a training step and a gradient with respect to the input, on this CPU, now."""
    state = torch.random.get_rng_state()
    try:
        model = build(victim)
        model.eval()(torch.zeros(2, 3, 32, 32))
    except (RuntimeError, ValueError, AssertionError):  # a network of one's own, or one for larger images
        torch.random.set_rng_state(state)
        return ("fp32" if precision == "auto" else precision), ("nchw" if memory == "auto" else memory)
    best, best_time = ("fp32", "nchw"), float("inf")
    for p in DTYPES if precision == "auto" else (precision,):
        for m in MEMORY if memory == "auto" else (memory,):
            taken = _time_pair(model, Compute(torch.device("cpu"), p, m), batch)
            if taken < best_time:
                best, best_time = (p, m), taken
    torch.random.set_rng_state(state)
    return best


def _time_pair(model: nn.Module, compute: Compute, batch: int) -> float:
    model = model.to(memory_format=compute.memory_format).train()
    still = compute.freeze(model)
    x = torch.randn(batch, 3, 32, 32).to(memory_format=compute.memory_format)
    y = torch.zeros(batch, dtype=torch.int64)

    def both() -> None:
        with compute.autocast():
            logits = model(x)
        F.cross_entropy(logits.float(), y).backward()
        leaf = compute.ready(x).clone().requires_grad_()
        still(leaf).float().sum().backward()

    both()  # the first call prepares kernels
    times = []
    for _ in range(2):
        began = time.perf_counter()
        both()
        times.append(time.perf_counter() - began)
    return min(times)


def hardware(compute: Compute) -> dict[str, str | int]:
    """What a figure was measured on, for the record."""
    name = _cpu_name()
    if compute.device.type == "cuda":
        name = torch.cuda.get_device_name(compute.device)
    flags = [f for f in ("amx_bf16", "avx512_bf16") if torch.backends.cpu.get_cpu_capability() and _has_flag(f)]
    return {
        "device": compute.device.type,
        "name": name,
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "precision": compute.precision,
        "memory": compute.memory,
        "bf16_units": ", ".join(flags) or "none",
        "system": platform.system(),
    }


def _cpu_name() -> str:
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as info:
        name = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), name)
    return name


def _has_flag(flag: str) -> bool:
    try:
        with open("/proc/cpuinfo") as info:
            return flag in info.read()
    except OSError:
        return False
