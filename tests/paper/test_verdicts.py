"""Each claim's two verdicts, on both sides of every rule, from runs whose figures are invented."""

import csv
from dataclasses import replace

import invented
import pytest
from invented import level

from mesa_core import triggers
from mesa_core.cli import main
from mesa_core.config import make_config
from mesa_core.measures.verdict import Detection
from mesa_core.paper import claims, everything, material, rules, verdicts
from mesa_core.paper.material import Finding
from mesa_core.paper.rules import HALF, TENTH, UNKNOWN
from mesa_core.pictures import saving

CODES = [orbit[0] for orbit in triggers.orbits()]
RING = CODES[material.RING]


def answer(key, found, others=()):
    known = verdicts.evidence(found, others=material.Beside(tuple(others)))
    return next(a for c, a in verdicts.answers(known) if c.key == key)


def both(key, found):
    told = answer(key, found)
    return told.verdict, told.strict


@pytest.fixture
def runs(tmp_path):
    """Makes runs of a folder and reads all of them."""
    folder = tmp_path / "runs"
    folder.mkdir()

    def make(*several):
        for i, one in enumerate(several):
            invented.run(folder, f"run-{i}", **{"trigger": triggers.code_to_hex(CODES[i]), **one})
        return material.read([folder])

    return make


# -- from the sweep
@pytest.mark.parametrize(
    ("key", "change", "verdict"),
    [
        ("attack", {"before": 0.968}, "agrees"),
        ("attack", {"before": 0.966}, "partly"),
        ("attack", {"before": 0.936}, "differs"),
        ("attack_lowest", {"before": 0.904}, "agrees"),
        ("attack_lowest", {"before": 0.88}, "partly"),
        ("attack_lowest", {"before": 0.86}, "differs"),
        ("after_mean", {"left": {"0.9": 0.043}}, "agrees"),
        ("after_mean", {"left": {"0.9": 0.046}}, "partly"),
        ("after_mean", {"left": {"0.9": 0.066}}, "differs"),
        ("after_all", {"left": {"0.5": 0.1}}, "agrees"),
        ("after_all", {"left": {"0.5": 0.12}}, "partly"),
        ("after_all", {"left": {"0.8": 0.13}}, "differs"),
        ("after_highest", {"left": {"0.9": 0.068}}, "agrees"),
        ("after_highest", {"left": {"0.9": 0.088}}, "partly"),
        ("after_highest", {"left": {"0.9": 0.09}}, "differs"),
        ("ideal", {"left": {"ideal": 0.034}}, "agrees"),
        ("ideal", {"left": {"ideal": 0.053}}, "partly"),
        ("ideal", {"left": {"ideal": 0.055}}, "differs"),
    ],
)
def test_a_figure_is_judged_by_its_distance_from_the_paper_s(runs, key, change, verdict):
    assert answer(key, runs(change)).verdict == verdict


@pytest.mark.parametrize(
    ("key", "worst", "strict"),
    [
        ("after_mean", 0.04, "agrees"), ("after_mean", 0.06, "partly"), ("after_mean", 0.3, "differs"),
        ("after_highest", 0.06, "agrees"), ("after_highest", 0.3, "differs"),
        ("after_all", 0.1, "agrees"), ("after_all", 0.3, "differs"),
        ("ideal", 0.03, "agrees"), ("ideal", 0.05, "partly"), ("ideal", 0.3, "differs"),
    ],
)  # fmt: skip
def test_what_a_defence_leaves_of_the_worst_is_judged_beside(runs, key, worst, strict):
    assert both(key, runs({"worst": worst})) == ("agrees", strict)


@pytest.mark.parametrize(
    ("cost", "told"),
    [
        ((0.004, 0.004), ("agrees", "agrees")),
        ((0.004, 0.012), ("agrees", "partly")),
        ((0.004, 0.05), ("agrees", "differs")),
        ((0.012, 0.0), ("partly", "partly")),
        ((0.05, 0.0), ("differs", "differs")),
    ],
)
def test_a_cost_is_of_all_images_and_strictly_of_the_target_class(runs, cost, told):
    found = runs({"cost": cost})
    assert both("attack_clean", found) == told
    assert both("repair_clean", found) == told
    assert ("% of the images stamped" in answer("repair_clean", found).differs) == (told[0] != "agrees")


@pytest.mark.parametrize(
    ("several", "told"),
    [
        ([(0.02, 0.43)], ("agrees", "agrees")),
        ([(0.02, 0.41)], ("partly", "partly")),
        ([(0.02, 0.13)], ("partly", "partly")),
        ([(0.02, 0.11)], ("differs", "differs")),
        ([(0.02, 0.04), (0.5, 0.52)], ("agrees", "differs")),  # triggers differ, the seeds of one do not
        ([(0.02, 0.14), (0.5, 0.52)], ("agrees", "partly")),
    ],
)
def test_a_lottery_is_between_triggers_and_strictly_between_the_seeds_of_one(runs, several, told):
    found = runs(*({"points": points} for points in several))
    assert both("point", found) == told
    if told[0] != "agrees":
        assert answer("point", found).differs.startswith("With ")


@pytest.mark.parametrize(
    ("several", "told"),
    [
        ([((0.09,), 0.02)], ("agrees", "agrees")),
        ([((0.07,), 0.02)], ("partly", "partly")),
        ([((0.03,), 0.02)], ("differs", "differs")),
        ([((0.2,), 0.02), ((0.1,), 0.1)], ("partly", "agrees")),  # of the first trigger ten times
        ([((0.5,), 0.2), ((0.1,), 0.1)], ("partly", "partly")),
    ],
)
def test_the_worst_cases_are_compared_and_strictly_those_of_one_trigger(runs, several, told):
    found = runs(*({"points": points, "left": {"0.9": left}} for points, left in several))
    assert both("worst_case", found) == told


# -- alpha
def alphas(runs, few, usual, large):
    """Runs at alpha = 0, 0.1 and 10 on one network, each with the same measures at its three levels, or a list of three."""
    told = [(0.0, few), (0.1, usual), (10.0, large)]
    same = {"trigger": triggers.code_to_hex(CODES[5])}
    return runs(*({"alpha": a, "levels": m if isinstance(m, list) else [m] * 3, **same} for a, m in told))


USUAL = level(-15.0, 4.0)
WIDE = level(-15.0 + HALF + 0.1, 8.0, asr=0.4)


@pytest.mark.parametrize(
    ("few", "told"),
    [
        (level(-15.0 - HALF - 0.1, 3.9), ("agrees", "agrees")),
        (level(-15.0 - HALF + 0.1, 3.9), ("partly", "partly")),  # not narrow enough
        (level(-15.0 - HALF - 0.1, 4.0), ("partly", "partly")),  # no fewer dimensions
        (level(-15.0, 4.0), ("differs", "differs")),
        ([USUAL, level(-60.0, 2.0), level(-60.0, 2.0)], ("agrees", "partly")),  # at the paper's β, not at all
    ],
)
def test_a_small_alpha_keeps_to_few_points_by_entropy_and_dimensions(runs, few, told):
    assert both("alpha_small", alphas(runs, few, USUAL, WIDE)) == told


def test_two_tight_modes_far_apart_are_few_points_though_their_deviation_is_large(runs):
    """The shipped ring's own samples, two tight modes: wide by the standard deviation, which no longer counts."""
    found = alphas(runs, level(-60.0, 1.1), USUAL, WIDE)
    told = answer("alpha_small", found)
    assert told.verdict == "agrees"
    assert "deviation" not in told.measured


@pytest.mark.parametrize(
    ("large", "told", "differs"),
    [
        (level(-15.0 + HALF + 0.1, asr=0.5), ("agrees", "partly"), ""),  # at β = 0.5 an ASR of 0.5 is no failure
        (level(-15.0 + HALF + 0.1, asr=0.4), ("agrees", "agrees"), ""),
        (level(-15.0 + TENTH + 0.1, asr=0.4), ("agrees", "partly"), ""),
        (level(-15.0 + TENTH - 0.1, asr=0.4), ("partly", "partly"), "Ours does not spread further."),
        (level(-15.0 + HALF + 0.1, asr=0.99), ("partly", "partly"), "Ours keeps its strength."),
        (level(-16.0, asr=0.99), ("differs", "differs"), "Ours keeps its strength. Ours does not spread further."),
    ],
)
def test_a_large_alpha_spreads_and_fails(runs, large, told, differs):
    found = alphas(runs, level(-60.0, 2.0), USUAL, large)
    assert both("alpha_large", found) == told
    assert answer("alpha_large", found).differs == differs


def test_without_entropy_or_samples_alpha_is_not_judged(runs):
    found = alphas(runs, level(-60.0, 2.0), USUAL, WIDE)
    for one in found:
        one.__dict__["levels"] = [replace(entry, entropy=None, dimensions=None) for entry in one.levels]
    assert answer("alpha_small", found).verdict == answer("alpha_large", found).verdict == UNKNOWN
    assert answer("expands", [found[1]]).verdict == UNKNOWN
    assert answer("nested", [found[1]]).verdict == "agrees", "which needs no entropy"
    apart = [replace(entry, nested=None, nested_axes=None, nested_svd=None) for entry in found[1].levels]
    found[1].__dict__["levels"] = apart
    assert answer("nested", [found[1]]).verdict == UNKNOWN


# -- beta
@pytest.mark.parametrize(
    ("two", "every", "told"),
    [
        ((0.5, 0.9), (0.5, 0.6), ("agrees", "agrees")),
        ((0.5, 0.9), (0.1, 0.6), ("agrees", "partly")),
        ((0.8, 0.9), (0.1, 0.1), ("agrees", "differs")),
        ((0.49, 0.9), (0.1, 0.1), ("partly", "differs")),
        ((0.49, 0.4), (0.1, 0.1), ("differs", "differs")),
    ],
)
def test_levels_nest_in_the_drawn_axes_and_strictly_in_all(runs, two, every, told):
    middle = [level(), level(two=two[0], every=every[0]), level(two=two[1], every=every[1])]
    less = [level(), level(two=0.0, every=0.0), level(two=0.0, every=0.0)]
    more = [level(), level(two=1.0, every=1.0), level(two=1.0, every=1.0)]
    found = runs({"levels": middle}, {"levels": less}, {"levels": more})
    assert both("nested", found) == told, "the median over the runs decides"
    if told[0] != "agrees":
        assert "even in two axes" in answer("nested", found).differs


def expanding(runs, first, second, many=10, dimensions=(True, True)):
    """`many` runs, of which `first` grow from 0.9 to 0.8 and `second` from 0.8 to 0.5."""
    found = []
    for i in range(many):
        low = -20.0 + (1.0 if i < second else -1.0)
        high = -20.0 - (1.0 if i < first else -1.0)
        wide = [4.0 + (1.0 if dimensions[1] else -1.0), 4.0, 4.0 - (1.0 if dimensions[0] else -1.0)]
        found.append({"levels": [level(low, wide[0]), level(-20.0, wide[1]), level(high, wide[2])]})
    return runs(*found)


@pytest.mark.parametrize(
    ("many", "first", "second", "verdict"),
    [
        (10, 10, 10, "agrees"),
        (10, 9, 8, "partly"),  # 8 of 10: 49 % at least, 9 of 10: 60 %
        (10, 9, 9, "agrees"),
        (10, 5, 5, "differs"),
        (3, 3, 3, "agrees"),
        (3, 3, 2, "partly"),
        (1, 1, 1, "agrees"),
        (1, 0, 0, "differs"),
    ],
)
def test_a_range_expands_where_entropy_grows_in_most_runs(runs, many, first, second, verdict):
    assert answer("expands", expanding(runs, first, second, many)).verdict == verdict


def test_strictly_the_dimensions_have_to_grow_as_well(runs, tmp_path):
    assert both("expands", expanding(runs, 10, 10)) == ("agrees", "agrees")
    for name, grown, strict in (("a", (True, False), "partly"), ("b", (False, False), "differs")):
        folder = tmp_path / name
        folder.mkdir()
        for i in range(5):
            wide = [3.0 + grown[1] * 2, 4.0, 5.0 - grown[0] * 2]
            told = [level(-20.0 - j, wide[j]) for j in range(3)]
            invented.run(folder, f"run-{i}", levels=told, trigger=triggers.code_to_hex(CODES[i]))
        assert both("expands", material.read([folder])) == ("agrees", strict)


# -- detection
def searched(one, true, others, suspects=(0,), clean=False):
    """The search of an invented run's network, with one figure for its target class and one for all others."""
    rates = [true, *[others] * 9]
    classes = [{"class": i, "name": f"class {i}", "asr": invented.share(v)} for i, v in enumerate(rates)]
    verdict = {"classes": classes, "threshold": 0.5, "suspects": list(suspects), "target": 0}
    config = make_config({**one.config.to_dict(), **({"suspect": "shipped"} if clean else {"detect": True})})
    return Finding(one.run, config, replace(one.result, detection=Detection.from_json(verdict)))


@pytest.mark.parametrize(
    ("true", "others", "clean", "suspects", "told"),
    [
        (0.95, 0.067, 0.067, (0,), ("agrees", "agrees")),
        (0.95, 0.069, 0.01, (0,), ("partly", "partly")),
        (0.95, 0.3, 0.01, (0,), ("partly", "differs")),  # a clear line, far above the paper's
        (0.95, 0.05, 0.3, (0,), ("agrees", "differs")),  # the paper searched no clean network
        (0.4, 0.45, 0.01, (0,), ("differs", "differs")),  # no line
        (0.95, 0.05, 0.01, (0, 3), ("differs", "differs")),  # a wrong verdict
    ],
)
def test_other_classes_stay_below_the_line(runs, true, others, clean, suspects, told):
    (one,) = runs({})
    found = [searched(one, true, others, suspects), searched(one, clean, clean, (), True)]
    assert both("detect_other", found) == told


@pytest.mark.parametrize(("true", "verdict"), [(0.93, "agrees"), (0.9, "partly"), (0.89, "differs")])
def test_the_attacked_class_is_found_by_its_lowest(runs, true, verdict):
    first, second = runs({}, {})
    assert answer("detect_true", [searched(first, 0.99, 0.01), searched(second, true, 0.01)]).verdict == verdict


# -- what it looks like
def modes(found, count):
    """A run with so many modes at its highest level."""
    one = found.result.submodels
    many = [*one[:-1], replace(one[-1], modes=one[0].modes[:1] * count)]
    return Finding(found.run, found.config, replace(found.result, submodels=many))


@pytest.mark.parametrize(("ring", "plain", "verdict"), [(2, 1, "agrees"), (1, 2, "partly"), (1, 1, "differs")])
def test_the_ring_s_kind_has_several_modes(runs, ring, plain, verdict):
    found = runs({"trigger": triggers.code_to_hex(RING)}, {})
    told = {triggers.code_to_hex(RING): ring}
    changed = [modes(one, told.get(one.config.trigger, plain)) for one in found]
    assert answer("modes", changed).verdict == verdict


@pytest.mark.parametrize(("unlike", "verdict"), [(4, "agrees"), (3, "partly"), (2, "partly"), (1, "differs")])
def test_a_reversed_trigger_is_unlike_where_few_cells_agree(runs, unlike, verdict):
    (one,) = runs({})
    point = int(triggers.round_to_codes(material.point_triggers(one)[0][None])[0])
    code = point ^ ((1 << unlike) - 1)
    config = make_config({**one.config.to_dict(), "trigger": triggers.code_to_hex(code)})
    assert answer("unlike", [Finding(one.run, config, one.result)]).verdict == verdict


# -- both protocols
def two_protocols(folder):
    folder.mkdir()
    for i, (name, more) in enumerate((("fast", {}), ("paper", {"protocol": "paper", "repair_ratio": 0.01}))):
        points = ((0.02, 0.04), (0.02, 0.6))[i]
        for code in CODES[:3]:
            invented.run(folder, f"{name}-{code}", points, trigger=triggers.code_to_hex(code), **more)
    return material.read([folder])


def test_what_hangs_on_the_budget_cites_the_other_protocol(tmp_path):
    found = material.of_protocol(two_protocols(tmp_path / "runs"))
    assert {name: len(part) for name, part in found.items()} == {"fast": 3, "paper": 3}
    others = material.sweeps(found["paper"])
    told = answer("point", found["fast"], others)
    assert (told.verdict, answer("point", found["paper"]).verdict) == ("differs", "agrees")
    (cited,) = told.beside
    assert cited.startswith("With 1.0 % of the images stamped")
    assert "3 of 51 triggers so far" in cited
    assert cited.endswith("; agrees.")
    assert answer("attack", found["fast"], others).beside == (), "which no repair changes"
    assert answer("point", found["fast"]).beside == ()
    assert [claim.key for claim in claims.CLAIMS if claim.budget] == [
        "after_all", "after_mean", "after_highest", "ideal", "point", "worst_case", "repair_clean",
    ]  # fmt: skip


def test_one_command_writes_both_protocols_apart(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(saving, "pictures", lambda: False)
    two_protocols(tmp_path / "runs")
    out = tmp_path / "out"
    assert main(["figures", "--out", str(out), "--results", str(tmp_path / "runs")]) == 0
    names = {path.name for path in out.iterdir()}
    assert {"claims.csv", "figure4.csv", "paper-protocol-claims.csv", "paper-protocol-figure4.html"} <= names
    rows = {}
    for begin in ("", "paper-protocol-"):
        with open(out / f"{begin}claims.csv", encoding="utf-8-sig") as file:
            rows[begin] = {row["the paper"]: row for row in csv.DictReader(file)}
    lottery = next(claim for claim in claims.CLAIMS if claim.key == "point").words()
    verdict = {begin: told[lottery]["verdict in the paper's terms"] for begin, told in rows.items()}
    assert verdict == {"": "differs so far", "paper-protocol-": "agrees so far"}
    for told in rows.values():
        assert told[lottery]["with another budget or network"]
        assert told[lottery]["stricter rule"]
    assert capsys.readouterr().err.count("Figure 4: all 51 triggers: CIFAR-10") == 2


def test_runs_by_the_paper_s_protocol_alone_need_no_names_of_their_own(tmp_path):
    found = material.of_protocol(two_protocols(tmp_path / "runs"))["paper"]
    assert [begin for begin, _ in everything.parts(found)] == [""]


def test_another_network_s_runs_are_cited_from_a_few_triggers_on(tmp_path):
    folder = tmp_path / "runs"
    found = two_protocols(folder)
    for i, code in enumerate(CODES[:3]):
        deep = {"protocol": "paper", "repair_ratio": 0.01, "victim": "resnet18", "trigger": triggers.code_to_hex(code)}
        invented.run(folder, f"deep-{code}", (0.03, 0.2), **deep)
        found = material.read([folder])
        papers = material.of_protocol(found)["paper"]
        shown = next(one for one in material.sweeps(papers) if one.config.victim != "resnet18")
        others = material.beside(shown, found)
        assert [one.config.victim for one in others.sweeps if one.config.protocol == "paper"] == ["resnet18"] * (i == 2)
    assert {one.config.protocol for one in others.sweeps} == {"fast", "paper"}
    known = verdicts.evidence(papers, shown, others)
    cited = next(a for c, a in verdicts.answers(known) if c.key == "point").beside
    assert sum(", resnet18, 3 of 51 triggers so far: " in words for words in cited) == 1
    assert material.beside(None, found) == material.Beside()


def test_other_images_by_the_paper_s_protocol_are_not_the_paper_s(tmp_path):
    (tmp_path / "runs").mkdir()
    invented.run(tmp_path / "runs", "signs", protocol="paper", data="signs")
    assert material.of_protocol(material.read([tmp_path / "runs"]))["paper"] == []


# -- rules
def test_every_claim_says_its_rules_and_an_answer_has_both_verdicts(tmp_path):
    invented.sweep(tmp_path / "runs", CODES[:4])
    told = verdicts.answers(verdicts.evidence(material.read([tmp_path / "runs"])))
    for claim, found in told:
        assert "agrees:" in claim.rule
        assert "differs" in claim.rule
        if not claim.stricter:
            assert found.strict == found.strictly == ""
        assert found.strict in ("", *rules.VERDICTS[:3])
        assert bool(found.strict) == bool(found.strictly) or found.verdict == UNKNOWN


def test_a_growth_counts_only_beyond_chance():
    assert rules.growing([[1.0] * 9 + [-1.0]]) == "agrees"
    assert rules.growing([[1.0] * 8 + [-1.0] * 2]) == "differs"
    assert rules.growing([[1.0] * 31 + [-1.0] * 20]) == "differs"
    assert rules.growing([[1.0] * 34 + [-1.0] * 17]) == "agrees"
