"""Every parameter of an experiment, declared once.

One dataclass field is one parameter: its default, bounds, unit and help text live in the field's metadata, and
the command line's flags, the page's controls and the validation are all made from that one place. A protocol is
a dictionary of differences from the defaults (`presets.py`), each with a word on why. This module needs no torch.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from mesa_core import triggers
from mesa_core.apply import RULES, SECRET, opacities, places, plan, sizes
from mesa_core.config.params import SILENT, Auto, ConfigError, Param, parameter
from mesa_core.config.presets import BUDGETS, DATA_PRESETS, MEASURES, PROTOCOLS, VICTIM_PRESETS
from mesa_core.data.sources import SOURCES
from mesa_core.defences import Baselines
from mesa_core.kinds import KINDS
from mesa_core.opacity import SAMPLED, Opacity, cells
from mesa_core.victims.names import ARCHITECTURES
from mesa_core.victims.units import PRESETS, parse

LEAST_IMAGE = 16  # pixels on a side


@dataclass(frozen=True)
class ExperimentConfig:
    """Everything that decides the figures of a run. Build one with `make_config`, which checks it."""

    # -- what is attacked
    data: str = parameter(
        "auto",
        "data",
        "Images to use: CIFAR-10, the road signs that the program draws itself, or a folder "
        "with one sub-folder per class. auto takes CIFAR-10 where it is found, else the signs.",
        choices=Auto(SOURCES),
        basic=True,
    )
    data_dir: str = parameter(
        "",
        "data",
        "Where the data lies (CIFAR-10 as archive, extracted folder or Parquet; or the image "
        "folder). Empty: look in the usual places.",
    )
    image_size: int = parameter(
        0,
        "data",
        "Pixels on a side to which images are brought. 0: the data's own size, and 32 for a folder of pictures.",
        0,
        256,
        unit="pixels",
    )
    classes: str = parameter(
        "",
        "data",
        "File with the class names of an image folder, a name a line, in the order of the network's answers. Empty: numbers "
        "are sorted as numbers, names as text.",
    )
    victim: str = parameter(
        "auto",
        "victim",
        "Architecture of the attacked network. auto: resnet9-32 on CIFAR-10, resnet9-16 elsewhere.",
        choices=Auto(ARCHITECTURES),
        basic=True,
    )
    weights: str = parameter(
        "", "victim", "File with the weights of a clean victim (safetensors). Empty: the shipped ones."
    )
    suspect: str = parameter(
        "",
        "victim",
        "File with the weights of a network that may carry a backdoor (safetensors, or a "
        "checkpoint of weights only). There is no attack then: classes are searched, and what is found "
        "is repaired. The word shipped stands for the shipped clean victim of these images, to compare with.",
    )
    units: str = parameter(
        "auto",
        "victim",
        "Units in which the suspect sees pixels: auto (tries them on the images and takes what classifies best), images (their "
        f"own mean and std), {', '.join(PRESETS)}, or mean / std for pixels in [0, 1], as in 0.5 / 0.25.",
    )
    suspect_digest: str = parameter("", "victim", "The suspect's SHA-256, by which it is told from others of its name.")
    clean_epochs: int = parameter(
        20, "victim", "Epochs of clean training where no weights are shipped for this victim.", 1, 300, unit="epochs"
    )
    # -- attack, eq. 1
    trigger: str = parameter(
        triggers.code_to_hex(170),
        "attack",
        "The trigger, row by row: 9 hex colours make it 3x3, 16 4x4; 1 to 64 are possible, and 256 for a picture of 16x16. - is a "
        "transparent cell, which leaves the image as it is, so that any shape is possible. Searches look for full squares of its size.",
        basic=True,
    )
    target: int = parameter(
        0, "attack", "Target class: what the victim answers wherever it sees the trigger.", 0, 999, basic=True
    )
    attack_ratio: float = parameter(
        0.05,
        "attack",
        "Poison ratio r: share of each training batch that is stamped and relabelled.",
        0.0,
        1.0,
        unit="share",
    )
    attack_lr: float = parameter(0.005, "attack", "Learning rate of the attack (SGD, momentum 0.9).", 0.0, 1.0)
    attack_batch: int = parameter(128, "attack", "Images in one training step of the attack.", 2, 4096, unit="images")
    attack_epochs: float = parameter(
        1.0, "attack", "Passes over the attacker's images, at most.", 0.0, 200.0, unit="epochs"
    )
    attack_stop: float = parameter(
        1.0,
        "attack",
        "Stop early once the attacker's own running ASR, on freshly stamped training "
        "images, has reached this (1: never early).",
        0.0,
        1.0,
        unit="share",
    )
    attack_cool: float = parameter(
        0.5,
        "attack",
        "Passes after that early stop, in which the learning rate falls to zero.",
        0.0,
        20.0,
        unit="epochs",
    )
    attack_decay: bool = parameter(True, "attack", "Let the learning rate fall linearly to zero over the attack.")
    attack_took: float = parameter(
        0.5,
        "attack",
        "An attack whose original trigger has a lower ASR than this is said not to "
        "have taken, and nothing is repaired.",
        0.0,
        1.0,
        unit="share",
    )
    # -- MESA, Algorithms 1 and 2
    kind: str = parameter(
        "mine",
        "mesa",
        "Kind of sub-model. mine: the paper's generators, which find strong triggers in few places. convolutional: "
        "the same with convolutions, for large triggers such as pictures of 16x16. neighbours: the paper's "
        "generators with an entropy that has no ceiling, which find strong triggers in many places. particles: triggers that walk on a learned map of the success rate and spread over all the valid "
        "ones, the best to look at. flow: generators again, which learn the particles' whole law and know how probable "
        "each of their triggers is.",
        choices=KINDS,
    )
    alpha: float = parameter(
        0.1,
        "mesa",
        "Weight of entropy against success. At 0 the samples of the generators (mine, convolutional, neighbours) shrink to a few tight "
        "points; large values spread them beyond the valid triggers. Particles, and flows after them, spread over all "
        "valid triggers at 0, too, and beyond them from about 1 on.",
        0.0,
        100.0,
        basic=True,
    )
    beta: tuple[float, ...] = parameter(
        (0.5, 0.8, 0.9),
        "mesa",
        "One sub-model a level: each is asked for triggers that succeed at least this often.",
        0.0,
        1.0,
        unit="ASR",
        basic=True,
    )
    mesa_steps: int = parameter(200, "mesa", "Training steps of every sub-model.", 1, 100_000, unit="steps")
    mesa_batch: int = parameter(85, "mesa", "Triggers in one step of one sub-model.", 2, 4096, unit="triggers")
    images_per_trigger: int = parameter(
        1,
        "mesa",
        "K: images over which the surrogate F(x) of one trigger is averaged. The paper's Algorithm 2 has 1.",
        1,
        64,
        unit="images",
    )
    mesa_lr: float = parameter(0.002, "mesa", "Learning rate of generator and statistics network (Adam).", 0.0, 1.0)
    mesa_beta1: float = parameter(0.5, "mesa", "Adam's first moment decay.", 0.0, 0.999)
    noise: str = parameter("normal", "mesa", "Law of the generator's noise.", choices=("normal", "uniform"))
    noise_dim: int = parameter(64, "mesa", "Dimensions of the noise.", 4, 1024)
    hidden: int = parameter(512, "mesa", "Width of the hidden layers of generator and statistics network.", 4, 4096)
    noise_every_layer: bool = parameter(
        True,
        "mesa",
        "Feed a part of the noise to every layer of the generator, not only to the first; it does not collapse then.",
    )
    last_activation: bool = parameter(
        False, "mesa", "Leaky ReLU after the statistics network's last layer, as the paper describes it."
    )
    particles: int = parameter(
        512, "mesa", "Kinds particles and flow: how many walk at each level.", 16, 100_000, unit="triggers"
    )
    particle_moves: int = parameter(
        10, "mesa", "Kinds particles and flow: moves on the map for one look at the victim.", 1, 1000, unit="moves"
    )
    mine_average: float = parameter(
        0.0, "mesa", "Rate of the moving average in MINE's gradient (0: the plain batch estimate).", 0.0, 1.0
    )
    gamma: str = parameter(
        "uniform",
        "mesa",
        "How sub-models are mixed: 1/N each, or by Algorithm 1's entropy weights, which need the kind flow.",
        choices=("uniform", "entropy"),
    )
    # -- detection, step 1
    detect: bool = parameter(False, "detect", "Find the target class first (step 1) instead of taking it as known.")
    detect_beta: float = parameter(0.8, "detect", "Level β of the detection's sub-models.", 0.0, 1.0, unit="ASR")
    detect_steps: int = parameter(120, "detect", "Steps of the detection's sub-models.", 1, 100_000, unit="steps")
    detect_batch: int = parameter(24, "detect", "Triggers of each class in one step.", 2, 4096, unit="triggers")
    detect_threshold: float = parameter(
        0.5,
        "detect",
        "A class is called attacked when the mean effective ASR of its samples exceeds this, for triggers up to 3×3; larger ones need more (5×5: 0.9 for 0.5).",
        0.0,
        1.0,
        unit="ASR",
    )
    # -- repair, step 2, eq. 5
    repair_ratio: float = parameter(
        0.1,
        "repair",
        "Share r of each batch that is stamped with sampled triggers and keeps its true label.",
        0.0,
        1.0,
        unit="share",
    )
    repair_lr: float = parameter(0.005, "repair", "Learning rate of the repair (SGD, momentum 0.9).", 0.0, 1.0)
    repair_batch: int = parameter(128, "repair", "Images in one step of the repair.", 2, 4096, unit="images")
    repair_epochs: float = parameter(2.0, "repair", "Passes over the defender's images.", 0.0, 200.0, unit="epochs")
    repair_decay: bool = parameter(True, "repair", "Let the learning rate fall linearly to zero over the repair.")
    repair_kind: str = parameter(
        "same",
        "repair",
        "Kind of sub-model whose samples the repair stamps. same: the kind that is seen. Particles and flows show best what α "
        "and β do; generators (mine, convolutional, neighbours) find stronger triggers, which a network forgets more by. Another kind is "
        "trained besides, at α = 0.1.",
        choices=Auto(KINDS, "same"),
    )
    repair_rounds: int = parameter(
        0,
        "repair",
        "A suspect's repair judges itself: after each round the sub-models are trained anew on the repaired network, and it "
        "is repaired again, until no sub-model's effective ASR exceeds 5 %, or this many rounds are over. 0: one repair, "
        "unjudged.",
        0,
        20,
        unit="rounds",
    )
    repair_steps: int = parameter(
        0,
        "repair",
        "Steps of a repair at least, however few the defender's images are (0: as many as the passes take).",
        0,
        100_000,
        unit="steps",
    )
    repair_each_beta: bool = parameter(False, "repair", "Also repair with each level's sub-model alone.")
    # -- baselines and controls
    baselines: tuple[str, ...] = parameter(
        ("point", "random", "ideal", "control"),
        "baselines",
        "Defences to compare with: point (one reversed trigger), random (random black-and-"
        "white triggers), uniform (random colours), neural_cleanse, ideal (the original "
        "trigger, an oracle), control (clean images alone).",
        choices=Baselines(),
    )
    point_seeds: int = parameter(
        1, "baselines", "Reversed triggers of the point baseline, each repaired on its own.", 1, 100
    )
    point_steps: int = parameter(100, "baselines", "Steps of the pixel-space optimisation.", 1, 100_000, unit="steps")
    point_lr: float = parameter(
        0.1, "baselines", "Learning rate of the pixel-space optimisation (SGD, momentum 0.9).", 0.0, 10.0
    )
    # -- measures
    samples: int = parameter(
        256, "measure", "Triggers sampled from each sub-model for the measures.", 4, 100_000, unit="triggers"
    )
    sample_images: int = parameter(
        16, "measure", "Images on which each sampled trigger's ASR is measured.", 1, 10_000, unit="images"
    )
    eval_images: int = parameter(
        0, "measure", "Evaluation images for accuracy and for the original's ASR (0: all).", 0, 1_000_000, unit="images"
    )
    worst_images: int = parameter(
        16, "measure", "Images a code in the first round that looks for the worst of the 512.", 1, 10_000, unit="images"
    )
    landscape_images: int = parameter(
        16,
        "measure",
        "Images a code for the map of the 512 black-and-white triggers, which recall needs (0: no map, no recall).",
        0,
        10_000,
        unit="images",
    )
    snapshot_every: int = parameter(
        10, "measure", "Steps between two snapshots of the samples.", 1, 100_000, unit="steps"
    )
    snapshot_samples: int = parameter(
        128,
        "measure",
        "Triggers of each sub-model in a snapshot; the noise behind them is fixed.",
        4,
        4000,
        unit="triggers",
    )
    place_images: int = parameter(
        0,
        "map",
        "Images at each place for the exact maps of where the original and the best sample work, on the networks before and "
        "after the repair (0: none; a search by a plan takes 16).",
        0,
        1000,
        unit="images",
    )
    # -- Apply
    apply: str = parameter(
        "anywhere",
        "apply",
        "How the attacker puts a trigger on an image. anywhere: at a place of its own on each image. fixed: at one place, the "
        "same on all images, as BadNets does.",
        choices=RULES,
    )
    place: str = parameter(
        places.BOTTOM_RIGHT,
        "apply",
        "Where a trigger lies under the rule fixed: row and column of its top left pixel, as in 12,3, or one of "
        f"{', '.join(places.WORDS)}.",
    )
    opacity: float = parameter(
        1.0,
        "apply",
        "How much of what is beneath it the attacker's trigger covers: 1 overwrites, 0.2 leaves four fifths of the image.",
        0.0,
        1.0,
        unit="share",
    )
    search_places: str = parameter(
        plan.ANYWHERE,
        "search",
        "Where the defender looks for triggers, who does not know the attacker's place. anywhere: at random places. attacked: "
        f"at the attacker's (he is told). A place, as in place: there. plan ({', '.join(plan.WHOLE)}), or a list of parts with commas "
        f"between ({', '.join(plan.PARTS)}): each of them for every class, as detect does, and then where most answers.",
    )
    search_opacity: float | str = parameter(
        1.0,
        "search",
        "How much of what is beneath them the defender's triggers cover; sampled: an opacity for each of their pixels is sampled "
        "together with its colour.",
        opacities.LEAST,
        opacities.MOST,
        words=(SAMPLED,),
        unit="share",
    )
    search_sizes: str = parameter(
        "",
        "search",
        "Sizes of the triggers that are searched for, from small to large, until a class looks attacked: small-to-large "
        f"({','.join(map(str, sizes.LADDER))}), or a list such as 2,3,5 or 1-8. Without a word the trigger's own.",
    )
    search_opacities: str = parameter(
        "",
        "search",
        "Opacities that are searched for, in turn, until a class looks attacked: plan (opaque, then sampled), or a list such as "
        "1,0.3,sampled. Without a word search-opacity alone; the one at which a class is found takes its place.",
    )
    # -- run
    protocol: str = parameter(
        "fast", "run", "Preset: fast (the default) or paper (Appendix B).", choices=("fast", "paper"), basic=True
    )
    measure: str = parameter("fast", "run", "Preset of the measures' sizes.", choices=("tiny", "fast", "full"))
    budget: str = parameter(
        "own",
        "run",
        "Preset of how much a repair does. own: what the images usually need, quick. compare: the paper's, with 5 % stamped instead of 1 %, "
        "so that defences differ and good ones cure. careful: with 30 %, for a cure at the least loss of accuracy. The last two take "
        "ten passes.",
        choices=tuple(BUDGETS),
    )
    seed: int = parameter(0, "run", "Seed of everything random.", 0, 2**31 - 1, basic=True)
    device: str = parameter("auto", "run", "Where to compute.", choices=("auto", "cuda", "mps", "cpu"))
    precision: str = parameter(
        "auto",
        "run",
        "Number format of the victim; auto measures which is faster on a CPU.",
        choices=("auto", "fp32", "bf16"),
    )
    memory: str = parameter(
        "auto", "run", "Memory format of images; auto measures which is faster.", choices=("auto", "nchw", "nhwc")
    )
    threads: int = parameter(0, "run", "CPU threads (0: all cores).", 0, 512)

    def to_dict(self) -> dict[str, Any]:
        """A plain dictionary that JSON can hold; tuples become lists, and what stands at its silent value is left out."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if name not in SILENT or value != SILENT[name]
        }

    @property
    def reading(self) -> dict[str, Any]:
        """How `load_data` is to bring the images: `side` in pixels (0: the data's own) and the file of `classes`."""
        return {"side": self.image_size, "classes": self.classes}

    @property
    def judges(self) -> bool:
        """Whether the repair judges itself, as it does for networks that are scanned."""
        return bool(self.suspect) and self.repair_rounds > 0

    @property
    def two_kinds(self) -> bool:
        """Whether the repair stamps the samples of another kind than the one that is seen."""
        return self.repair_kind not in ("same", self.kind)

    @property
    def plans(self) -> bool:
        """Whether the search goes by a declared plan, of places, of sizes or of opacities."""
        return plan.several(self.search_places) or bool(self.search_sizes) or bool(self.search_opacities)

    @property
    def size(self) -> int:
        """Pixels on a side of the trigger, and of all that is sampled, searched and compared with it."""
        return triggers.size_of(self.trigger)

    @property
    def cell(self) -> int:
        """Numbers of each pixel of the triggers that are sampled: 3 for its colour, 4 with an opacity of its own."""
        return cells(self.search_opacity)

    @property
    def code(self) -> int | None:
        """The trigger's code where it is black and white and 3x3, else None; codes of other sizes are other patterns."""
        trigger = triggers.from_hex(self.trigger)
        return triggers.code_of(trigger) if trigger.shape[-1] == triggers.SIZE else None


def params() -> dict[str, Param]:
    """Every parameter's declaration, by name, in the order of the dataclass."""
    return {f.name: f.metadata["param"] for f in fields(ExperimentConfig)}


def defaults() -> dict[str, Any]:
    """Every parameter's default, by name."""
    return {f.name: f.default for f in fields(ExperimentConfig)}


def make_config(given: Mapping[str, Any] | None = None, **more: Any) -> ExperimentConfig:
    """Build and check a configuration: defaults, then the protocol, the data's and the victim's preset, the measure's,
    the repair's, then `given`.

    `data="auto"` keeps the general defaults until the data is known; call again with the data's name to resolve.
    Raises ConfigError, in one sentence, for an unknown name, a wrong type, or a value out of bounds.
    """
    given = {**(given or {}), **more}
    known = params()
    for name in given:
        if name not in known:
            raise ConfigError(f"There is no parameter {name!r}.")
    given = {name: known[name].check(name, value) for name, value in given.items()}
    values = defaults()
    protocol, measure = given.get("protocol", "fast"), given.get("measure", "fast")
    if protocol == "fast":
        data = given.get("data", "auto")
        values |= {k: v for k, (v, _) in DATA_PRESETS.get(data, {}).items()}
        victim = given.get("victim", values["victim"])
        values |= {k: v for k, (v, _) in VICTIM_PRESETS.get((data, victim), {}).items()}
    values |= {k: v for k, (v, _) in PROTOCOLS[protocol].items()}
    values |= MEASURES[measure]
    values |= {k: v for k, (v, _) in BUDGETS[given.get("budget", "own")].items()}
    values |= given
    config = ExperimentConfig(**values)
    _check_whole(config)
    # One canonical spelling of trigger and places, so that equal ones have equal keys.
    return dataclasses.replace(
        config,
        trigger=triggers.to_hex(triggers.from_hex(config.trigger)),
        beta=tuple(sorted(config.beta)),
        repair_kind="same" if config.repair_kind == config.kind else config.repair_kind,
        place=places.BOTTOM_RIGHT if config.apply == "anywhere" else places.spelt(config.place),
        search_places=plan.spelt(config.search_places),
        search_sizes=sizes.spelt(config.search_sizes),
        search_opacities=opacities.spelt(config.search_opacities),
        search_opacity=_first(config),
        detect=config.detect or (not config.suspect and config.plans),
    )


def _first(config: ExperimentConfig) -> Opacity:
    """The opacity that is searched at: of a list the first, unless another of it was found to be the trigger's."""
    listed = opacities.listed(config.search_opacities, config.search_opacity)
    return config.search_opacity if config.search_opacity in listed else listed[0]


def _check_whole(config: ExperimentConfig) -> None:
    """Rules that concern more than one parameter."""
    try:
        mask = triggers.mask_of(config.trigger)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if mask is not None and config.suspect:
        raise ConfigError(
            "A network that was brought is searched for full squares, so a trigger with transparent cells says nothing there."
        )
    try:
        places.spelt(config.place)
        plan.spelt(config.search_places)
        sizes.spelt(config.search_sizes)
        listed = opacities.listed(config.search_opacities, config.search_opacity)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if SAMPLED in listed and config.apply not in SECRET:
        raise ConfigError(
            f"Opacities are to be {SAMPLED}, which the rules {' and '.join(SECRET)} can do, not {config.apply}."
        )
    if config.size == triggers.LARGE and (config.detect or config.suspect or config.plans):
        raise ConfigError(
            f"Classes cannot be searched for triggers of {triggers.sized(triggers.LARGE)}: on a clean network, too, such a patch opens "
            "every class. Name the target class and leave the search out, or search for smaller ones."
        )
    if config.units not in ("auto", "images"):
        try:
            parse(config.units)
        except ValueError as error:
            raise ConfigError(str(error)) from None
    if config.suspect_digest and not re.fullmatch(r"[0-9a-f]{8,64}", config.suspect_digest):
        raise ConfigError("suspect_digest is the beginning of a SHA-256, in hex.")
    if not config.beta:
        raise ConfigError("No level β is chosen; give at least one, for example beta 0.8.")
    if len({f"{level:g}" for level in config.beta}) != len(config.beta):  # as they are written in the result
        raise ConfigError("beta names a level twice; give each level once, with at most six digits.")
    if len(config.beta) > 16:
        raise ConfigError(f"beta has {len(config.beta)} levels; at most 16 can be trained together.")
    if len(set(config.baselines)) != len(config.baselines):
        raise ConfigError("baselines names one twice; give each once.")
    if config.gamma == "entropy" and not KINDS[config.kind].density:
        raise ConfigError(
            f"gamma is 'entropy', but sub-models of the kind {config.kind!r} do not know their entropy; choose uniform."
        )
    if 0 < config.image_size < LEAST_IMAGE:
        raise ConfigError(
            f"image_size is {config.image_size}; the least is {LEAST_IMAGE} pixels, or 0 for the data's own."
        )
    if config.classes and config.data not in ("auto", "folder"):
        raise ConfigError(
            f"classes names a list of classes, but {config.data} has names of its own; it is for data 'folder'."
        )
    if config.data in SOURCES and SOURCES[config.data].needs_directory and not config.data_dir:
        raise ConfigError(f"data is {config.data!r}, but no folder is given; name it with --data-dir.")
