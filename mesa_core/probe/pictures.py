"""What a stage shows of a run on images of one's own: evaluation images, on which neither attack nor repair trained.

The first of them are those on which `answering` asks about a trigger, at the same places.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mesa_core.apply.rule import Apply
from mesa_core.measures.bench import Bench
from mesa_core.triggers import SIZE
from mesa_core.victims.images import Normalise

WANTED = 54  # images of other classes, as of the shipped signs; of every class one, where there are more classes
MOST_BYTES = 4 << 20  # of them all: a page carries them
FEWEST = 6


def spread(bench: Bench, count: int, draw: int) -> Tensor:
    """Indices of `count` images of other classes, drawn by `draw`: one of each class, then two, and so on."""
    host = torch.Generator().manual_seed(draw)
    order = torch.randperm(len(bench.others), generator=host)
    labels = bench.labels[bench.others].cpu()[order].tolist()
    seen: dict[int, int] = {}
    rank = []  # how many of the same class came before
    for label in labels:
        rank.append(seen.get(label, 0))
        seen[label] = rank[-1] + 1
    best = sorted(range(len(order)), key=lambda i: rank[i])[:count]
    return bench.others[order[torch.tensor(best)].to(bench.others.device)]


def corners(bench: Bench, count: int, draw: int, size: int = SIZE, rule: Apply | None = None) -> Tensor:
    """Where triggers of `size` pixels lie on so many images, `(count, 2)` row and column; without a `rule` by the attacker's."""
    host = torch.Generator().manual_seed(1 + draw)
    return (bench.rule if rule is None else rule).places(count, tuple(bench.images.shape[-2:]), size, host)


def pictures(bench: Bench, units: Normalise, classes: tuple[str, ...], asked: int) -> dict[str, np.ndarray]:
    """Images `clean` uint8 `(n, 3, h, w)`, `label` `(n,)`, `corner` `(n, 2)`, `classes`, `target`, `mean`, `std`.

    The first `asked` are those of an answer about one trigger, the last one is of the target class, where there is one.
    """
    room = max(FEWEST, MOST_BYTES // bench.images[0].numel())
    chosen = spread(bench, min(room, max(WANTED, len(classes))), 0)
    first = corners(bench, min(asked, len(chosen)), 0)
    rest = corners(bench, len(chosen) + 1 - len(first), 1)
    own = (bench.labels == bench.wanted).nonzero().flatten()[:1]
    chosen = torch.cat([chosen, own.to(chosen.device)])
    return {
        "clean": bench.images[chosen].cpu().numpy(), "label": bench.labels[chosen].cpu().numpy(),
        "corner": torch.cat([first, rest])[: len(chosen)].numpy(), "classes": np.array(classes),
        "target": np.array(bench.target, np.int64), "mean": np.array(units.mean), "std": np.array(units.std),
    }  # fmt: skip
