"""A search over opacities, as part of the declared plan: each of the list for every class, until one looks attacked.

Opaque triggers come first, since a search without a fourth number for each cell needs the fewest looks, and an opaque trigger of
a blended backdoor often works, too. What is found is of one opacity in the end, so that its figures stand beside the network's
other classes.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace

from mesa_core.apply import opacities
from mesa_core.config import ExperimentConfig
from mesa_core.data import ImageSet
from mesa_core.measures.by_opacity import ByOpacity, OpacityTried
from mesa_core.measures.verdict import Detection
from mesa_core.method import sized
from mesa_core.method.detection import News
from mesa_core.victims.victim import Victim


def find(
    victim: Victim, defender: ImageSet, classes: tuple[str, ...], config: ExperimentConfig, seed: int
) -> Generator[News, None, Detection]:
    """What `sized.find` does, for the configured opacities in turn; without such a list, that.

    Where nothing is found at any, the verdict is that of the last.
    """
    if not config.search_opacities:
        return (yield from sized.find(victim, defender, classes, config, seed))
    listed = opacities.listed(config.search_opacities, config.search_opacity)
    tried: list[OpacityTried] = []
    for opacity in listed:
        own = replace(config, search_opacity=opacity)
        verdict, glimpse = yield from sized.held(sized.find(victim, defender, classes, own, seed))
        best = max(verdict.classes, key=lambda one: one.rate.value)
        word = opacities.spelt(str(opacity))
        tried.append(OpacityTried(opacity=word, number=best.number, effective_asr=best.rate, found=verdict.found))
        if verdict.found:
            break
    yield glimpse
    believed = tried[-1].opacity if verdict.found else None
    each = [opacities.spelt(str(opacity)) for opacity in listed]
    return replace(verdict, opacities=ByOpacity(listed=each, tried=tried, believed=believed))
