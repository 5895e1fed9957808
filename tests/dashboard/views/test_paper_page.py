"""The Paper page without a browser: none, a part, and all of the 51; clicks; damage."""

from __future__ import annotations

import functools
import html
import re
import shutil

import invented
import pytest
from staging import Session
from streamlit.testing.v1 import AppTest
from visits import PATIENCE, script, visit

from dashboard.serving import difficulties, queue, runs
from dashboard.views.paper import claims_table, evidence
from dashboard.views.paper import page as paper
from mesa_core import triggers
from mesa_core.paper import claims, everything
from mesa_core.store import shipped

ORBITS = [orbit[0] for orbit in triggers.orbits()]


@pytest.fixture
def home(home, monkeypatch):
    use(monkeypatch, home.root / "sweep")
    monkeypatch.setattr(queue, "shipped_paper_sweep", lambda: home.root / "none-by-the-paper-s-protocol")
    return home


def use(monkeypatch, folder):
    """Makes `folder` the sweep that the product ships."""
    for module in (queue, difficulties):
        monkeypatch.setattr(module, "shipped_sweep", lambda: folder)


@pytest.fixture
def part(home):
    invented.sweep(home.root / "sweep", ORBITS[:4], manifest=True)
    return home.root / "sweep"


page = functools.partial(visit, "paper", 60)


def words(at):
    said = [e.value for kind in (at.warning, at.info, at.caption, at.markdown, at.error, at.subheader) for e in kind]
    return " ".join([*said, *(html.unescape(e.proto.body) for e in at.get("html"))])


def charts(at):
    return len(at.get("plotly_chart"))


def test_without_any_run_of_the_51_it_says_so_and_answers_the_rest(home, monkeypatch):
    at = page()
    assert not at.exception
    said = words(at)
    assert all(claim.words() in said for claim in (*claims.CLAIMS, *claims.CONTROLS))
    assert "cannot confirm or refute them" in said  # the prepared runs are on road signs
    assert said.count("not measured yet</td>") >= 10
    monkeypatch.setattr(evidence, "findings", list)
    at = page()
    assert not at.exception
    assert "No run of the 51 triggers is here yet" in words(at)


def test_a_part_says_that_it_is_one(part):
    at = page()
    assert not at.exception
    said = words(at)
    assert "**4 of 51 triggers so far.**" in said
    assert "agrees so far" in said
    assert "mean 60.0 %" in said  # the control


def test_what_is_said_follows_the_runs(part):
    assert "0.5 points above" not in words(page())
    run = queue.find(f"fig-{ORBITS[0]}")
    result = run.result()
    result["after_by_beta"]["0.9"]["asr"]["original"] = invented.share(0.9)
    run.write_result(result)
    assert "highest 90.0 %" in words(page())


@pytest.mark.parametrize("show", list(everything.FIGURES))
def test_every_figure_is_drawn(part, show):
    at = page(show=show)
    assert not at.exception
    assert charts(at) == 1
    assert everything.FIGURES[show].title in words(at)


def test_the_lottery_is_drawn_with_the_claims_that_it_bears_on(part):
    at = page(show="lottery")
    assert not at.exception
    assert charts(at) == 1
    said = words(at)
    assert "The point defence is a lottery" in said
    assert "eight times as much as MESA" in said
    assert "The 51 attacks reach" not in said


@pytest.mark.parametrize("show", [name for name, entry in everything.FIGURES.items() if entry.of_runs])
def test_a_figure_without_its_runs_says_what_it_needs(home, show, monkeypatch):
    monkeypatch.setattr(evidence, "findings", list)
    at = page(show=show)
    assert not at.exception
    assert charts(at) == 0
    assert everything.FIGURES[show].needs in words(at)


def test_all_51_are_whole(home):
    invented.sweep(home.root / "sweep", ORBITS)
    at = page(show="figure4")
    assert not at.exception
    said = words(at)
    assert "**All 51 triggers.**" in said
    assert "so far" not in said


def test_a_click_opens_the_run_in_the_lab(part):
    state = {"figure_paper_figure4": {"selection": {"points": [{"customdata": [f"fig-{ORBITS[1]}", ORBITS[1]]}]}}}
    opened = []
    for callback, kept in (
        (paper._clicked, state),
        (paper._picked, {"paper_runs": {"pick": {"id": f"fig-{ORBITS[1]}"}}}),
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(paper.st, "session_state", Session(kept))
            callback()
            opened.append(paper.st.session_state["open_run"])
    assert opened == [f"fig-{ORBITS[1]}"] * 2


@pytest.mark.parametrize(
    "sent",
    [
        None,
        3,
        {},
        {"pick": None},
        {"pick": {"nothing": 4}},
        {"selection": {"points": []}},
        {"selection": {"points": [{}]}},
    ],
)
def test_what_a_browser_sends_is_not_trusted(sent):
    for callback in (paper._clicked, paper._picked):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(paper.st, "session_state", Session({"figure_paper_figure4": sent, "paper_runs": sent}))
            callback()
            assert "open_run" not in paper.st.session_state


@pytest.mark.parametrize("name", ["../../etc", "nothing-here", ""])
def test_a_run_that_is_not_here_opens_nothing(part, name):
    at = AppTest.from_function(script, kwargs={"name": "paper"}, default_timeout=PATIENCE)
    at.session_state["open_run"] = name
    assert not at.run().exception
    assert at.title[0].value == "Paper"


@pytest.mark.parametrize(
    "address", [{"show": "nonsense"}, {"set": "../x"}, {"figure": "7"}, {"show": "figure4", "set": "fig-1"}]
)
def test_nonsense_in_the_address_is_survived(part, address):
    assert not page(**address).exception


@pytest.mark.parametrize(
    "file", ["result.json", "config.json", "events.jsonl", "snapshots/samples.npz", "snapshots/axes.npz"]
)
@pytest.mark.parametrize("show", ["claims", "figure4", "figure5"])
def test_damaged_runs_give_words_and_no_traceback(part, show, file):
    (part / f"fig-{ORBITS[2]}" / file).write_bytes(b"\x00{")
    at = page(show=show)
    assert not at.exception
    assert f"{3 if file in ('result.json', 'config.json') else 4} of 51" in words(at)


def test_two_groups_are_a_choice_that_the_address_keeps(part):
    for i, code in enumerate(ORBITS[:3]):
        invented.run(part, f"wide-{code}", (0.1 * i,), trigger=triggers.code_to_hex(code), victim="resnet9-32")
    at = page(show="figure4")
    assert "resnet9-16" in words(at)
    box = at.selectbox[0]
    assert len(box.options) == 2
    at = box.set_value(f"wide-{ORBITS[0]}").run()
    assert not at.exception
    assert "3 of 51 triggers so far" in words(at)
    assert at.query_params["set"] in (f"wide-{ORBITS[0]}", [f"wide-{ORBITS[0]}"])


# -- two protocols
@pytest.fixture
def papers(part, home, monkeypatch):
    """Four triggers by the paper's protocol beside four by the fast one."""
    folder = home.root / "sweep-paper"
    folder.mkdir()
    monkeypatch.setattr(queue, "shipped_paper_sweep", lambda: folder)
    for code in ORBITS[:3]:
        more = {"protocol": "paper", "repair_ratio": 0.01, "trigger": triggers.code_to_hex(code)}
        invented.run(folder, f"paper-{code}", (0.02, 0.7), **more)
    return folder


def switch(at):
    return [one for one in at.segmented_control if one.label == "Runs by"]


def test_without_runs_by_the_paper_s_protocol_there_is_nothing_to_switch(part):
    assert not switch(page())


def test_a_switch_shows_the_paper_s_protocol_and_cites_the_other(papers):
    at = page()
    (control,) = switch(at)
    assert control.value == "fast"
    said = words(at)
    assert "**4 of 51 triggers so far.**" in said
    assert "With 1.0 % of the images stamped" in said, "cited beside"
    at = page(protocol="paper")
    assert not at.exception
    said = words(at)
    assert "**3 of 51 triggers so far.**" in said
    assert "highest 70.0 %" in said
    assert "protocol=paper" in said, "links to figures keep the choice"
    at = page(protocol="paper", show="figure4")
    assert charts(at) == 1
    assert "3 of 51" in words(at)
    assert not page(protocol="../x").exception


def test_a_run_by_the_paper_s_protocol_is_a_shipped_one(papers):
    run = queue.find(f"paper-{ORBITS[0]}")
    assert queue.is_shipped(run)
    assert queue.twin(run.config()).path == run.path
    assert run.name not in [one.name for one in runs.listed()]


# -- the shipped sweep elsewhere
def test_lists_do_not_drown_in_the_sweep_and_names_find_it(part):
    name = f"fig-{ORBITS[3]}"
    assert not [run for run in runs.listed() if run.name.startswith("fig-")]
    run = queue.find(name)
    assert queue.is_shipped(run)
    assert queue.twin(run.config()).path == run.path
    store = queue.store()
    shutil.copytree(run.path, store.runs / name)
    assert name not in [run.name for run in runs.listed()], "a name means the shipped run"


def test_pages_open_a_run_of_the_sweep(part):
    from test_robustness import fine

    for name in ("lab", "landscape", "compare"):
        parameter = "a" if name == "compare" else "run"
        at = visit(name, 60, **{parameter: f"fig-{ORBITS[3]}"})
        assert fine(at)
        assert not at.warning
        if name != "lab":
            assert f"fig-{ORBITS[3]}" in [box.value for box in at.selectbox]


def test_a_run_of_the_sweep_gives_a_report_its_figures_and_its_folder(part):
    from dashboard.serving.shown import Shown
    from dashboard.views.compare import gallery
    from dashboard.views.lab import picture
    from dashboard.views.shared import report, take_away

    run = queue.find(f"fig-{ORBITS[3]}")
    assert report.html(run).count("<svg") > 2
    found, rows = gallery.of_run(run)
    assert {"defences-original", "coverage", "landscape", "samples-pca", "samples-tsne", "training"} <= set(found)
    assert rows
    assert take_away.zip_of(run)[:2] == b"PK"
    files = picture.files_of(Shown(run))
    assert len(files) >= 3
    assert all((run.path / "snapshots" / file).is_file() for file, _, _ in files)


def test_the_gallery_says_how_hard_a_kind_is_known_to_be(part):
    known = difficulties.difficulties()
    assert known[ORBITS[0]].startswith("easy on CIFAR-10")
    assert known[ORBITS[3]].startswith("hard on CIFAR-10")
    assert shipped.shipped_sweep() != part
    (part / "manifest.json").write_text("[3]")
    assert difficulties.difficulties() == {}


def test_without_a_sweep_the_gallery_claims_nothing(home):
    assert difficulties.difficulties() == {}


def test_claims_are_text_and_their_links_lead_to_figures():
    told = [(claim, everything.Answer("<script>", "agrees", "<b>")) for claim in claims.CLAIMS]
    drawn = claims_table.table(told, True, paper.SHORT)
    assert "<script>" not in drawn
    assert "<b>" not in drawn
    assert set(re.findall(r"\?show=(\w+)", drawn)) <= set(everything.FIGURES)


def test_what_is_not_in_sight_lies_in_the_rows_drawer_and_another_verdict_shows_on_its_handle():
    measured = "mean 2.7 % (2.6–2.8) over 51 of 51 triggers, n = 1,819 images each; highest 3.9 %, n = 1,819 (code 18); 51 runs on CIFAR-10"
    beside = ("By another protocol highest 32.7 %; 13 of 51 triggers; differs.", "On another network 1 %; agrees.")
    told = everything.Answer(measured, "agrees", "Ours is lower.", "the worst: 4 %", "agrees", beside=beside)
    drawn = html.unescape(claims_table.table([(claims.CLAIMS[0], told)], True, paper.SHORT))
    shown, drawer = re.match(r"(?s)(.*)<details>(.*)</details>", drawn).groups()
    assert all(words in drawer for words in (measured, "Ours is lower.", "the worst: 4 %", *beside))
    assert "mean 2.7 % (2.6–2.8); highest 3.9 % (code 18)<" in f"{shown}<"
    assert "elsewhere: differs, agrees" in drawer
    alone = claims_table.table([(claims.CLAIMS[0], everything.Answer(measured, "agrees"))], True, paper.SHORT)
    assert "elsewhere" not in alone
    assert "<details>" not in claims_table.table([(claims.CLAIMS[0], everything.Answer("mean 2 %"))], True, paper.SHORT)
