"""What a run keeps of a brought network beside its weights: its units, and what stands before it.

They lie in the metadata of the weights' safetensors file, so that whoever asks the network later sees with its eyes.
Networks whose units are the images' own, without a front, need none.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from mesa_core.brought.networks import Front, Network, to_grey
from mesa_core.disk.archives import HEADER
from mesa_core.disk.untrusted import Refused, open_file, parse_json
from mesa_core.victims import units
from mesa_core.victims.images import Normalise
from mesa_core.victims.weights import MOST_FILE

WORD = "brought"


@dataclass(frozen=True)
class Kept:
    """The units of a brought network, whether it takes one colour, the only size that it takes (0: any)."""

    normalise: Normalise
    grey: bool = False
    side: int = 0

    def model(self, net: nn.Module) -> nn.Module:
        """A fresh network of the architecture with its front."""
        net = to_grey(net) if self.grey else net
        return Front(net, self.grey, self.side).eval() if self.grey or self.side else net


def metadata(network: Network, normalise: Normalise) -> dict[str, str]:
    """What to write beside the weights of a brought network."""
    told = {"mean": normalise.mean, "std": normalise.std, "grey": network.grey, "side": network.side}
    return {WORD: json.dumps(told)}


def of(path: Path, usual: Normalise) -> Kept:
    """What lies beside the weights in a file of a run's; the `usual` units where nothing does, or nothing that makes sense."""
    told = _told(path)
    try:
        pair = units.checked([float(v) for v in told["mean"]], [float(v) for v in told["std"]])
        grey, side = told["grey"], told["side"]
        if type(grey) is bool and type(side) is int and 0 <= side <= 4096:
            return Kept(Normalise(*pair), grey, side)
    except (KeyError, TypeError, ValueError):
        pass
    return Kept(usual)


def _told(path: Path) -> Mapping[str, Any]:
    try:
        with open_file(path, MOST_FILE) as file:
            (length,) = struct.unpack("<Q", file.read(8))
            head = parse_json(file.read(length)) if length <= HEADER else {}
        found = head.get("__metadata__", {}) if isinstance(head, dict) else {}
        told = parse_json(found[WORD]) if isinstance(found, dict) and isinstance(found.get(WORD), str) else {}
    except (OSError, Refused, struct.error):
        return {}
    return told if isinstance(told, dict) else {}
