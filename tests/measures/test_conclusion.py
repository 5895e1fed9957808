"""What a search says in the end: what was found, beside the others; what was covered; what no such search can find."""

from dataclasses import replace

from mesa_core.measures.astray import AllToAll, Led
from mesa_core.measures.by_size import BySize, SizeTried
from mesa_core.measures.conclusion import CANNOT, conclusion, coverage
from mesa_core.measures.intervals import proportion
from mesa_core.measures.verdict import ClassFound, Detection, stand_out

COVERED = "3×3 triggers, opaque, at random places"


def verdict(*hits, n=100, threshold=0.5):
    classes = [
        ClassFound(number=i, name=f"c{i}", asr=proportion(h, n), effective_asr=proportion(h, n))
        for i, h in enumerate(hits)
    ]
    return Detection(suspects=[], threshold=threshold, classes=classes).judged()


def by_size(one, tried=(), **more):
    told = BySize(listed=[3], tried=list(tried), near=[], looks=0, passes=0, seconds=1.0, **more)
    return replace(one, sizes=told).judged()


def test_a_healthy_network_ends_with_nothing_found_for_these_sizes_places_and_forms():
    said = conclusion(verdict(1, 4, 2), COVERED)
    assert said.startswith(f"Nothing found, for these sizes, places and forms: {COVERED}.")
    assert "c1, reaches 4.0%" in said
    assert "looks attacked" not in said


def test_what_is_found_stands_beside_the_networks_other_classes_with_its_interval():
    said = conclusion(verdict(1, 97, 7), COVERED)
    assert "Class 1 (c1) looks attacked: the triggers found for it send 97.0% [91.5%, 99.0%], n=100" in said
    assert "other classes reach 4.0% in the median and 7.0% at most (c2)" in said


def test_an_interval_that_begins_below_the_threshold_is_said_to_be_narrow():
    assert "narrowly" in conclusion(verdict(1, 55, 7), COVERED)
    assert "narrowly" not in conclusion(verdict(1, 80, 7), COVERED)


def test_another_threshold_is_another_verdict():
    assert conclusion(verdict(1, 97, 7), COVERED, 0.99).startswith("Nothing found")
    assert conclusion(verdict(1, 4, 2), COVERED, 0.03).startswith("Class 1")


def test_over_sizes_a_class_has_to_stand_out_from_the_networks_own_others():
    assert by_size(verdict(60, 58, 62, 55)).target is None, "a network that any patch turns is not attacked"
    assert verdict(60, 58, 62, 55).target == 2, "by one size the threshold decides, as it did"
    assert "does not stand out" in conclusion(by_size(verdict(60, 58, 62, 55)), COVERED)
    assert by_size(verdict(60, 99, 58, 20)).target == 1
    assert stand_out(verdict(9).classes, 0.5) == []


def test_what_only_larger_triggers_open_is_told_with_a_doubt():
    none, some = (
        SizeTried(
            size=size, number=1, effective_asr=proportion(hits, 100), others=0.0, found=hits > 50, looks=1, passes=1
        )
        for size, hits in ((3, 20), (5, 97))
    )
    doubted = conclusion(
        by_size(verdict(1, 97, 7), [none, some]), COVERED, worth="Of 9 clean ones it called 1 attacked."
    )
    assert "Triggers of 3×3 do not" in doubted
    assert doubted.endswith("Of 9 clean ones it called 1 attacked.")
    sure = conclusion(by_size(verdict(1, 97, 7), [some]), COVERED, worth="Of 9 clean ones it called 1 attacked.")
    assert "do not" not in sure
    assert "Of 9" not in sure


def test_an_all_to_all_backdoor_is_told_class_by_class():
    led = [Led(i, (i + 1) % 3, proportion(95, 100)) for i in range(3)]
    each = AllToAll(
        astray=proportion(285, 300), threshold=0.5, classes=led, row=29, column=28, trigger="#fff", looks=1, passes=1
    )
    told = replace(verdict(1, 4, 2), all_to_all=each)
    said = conclusion(told, COVERED)
    assert told.found
    assert "all-to-all backdoor: one trigger at row 29, column 28" in said
    assert "c2 to c0 (95%)" in said
    same = replace(each, classes=[Led(i, 1, proportion(95, 100)) for i in range(3)])
    assert not same.found, "the negative control: all to one"
    few = replace(each, classes=[*led[:1], *(Led(i, 0, proportion(10, 100)) for i in (1, 2))])
    assert not few.found, "one class of three is not most"


def test_a_search_in_turns_that_found_something_claims_no_more_than_it_planned():
    some = SizeTried(size=3, number=1, effective_asr=proportion(97, 100), others=0.0, found=True, looks=1, passes=1)
    assert coverage(verdict(1, 97, 7), COVERED) == f"Covered: {COVERED}; nothing else."
    assert coverage(by_size(verdict(1, 4, 7), [some]), COVERED).startswith("Covered")
    assert coverage(by_size(verdict(1, 97, 7), [some]), COVERED).startswith(f"Planned: {COVERED};")


def test_what_cannot_be_found_is_one_line():
    assert "\n" not in CANNOT
    for word in ("semantic", "dynamic", "warps", "clean-label"):
        assert word in CANNOT
