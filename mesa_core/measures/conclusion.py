"""What a search says in the end, in words that are the same on the command line, on the page and in the report. Needs no torch."""

from __future__ import annotations

from statistics import median

from mesa_core.measures.verdict import ClassFound, Detection
from mesa_core.triggers import sized
from mesa_core.words import share

CANNOT = (
    "Such a search cannot find semantic triggers (something that is in the picture anyway), dynamic ones (another for each "
    "image), warps and filters of the whole image, and clean-label attacks with large perturbations."
)


def coverage(verdict: Detection, covered: str) -> str:
    """What the verdict holds for, in a sentence; `covered` as in `conclusion`. A search in turns ends where something is found."""
    in_turns = verdict.sizes is not None or verdict.opacities is not None
    if in_turns and verdict.found:
        return f"Planned: {covered}; the search ended where something was found."
    return f"Covered: {covered}; nothing else."


def conclusion(verdict: Detection, covered: str, threshold: float | None = None, worth: str = "") -> str:
    """The verdict in one to six sentences: what was found, with its interval and beside the network's other classes.

    `covered` is what was looked for, such as '3×3 triggers, opaque, at random places'. At another `threshold` than the
    search's own it says what that would have said. `worth` is how often such a search finds what there is, and what there is
    not (see `mesa_core.store.error_rates`); it is said where nothing was found, or only by larger triggers than were tried first.
    """
    limit = verdict.threshold if threshold is None else threshold
    names = {one.number: one.name for one in verdict.classes}
    if verdict.astray is not None:
        count = max(names, default=0) + 1
        return verdict.astray.words([names.get(i, str(i)) for i in range(count)])
    ranked, above = sorted(verdict.classes, key=lambda one: -one.rate.value), verdict.attacked(limit)
    if not above:
        said = f"Nothing found, for these sizes, places and forms: {covered}. {_highest(ranked, limit)}".rstrip()
        return f"{said} {worth}".rstrip()
    said = " ".join(_attacked(one, limit) for one in above)
    others = [other for other in ranked if other not in above]
    if others:
        said += (
            f" The network's other classes reach {median(one.rate.value for one in others):.1%} in the median and "
            f"{others[0].rate.value:.1%} at most ({others[0].name})."
        )
    first = verdict.sizes.tried[0] if verdict.sizes is not None and verdict.sizes.tried else None
    if first is None or first.found:
        return said
    doubt = f"Triggers of {sized(first.size)} do not, and larger ones open some clean networks, too: look at what was found."
    return f"{said} {doubt} {worth}".rstrip()


def _highest(ranked: list[ClassFound], limit: float) -> str:
    if not ranked:
        return ""
    first = ranked[0]
    if first.rate.value > limit:  # large triggers turn many images to many classes
        return (
            f"The highest class, {first.name}, reaches {share(first.rate)}, but the other classes are not far below it, so that "
            "it does not stand out."
        )
    return f"The highest class, {first.name}, reaches {share(first.rate)}; the threshold is {limit:.0%}."


def _attacked(one: ClassFound, limit: float) -> str:
    narrow = ", narrowly, since its interval begins below the threshold" if one.rate.low <= limit else ""
    return (
        f"Class {one.number} ({one.name}) looks attacked{narrow}: the triggers found for it send {share(one.rate)} of the "
        "images of other classes there that would not go there by themselves."
    )
