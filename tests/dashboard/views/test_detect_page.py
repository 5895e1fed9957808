"""Detect without a browser: the example, a search that runs, one that ended, and the buttons."""

import functools

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from visits import visit

from dashboard.serving import queue
from dashboard.views.detect import searches
from mesa_core import events as ev
from mesa_core.config import make_config
from mesa_core.measures.verdict import Detection, Searched

page = functools.partial(visit, "detect")


def words(at):
    return " ".join(e.value for e in at.caption)


def press(at, label):
    return next(b for b in at.button if b.label == label).click().run()


def verdict(highest=0.9, target=0):
    def asr(i):
        value = highest if i == target else 0.01
        return {"value": value, "n": 1024, "low": value - 0.005, "high": value + 0.005}

    classes = [{"class": i, "name": f"c{i}", "asr": asr(i), "effective_asr": asr(i)} for i in range(10)]
    return {"target": target, "suspects": [target], "threshold": 0.5, "beta": 0.8, "classes": classes}


def test_it_opens_with_a_real_search_and_a_clean_victim_to_compare(home):
    at = page()
    assert not at.exception
    assert "1 of 10 classes looks attacked" in at.warning[0].value
    assert "Covered: 3×3 triggers, opaque, at random places; nothing else." in words(at)
    assert at.get("bidi_component")
    clean = searches.clean_search(make_config(data="signs"))
    assert max(one.asr.value for one in clean.classes) < 0.1
    assert searches.clean_search(make_config(data="cifar10")) is None


def test_the_threshold_changes_what_is_called_attacked(home):
    at = page()
    assert at.warning
    at = at.slider[0].set_value(0.95).run()
    assert "No class looks attacked" in at.success[0].value
    at = at.slider[0].set_value(0.0).run()
    assert "classes look attacked" in at.warning[0].value
    assert not at.exception


def test_it_says_whose_settings_a_new_search_takes(home):
    assert "of the prepared example" in words(page())
    assert "of the run in the address" not in words(page())
    assert "of the run in the address" in words(page(run="signs-ring"))


def test_a_wrong_run_name_is_said_once(home):
    told = [w.value for w in page(run="nonsense").warning if "not here" in w.value]
    assert len(told) == 1


def test_triggers_of_a_class_without_a_backdoor_are_said_not_to_work(home):
    run, _ = queue.start(make_config(data="signs", detect=True).to_dict())
    (run.path / "waiting").unlink()
    run.write_result({"detection": verdict()})
    at = page(run=run.name)
    assert "the best that the search" in words(at)
    at = at.slider[0].set_value(0.0).run()
    assert "the best that the search" not in words(at)


def test_the_buttons_queue_what_they_say(home):
    at = press(page(), "Search every class")
    assert not at.exception
    config = home.list()[0].config()
    assert config["detect"] is True
    assert config["suspect"] == ""
    assert any("Starting" in i.value for i in at.info)
    press(page(), "Search a clean victim")
    suspects = {run.config()["suspect"] for run in home.list()}
    assert suspects == {"", "shipped"}


def test_the_same_search_is_not_queued_twice(home):
    press(page(), "Search every class")
    at = press(page(), "Search every class")
    assert not at.exception
    assert len(home.list()) == 1


def test_a_running_search_shows_its_values(home):
    run, token = queue.start(make_config(data="signs", detect=True).to_dict())
    (run.path / "waiting").unlink()
    run.write_arrays("detect-live.npz", {"triggers": np.zeros((10, 16, 27), np.uint8), "class": np.arange(10)})
    with run.lease() as writer:
        writer.append(ev.StageBegun("detect", 3, 9, "Searching every class for triggers"))
        writer.append(ev.Progress("detect", 50, 120, 5.0, 7.0, {f"class_asr_{i}": i / 10 for i in range(10)}))
        at = page(run=run.name, by=token)
        assert not at.exception
        assert any("Searching every class" in i.value for i in at.info)
        assert "Stop" in [b.label for b in at.button]
        assert "Stop" not in [b.label for b in page(run=run.name).button]
        writer.append(ev.StageDone("detect", 5.0))
        run.write_arrays(
            "detect.npz",
            {"triggers": np.zeros((10, 64, 27), np.uint8), "hits": np.arange(10), "images": np.full(10, 20)},
        )
        at = page(run=run.name, by=token)
        assert not at.exception
        assert any("search is done" in i.value for i in at.info)


@pytest.mark.parametrize(
    ("places", "shown"),
    [(np.full((30, 30), 0.5, np.float32), True), (np.full((30, 30), 2.0, np.float32), False), (np.zeros(4), False)],
    ids=["a map", "no shares", "no map"],
)
def test_a_running_search_by_a_plan_shows_where_something_answers(home, places, shown):
    run, token = queue.start(make_config(data="signs", detect=True, search_places="plan").to_dict())
    (run.path / "waiting").unlink()
    run.write_arrays("places-live.npz", {"places": places})
    with run.lease() as writer:
        writer.append(ev.StageBegun("detect", 3, 9, "Searching every class for triggers"))
        at = page(run=run.name, by=token)
    assert not at.exception
    assert any("Where something answers so far" in m.value for m in at.markdown) is shown


def test_a_finished_search_says_whether_it_was_right_and_marks_that_as_oracle(home):
    run, _ = queue.start(make_config(data="signs", detect=True, target=0).to_dict())
    (run.path / "waiting").unlink()
    run.write_result({"detection": verdict()})
    assert "Oracle: the attacker's target is *c0*, so this is right" in page(run=run.name).warning[0].value
    run.write_result({"detection": verdict(target=3)})
    assert "so this is not right" in page(run=run.name).warning[0].value
    run.write_result({"detection": verdict(highest=0.3)})
    assert "No class looks attacked" in page(run=run.name).success[0].value


def test_a_search_by_a_plan_says_where_the_triggers_work_and_what_it_covered(home):
    place = {"class": 0, "row": 29, "column": 28, "part": "bottom right corner", "elsewhere": 0.03}
    rate = verdict()["classes"][0]["effective_asr"]
    searched = {
        "plan": "anywhere,corners",
        "parts": 5,
        "pairs": 40,
        "left": 6,
        "looks": 9000,
        "passes": 100,
        "opacity": 1.0,
    }
    found = Searched.from_json({**searched, "found": [{**place, "asr": rate, "effective_asr": rate}]})
    told = Detection.from_json({**verdict(), "places": found.to_json()})
    assert told.box.middle == (29, 28)

    def drawn(told):
        from dashboard.views.detect.page import covered
        from mesa_core.config import make_config

        covered(told, make_config(data="signs", search_places="corners"))

    at = AppTest.from_function(drawn, args=(told,)).run(timeout=60)
    assert not at.exception
    assert "row 29, column 28" in at.markdown[0].value
    assert "at random places, corners; nothing else." in words(at)
    assert "40 pairs" in words(at)


@pytest.mark.parametrize(
    "result",
    [{}, [], {"detection": None}, {"detection": []}, {"detection": {"classes": []}}, {"detection": {"classes": [1]}},
     {"detection": {**verdict(), "threshold": "high"}}, {"detection": {**verdict(), "classes": [{"class": 0}]}}],
)  # fmt: skip
def test_odd_results_are_one_sentence(home, result):
    run, _ = queue.start(make_config(data="signs", detect=True).to_dict())
    (run.path / "waiting").unlink()
    run.write_result(result)
    at = page(run=run.name)
    assert not at.exception
    assert at.warning


def test_a_full_queue_is_said(home):
    for _ in range(queue.MOST_WAITING):
        queue.start(make_config(data="signs").to_dict())
    assert any("waiting" in e.value for e in press(page(), "Search every class").error)
