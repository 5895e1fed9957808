"""Figure 3: what alpha and beta do to a sub-model, on axes that all panels share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from mesa_core.config import ExperimentConfig
from mesa_core.measures.intervals import Measured
from mesa_core.measures.submodel import Submodel
from mesa_core.paper import material
from mesa_core.paper.claims import share
from mesa_core.paper.material import ALPHAS, LEVEL, Finding
from mesa_core.pictures import trigger_maps
from mesa_core.words import brief

if TYPE_CHECKING:
    from plotly.graph_objects import Figure


def level_for(family: Mapping[float, Finding]) -> float:
    """The level at which the alphas are compared: the paper's 0.8, or the nearest that all runs have."""
    first = next(iter(family.values()))
    shared = [b for b in first.config.beta if all(one.level(b) is not None for one in family.values())]
    return min(shared, key=lambda b: abs(b - LEVEL))


def draw_alphas(family: Mapping[float, Finding]) -> Figure | None:
    """3(a): a panel for each alpha (`material.alpha_family`), with the mean ASR of its samples."""
    if not family:
        return None
    beta = level_for(family)
    panels, titles = [], []
    for alpha in sorted({*ALPHAS, *family}):
        one = family.get(alpha)
        found = material.samples(one) if one else None
        place = one.level(beta) if one else None
        panel, asr = None, ""
        if one is not None and found and place is not None:
            panel = trigger_maps.panel_of(found, place, "pca", material.valid(one))
            entry = one.levels[place]
            asr = f"<br>mean ASR<br>{_stacked(entry.mean_asr)}{_wide(entry)}" if panel else ""
        panels.append(panel)
        titles.append(f"α = {alpha:g}{asr}")
    return _titled(trigger_maps.scatter([panels], titles, [""])) if any(panels) else None


def draw_betas(one: Finding) -> Figure | None:
    """3(b): a panel for each level of one run, with the shares that lie inside the next lower level."""
    found, panels, titles = material.samples(one), [], []
    if found is None:
        return None
    for place, entry in enumerate(one.levels):
        panels.append(trigger_maps.panel_of(found, place, "pca", material.valid(one)))
        inside = "<br>the lowest<br>level"
        if place and entry.nested and entry.nested_axes:
            two, all_of = share(entry.nested_axes.value), share(entry.nested.value)
            inside = f"<br>inside β = {one.config.beta[place - 1]:g}:<br>{two} in two axes<br>{all_of} in all"
        titles.append(f"β = {entry.beta:g}{_wide(entry)}{inside}")
    return _titled(trigger_maps.scatter([panels], titles, [""])) if any(panels) else None


def _stacked(measured: Measured) -> str:
    """A share over its interval: titles of three panels have to fit beside each other on a phone, too."""
    return brief(measured).replace(" (", "<br>(")


def _wide(entry: Submodel) -> str:
    """Entropy and effective dimensions of a level, a line each; '' where nobody can tell."""
    lines = [f"entropy {entry.entropy.value:.0f}".replace("-", "−")] if entry.entropy else []
    lines += [f"{entry.dimensions.value:.1f} dimensions"] if entry.dimensions else []
    return "".join(f"<br>{line}" for line in lines)


def _titled(figure: Figure) -> Figure:
    """Room for titles of six lines."""
    figure.update_annotations(font_size=12, yshift=8)
    figure.update_layout(margin_t=124, height=figure.layout.height + 52)
    trigger_maps.bar_below(figure)
    return figure


def spread(one: Finding, place: int) -> float | None:
    """How wide a level's samples lie: the root of their variance, summed over the 27 values; None without samples."""
    found = material.samples(one)
    if found is None or not (found["level"] == place).any():
        return None
    return float(np.sqrt((found["triggers"][found["level"] == place] / 255).var(0).sum()))


def note_alphas(family: Mapping[float, Finding]) -> str:
    """The caption of 3(a)."""
    runs, c = list(family.values()), next(iter(family.values())).config
    return material.note(
        runs,
        f"β = {level_for(family):g}, trigger {_trigger(c)}",
        f"{c.samples} samples a panel, framed in the colour of their ASR ({c.sample_images} images a sample), in brackets 95 % intervals",
        "entropy in nats by the third nearest sample; dimensions: effective ones, by the participation ratio",
        "all panels on the same axes (PCA of the 512 black-and-white triggers, weighted by their success)",
    )


def note_betas(one: Finding) -> str:
    """The caption of 3(b)."""
    c = one.config
    return material.note(
        [one],
        f"α = {c.alpha:g}, trigger {_trigger(c)}",
        f"{c.samples} samples a level",
        "a sample lies inside a level when it is as near to that level's samples as 95 % of those are to each other: on the "
        "two axes of this picture, and in all dimensions",
        "entropy in nats by the third nearest sample; dimensions: effective ones, by the participation ratio",
    )


def _trigger(config: ExperimentConfig) -> str:
    return f"code {config.code}" if config.code is not None else "of nine colours"
