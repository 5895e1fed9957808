"""The paper's figures and claims: drawn from what is there, judged by what was measured, nothing made up."""

from __future__ import annotations

import csv
import re
import shutil
from dataclasses import replace

import invented
import numpy as np
import pytest

from mesa_core import triggers
from mesa_core.cli import main
from mesa_core.measures.intervals import Measured
from mesa_core.paper import (
    claims,
    detection,
    difficulty,
    everything,
    figure1,
    figure3,
    figure4,
    figure5,
    material,
    verdicts,
)
from mesa_core.paper.rules import UNKNOWN, VERDICTS
from mesa_core.pictures import saving
from mesa_core.store.shipped import shipped_detections, shipped_runs

ORBITS = [orbit[0] for orbit in triggers.orbits()]
CODES = ORBITS[3], ORBITS[0], ORBITS[7], ORBITS[20]  # easy to hard in `invented.sweep`


@pytest.fixture(scope="module")
def signs():
    found = material.read([shipped_runs(), shipped_detections()])
    return [one for one in found if one.config.data == "signs"]


@pytest.fixture
def part(tmp_path):
    invented.sweep(tmp_path / "runs", CODES)
    return material.read([tmp_path / "runs"])


def answer(key, found):
    known = verdicts.evidence(found)
    return next(a for c, a in [*verdicts.answers(known), *verdicts.controls(known)] if c.key == key)


def test_a_control_that_was_run_is_told_and_one_that_was_not_is_left_out(part):
    names = lambda found: {claim.key for claim, _ in verdicts.controls(verdicts.evidence(found))}
    bare = [
        replace(one, result=replace(one.result, after={k: v for k, v in one.result.after.items() if k != "uniform"}))
        for one in part
    ]
    assert names(part) - names(bare) == {"uniform"}
    assert {"control", "random"} <= names(bare)


def test_rings_with_many_samples_are_drawn_and_cited_a_panel_a_kind(tmp_path):
    folder = tmp_path / "runs"
    invented.sweep(folder, CODES)
    ring = {"trigger": triggers.code_to_hex(16), "samples": material.MANY}
    for kind in ("particles", "mine"):
        invented.run(folder, f"ring-{kind}", kind=kind, **ring)
    for name, other in {
        "few": {"samples": material.MANY - 1},
        "signs": {"data": "signs"},
        "another": {"trigger": triggers.code_to_hex(27)},
        "told": {"detect": True},
    }.items():
        invented.run(folder, f"no-{name}", **{**ring, "kind": "flow", **other})
    found = material.read([folder])
    sweep = next(one for one in material.sweeps(found) if len(one.rows) > 1)
    beside = material.beside(sweep, found)
    assert [one.config.kind for one in beside.rings] == ["mine", "particles"]
    words = [words for words, _ in figure5.panels(sweep, beside.rings)]
    assert words[-2:] == ["2,000 samples of generators", "2,000 samples of particles"]
    drawn = [figure5.draw(sweep, rings) for rings in ((), beside.rings)]
    assert len(drawn[1].data) > len(drawn[0].data)
    told = {c.key: a for c, a in verdicts.answers(verdicts.evidence(found, sweep, beside))}["modes"]
    assert sum("The ring's kind with 2,000 samples" in words for words in told.beside) == 2
    assert not answer("modes", found[:2]).beside


# -- material
def test_runs_that_cannot_be_read_are_left_out(tmp_path):
    invented.sweep(tmp_path / "runs", CODES[:3])
    (tmp_path / "runs" / f"fig-{CODES[0]}" / "result.json").write_text("{")
    (tmp_path / "runs" / f"fig-{CODES[1]}" / "result.json").unlink()
    (tmp_path / "runs" / "stray.txt").touch()
    assert [one.config.code for one in material.read([tmp_path / "runs", tmp_path / "nothing"])] == [CODES[2]]


def test_a_sweep_holds_runs_that_differ_in_trigger_and_seed_only(tmp_path):
    folder = tmp_path / "runs"
    invented.sweep(folder, CODES)
    invented.run(folder, "again", trigger=triggers.code_to_hex(CODES[1]), seed=4)
    invented.run(folder, "other", trigger=triggers.code_to_hex(CODES[2]), alpha=1.0)
    invented.run(folder, "signs", trigger=triggers.code_to_hex(CODES[2]), data="signs")
    turned = next(code for code in triggers.orbits()[3] if code != CODES[0])
    invented.run(folder, "turned", trigger=triggers.code_to_hex(turned))
    first, *rest = material.sweeps(material.read([folder]))
    assert {row.code: len(row.runs) for row in first.rows} == {CODES[0]: 1, CODES[1]: 2, CODES[2]: 1, CODES[3]: 1}
    assert [len(one.rows) for one in rest] == [1, 1]
    assert rest[-1].config.data == "signs", "the paper's images come first"
    assert first.told() == "4 of 51 triggers so far"


def test_rows_stand_from_easy_to_hard_by_the_mean_of_the_point_defence(part):
    assert [row.code for row in material.sweeps(part)[0].rows] == list(CODES)
    assert material.by_difficulty({1: [0.5, 0.1], 2: [0.2], 3: []}) == [2, 1, 3]


def test_the_alphas_are_of_one_network(signs):
    family = material.alpha_family(signs)
    assert list(family) == [0.0, 0.1, 10.0]
    assert len({one.config.trigger for one in family.values()}) == 1
    assert material.alpha_family([one for one in signs if one.config.alpha == 0.1]) == {}


# -- figures
def test_figure_4_shows_every_trigger_every_seed_and_the_controls(part):
    sweep = material.sweeps(part)[0]
    figure = figure4.draw(sweep)
    traces = {trace.name: trace for trace in figure.data if trace.name}
    seeds = traces["point defence, each seed"]
    assert len(seeds.x) == 2 * len(CODES)
    assert list(seeds.y)[:2] == pytest.approx([0, 5])
    mean = traces["point defence, mean and range of its seeds"]
    assert list(mean.y) == pytest.approx([2.5, 12.5, 22.5, 32.5])
    assert list(mean.error_y.array) == pytest.approx([2.5] * 4)
    for name in ("MESA, β = 0.5 alone", "MESA, β = 0.8 alone", "MESA, β = 0.9 alone", "MESA, mixture",
                 "original trigger (oracle)", "clean images (control)", "random triggers (b/w)"):  # fmt: skip
        assert len(traces[name].x) == len(CODES), name
    assert list(traces["clean images (control)"].y) == pytest.approx([60] * 4)
    assert len(figure.layout.images) == len(CODES)
    opened = [run for run, *_ in traces["MESA, mixture"].customdata]
    assert opened == [f"fig-{code}" for code in CODES]
    worst = figure4.draw(sweep, "worst")
    assert list({t.name: t for t in worst.data}["MESA, mixture"].y) != list(traces["MESA, mixture"].y)
    assert "4 of 51 triggers so far" in figure4.note(sweep)
    table = figure4.table(sweep)
    assert [row["code"] for row in table] == list(CODES)
    assert "60.0 %" in table[0]["clean images (control): ASR of the original"]


def test_what_hardly_differs_gets_a_panel_of_its_own_and_every_mark_stands_in_one(tmp_path):
    (tmp_path / "runs").mkdir()
    invented.run(tmp_path / "runs", "low", points=(0.02, 0.06))
    low = material.sweeps(material.read([tmp_path / "runs"]))[0]
    figure = figure4.draw(low)
    top = figure.layout.yaxis.range[1]
    assert 6 < top < 7
    assert figure.layout.yaxis2.range == (top, 103)
    stands = {trace.name: trace.yaxis for trace in figure.data if trace.name}
    assert stands["clean images (control)"] == "y2"
    assert stands["MESA, mixture"] != "y2"
    for trace in figure.data:
        assert all((y > top) == (trace.yaxis == "y2") for y in trace.y), trace.name
    assert sum(len(trace.y) for trace in figure.data if trace.name == "point defence, each seed") == 2

    invented.run(tmp_path / "runs", "high", points=(0.02, 0.6))
    high = material.sweeps(material.read([tmp_path / "runs"]))[0]
    figure = figure4.draw(high)
    assert figure.layout.yaxis.range == (-9, 103)
    assert {trace.yaxis for trace in figure.data} <= {None, "y"}


def test_figure_4_of_failed_attacks_has_their_asr_alone(tmp_path):
    made = invented.sweep(tmp_path / "runs", CODES)
    result = made[0].result()
    made[0].write_result({**result, "after": None, "after_by_beta": None, "submodels": []})
    found = material.read([tmp_path / "runs"])
    sweep = material.sweeps(found)[0]
    traces = {trace.name: trace for trace in figure4.draw(sweep).data}
    assert len(traces["before the defence"].x) == 4
    assert len(traces["MESA, mixture"].x) == 3
    for key in everything.FIGURES:
        everything.draw(key, found, sweep)
    assert "over 3 of 51" in answer("after_mean", found).measured


def test_figure_3_says_the_mean_asr_and_the_share_inside(signs):
    family = material.alpha_family(signs)
    titles = [a.text for a in figure3.draw_alphas(family).layout.annotations]
    for (alpha, one), title in zip(family.items(), titles, strict=True):
        value = one.result.submodels[one.level(0.8)].mean_asr.value
        assert title.startswith(f"α = {alpha:g}<br>mean ASR<br>{100 * value:.1f} %")
    ring = next(one for one in signs if one.run.name == "signs-ring")
    titles = [a.text for a in figure3.draw_betas(ring).layout.annotations]
    entropy = [f"−{-entry.entropy.value:.0f}" for entry in ring.result.submodels]
    two, all_of = (
        [(m := getattr(entry, key)) and f"{100 * m.value:.1f} %" for entry in ring.levels]
        for key in ("nested_axes", "nested")
    )
    assert (two[0], all_of[0]) == (None, None)
    assert two[2] != all_of[2]
    assert titles[0] == f"β = 0.5<br>entropy {entropy[0]}<br>1.2 dimensions<br>the lowest<br>level"
    assert titles[2] == (
        f"β = 0.9<br>entropy {entropy[2]}<br>1.1 dimensions<br>inside β = 0.8:<br>{two[2]} in two axes<br>{all_of[2]} in all"
    )
    axes = figure3.draw_betas(ring).layout
    assert axes.xaxis.range == axes.xaxis2.range == axes.xaxis3.range


def test_a_missing_alpha_is_said_and_not_drawn(signs):
    few = [one for one in signs if one.config.alpha != 10.0]
    texts = [a.text for a in figure3.draw_alphas(material.alpha_family(few)).layout.annotations]
    assert "α = 10" in texts
    assert texts.count("not run yet") == 1
    assert answer("alpha_large", few).verdict == UNKNOWN


def test_a_large_alpha_must_weaken_the_samples_and_spread_them(signs):
    assert answer("alpha_large", signs).verdict == "agrees"
    strong, high = [], Measured(0.99, 4096, 0.98, 0.995)
    for one in signs:
        levels = [replace(entry, mean_asr=high) for entry in one.result.submodels]
        strong.append(material.Finding(one.run, one.config, replace(one.result, submodels=levels)))
    found = answer("alpha_large", strong)
    assert (found.verdict, found.differs) == ("partly", "Ours keeps its strength.")


def test_figure_1_shows_the_original_beside_its_samples(signs):
    one = material.example(signs)
    figure = figure1.draw(one)
    assert len(figure.layout.images) == 2
    assert len(figure.data[1].x) == len(material.samples(one)["triggers"])


def test_figure_5_goes_from_easy_to_hard_with_both_references(part):
    sweep = material.sweeps(part)[0]
    assert [(words, one.config.code) for words, one in figure5.chosen(sweep)] == [
        ("easiest", CODES[0]), ("middle", CODES[2]), ("hardest", CODES[3]),
    ]  # fmt: skip
    figure = figure5.draw(sweep)
    assert [a.text for a in figure.layout.annotations].count("original") == 3
    assert [a.text for a in figure.layout.annotations].count("reversed") == 3
    assert len(figure.layout.images) == 9
    ring = triggers.orbits()[material.RING][0]
    with_ring = material.Sweep((sweep.rows[0], material.Row(ring, sweep.rows[1].runs), *sweep.rows[2:]))
    assert [words for words, _ in figure5.chosen(with_ring)][-1] == "the ring's kind"


def test_detection_counts_wrong_verdicts(signs):
    searches = material.searches(signs)
    found = detection.tally(searches)
    assert (found.verdicts, found.wrong) == (2, 0)
    assert len(found.true) == 1
    assert len(found.other) == 19
    assert [row["right"] for row in detection.table(searches)] == ["yes", "yes"]
    one = next(one for one in searches if not detection.is_clean(one))
    false = replace(one.result, detection=replace(one.result.detection, suspects=[3]))
    wrong = [material.Finding(one.run, one.config, false)]
    assert detection.tally(wrong).wrong == 1
    assert detection.table(wrong)[0]["right"] == "no"
    assert sum(len(trace.x) for trace in detection.draw(searches).data) == 20


@pytest.mark.parametrize("file", ["axes.npz", "samples.npz"])
def test_missing_samples_leave_out_the_scatters_and_nothing_else(tmp_path, file):
    for one in invented.sweep(tmp_path / "runs", CODES):
        (one.path / "snapshots" / file).write_bytes(b"no")
    found = material.read([tmp_path / "runs"])
    sweep = material.sweeps(found)[0]
    drawn = {key: everything.draw(key, found, sweep) is not None for key in everything.FIGURES}
    assert drawn == {key: key == "figure4" or not entry.of_runs for key, entry in everything.FIGURES.items()}
    assert answer("after_mean", found).verdict == "agrees"


# -- claims
def test_every_claim_is_answered_or_says_that_it_is_not(signs, part):
    for found in ([], signs, part, signs + part):
        known = verdicts.evidence(found)
        told = verdicts.answers(known)
        assert [claim.key for claim, _ in told] == [claim.key for claim in claims.CLAIMS]
        assert all(a.verdict in VERDICTS for _, a in told)
        assert all(claim.figure in everything.FIGURES and claim.rule and "{" not in claim.words() for claim, _ in told)
    assert all(a.verdict == UNKNOWN for _, a in verdicts.answers(verdicts.evidence([])))


def test_road_signs_do_not_answer_for_the_paper_s_numbers(signs):
    for key in ("attack", "after_mean", "after_highest", "ideal", "point", "detect_true", "detect_other"):
        assert answer(key, signs).verdict == UNKNOWN, key
    for key in ("alpha_small", "alpha_large", "nested"):
        assert "road signs" in answer(key, signs).measured
    assert "road signs" in answer("detect_true", signs).measured


@pytest.mark.parametrize(
    ("key", "change", "verdict"),
    [
        ("attack", {"before": 0.985}, "agrees"),
        ("attack", {"before": 0.95}, "partly"),
        ("attack", {"before": 0.5}, "differs"),
        ("after_mean", {"left": {"0.9": 0.035}}, "agrees"),
        ("after_mean", {"left": {"0.9": 0.05}}, "partly"),
        ("after_mean", {"left": {"0.9": 0.2}}, "differs"),
        ("after_highest", {"left": {"0.9": 0.2}}, "differs"),
        ("after_all", {"left": {"0.5": 0.2}}, "differs"),
        ("ideal", {"left": {"ideal": 0.2}}, "differs"),
        ("point", {"points": (0.02, 0.5)}, "agrees"),
        ("point", {"points": (0.02, 0.2)}, "partly"),
        ("point", {"points": (0.02, 0.03)}, "differs"),
        ("worst_case", {"points": (0.02, 0.5)}, "agrees"),
        ("worst_case", {"points": (0.0, 0.06)}, "partly"),
        ("worst_case", {"points": (0.0, 0.01)}, "differs"),
    ],
)
def test_verdicts_follow_what_was_measured(tmp_path, key, change, verdict):
    (tmp_path / "runs").mkdir()
    invented.run(tmp_path / "runs", "one", **change)
    found = answer(key, material.read([tmp_path / "runs"]))
    assert found.verdict == verdict
    assert found.so_far
    assert everything.verdict(found) == f"{verdict} so far"
    if verdict == "differs":
        assert found.differs


def test_means_and_extremes_are_those_of_the_runs(part):
    values = [one.result.after_by_beta["0.9"].asr.original.value for one in part]
    assert answer("after_mean", part).measured.startswith(f"mean {100 * np.mean(values):.1f} %")
    points = [m.asr.original.value for one in part for m in one.result.points]
    told = answer("point", part).measured
    assert f"lowest {100 * min(points):.1f} %" in told
    assert f"highest {100 * max(points):.1f} %" in told
    assert f"(code {CODES[3]})" in told
    assert answer("control", part).measured.startswith("mean 60.0 %")
    assert answer("control", part).verdict == ""


def test_the_paper_s_numbers_stand_in_one_place():
    text = (material.Path(claims.__file__).parent / "claims.py").read_text("utf-8")
    numbers = [f"{value}" for claim in claims.CLAIMS for value in claim.numbers.values()]
    assert {"0.987", "0.923", "0.998", "0.012", "0.034", "0.059", "0.024", "0.514", "0.943", "0.058", "0.091"} == set(
        numbers
    )
    assert not re.search(r"\b(98\.7|51\.4|94\.3|5\.9|3\.4)\b", text)
    for path in (material.Path(claims.__file__).parent).glob("*.py"):
        if path.name != "claims.py":
            assert not [n for n in numbers if re.search(rf"(?<![\d.]){re.escape(n)}(?!\d)", path.read_text("utf-8"))]


# -- difficulty
def test_difficulty_in_words_is_by_rank_and_known_for_the_first_of_a_kind(tmp_path):
    from mesa_core.store import compact

    invented.sweep(tmp_path / "runs", CODES, manifest=True)
    found = difficulty.words(compact.manifest(tmp_path / "runs"))
    assert found[CODES[0]].startswith(
        "easy on CIFAR-10: the point defence leaves 2.5 % in the mean of 2 seeds, place 1 of 4"
    )
    assert found[CODES[3]].startswith("hard")
    assert difficulty.ranked(compact.manifest(tmp_path / "runs")) == list(CODES)
    assert difficulty.words([]) == {}
    assert difficulty.ranked([]) == []
    assert difficulty.words([{"config": {"alpha": "x"}, "after": 3}]) == {}


# -- everything at once
def test_the_command_writes_what_it_can_and_names_what_is_missing(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(saving, "pictures", lambda: False)
    invented.sweep(tmp_path / "runs", CODES[:2])
    out = tmp_path / "out"
    assert main(["figures", "--out", str(out), "--results", str(tmp_path / "runs")]) == 0
    said = capsys.readouterr()
    names = {path.name for path in out.iterdir()}
    assert {
        "figure4.html",
        "figure4.csv",
        "figure1b.html",
        "figure3b.html",
        "figure5.html",
        "submodels.csv",
        "claims.csv",
    } <= names
    assert not any(name.startswith(("figure3a", "detection")) for name in names)
    assert "Figure 3(a): α: not drawn; it needs" in said.err
    assert "2 of 51 triggers so far" in said.err
    assert "kaleido" in said.err
    assert said.out.startswith(f"{len(names)} files")
    with open(out / "claims.csv", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(claims.CLAIMS) + len(claims.CONTROLS)
    assert "2 of 51" in (out / "figure4.html").read_text("utf-8")


def test_the_command_finds_nothing_and_says_so(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(saving, "pictures", lambda: False)
    assert main(["figures", "--out", str(tmp_path / "out"), "--results", str(tmp_path / "nothing")]) == 2
    assert "There is no folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert main(["figures", "--out", str(tmp_path / "out"), "--results", str(tmp_path / "empty")]) == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"claims.csv", "figures.json"}
    assert "Clean networks" not in (tmp_path / "out" / "claims.csv").read_text("utf-8-sig"), "nothing but that folder"


@pytest.mark.slow
@pytest.mark.skipif(not saving.pictures(), reason="no kaleido, or no Chromium")
def test_the_command_writes_pictures(tmp_path):
    shutil.copytree(shipped_runs() / "signs-ring", tmp_path / "runs" / "signs-ring")
    assert main(["figures", "--out", str(tmp_path / "out"), "--results", str(tmp_path)]) == 0
    assert (tmp_path / "out" / "figure4.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert b"<svg" in (tmp_path / "out" / "figure4.svg").read_bytes()[:200]


def test_runs_with_other_triggers_than_the_paper_s_are_left_out(tmp_path):
    made = invented.run(tmp_path, "large", trigger="#fff " * 16)
    assert made.result() is not None
    assert material.read([tmp_path]) == []
    invented.run(tmp_path, "small", trigger="#fff " * 9)
    assert [one.run.name for one in material.read([tmp_path])] == ["small"]
