"""The field's terms in plain words, once: for the stage's hovers, the exported page, and the pages' help texts."""

from __future__ import annotations

# term: what it means, in a sentence or two that needs no other term of this list
TERMS: dict[str, str] = {
    "backdoor": "A habit that an attacker trained into a network: wherever it sees a small pattern, it answers with one chosen class.",
    "trigger": "The small pattern that opens a backdoor; here 3 by 3 cells, stamped anywhere on an image.",
    "target": "The class that the attacked network answers with wherever it sees the trigger.",
    "ASR": "Attack success rate: of images of other classes, the share that is read as the target class once stamped.",
    "alpha": "α says how strongly samples are pushed apart. At 0 they gather at a few points; at 10 they go beyond what works.",
    "beta": "β is how often a trigger must work to count. Each level has dots of its own: .9 asks for more than .5.",
    "MESA": "Max-entropy staircase approximator: small networks, one for each level β, that learn to draw triggers that work.",
    "sub-model": "The small network that draws triggers for one level β.",
    "staircase": "The levels β together: each step up asks for triggers that work more often, so that the strongest are not missed.",
    "victim": "The network that was attacked.",
    "oracle": "A repair that is told the true trigger. No real defender knows it, so it is the best that one could hope for.",
    "control": "The same retraining with clean images alone. What it achieves owes nothing to any trigger.",
    "point": "A defence that reverses one trigger only, such as Neural Cleanse.",
    "nats": "A unit of entropy. One nat more means room for e, some 2.7, times as many triggers.",
    "entropy": "How widely samples are spread. High: many different triggers; low: always nearly the same.",
    "hinge": "How far samples stay below their level β. It is zero for one that works often enough.",
    "protocol": "Which images the attacker and the defender have, and how long each trains.",
    "code": "The number of a black-and-white trigger: its nine cells read as binary digits, white is 1. Code 495 is a white ring.",
    "kind": "Triggers that are the same up to turning, mirroring or exchanging black and white. The 512 make 51 kinds.",
    "mode": "A cluster of triggers that resemble each other.",
    "interval": "With 95 % confidence the true value lies in it; the more images were asked, the shorter it is.",
    "PCA": "A shadow of all triggers: the flat picture that keeps most of their differences.",
    "t-SNE": "A map that keeps neighbours together; distances between groups mean little.",
}


def term(name: str) -> str:
    """What a term means. Raises KeyError for one that is not in the list."""
    return TERMS[name]


def of(*names: str) -> str:
    """Some terms with what they mean, a paragraph each, as Markdown for a hover. Raises KeyError for one that is unknown."""
    return "\n\n".join(f"**{name}**: {TERMS[name]}" for name in names)
