"""What a search over opacities covered, and at which it ended. Needs no torch."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from mesa_core.disk.shaped import Count, Shaped, called, rarely
from mesa_core.measures.intervals import Measured
from mesa_core.opacity import SAMPLED, Opacity, words


@dataclass(frozen=True)
class OpacityTried(Shaped):
    """One opacity at which every class was searched, as '1' or 'sampled': the class that answers most; `found` where one looks
    attacked."""

    _: KW_ONLY
    opacity: str
    number: Count = called("class")
    effective_asr: Measured
    found: bool


@dataclass(frozen=True)
class ByOpacity(Shaped):
    """A search over the `listed` opacities, of which those `tried` were needed; `believed` is that at which a class was found."""

    _: KW_ONLY
    listed: list[str]
    tried: list[OpacityTried]
    believed: str | None = rarely()

    @property
    def words(self) -> str:
        """What was covered and which is believed, in one or two sentences."""
        each = ", then ".join(
            f"{words(read(one.opacity))} (highest class {one.effective_asr.value:.1%})" for one in self.tried
        )
        stopped = ", and no others, since a class was found" if len(self.tried) < len(self.listed) else ""
        believed = ""
        if self.believed is not None:
            believed = f" Triggers are believed to be {words(read(self.believed))}, and are sampled and stamped so."
        return f"Triggers were searched {each}{stopped}.{believed}"


def read(word: str) -> Opacity:
    """The opacity that a word of a list stands for."""
    return SAMPLED if word == SAMPLED else float(word)
