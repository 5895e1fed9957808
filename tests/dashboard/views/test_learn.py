"""Learn without a browser: every step, its settings in the address, its answers from the run's own figures."""

import functools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from visits import visit

from dashboard.serving import shipped_networks
from dashboard.views.learn import lesson, staircase, toy
from dashboard.views.learn.page import LESSONS
from dashboard.views.learn.point import reach
from mesa_core import triggers
from mesa_core.store import shipped

pytestmark = pytest.mark.usefixtures("home")


page = functools.partial(visit, "learn")


def press(at, label):
    return next(b for b in at.button if b.label.startswith(label)).click().run()


def said(at):
    return " ".join(element.value for kind in (at.success, at.info, at.markdown, at.caption) for element in kind)


@pytest.mark.parametrize("number", range(1, 7))
def test_each_step_has_words_an_equation_and_a_question(number):
    at = page(step=str(number))
    assert not at.exception
    assert not at.warning
    assert at.title[0].value == f"{number} · {LESSONS[number - 1].title}"
    assert len(at.latex) == 1
    question = at.radio[0]
    answers = set()
    for option in range(len(question.options)):
        at = at.radio[0].set_value(option).run()
        assert not at.exception
        assert bool(at.success) != bool(at.warning)
        assert ("✓" in said(at)) == bool(at.success)  # the reason comes with the right answer only
        answers.add(bool(at.success))
    assert answers == {True, False}


def test_next_and_back_walk_the_six_and_the_address_follows():
    at = page()
    for number in range(2, 7):
        at = press(at, "Next")
        assert at.query_params["step"] in (str(number), [str(number)])
        assert at.title[0].value.startswith(str(number))
    at = press(at, "Back")
    assert at.title[0].value.startswith("5")
    assert not at.exception


def test_a_setting_comes_from_the_address_and_goes_there():
    at = page(step="4", alpha="10")
    assert at.select_slider[0].value == 10.0
    wide = [m.value for m in at.metric]
    at = at.select_slider[0].set_value(0.01).run()
    assert at.query_params["alpha"] in ("0.01", ["0.01"])
    assert [m.value for m in at.metric] != wide
    link = next(c.value for c in at.code)
    assert "step=4" in link
    assert "alpha=0.01" in link


def test_a_lesson_link_may_hide_parts():
    at = page(step="4", hide="nav,equation,question,controls")
    assert not at.exception
    assert (len(at.latex), len(at.radio), len(at.select_slider), len(at.button)) == (0, 0, 0, 0)
    assert at.metric


def test_the_number_of_valid_triggers_is_the_landscapes_own():
    valid = int((shipped_networks.story("signs-ring").before >= 0.8).sum())
    at = page(step="2")
    assert str(valid) in at.radio[0].options


def test_painting_asks_the_network():
    ring, flat = "-".join(triggers.code_to_hex(495).replace("#", "").split()), "-".join(["000000"] * 9)
    share = [int(re.match(r"\d+", page(step="2", paint=word).metric[0].value)[0]) for word in (ring, flat)]
    assert share[0] > 80
    assert share[1] < 30


def test_the_networks_differ_as_the_story_says():
    trigger = triggers.to_hex(shipped_networks.pictures().trigger)
    assert shipped_networks.tried("attacked", trigger)["value"] > 0.8
    for name, stamp in (("clean", trigger), ("repaired", trigger), ("attacked", None)):
        assert shipped_networks.tried(name, stamp)["value"] < 0.1


def test_the_pictures_are_of_ten_classes_and_the_network_knows_them():
    shown = shipped_networks.pictures()
    right = shipped_networks.network("clean").probabilities(shown.images).argmax(1) == shown.labels
    assert right.mean() > 0.9
    assert np.bincount(shown.labels).tolist() == [6] * 10


def test_reach_counts_cells():
    assert reach(np.array([0]), 0).sum() == 1
    assert reach(np.array([0]), 1).sum() == 10
    assert reach(np.array([495]), 9).all()


@pytest.mark.parametrize("most", [38, 101, 512])
def test_a_question_offers_three_counts_that_differ_and_not_always_the_middle_one_is_right(most):
    places = set()
    for right in range(most + 1):
        options = lesson.choices(right, most)
        assert len(set(options)) == 3
        assert options == sorted(options)
        assert 0 <= options[0] <= options[-1] <= most
        places.add(options.index(right))
    assert places == {0, 1, 2}


@pytest.mark.parametrize("story", shipped_networks.stories())
def test_the_third_step_does_not_print_its_answer_before_it_is_asked(story):
    at = page(step="3", story=story)
    shown = next(m.value for m in at.markdown if "are valid" in m.value)
    outside = re.search(r"out of reach, (\d+)", shown)[1]
    assert not any(option.startswith(f"{outside} of") for option in at.radio[0].options)


def test_the_lessons_tell_only_of_runs_that_compared_defences():
    names = shipped_networks.stories()
    assert names == ["signs-ring", "signs-two-modes"], "not those with another repair or other kinds"
    assert all({"point", "control"} <= set(shipped_networks.story(name).result.after) for name in names)


def test_the_third_step_says_what_is_counted_and_that_a_point_can_do():
    at = page(step="3")
    assert "is stricter" in said(at)
    told = said(at)  # and nothing was answered
    assert "At a **large** repair budget one point cures as well" in told
    assert "20.0 % of the images stamped" in told, "this run's own"
    assert "At a **small** one **the point is a lottery**: the paper stamps 1.0 %" in told
    assert "2.4 % to 51.4 %" in told
    assert re.search(r"5\.0 % of the images stamped: of 10 points, 7 leave 8\.0 to 10\.7 % and 3 leave 48\.8", told)
    assert re.search(r"n CIFAR-10, with a hard one: 10 points left 1\d\.\d to 2\d\.\d %, MESA's samples", told)


@pytest.mark.parametrize(("step", "first"), [("4", "α"), ("5", "kind")])
def test_the_toy_world_stands_beside_real_sub_models(step, first):
    (table,) = [frame.value for frame in page(step=step).dataframe if first in frame.value.columns]
    assert len(table) == {"4": 9, "5": 6}[step]
    entropy = table["entropy, nats"].str.replace("−", "-").astype(float)
    if step == "4":
        assert entropy[table["α"] == "0"].max() < entropy[table["α"] == "10"].min() - 50
    else:
        inside = table["inside it, all dimensions"].str.extract(r"([\d.]+) %")[0].astype(float)
        ours, theirs = (inside[table["kind"].str.contains(kind)] for kind in ("generators", "particles"))
        assert ours.max() < 50 < 95 < theirs.min()


def test_a_lesson_leaves_out_real_sub_models_that_are_not_there(monkeypatch):
    from dashboard.serving import queue
    from mesa_core.store import StoreError

    def nothing(name):
        raise StoreError("Not here.")

    monkeypatch.setattr(queue, "find", nothing)
    at = page(step="4")
    assert not at.exception
    assert not [frame for frame in at.dataframe if "α" in frame.value.columns]


def test_the_control_is_shown_once_the_question_is_answered_or_not_asked():
    def control(at):
        table = at.dataframe[0].value
        return table[table["network"].str.contains("control")]["original works on"].iloc[0]

    at = page(step="6")
    assert control(at) == "?"
    right = next(i for i, words in enumerate(at.radio[0].options) if words not in ("2 %", "97 %"))
    assert control(at.radio[0].set_value(0).run()) == "?"  # a wrong answer gives nothing away
    assert "%" in control(at.radio[0].set_value(right).run())
    assert "%" in control(page(step="6", hide="question"))


def test_no_step_of_the_staircase_is_idle_and_more_steps_err_less():
    found = [toy.staircase(staircase.levels(n)) for n in staircase.STEPS]
    assert [len(one.levels) for one in found] == list(staircase.STEPS)
    assert not any(one.empty for one in found)
    errors = [one.error for one in found]
    assert errors == sorted(errors, reverse=True)
    three, ten = (found[staircase.STEPS.index(n)].error for n in (3, 10))
    assert ten < three / 2  # as the answer says
    assert toy.staircase(toy.even_levels(3)).empty  # what is left out


@pytest.mark.parametrize("word", ["99", "0", "x"])
def test_an_address_of_no_step_is_put_right(word):
    at = page(step=word)
    assert at.title[0].value.startswith("1")
    assert at.query_params["step"] in ("1", ["1"])


def test_drawing_the_steps_imports_no_torch():
    both = "from dashboard.views.detect import page as detect; from dashboard.views.learn import page as learn\nlearn.page()\ndetect.page()"
    code = (
        "import sys\nfrom dashboard.serving import queue as jobs\njobs.ensure_worker = lambda store: None\n"
        f"from streamlit.testing.v1 import AppTest\nat = AppTest.from_string({both!r}, default_timeout=300).run()\n"
        "sys.exit(f'{at.exception}' if 'torch' in sys.modules or len(at.title) != 2 else 0)"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("what", ["lessons", "runs"])
@pytest.mark.parametrize("damage", ["missing", "rubbish"])
def test_missing_or_damaged_assets_are_said(what, damage, tmp_path, monkeypatch):
    copy = tmp_path / "assets"
    shutil.copytree(shipped.assets_dir(), copy)
    if damage == "missing":
        shutil.rmtree(copy / what)
    else:
        for path in (copy / what).rglob("*.*"):
            if path.is_file():
                path.write_bytes(b"{ rubbish")
    for module in (shipped, shipped_networks):
        monkeypatch.setattr(module, "assets_dir", lambda: copy)
    shipped_networks.pictures.clear(), shipped_networks.network.clear(), shipped_networks.tried.clear()
    try:
        pages = [page(step=str(number)) for number in (1, 2, 3, 6)]
    finally:
        shipped_networks.pictures.clear(), shipped_networks.network.clear(), shipped_networks.tried.clear()
    assert not any(at.exception for at in pages)
    assert any(at.warning for at in pages)
