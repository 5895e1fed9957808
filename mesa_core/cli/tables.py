"""What the commands found, as the lines that a terminal shows. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mesa_core import triggers
from mesa_core.disk.plain import plain
from mesa_core.measures.conclusion import CANNOT, conclusion
from mesa_core.measures.intervals import proportion
from mesa_core.measures.submodel import ReferenceLevel
from mesa_core.measures.verdict import Detection
from mesa_core.words import share


def of_detection(verdict: Detection, covered: str, worth: str = "") -> str:
    """A search's verdict (`detection` of a result), a line a class, what was `covered`, and what that says and is `worth`."""
    lines = []
    for one in verdict.classes:
        mark = " <- attacked" if one.number in verdict.suspects else ""
        lines.append(
            f"class {one.number:>3} {plain(one.name)[:22]:<22} effective ASR of its samples {share(one.rate)}{mark}"
        )
    lines.append(
        f"A class is called attacked above {verdict.threshold:.0%}, of the images that do not go there by themselves."
    )
    if verdict.place is not None:
        place = verdict.place
        lines.append(
            f"Class {place.number} is opened at row {place.row}, column {place.column} ({share(place.effective_asr)}; at the "
            f"median place {place.elsewhere:.1%})."
        )
    if verdict.places is not None:
        lines.append(verdict.places.words)
    if verdict.sizes is not None:
        lines.append(verdict.sizes.words)
    if verdict.opacities is not None:
        lines.append(verdict.opacities.words)
    return "\n".join([*lines, plain(conclusion(verdict, covered, worth=worth)), CANNOT])


def of_landscape(found: Mapping[str, Any], size: int) -> str:
    """The ten strongest of the 512 triggers of a size, and how many reach each usual level, a line each.

    `found` is what `experiment.landscape.landscape` returns.
    """
    codes, n = triggers.panel_codes(size).tolist(), found["n"]
    lines = []
    for i in sorted(range(triggers.PANEL), key=lambda i: -found["asr"][i])[:10]:
        asr = share(proportion(round(found["asr"][i] * n), n))
        lines.append(f"code {codes[i]:>3} ({codes[i]:0{size**2}b})  ASR {asr}")
    for level in (0.5, 0.8, 0.9):
        many = sum(v >= level for v in found["asr"])
        lines.append(
            f"triggers with ASR of at least {level:.0%}: {many} of {triggers.of_panel(size)} (n={n} images each)"
        )
    return "\n".join(lines)


def of_reference(told: Mapping[str, Any]) -> str:
    """An exact reference (`reference.json`), a line a level, and what it cost."""
    lines = []
    for one in map(ReferenceLevel.from_json, told["levels"]):
        volume = one.log_volume
        lines.append(
            f"F of at least {one.beta:g}: log volume {volume.value:.2f} ± {volume.error:.2f} nats "
            f"(runs {', '.join(f'{v:.2f}' for v in volume.runs)}), ASR {share(one.mean_asr)}, "
            f"{len(one.modes)} modes"
        )
    lines.append(f"{told['looks']} values and gradients of F, each on {told['options']['images']} images.")
    return "\n".join(lines)
