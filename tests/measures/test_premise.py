"""A network that does not classify the images at hand is told from one that does, and another order of labels is offered."""

import numpy as np
import pytest

from mesa_core.measures import premise
from mesa_core.measures.intervals import proportion
from mesa_core.measures.verdict import ClassFound, Detection, Judged, Round

TEN = tuple(f"class {i}" for i in range(10))
NUMBERS = tuple(map(str, range(1, 11)))  # as they are sorted now


def answers(accuracy, count=1000, classes=10, seed=0):
    """Labels, and predictions that are right that often and else any class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count)
    predicted = np.where(rng.random(count) < accuracy, labels, rng.integers(0, classes, count))
    return predicted, labels


@pytest.mark.parametrize("accuracy", [0.6, 0.8, 0.98])
def test_a_network_that_classifies_passes_without_a_word(accuracy):
    found = premise.judge(*answers(accuracy), TEN)
    assert (found.refusal, found.warning, found.order) == ("", "", ())


@pytest.mark.parametrize("count", [30, 106, 1000])
@pytest.mark.parametrize("seed", range(5))
def test_chance_is_refused(count, seed):
    found = premise.judge(*answers(0.0, count, seed=seed), TEN)
    assert "rightly" in found.refusal
    assert found.order == ()


def test_a_little_better_than_chance_is_refused_with_both_numbers():
    found = premise.judge(*answers(0.05), TEN)  # some 14.5 %, as an untrained network reaches
    assert "chance" in found.refusal
    assert "--classes" in found.refusal
    assert "units" in found.refusal


def test_a_constant_answer_is_refused_by_its_class():
    labels = answers(1.0)[1]
    found = premise.judge(np.full(1000, 6), labels, TEN)
    assert "answers class 6 (class 6) for 100%" in found.refusal
    rare = np.where(np.arange(1000) < 970, 6, 3)  # nearly all images are of that class: nothing is said of the network
    assert "answers class" not in premise.judge(np.full(1000, 6), rare, TEN).refusal


def test_a_half_good_network_is_warned_of():
    found = premise.judge(*answers(0.35), TEN)
    assert found.refusal == ""
    assert "--classes" in found.warning


def test_the_order_of_names_as_text_is_offered():
    rng = np.random.default_rng(0)
    as_text = sorted(NUMBERS)
    labels = rng.integers(0, 10, 1000)  # by number
    predicted = np.array([as_text.index(NUMBERS[label]) for label in labels])
    predicted[:30] = 0
    found = premise.judge(predicted, labels, NUMBERS)
    assert found.order == tuple(as_text)
    assert "ImageFolder" in found.refusal
    assert "1, 10, 2" in found.refusal
    assert "--classes" in found.refusal


def test_a_class_that_the_images_do_not_have_is_said():
    predicted, labels = answers(0.9)
    predicted[5] = 12
    assert "class 12, but the images have 10" in premise.judge(predicted, labels, TEN).refusal


# -- the verdict
def found(number, asr, effective):
    whole, rest = proportion(round(asr * 1000), 1000), proportion(round(effective * 1000), 1000)
    return ClassFound(number=number, name=TEN[number], asr=whole, effective_asr=rest)


def test_the_verdict_goes_by_the_effective_asr():
    classes = [found(0, 0.99, 0.1), found(1, 0.7, 0.65), found(2, 0.6, 0.6)]
    verdict = Detection(target=0, suspects=[0, 1], threshold=0.5, classes=classes).judged()
    assert (verdict.target, verdict.suspects) == (1, [1, 2])
    constant = Detection(target=0, suspects=[0], threshold=0.5, classes=[found(0, 1.0, 0.0)]).judged()
    assert (constant.target, constant.suspects) == (None, [])


def test_an_older_verdict_without_it_stays():
    old = ClassFound(number=1, name="b", asr=proportion(9, 10))
    told = Detection(target=1, suspects=[1], threshold=0.5, classes=[old])
    assert told.judged() == told


def test_a_failed_repair_says_so_in_one_sentence():
    good, bad = Round(100, [proportion(3, 100)]), Round(100, [proportion(1, 100), proportion(30, 100)])
    assert "holds" in Judged(True, 0.05, [bad, good]).words
    words = Judged(False, 0.05, [bad, bad]).words
    assert words.startswith("THE REPAIR FAILED")
    assert "30.0%" in words
    assert "200 steps" in words
    assert Judged.from_json(Judged(False, 0.05, [bad]).to_json()).rounds[0].worst.value == 0.3
