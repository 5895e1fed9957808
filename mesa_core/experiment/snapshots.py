"""What the page draws: samples on the victim's fixed axes while sub-models train, and the figures of a step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from mesa_core import events as ev
from mesa_core import opacity
from mesa_core import triggers as codes
from mesa_core.experiment.context import Context
from mesa_core.experiment.stages import Scribe
from mesa_core.measures import modes
from mesa_core.method.submodels.base import Diagnostics, SubModels
from mesa_core.method.surrogate import Surrogate
from mesa_core.pictures import axes as embedding

SHOWN_IMAGES = 2  # images a trigger behind the colour of a dot while MESA trains


@torch.no_grad()
def snapshot(
    lab: Context, scribe: Scribe, group: SubModels, surrogate: Surrogate, step: int, place: np.ndarray | None
) -> tuple[np.ndarray, str]:
    """Sample from fixed noise, colour by F on a few images, place on the fixed axes, save.

    The axes are those of opaque triggers. One with opacities is placed as it looks on mid-grey, and stored with all its numbers.
    """
    generator = lab.compute.generator(lab.seed("snapshot"))
    triggers = group.sample(lab.config.snapshot_samples, generator)  # (N, n, 3, s, s)
    shown = replace(surrogate, per_trigger=SHOWN_IMAGES)
    success = shown(triggers, generator)
    flat = triggers.flatten(0, 1).flatten(1).cpu().numpy()  # (N*n, d)
    looks = opacity.seen_flat(flat)
    place = lab.tsne.frame(looks, place)
    file = f"snapshot-{step:06d}.npz"
    scribe.save(
        file,
        {
            "triggers": np.rint(flat * 255).astype(np.uint8),
            "level": np.repeat(np.arange(len(triggers)), triggers.shape[1]).astype(np.uint8),
            "asr": success.flatten().float().cpu().numpy().astype(np.float16),
            "pca": lab.axes.place(looks),
            "tsne": place.astype(np.float32),
        },
    )
    return place, file


def save_samples(lab: Context, scribe: Scribe, pool: Tensor, asrs: list[np.ndarray]) -> None:
    """The measured samples of every sub-model, with their modes."""
    flat = pool.flatten(0, 1).flatten(1).cpu().numpy()  # (N, S, k, s, s) -> (N*S, d)
    looks = opacity.seen_flat(flat)
    scribe.save(
        "samples.npz",
        {
            "triggers": np.rint(flat * 255).astype(np.uint8),
            "level": np.repeat(np.arange(len(pool)), pool.shape[1]).astype(np.uint8),
            "asr": np.concatenate(asrs),
            "pca": lab.axes.place(looks),
            "tsne": lab.tsne.frame(looks, None).astype(np.float32),
            "mode": modes.find_modes(flat).astype(np.int16),
        },
    )


def metrics(diagnostics: Diagnostics, levels: list[float]) -> dict[str, float]:
    """What is drawn as curves: for every level its mean F, hinge and information."""
    rows = {"asr": diagnostics.success, "hinge": diagnostics.hinge, "information": diagnostics.information}
    return {f"{name}_{beta:g}": v for name, row in rows.items() for beta, v in zip(levels, row.tolist(), strict=True)}


def mark(name: str, trigger: np.ndarray, axes: embedding.PcaAxes, tsne: embedding.TsneMap) -> ev.Mark:
    """A trigger `(3 or 4, s, s)` to be marked in the scatter; what is transparent stands there as grey."""
    flat = opacity.seen_flat(codes.filled(trigger).reshape(1, -1))
    colours, share = opacity.said(trigger)
    return ev.Mark(
        name,
        colours,
        [float(v) for v in axes.place(flat)[0]],
        [float(v) for v in tsne.place_first(flat)[0]],
        opacity=share,
    )
