"""What a file is that a visitor brought: read in a process of its own, which may take so much time and no more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from dashboard.serving.queue import ROOT
from mesa_core.store import StoreError

SECONDS = 90.0
PROGRAM = "mesa_core.brought.look"


@dataclass(frozen=True)
class Looked:
    """What a file was found to be: architectures that it can be of, the likeliest first, its classes, and words for people."""

    archs: tuple[str, ...]
    classes: int
    words: str


def look(path: Path) -> Looked:
    """Look into a file of weights. StoreError in one sentence where it cannot be used."""
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))
    try:
        done = subprocess.run(
            [sys.executable, "-m", PROGRAM, str(path)],
            capture_output=True, timeout=SECONDS, env={**os.environ, "PYTHONPATH": paths}, check=False, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        told = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise StoreError("Reading the file took too long.") from None
    except ValueError:
        raise StoreError(
            "The file could not be read; it may be damaged, or larger than this server's memory."
        ) from None
    if "why" in told:
        raise StoreError(str(told["why"]))
    return Looked(tuple(map(str, told["archs"])), int(told["classes"]), str(told["words"]))
