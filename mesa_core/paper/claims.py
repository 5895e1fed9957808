"""What the paper says: every number that we compare with, and where it stands. Declared here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Claim:
    """One claim; `says` names its `numbers` (shares of one, unless it says otherwise) in braces."""

    key: str
    place: str
    says: str
    figure: str  # the figure or table of ours that shows it: a key of `everything.FIGURES`
    rule: str  # how the verdict is found
    numbers: Mapping[str, float] = field(default_factory=dict)

    def words(self) -> str:
        """What the paper says, with its numbers."""
        return self.says.format(**{name: share(value) for name, value in self.numbers.items()})


def share(value: float) -> str:
    """0.25 as '25.0 %'."""
    return f"{100 * value:.1f} %"


HIGHER = "agrees: at least the paper's figure, or within 2 points below; partly: within 5; else differs"
LOWER = "agrees: at most the paper's figure, or within 1 point above; partly: within 3; else differs"
COST = "agrees: at most half a point lost in the mean; partly: at most 2; else differs"

CLAIMS = (
    Claim(
        "attack", "Section 4.1", "The 51 attacks reach {mean} ASR in the mean.", "figure4", HIGHER, {"mean": 0.987}
    ),
    Claim(
        "attack_lowest", "Abstract", "Before the defence the originals reach {low} to {high}.", "figure4",
        HIGHER + " (the lowest)", {"low": 0.923, "high": 0.998},
    ),
    Claim("attack_clean", "Section 4.1", "The attacks cost nothing on clean data.", "figure4", COST),
    Claim(
        "alpha_small", "Section 4.2, Figure 3(a)",
        "When α is too small, a sub-model keeps to a small number of points.", "figure3a",
        "agrees: at α = 0 its samples spread at most half as wide as at α = 0.1; partly: less wide; else differs",
    ),
    Claim(
        "alpha_large", "Section 4.2, Figure 3(a)",
        "A very large α spreads it beyond what works, with a low mean ASR.", "figure3a",
        "agrees: at α = 10 the mean ASR and its interval lie below β, and the samples spread further than at α = 0.1; partly: one of the two; else differs",
    ),
    Claim(
        "nested", "Section 4.2, Figure 3(b)", "Each sub-model's range is mostly covered by that of the next lower β.",
        "figure3b", "agrees: at least half lies inside for every level; partly: in the mean; else differs",
    ),
    Claim(
        "expands", "Section 4.2, Figure 3(b)", "As β falls, the range expands clearly.", "figure3b",
        "agrees: each lower β spreads wider; partly: the lowest wider than the highest; else differs",
    ),
    Claim(
        "detect_true", "Section 4.3", "On the attacked class the reversed triggers always reach above {low}.",
        "detection", HIGHER + " (the lowest)", {"low": 0.943},
    ),
    Claim(
        "detect_other", "Section 4.3", "On every other class they stay below {high}: a clear line.", "detection",
        LOWER + " (the highest); and no wrong verdict", {"high": 0.058},
    ),
    Claim(
        "after_all", "Section 4.3, Figure 4", "Whatever β, MESA leaves less than {high}, for all 51.", "figure4",
        LOWER + " (the highest)", {"high": 0.091},
    ),
    Claim(
        "after_mean", "Section 4.3, Figure 4", "With β = 0.9 MESA leaves {mean} in the mean.", "figure4", LOWER, {"mean": 0.034}
    ),
    Claim(
        "after_highest", "Abstract, Figure 4", "After the defence (β = 0.9) {low} to {high} remain.", "figure4",
        LOWER + " (the highest)", {"low": 0.012, "high": 0.059},
    ),
    Claim(
        "ideal", "Section 4.3, Figure 4", "Retraining with the original trigger (ideal, an oracle) leaves {mean}.", "figure4",
        LOWER, {"mean": 0.024},
    ),
    Claim(
        "point", "Abstract, Figure 4", "The point defence is a lottery: it leaves {low} to {high}.", "figure4",
        "agrees: at least 40 points between its lowest and its highest; partly: at least 10; else differs",
        {"low": 0.024, "high": 0.514},
    ),
    Claim(
        "worst_case", "Section 4.3", "At its worst the point defence leaves eight times as much as MESA with β = 0.9.", "figure4",
        "agrees: at least four times; partly: at least two; else differs",
    ),
    Claim("repair_clean", "Section 4.1", "The repair costs nothing on clean data.", "figure4", COST),
    Claim(
        "modes", "Section 4.3, Figure 5(c)", "The distribution sometimes falls into several modes, for the ring into two.", "figure5",
        "agrees: several modes at the highest β for the ring's kind; partly: for another trigger only; else differs",
    ),
    Claim(
        "unlike", "Section 4.3, Figure 5", "The reversed trigger has little in common with the original.", "figure5",
        "of nine cells, rounded to black and white, chance agrees on 4.5; agrees: at most 5.5 in the mean; partly: 7; else differs",
    ),
)  # fmt: skip

# What the paper does not show and a reader should know: measured, without a verdict.
CONTROLS = (
    Claim("control", "control", "Retraining with clean images alone, no trigger at all.", "figure4", ""),
    Claim("random", "control", "Retraining with random black-and-white triggers, which any defender can draw.", "figure4", ""),
    Claim("uniform", "control", "Retraining with random colours.", "figure4", ""),
    Claim("mixture", "ours", "MESA with the mixture of all its sub-models.", "figure4", ""),
    Claim("effective", "ours", "The same, without images that go to the target class unstamped (effective ASR).", "figure4", ""),
    Claim("effective_high", "ours", "The effective ASR after MESA with β = 0.9 alone.", "figure4", ""),
    Claim("worst", "ours", "The worst of all 512 after MESA, above the clean network's own.", "figure4", ""),
)  # fmt: skip
SETUP = "ResNet-18, the protocol of Appendix B, ten seeds of the point defence, one TITAN RTX"


def number(key: str, name: str) -> float:
    """One number of a claim."""
    return next(claim.numbers[name] for claim in CLAIMS if claim.key == key)
