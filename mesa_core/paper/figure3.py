"""Figure 3: what alpha and beta do to a sub-model, on axes that all panels share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mesa_core.paper import material
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
        panels.append(
            trigger_maps.panel_of(found, place, "pca", material.valid(one)) if found and place is not None else None
        )
        asr = f"<br>mean ASR<br>{_stacked(one.result['submodels'][place]['mean_asr'])}" if panels[-1] else ""
        titles.append(f"α = {alpha:g}{asr}")
    return _titled(trigger_maps.scatter([panels], titles, [""])) if any(panels) else None


def draw_betas(one: Finding) -> Figure | None:
    """3(b): a panel for each level of one run, with the share that lies inside the next lower level."""
    found, panels, titles = material.samples(one), [], []
    if found is None:
        return None
    for place, entry in enumerate(one.result["submodels"]):
        panels.append(trigger_maps.panel_of(found, place, "pca", material.valid(one)))
        inside = entry.get("nested")
        lower = one.config.beta[place - 1] if place else None
        share = (
            f"<br>inside β = {lower:g}:<br>{_stacked(inside)}"
            if inside and lower is not None
            else "<br>the lowest<br>level"
        )
        titles.append(f"β = {entry['beta']:g}{share}")
    return _titled(trigger_maps.scatter([panels], titles, [""])) if any(panels) else None


def _stacked(measured: Mapping[str, Any]) -> str:
    """A share over its interval: titles of three panels have to fit beside each other on a phone, too."""
    return brief(measured).replace(" (", "<br>(")


def _titled(figure: Figure) -> Figure:
    """Room for titles of four lines."""
    figure.update_annotations(font_size=12, yshift=8)
    figure.update_layout(margin_t=92, height=figure.layout.height + 20)
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
        "all panels on the same axes (PCA of the 512 black-and-white triggers, weighted by their success)",
    )


def note_betas(one: Finding) -> str:
    """The caption of 3(b)."""
    c = one.config
    return material.note(
        [one],
        f"α = {c.alpha:g}, trigger {_trigger(c)}",
        f"{c.samples} samples a level, in brackets 95 % intervals",
        "a sample lies inside a level when it is as near to that level's samples as 95 % of those are to each other",
    )


def _trigger(config: material.ExperimentConfig) -> str:
    return f"code {config.code}" if config.code is not None else "of nine colours"
