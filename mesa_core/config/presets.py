"""Values that belong together: the protocols, and what a data set, a victim and a measure change, each with the reason.

Source of the paper's values: Qiao, Yang and Li, NeurIPS 2019, Section 4.1 and Appendix B. Needs no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mesa_core.apply import plan, sizes

# Differences only; the second entry says why.
PROTOCOLS: Mapping[str, Mapping[str, tuple[Any, str]]] = {
    "fast": {},
    "paper": {
        "victim": ("resnet18", "Appendix B: ResNet-18 of pytorch-cifar"),
        "clean_epochs": (60, "Appendix B gives the accuracy (95.0 %) and not the epochs"),
        "attack_ratio": (0.01, "Appendix B"),
        "attack_lr": (0.001, "Appendix B"),
        "attack_batch": (128, "Appendix B"),
        "attack_epochs": (10.0, "Appendix B"),
        "attack_stop": (1.0, "Appendix B trains for a fixed count"),
        "attack_decay": (False, "Appendix B names one learning rate"),
        "alpha": (0.1, "Section 4.3"),
        "beta": ((0.5, 0.8, 0.9), "Section 4.3"),
        "mesa_steps": (
            3125,
            (
                "50 epochs of 8,000 images (Appendix B) in batches of 128, the attack's batch; the "
                "generator's own batch is not given"
            ),
        ),
        "mesa_batch": (128, "not given; the attack's batch"),
        "images_per_trigger": (1, "Algorithm 2, line 7 and 8: one image a trigger"),
        "mesa_lr": (0.0002, "Appendix B"),
        "mesa_beta1": (0.9, "Appendix B says Adam and no more; 0.9 is Adam's default"),
        "noise": ("uniform", "Appendix B; Algorithm 2 has a normal law"),
        "noise_dim": (64, "Appendix B"),
        "hidden": (512, "Appendix B"),
        "noise_every_layer": (False, "Appendix B: noise at the input only"),
        "last_activation": (True, "Appendix B: each linear layer is followed by a leaky ReLU"),
        "mine_average": (0.01, "Algorithm 2 updates T according to MINE, whose gradient uses a moving average"),
        "detect_steps": (3125, "as the sub-models"),
        "detect_batch": (128, "as the sub-models"),
        "repair_ratio": (0.01, "Appendix B"),
        "repair_lr": (0.001, "Appendix B"),
        "repair_batch": (128, "Appendix B"),
        "repair_epochs": (10.0, "Appendix B"),
        "repair_decay": (False, "Appendix B names one learning rate"),
        "point_seeds": (10, "Appendix B: ten patterns"),
        "point_steps": (313, "5 epochs of 8,000 images in batches of 128"),
        "point_lr": (0.1, "Appendix B"),
    },
}

# What Appendix B leaves open and no parameter holds: what was chosen, and why.
PAPER_SILENCES: Mapping[str, str] = {
    "output of the generator": "a sigmoid, so that every sample is a trigger in [0, 1]; the paper clips nothing",
    "uniform noise": "on [-1, 1], of mean zero as the normal law of Algorithm 2 is",
    "order of the updates": "generator and statistics network in the same step, from one pass through both",
    "pairs of the marginals": "each trigger with its neighbour's noise: draws of a batch are independent",
    "augmentation": "random crops and mirroring in attack and repair, as pytorch-cifar trains",
    "weight decay": "none in attack and repair",
}

# How much a repair does, the same for every defence, instead of the images' own. Chosen by what was left of one trigger,
# code 27, on CIFAR-10 and on the signs after repairs of all sizes (benchmarks/README.md, "Which budget").
_SLOW: Mapping[str, tuple[Any, str]] = {
    "repair_lr": (0.001, "Appendix B; it costs no accuracy"),
    "repair_batch": (128, "Appendix B"),
    "repair_epochs": (10.0, "Appendix B"),
    "repair_decay": (False, "Appendix B names one learning rate"),
}
BUDGETS: Mapping[str, Mapping[str, tuple[Any, str]]] = {
    "own": {},
    "compare": {
        "repair_ratio": (
            0.05,
            "the largest share tried at which ten reversed triggers still end ten percentage points apart",
        ),
        **_SLOW,
    },
    "careful": {"repair_ratio": (0.3, "ends about where a network is that was never attacked"), **_SLOW},
}

# Which kinds of sub-model for what, by a table over eight triggers (benchmarks/README.md, "Which kind").
PURPOSES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "seeing": {
        "kind": ("particles", "levels sit at their β and nest, and all modes are there"),
        "repair_kind": ("mine", "its triggers are stronger, and a network forgets more by them"),
    },
    "repair": {
        "kind": ("mine", "as above, and nothing is trained twice"),
        "repair_kind": ("same", "the kind that is seen"),
    },
}

MEASURES: Mapping[str, Mapping[str, Any]] = {
    "tiny": {
        "samples": 32,
        "sample_images": 4,
        "eval_images": 128,
        "worst_images": 1,
        "landscape_images": 0,
        "snapshot_samples": 32,
    },
    "fast": {},
    "full": {"samples": 1000, "sample_images": 100, "eval_images": 0, "worst_images": 32, "landscape_images": 100},
}

# What a data set changes in the fast protocol, again with the reason.
DATA_PRESETS: Mapping[str, Mapping[str, tuple[Any, str]]] = {
    "cifar10": {
        "victim": ("resnet9-32", "the smallest that reaches 92 %"),
        "repair_epochs": (1.0, "the smallest budget tried that keeps clear of 2.5 % of the original's effective ASR"),
    },
    "signs": {
        "victim": ("resnet9-16", "reaches 99 % on the signs"),
        "attack_ratio": (0.2, "with 10 % and a rate of 0.01 some triggers had not taken after 625 steps"),
        "attack_lr": (0.02, "a plateau, then a jump; smaller rates jump later, or never"),
        "attack_batch": (64, "more steps an epoch"),
        "attack_epochs": (8.0, "an upper bound; it stops on the ASR reached"),
        "attack_stop": (0.98, "the jump comes at a step that depends on the trigger"),
        "attack_cool": (1.0, "half a pass left 1.5 points less ASR on the hardest tried"),
        "attack_decay": (False, "linear decay from the start ended lower"),
        "repair_ratio": (0.2, "the smallest budget tried that leaves about 0.5 % of the original's ASR in the mean"),
        "repair_lr": (0.01, "as repair_ratio"),
        "repair_batch": (64, "more steps an epoch"),
        "repair_epochs": (4.0, "as repair_ratio"),
    },
    "folder": {"victim": ("resnet9-16", "small images of unknown number")},
}

# What a victim changes in its data set's preset.
VICTIM_PRESETS: Mapping[tuple[str, str], Mapping[str, tuple[Any, str]]] = {
    ("cifar10", "resnet9-16"): {
        "repair_ratio": (0.3, "with the data's own budget code 495 keeps 3 %"),
        "repair_batch": (64, "more steps an epoch keep more of the clean accuracy"),
        "repair_epochs": (2.0, "as repair_batch"),
    },
}


def scan_usual(said: Mapping[str, Any]) -> dict[str, Any]:
    """What the scan of a brought network does where nothing else is `said`, as parameters.

    It repairs so often at most, compares with clean images alone, and looks at all places, as a trigger may always lie at one;
    for triggers of every size, unless one is named by its `trigger`.
    """
    usual = {"baselines": ("control",), "repair_rounds": 4, "repair_steps": 100, "search_places": plan.PLAN}
    return usual if "trigger" in said else {**usual, "search_sizes": sizes.SMALL_TO_LARGE}
