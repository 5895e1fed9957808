"""An evaluation E: what one frozen network is worth, without a trigger and with each kind of trigger. Needs no torch.

`to_json` is what `result.json`, the stages and the events hold of it; `from_json` reads and checks that. Every figure is a
`Measured`: a share from 0 to 1 with its n and its 95 % interval.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from typing import Annotated

from mesa_core.disk.shaped import Shaped, Within, rarely
from mesa_core.measures.intervals import Measured


@dataclass(frozen=True)
class Worst(Measured):
    """The ASR of the worst black-and-white trigger: its `code`, and `of` how many, where not all were tried."""

    code: Annotated[int, Within(0, 2**64)]  # of 8x8 all 64 bits
    _: KW_ONLY
    of: str | None = rarely()

    @classmethod
    def at(cls, measured: Measured, code: int, of: str | None = None) -> Worst:
        """What was measured of one code."""
        return cls(measured.value, measured.n, measured.low, measured.high, code, of=of)


@dataclass(frozen=True)
class Rates(Shaped):
    """How often each kind of trigger succeeds; None where it was not asked, or is not known."""

    original: Measured | None  # the attacker's own trigger
    sampled: Measured | None  # what the sub-models drew
    worst: Worst | None  # of all black-and-white triggers


@dataclass(frozen=True)
class Change(Shaped):
    """What a repair changed, paired over the same images and places: differences of shares, from -1 to 1."""

    asr_original: Measured | None
    clean_accuracy: Measured
    target_accuracy: Measured


@dataclass(frozen=True)
class Evaluation(Shaped):
    """The figures of one network, on images that neither attack nor defence has seen.

    `clean_accuracy` is that of all images, `target_accuracy` of those of the target class, `natural_rate` the share of the
    others that go to it unstamped. `effective_asr` leaves such images out. `change` is known after a repair only.
    """

    clean_accuracy: Measured
    target_accuracy: Measured
    natural_rate: Measured
    asr: Rates
    effective_asr: Rates
    _: KW_ONLY
    change: Change | None = rarely()

    def with_samples(self, asr: Measured, effective_asr: Measured) -> Evaluation:
        """The same with what sampled triggers reach, where they were made after it."""
        return replace(
            self, asr=replace(self.asr, sampled=asr), effective_asr=replace(self.effective_asr, sampled=effective_asr)
        )
