"""The premise of a scan: does the network classify these images at all, in this order of labels? Needs no torch.

A network that was trained in other units, or not at all, or whose classes are numbered otherwise, says something about
every class, and all of it is wrong. So it is looked at first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mesa_core.disk.plain import plain
from mesa_core.measures.intervals import Measured, proportion

MOST = 1000  # images that are looked at
SHARE = 0.2  # of the way from chance to 1, below which a network is said not to classify
LOW = 0.5  # of that way, below which it is said to classify badly
CONSTANT = 0.95  # share of the images that get one answer
REORDERED = 0.3  # by how much another order has to be better, to be offered
NAMED = 12  # classes that a sentence names


@dataclass(frozen=True)
class Premise:
    """Accuracy on the defender's images, and what is wrong with it.

    `refusal` goes on a sentence that begins with the network's name, '' where it classifies; `warning` is a sentence, or ''.
    `order` are the classes as the network seems to number them, where another order fits far better.
    """

    accuracy: Measured
    refusal: str = ""
    warning: str = ""
    order: tuple[str, ...] = ()


def judge(predicted: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Premise:
    """Look at a network's answers `(n,)` to images with `labels` `(n,)`, both int.

    Chance is 1/classes, or the share of the largest class, which a constant answer reaches.
    """
    count, n = len(classes), len(labels)
    accuracy = proportion(int((predicted == labels).sum()), n)
    largest = np.bincount(labels, minlength=count).max() / max(1, n)
    if predicted.max(initial=0) >= count:
        return Premise(accuracy, f"answers class {int(predicted.max())}, but the images have {count} classes.")
    answers = np.bincount(predicted, minlength=count) / max(1, n)
    one = int(answers.argmax())
    if answers[one] >= CONSTANT and largest < CONSTANT:
        return Premise(
            accuracy,
            f"answers class {one} ({plain(classes[one])}) for {answers[one]:.0%} of the images, so there is nothing to examine: "
            f"is it trained, and are these its pixel units{_ASK}?",
        )
    chance = 1 / count
    floor = max(chance + SHARE * (1 - chance), min(largest, 1 - SHARE))
    order, better = _reordered(predicted, labels, classes)
    told = f"classifies {accuracy.value:.1%} [{accuracy.low:.1%}, {accuracy.high:.1%}] of the images rightly"
    if order and better >= floor:
        names = ", ".join(map(plain, order[:NAMED])) + (", …" if count > NAMED else "")
        how = (
            " (that of the names as text, as torchvision's ImageFolder sorts)" if list(order) == sorted(classes) else ""
        )
        return Premise(
            accuracy,
            f"{told} as its classes are numbered now, but {better:.1%} in another order{how}: {names}. Write the names in the "
            "network's order to a file, a name a line, and give it with --classes.",
            order=order,
        )
    near = accuracy.low <= chance
    if accuracy.value < floor and (near or accuracy.high < floor or accuracy.value < floor / 2):
        like = f"no better than chance ({chance:.1%})" if near else f"too few to examine it (chance is {chance:.1%})"
        return Premise(
            accuracy,
            f"{told}, {like}: is it trained on these classes, are they in its order (--classes FILE), and are these its pixel "
            f"units{_ASK}?",
        )
    if accuracy.value < chance + LOW * (1 - chance):
        return Premise(
            accuracy,
            warning=f"It {told} only; check the classes' order (--classes FILE) and its pixel units{_ASK}, or the verdict may be "
            "of little worth.",
        )
    return Premise(accuracy)


_ASK = " (mean and standard deviation, or 0 to 255)"


def _reordered(predicted: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> tuple[tuple[str, ...], float]:
    """The order in which most answers are right, each class once, where it is far better; else ()."""
    from scipy.optimize import linear_sum_assignment  # slow to import

    count = len(classes)
    hits = np.zeros((count, count), np.int64)
    np.add.at(hits, (predicted, labels), 1)
    answer, label = linear_sum_assignment(hits, maximize=True)
    best, now = hits[answer, label].sum(), np.trace(hits)
    n = max(1, len(labels))
    # So many orders are tried that some fit by luck: on few images of many classes a good deal.
    luck = count / n
    if (best - now) / n < REORDERED + luck:
        return (), 0.0
    order = [""] * count
    for one, other in zip(answer.tolist(), label.tolist(), strict=True):
        order[one] = classes[other]
    return tuple(order), float(best / n)
