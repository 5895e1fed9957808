"""Which weight of a file is which of a network's, told by structure: names where they agree, the tree and shapes elsewhere.

Checkpoints of one network differ in their names: parallel training, compilers and training frameworks put words in
front, repositories call the same layer `shortcut` or `downsample`, `linear` or `fc`. The names of both are read as
trees. A branch of the file is paired with a branch of the network where their leaves (kind and shape) agree, branches of
the same name first. What is left over in the file has to be something that is known not to be a weight.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

Shape = tuple[int, ...]
NOISE = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "parametrized")
NO_WEIGHTS = re.compile(
    r"(.*\.)?(total_ops|total_params|num_batches_tracked|n_averaged|epoch|step|iteration)"
    r"|(.*\.)?(criterion|loss|loss_fn|loss_fun|metrics?|accuracy|\w+_acc|\w+_accuracy|acc)\..*"
    r"|(.*\.)?(optimizer|optim|scheduler)\..*"
)
EMA = re.compile(r"(ema|ema_model|model_ema|teacher|momentum_encoder|\w+_ema|ema_\w+)\..*")
MEANS = ("mean", "pixel_mean", "_mean", "mu", "image_mean", "img_mean", "data_mean", "means", "norm_mean")
STDS = ("std", "pixel_std", "_std", "sigma", "image_std", "img_std", "data_std", "stds", "norm_std")
SAME = (  # names that stand for each other
    ("shortcut", "downsample", "convShortcut", "skip", "identity_downsample"),
    ("linear", "fc", "classifier", "head", "last_linear", "output", "logits", "out", "heads", "mlp_head"),
    ("bn1", "norm1"), ("bn2", "norm2"), ("bn3", "norm3"), ("bn", "norm", "batchnorm"),
    ("features", "layers", "feature", "convs"), ("0", "conv"), ("1", "bn", "norm"),
)  # fmt: skip


@dataclass(frozen=True)
class Match:
    """How a file's weights fill a network.

    `keys` says for each of the network's names the file's; `mean` and `std` are the file's names of a normalisation
    inside; `ignored` are the file's names that are no weights; `problem` is why it does not fit ('': it does).
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    mean: str = ""
    std: str = ""
    ignored: tuple[str, ...] = ()
    problem: str = ""


class Node:
    """A branch of names, or a leaf with its shape."""

    def __init__(self) -> None:
        self.children: dict[str, Node] = {}
        self.shape: Shape | None = None
        self.key = ""

    @classmethod
    def of(cls, shapes: Mapping[str, Shape]) -> Node:
        root = cls()
        for key, shape in shapes.items():
            node = root
            for part in key.split("."):
                if part not in NOISE:
                    node = node.children.setdefault(part, cls())
            node.shape, node.key = shape, key
        return root

    @cached_property
    def leaves(self) -> tuple[tuple[str, Shape], ...]:
        """Kinds and shapes of all weights below, in a fixed order: by it branches are told to be of the same network."""
        found = [(kind, shape) for name, child in self.children.items() for kind, shape in child._below(name)]
        return tuple(sorted(found))

    def _below(self, name: str) -> Iterable[tuple[str, Shape]]:
        if self.shape is not None:
            yield name, plain(self.shape)
        yield from self.leaves

    def only(self) -> Node:
        """Past branches with a single branch in them, which say nothing."""
        node = self
        while node.shape is None and len(node.children) == 1:
            node = next(iter(node.children.values()))
        return node


def plain(shape: Shape) -> Shape:
    """A shape without ones at its end: a linear layer is a 1x1 convolution."""
    while len(shape) > 1 and shape[-1] == 1:
        shape = shape[:-1]
    return shape


def aside(shapes: Mapping[str, Shape], own: Iterable[str] = ()) -> tuple[dict[str, Shape], list[str], tuple[str, str]]:
    """What of a file can be weights, what is none, and the names of a normalisation's mean and std ('' without one)."""
    own = set(own)
    ignored = [k for k in shapes if k.endswith("num_batches_tracked") or (k not in own and NO_WEIGHTS.fullmatch(k))]
    rest = {k: v for k, v in shapes.items() if k not in set(ignored)}
    copies = [k for k in rest if k not in own and EMA.fullmatch(k)]
    if copies and len(copies) < len(rest):
        ignored += copies
        rest = {k: v for k, v in rest.items() if k not in set(copies)}
    for key in rest:
        front, _, leaf = key.rpartition(".")
        if leaf not in MEANS or key in own or _count(rest[key]) not in (1, 3):
            continue
        std = f"{front}.{STDS[MEANS.index(leaf)]}".removeprefix(".")
        if std in rest and _count(rest[std]) in (1, 3):
            rest = {k: v for k, v in rest.items() if k not in (key, std)}
            return rest, ignored, (key, std)
    return rest, ignored, ("", "")


def match(network: Mapping[str, Shape], file: Mapping[str, Shape]) -> Match:
    """How the weights of `file` fill `network`, both by names and shapes; `problem` says why they do not."""
    wanted = {k: v for k, v in network.items() if not k.endswith("num_batches_tracked")}
    weights, ignored, inside = aside(file, network)
    keys = (
        _by_prefix(wanted, weights)
        or _by_tree(wanted, weights)
        or _by_parts(wanted, weights)
        or _by_order(wanted, weights)
    )
    if not keys:
        return Match(problem=_problem(wanted, weights))
    left = [k for k in weights if k not in set(keys.values())]
    if any(_count(weights[k]) > 1 for k in left) and not _spare(left, keys):
        return Match(problem=_problem(wanted, weights))
    return Match(keys, *inside, tuple(ignored + left))


def _spare(left: list[str], keys: Mapping[str, str]) -> bool:
    """Whether what is left over belongs to a part beside the network: a projection head, a second classifier."""
    beside = (
        "aux",
        "proj",
        "projector",
        "projection",
        "rotation",
        "AuxLogits",
        "queue",
        "prototypes",
        "head_dist",
        "aux_classifier",
    )
    return len(left) < len(keys) and all(
        any(part in beside or part.startswith(("aux", "proj")) for part in k.split(".")) for k in left
    )


# -- names that agree but for what stands in front
def _by_prefix(wanted: Mapping[str, Shape], file: Mapping[str, Shape]) -> dict[str, str]:
    """The keys where each of the network's names ends one of the file's, after one and the same beginning; {} elsewhere."""
    clean = {".".join(p for p in k.split(".") if p not in NOISE): k for k in file}
    first = next(iter(wanted), "")
    for name in clean:
        if name == first or name.endswith(f".{first}"):
            front = name[: len(name) - len(first)]
            if all(front + k in clean and plain(file[clean[front + k]]) == plain(v) for k, v in wanted.items()):
                return {k: clean[front + k] for k in wanted}
    return {}


def _by_parts(wanted: Mapping[str, Shape], file: Mapping[str, Shape]) -> dict[str, str]:
    """The keys where most names agree after one beginning, and the others, such as a head's, by their structure."""
    clean = {".".join(p for p in k.split(".") if p not in NOISE): k for k in file}
    fronts: Counter[str] = Counter()
    for name in clean:
        parts = name.split(".")
        fronts.update(
            front
            for i in range(len(parts))
            if parts[i:] and ".".join(parts[i:]) in wanted
            for front in [".".join(parts[:i])]
        )
    for front, count in fronts.most_common(3):
        begin = f"{front}." if front else ""
        keys = {
            k: clean[begin + k]
            for k in wanted
            if begin + k in clean and plain(file[clean[begin + k]]) == plain(wanted[k])
        }
        rest = {k: v for k, v in wanted.items() if k not in keys}
        used = set(keys.values())
        others = {k: v for k, v in file.items() if k not in used}
        more = _by_tree(rest, others) or _by_order(rest, others) if 2 * count >= len(wanted) else {}
        if more:
            return {k: keys[k] if k in keys else more[k] for k in wanted}
        short = {name.removeprefix(begin): key for name, key in clean.items()}
        found = _by_tree(wanted, {name: file[key] for name, key in short.items()}) if len(short) == len(file) else {}
        if found:
            return {k: short[name] for k, name in found.items()}
    return {}


def _by_order(wanted: Mapping[str, Shape], file: Mapping[str, Shape]) -> dict[str, str]:
    """The keys where kinds and shapes follow each other in the same order, as torch writes them; {} elsewhere."""
    kind = lambda key, shape: (key.rpartition(".")[2], plain(shape))
    if [kind(k, v) for k, v in wanted.items()] == [kind(k, v) for k, v in file.items()]:
        return dict(zip(wanted, file, strict=True))
    return {}


# -- trees
def _by_tree(wanted: Mapping[str, Shape], file: Mapping[str, Shape]) -> dict[str, str]:
    """The keys where a branch of the file has the network's structure; {} elsewhere."""
    goal, held = Node.of(wanted), Node.of(file)
    keys: dict[str, str] = {}
    for branch in (held, held.only(), *_branches(held, len(wanted))):
        if branch.leaves == goal.leaves:
            keys = {}
            if _pair(goal, branch, keys) and len(keys) == len(wanted):
                return keys
    return {}


def _branches(node: Node, least: int) -> Iterable[Node]:
    """Every branch with at least so many leaves below."""
    for child in node.children.values():
        if len(child.leaves) >= least:
            yield child
            yield from _branches(child, least)


def _pair(own: Node, other: Node, keys: dict[str, str]) -> bool:
    """Pair what is below two branches whose leaves agree; False where it cannot be told what belongs to what."""
    own, other = own.only(), other.only()
    if own.shape is not None or other.shape is not None:
        if own.shape is None or other.shape is None or own.children or other.children:
            return False
        keys[own.key] = other.key
        return True
    if not _level(own, other):
        own, other = _opened(own, other)
        if not _level(own, other):
            return False
    left = dict(other.children)
    open_ = dict(own.children)
    for name, node in list(open_.items()):  # the same name
        if name in left and _alike(name, node, name, left[name]):
            if not _pair_named(node, left.pop(name), keys):
                return False
            del open_[name]
    for name, node in list(open_.items()):  # a name that is known to stand for it
        same = [n for n in left if _same(name, n) and _alike(name, node, n, left[n])]
        if len(same) == 1:
            if not _pair_named(node, left.pop(same[0]), keys):
                return False
            del open_[name]
    for name, node in open_.items():  # the next in order that is alike
        found = next((n for n in left if _alike(name, node, n, left[n])), None)
        if found is None or not _pair_named(node, left.pop(found), keys):
            return False
    return not left


def _pair_named(own: Node, other: Node, keys: dict[str, str]) -> bool:
    if own.shape is not None:
        keys[own.key] = other.key
        return not own.children and not other.children
    return _pair(own, other, keys)


def _level(own: Node, other: Node) -> bool:
    """Whether the branches below one can be paired with those below the other."""
    count = lambda node: Counter(child.leaves or ((n, plain(child.shape or ())),) for n, child in node.children.items())
    return count(own) == count(other)


def _opened(own: Node, other: Node) -> tuple[Node, Node]:
    """Both with their largest branches replaced by what is in them, where one of the two nests deeper than the other."""
    return _flat(own, other), _flat(other, own)


def _flat(node: Node, like: Node) -> Node:
    """A copy in which each branch that the other does not have is replaced by the branches in it."""
    there = {child.leaves for child in like.children.values()}
    found = Node()
    for name, child in node.children.items():
        if child.shape is None and child.leaves not in there:
            for inner, one in child.children.items():
                found.children[f"{name}.{inner}"] = one
        else:
            found.children[name] = child
    return found


def _alike(name: str, node: Node, other: str, there: Node) -> bool:
    if node.shape is not None or there.shape is not None:
        return (
            name == other
            and node.shape is not None
            and there.shape is not None
            and plain(node.shape) == plain(there.shape)
        )
    return node.leaves == there.leaves


def _same(name: str, other: str) -> bool:
    return any(name in group and other in group for group in SAME)


# -- why not
def _problem(wanted: Mapping[str, Shape], file: Mapping[str, Shape]) -> str:
    """Why a file does not fit a network, as the rest of a sentence."""
    have = Counter(plain(s) for s in file.values())
    need = Counter(plain(s) for s in wanted.values())
    ours, theirs = classes_of(wanted), classes_of(file)
    lacking, spare = need - have, have - need
    if ours and theirs and ours != theirs and all(ours in s for s in lacking) and all(theirs in s for s in spare):
        return f"has {theirs} classes, the images {ours}"
    missing = next((k for k, v in wanted.items() if lacking[plain(v)]), next(iter(wanted), ""))
    at = next((k for k in file if k.split(".")[-2:] == missing.split(".")[-2:]), "")
    shape = "x".join(map(str, wanted.get(missing, ()))) or "one"
    told = f"; its {at} has {'x'.join(map(str, file[at])) or 'one'}" if at and file[at] != wanted.get(missing) else ""
    return (
        f"does not fit: of the network's {len(wanted)} weights {sum(lacking.values())} are missing, of the file's {len(file)} "
        f"{sum(spare.values())} are unknown (first: {missing}, {shape} numbers{told})"
    )


def classes_of(shapes: Mapping[str, Shape]) -> int | None:
    """How many classes a network tells apart, by the last linear layer's weights; None where there is no such layer."""
    heads = [k for k, v in shapes.items() if k.endswith("weight") and len(plain(v)) == 2 and plain(v)[0] > 1]
    biased = [k for k in heads if f"{k.removesuffix('weight')}bias" in shapes]
    named = [k for k in biased or heads if any(part in SAME[1] for part in k.split("."))]
    # safetensors sorts its names, so the last of a sequence is the one with the largest number
    last = max(named, key=_numbers) if named else (biased or heads or [""])[-1]
    return shapes[last][0] if last else None


def _numbers(key: str) -> list[int]:
    return [int(part) for part in key.split(".") if part.isdecimal()]


def _count(shape: Shape) -> int:
    total = 1
    for n in shape:
        total *= n
    return total
