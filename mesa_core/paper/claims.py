"""What the paper says: every number that we compare with, where it stands, and how our answer is judged.

Declared here and nowhere else. Each claim is judged in the paper's own terms first (`rule`), that is by the measure that
the paper uses or plainly means; and, where that is sensible, by a stricter one beside it (`stricter`). "Differs" is said of
what differs in the paper's own terms.
"""

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
    rule: str  # how the verdict in the paper's own terms is found
    numbers: Mapping[str, float] = field(default_factory=dict)
    stricter: str = ""  # how the stricter verdict is found; '' where there is none
    budget: bool = (
        False  # whether it hangs on the budget of the repair: then the other protocol's runs are cited beside
    )

    def words(self) -> str:
        """What the paper says, with its numbers."""
        return self.says.format(**{name: share(value) for name, value in self.numbers.items()})


def share(value: float) -> str:
    """0.25 as '25.0 %'."""
    return f"{100 * value:.1f} %"


HIGHER = "agrees: at least the paper's figure, or within 2 points below; partly: within 5; else differs"
LOWER = "agrees: at most the paper's figure, or within 1 point above; partly: within 3; else differs"
COST = "agrees: at most half a point of clean accuracy lost in the mean; partly: at most 2; else differs"
EFFECTIVE = "the same of the effective ASR: images that go to the target class unstamped do not count"
WORST = "the same of the worst of all 512 black-and-white triggers, which the repair may have missed"
TARGET = "the same of the target class's own accuracy as well, which a defence that suppresses the class would lose"
NARROW = "at least 18.7 nats (27 ln 2: as if half as wide in every direction)"

CLAIMS = (
    Claim(
        "attack", "Section 4.1", "The 51 attacks reach {mean} ASR in the mean.", "figure4", HIGHER, {"mean": 0.987}, EFFECTIVE
    ),
    Claim(
        "attack_lowest", "Abstract", "Before the defence the originals reach {low} to {high}.", "figure4",
        HIGHER + " (the lowest)", {"low": 0.923, "high": 0.998}, EFFECTIVE,
    ),
    Claim("attack_clean", "Section 4.1", "The attacks cost nothing on clean data.", "figure4", COST, stricter=TARGET),
    Claim(
        "alpha_small", "Section 4.2, Figure 3(a)",
        "When α is too small, a sub-model keeps to a small number of points.", "figure3a",
        f"by entropy and effective dimensions of its samples at the paper's β; agrees: at α = 0 less entropy than at α = 0.1 by {NARROW}, and fewer dimensions; partly: one of the two; else differs",
        stricter="the same at every β; partly: at some",
    ),
    Claim(
        "alpha_large", "Section 4.2, Figure 3(a)",
        "A very large α spreads it beyond what works, with a low mean ASR.", "figure3a",
        "by mean ASR and entropy of its samples at the paper's β; agrees: at α = 10 the mean ASR and its interval lie below β, and the entropy above that at α = 0.1 by at least 2.6 nats (27 ln 1.1: a tenth wider in every direction); partly: one of the two; else differs",
        stricter=f"the same at every β, and wider by {NARROW.replace('half', 'twice')}; partly: at some",
    ),
    Claim(
        "nested", "Section 4.2, Figure 3(b)", "Each sub-model's range is mostly covered by that of the next lower β.",
        "figure3b",
        "in the two axes of the picture: a sample is inside when it is as near to one of the lower level as 95 % of those are to each other; agrees: for every pair of levels at least half of the samples are inside, in the median over all runs; partly: for some pair; else differs",
        stricter="the same in all 27 dimensions",
    ),
    Claim(
        "expands", "Section 4.2, Figure 3(b)", "As β falls, the range expands clearly.", "figure3b",
        "by the entropy of the samples; agrees: at every step down it grows in more than half of all runs, 95 % interval and all (of fewer than four runs, in each); partly: at some step; else differs",
        stricter="the same of the effective dimensions",
    ),
    Claim(
        "detect_true", "Section 4.3", "On the attacked class the reversed triggers always reach above {low}.",
        "detection", HIGHER + " (the lowest)", {"low": 0.943},
    ),
    Claim(
        "detect_other", "Section 4.3", "On every other class they stay below {high}: a clear line.", "detection",
        LOWER.replace("partly: within 3;", "partly: above, but the lowest attacked class lies above the highest other one and no verdict is wrong;") + " (the highest, of attacked networks)",
        {"high": 0.058},
        LOWER + " (the highest, of clean networks as well); and no wrong verdict",
    ),
    Claim(
        "after_all", "Section 4.3, Figure 4", "Whatever β, MESA leaves less than {high}, for all 51.", "figure4",
        LOWER + " (the highest)", {"high": 0.091}, WORST, True,
    ),
    Claim(
        "after_mean", "Section 4.3, Figure 4", "With β = 0.9 MESA leaves {mean} in the mean.", "figure4", LOWER,
        {"mean": 0.034}, WORST, True,
    ),
    Claim(
        "after_highest", "Abstract, Figure 4", "After the defence (β = 0.9) {low} to {high} remain.", "figure4",
        LOWER + " (the highest)", {"low": 0.012, "high": 0.059}, WORST, True,
    ),
    Claim(
        "ideal", "Section 4.3, Figure 4", "Retraining with the original trigger (ideal, an oracle) leaves {mean}.", "figure4",
        LOWER, {"mean": 0.024}, WORST, True,
    ),
    Claim(
        "point", "Abstract, Figure 4", "The point defence is a lottery: it leaves {low} to {high}.", "figure4",
        "agrees: at least 40 points between its lowest and its highest over all triggers; partly: at least 10; else differs",
        {"low": 0.024, "high": 0.514},
        "the same between the seeds of one trigger: a lottery is drawn for each", True,
    ),
    Claim(
        "worst_case", "Section 4.3", "At its worst the point defence leaves eight times as much as MESA with β = 0.9.", "figure4",
        "agrees: at least four times, each at its own worst trigger; partly: at least two; else differs",
        stricter="the same of one and the same trigger, where the two differ most", budget=True,
    ),
    Claim("repair_clean", "Section 4.1", "The repair costs nothing on clean data.", "figure4", COST, stricter=TARGET, budget=True),
    Claim(
        "modes", "Section 4.3, Figure 5(c)", "The distribution sometimes falls into several modes, for the ring into two.", "figure5",
        "modes are clusters of the samples at the highest β; agrees: several for the ring's kind; partly: for another trigger only; else differs. Beside it: what other kinds of sub-model find with 2,000 samples",
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
