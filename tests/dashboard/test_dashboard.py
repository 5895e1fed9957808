"""The page without a browser."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from staging import Address, Session
from streamlit.testing.v1 import AppTest
from visits import PATIENCE

from dashboard import address
from dashboard.serving import images, queue, visitors
from dashboard.views.lab import curves, live, painting, selection, settings
from dashboard.visit import run_choice
from mesa_core import events as ev
from mesa_core.config import make_config
from mesa_core.config.identity import HOW, MORE
from mesa_core.probe import questions

APP = str(Path(__file__).resolve().parents[2] / "dashboard" / "app.py")


def page(**address):
    """All controls and figures, as a bare address once opened them, or what the address names."""
    address = address or {"screen": "all"}
    at = AppTest.from_file(APP, default_timeout=PATIENCE)
    for key, value in address.items():
        at.query_params[key] = value
    return at.run()


def said(at, name):
    """What the address names."""
    word = at.query_params[name]
    return word[0] if isinstance(word, list) else word


def press(at, label):
    return next(b for b in at.button if b.label == label).click().run()


def test_it_opens_with_a_real_run(home):
    at = page()
    assert not at.exception
    assert at.title[0].value == "MESA Lab"
    assert len(at.metric) == 6
    assert {c.key for c in at.get("bidi_component")} or at.get("bidi_component")


def test_the_page_opens_with_the_ring_whatever_else_is_prepared(home):
    assert queue.shipped()[0].name == "signs-ring"
    at = page(screen="all")
    assert (at.session_state["adopted"], at.session_state["c_budget"]) == ("signs-ring", "own")


def test_run_queues_what_was_asked_and_the_address_names_it(home):
    at = press(page(data="signs", alpha="1", beta="0.8", trigger="ff0000 " * 9), "Run")
    assert not at.exception
    run = home.open(said(at, "run"))
    config = run.config()
    assert (config["alpha"], config["beta"], config["data"]) == (1.0, [0.8], "signs")
    assert config["trigger"].startswith("#ff0000")
    assert run.state() == "waiting"
    assert [b.label for b in at.button if b.label == "Cancel"] == ["Cancel"]
    at = press(at, "Cancel")
    assert run.state() == "interrupted"


def test_who_did_not_start_it_watches(home):
    run, token = queue.start(make_config(data="signs").to_dict())
    labels = [b.label for b in page(run=run.name).button]
    assert "Cancel" not in labels
    assert "Cancel" in [b.label for b in page(run=run.name, by=token).button]


@pytest.mark.parametrize(
    "address",
    [
        {"run": "../../etc/passwd"},
        {"run": "nothing"},
        {"alpha": "nan"},
        {"alpha": "-5", "beta": "x,y", "target": "77"},
        {"seed": "1e999", "trigger": "zz", "data": "folder"},
        {"beta": "0.5,0.5", "baselines": "nope"},
    ],
)
def test_nonsense_in_the_address_is_survived(home, address):
    at = page(**address)
    assert not at.exception
    assert len(at.metric) == 6


@pytest.mark.parametrize("damage", ["config.json", "events.jsonl", "result.json"])
def test_a_damaged_run_shows_no_traceback(home, damage):
    run, _ = queue.start(make_config(data="signs").to_dict())
    (run.path / damage).write_text("{ damaged")
    assert not page(run=run.name).exception


def test_no_beta_at_all_is_said(home):
    at = page()
    next(m for m in at.multiselect if "β" in m.label).set_value([]).run()
    at = press(at, "Run")
    assert any("beta" in e.value for e in at.error)
    assert not at.exception


def test_a_full_queue_is_said(home):
    for _ in range(queue.MOST_WAITING):
        queue.start(make_config(data="signs").to_dict())
    assert any("waiting" in e.value for e in press(page(seed="77"), "Run").error)


def test_images_that_are_not_here_are_not_offered_and_a_link_to_them_is_answered(home):
    at = page(data="cifar10")
    assert not at.exception
    assert any("data=cifar10 (not here)" in w.value for w in at.warning)
    images = next(b for b in at.selectbox if b.label == "Images")
    assert [option for option in images.options if "CIFAR-10" in option] == ["CIFAR-10 if found, else road signs"]
    assert any("mesa-lab data cifar10 --download" in c.value for c in at.caption)


def test_other_images_bring_their_own_victim(home, monkeypatch):
    monkeypatch.setattr(settings, "ready", lambda config, cache: config)  # as if CIFAR-10 were here
    monkeypatch.setattr(images, "_here", lambda *_: ("cifar10", "signs"))
    at = page()
    assert not any("--download" in c.value for c in at.caption)
    next(b for b in at.selectbox if b.label == "Images").set_value("cifar10").run()
    at = press(at, "Run")
    assert not at.exception
    assert home.list()[0].config()["victim"] == "resnet9-32"


@pytest.mark.parametrize(("typed", "said"), [(-5, True), (2**31, True), (10**15, True), (7, False)])
def test_a_seed_that_is_not_taken_is_told_why(home, typed, said):
    at = page()
    at.number_input(key="c_seed").set_value(typed).run()
    assert not at.exception
    assert any("whole number from 0 to 2,147,483,647" in c.value for c in at.caption) == said
    assert at.session_state.c_seed == (0 if said else 7)
    assert not any("whole number" in c.value for c in at.number_input(key="c_seed").set_value(3).run().caption)


def test_zero_is_a_level_of_its_own(home):
    at = page()
    levels = next(m for m in at.multiselect if "β" in m.label)
    assert levels.options[0] == "0"  # what a typed 0 finds first
    at = levels.set_value(["0", "0.8"]).run()
    assert at.query_params["beta"] in ("0,0.8", ["0,0.8"])


def test_everything_that_the_address_can_set_can_be_set_on_the_page(home):
    at = page()
    kinds = (at.selectbox, at.multiselect, at.number_input, at.select_slider)
    assert {f"c_{name}" for name in settings.KEPT} <= {widget.key for kind in kinds for widget in kind}


def finished(home, name="signs-done", **config):
    """The shipped run's files as a run of this server, with weights that nobody will read."""
    shipped = queue.shipped()[0]
    run = home.create({**shipped.config(), **config}, name)
    for what in ("events.jsonl", "result.json"):
        (run.path / what).write_bytes((shipped.path / what).read_bytes())
    shutil.copytree(shipped.path / "snapshots", run.path / "snapshots")
    (run.path / "weights").mkdir()
    for what in ("attacked", "repaired"):
        (run.path / "weights" / f"{what}.safetensors").touch()
    return run


def words(at):
    """Everything that the page says."""
    kinds = (at.markdown, at.caption, at.info, at.warning, at.error)
    return "\n".join(str(e.value) for kind in kinds for e in kind)


def reply(home, **more):
    """Answer what the page has asked, as the worker would."""
    for number in questions.waiting(home.root):
        asked = questions.take(home.root, number)
        k = asked.images
        arrays = {
            "classes": np.array(["stop", "give way"]),
            "clean": np.zeros((k, 3, 32, 32), np.uint8),
            "stamped": np.zeros((k, 3, 32, 32), np.uint8),
            "label": np.ones(k, np.int64),
            "corner": np.zeros((k, 2), np.int64),
            "target": np.int64(0),
        }
        for network, to in (("before", 0), ("after", 1)):
            for what in ("plain", "stamped"):
                arrays[f"{network}_{what}_class"] = np.full(k, to)
                arrays[f"{network}_{what}_p"] = np.full(k, 0.9)
            arrays[f"{network}_asr"] = np.array([1.0 - to, 512, 0.0, 1.0])
        questions.reply(home.root, number, {**arrays, **more})
        return asked
    return None


def test_the_panel_asks_about_the_original_and_shows_the_answer(home):
    run = finished(home)
    at = page(run=run.name)
    assert "Asking the networks" in words(at)
    asked = reply(home)
    assert (asked.run, asked.repaired) == (run.name, True)
    assert len(asked.triggers) == 1
    at.run()
    assert not at.exception
    assert not asked.rates, "what the run has measured was measured again"
    result = run.result()
    for when, e in (("before the repair", result["before"]), ("after MESA's repair", result["after"]["mesa"])):
        assert f"{when}: {100 * e['asr']['original']['value']:.1f} %" in words(at)  # as the card says


def with_lasso(run, rows):
    """The page of a visit that has drawn around these dots."""
    at = AppTest.from_file(APP, default_timeout=PATIENCE)
    at.query_params["run"] = run.name
    at.session_state["chosen"] = {"run": run.name, "file": "samples.npz", "rows": rows, "epoch": 0}
    at.session_state["choose"] = "lasso"
    return at.run()


def test_a_lasso_asks_about_the_dots_in_it(home):
    run = finished(home)
    at = with_lasso(run, [0, 5, 7])
    assert not at.exception
    assert "3 triggers, mean ASR" in words(at)
    sent = reply(home)
    known = run.read_arrays("samples.npz")["triggers"]
    assert [list(t) for t in sent.triggers] == known[[0, 5, 7]].tolist()
    assert sent.rates
    at.run()
    assert "before the repair: 100.0 %" in words(at)


def test_modes_and_levels_can_be_chosen_without_a_pointer(home):
    run = finished(home)
    at = page(run=run.name)
    box = next(b for b in at.selectbox if b.key == "choose")
    assert {"all of β = 0.5", "all of mode 1", "the original trigger"} <= set(box.options)
    box.set_value("mode0").run()
    assert not at.exception
    rows = int((run.read_arrays("samples.npz")["mode"] == 0).sum())
    assert f"{rows} triggers, mean ASR" in words(at)


@pytest.mark.parametrize(
    "sent",
    [
        None,
        {"file": "../../x.npz", "rows": [1]},
        {"file": "samples.npz", "rows": [-1]},
        {"file": "samples.npz", "rows": "x"},
        {"file": "samples.npz", "rows": [1e99]},
        {"rows": []},
    ],
)
def test_a_selection_that_makes_no_sense_is_left_out(monkeypatch, sent):
    kept = {"run": "r", "file": "", "rows": [], "epoch": 0}
    monkeypatch.setattr(selection.st, "session_state", Session(scatter={"select": sent}, chosen=kept))
    selection.selected()
    assert selection.st.session_state.chosen == kept


def test_rows_beyond_the_file_are_left_out(home):
    run = finished(home)
    at = with_lasso(run, [0, 99_999])
    assert not at.exception
    assert "1 trigger, mean ASR" in words(at)


def test_the_prepared_example_shows_images_and_others_say_why_not(home):
    at = page()
    assert "Of images stamped with this trigger" in words(at)
    assert "comes without them" not in words(at)
    other = page(run="signs-two-modes")
    assert "comes without them" in words(other)
    assert "Of images stamped with" not in words(other)


def test_words_of_the_address_that_make_no_sense_are_named(home):
    at = page(alpha="banana", beta="0.5")
    assert any("alpha=banana" in w.value and "beta" not in w.value for w in at.warning)


def test_settings_that_differ_from_the_run_are_said(home):
    assert "Your settings differ" not in words(page())
    assert any("Your settings differ" in i.value for i in page(alpha="3").info)


def test_what_was_run_before_is_shown_at_once(home):
    at = press(page(), "Run")
    assert not at.exception
    assert home.list() == [], "the shipped run was repeated"
    assert "shown at once" in words(at)
    at = press(at, "Run it with the next seed")
    assert [run.config()["seed"] for run in home.list()] == [1]


def test_a_prepared_example_can_be_run_here(home):
    at = press(press(page(), "Run"), "Run it here")
    assert not at.exception
    asked, shipped = home.list()[0].config(), make_config(queue.shipped()[0].config()).to_dict()
    assert {k for k in asked if asked[k] != shipped[k]} <= {*MORE, *HOW}


def test_what_is_under_way_is_watched_and_not_stopped_by_others(home):
    config = make_config(data="signs", seed=3, beta=[0.5], protocol="fast").to_dict()
    run, _ = queue.start(config, "somebody")
    at = press(page(data="signs", seed="3", beta="0.5", trigger=settings.words(config)["trigger"]), "Run")
    assert not at.exception
    assert len(home.list()) == 1
    assert "you watch it" in words(at)
    assert "Cancel" not in [b.label for b in at.button]
    assert run.state() == "waiting"


def test_the_queue_place_is_said(home):
    for seed in range(2):
        run, token = queue.start(make_config(data="signs", seed=seed).to_dict(), "a")
    at = page(run=run.name, by=token)
    assert "place 2 of 2" in words(at)


def test_the_address_follows_the_controls_and_back_again(home):
    at = page()
    next(s for s in at.select_slider if s.key == "c_alpha").set_value(3.0).run()
    at = press(at, "Invert")
    said = {k: at.query_params[k] for k in at.query_params}
    assert said["alpha"] in ("3", ["3"])
    other = AppTest.from_file(APP, default_timeout=PATIENCE)
    for key, value in said.items():
        other.query_params[key] = value[0] if isinstance(value, list) else value
    other.run()
    assert other.select_slider(key="c_alpha").value == 3.0
    assert any("code 16" in str(c.value) for c in other.caption)  # the inverse of 495


def test_what_a_protocol_decides_follows_it_where_nobody_moved_it(home):
    at = page(data="signs", alpha="3", screen="all")
    assert (at.session_state["c_mesa_steps"], at.session_state["c_alpha"]) == (200, 3.0)
    next(s for s in at.selectbox if s.key == "c_protocol").set_value("paper").run()
    assert (at.session_state["c_mesa_steps"], at.session_state["c_alpha"]) == (3125, 3.0)
    at = press(at, "Run")
    config = home.open(said(at, "run")).config()
    assert (config["protocol"], config["mesa_steps"], config["repair_ratio"]) == ("paper", 3125, 0.01)


def test_a_link_to_a_protocol_brings_its_steps_unless_it_names_others(home):
    assert page(protocol="paper", screen="all").session_state["c_mesa_steps"] == 3125
    assert page(protocol="paper", mesa_steps="300", screen="all").session_state["c_mesa_steps"] == 300


def test_the_repair_has_a_size_and_a_kind_of_its_own(home):
    at = press(page(data="signs", budget="compare", kind="particles", repair_kind="mine", screen="all"), "Run")
    assert not at.exception
    config = home.open(said(at, "run")).config()
    assert (config["repair_ratio"], config["repair_epochs"]) == (0.05, 10.0)
    assert (config["kind"], config["repair_kind"]) == ("particles", "mine")


def test_a_button_sets_the_kinds_for_a_purpose(home):
    at = press(page(data="signs", screen="all"), "Kinds for seeing")
    assert (at.session_state["c_kind"], at.session_state["c_repair_kind"]) == ("particles", "mine")
    assert (said(at, "kind"), said(at, "repair_kind")) == ("particles", "mine")
    at = press(at, "Kinds for repair")
    assert (at.session_state["c_kind"], at.session_state["c_repair_kind"]) == ("mine", "same")


def test_a_level_may_be_typed_and_nonsense_is_said(home):
    at = page()
    next(m for m in at.multiselect if m.key == "c_beta").set_value(["0.5", "0.62", "7", "x"]).run()
    assert not at.exception
    assert at.session_state["c_beta"] == ["0.5", "0.62"]
    assert any("is not a level" in e.value for e in at.error)


def test_a_run_that_is_deleted_while_it_is_shown_is_said(home):
    run = finished(home)
    at = page(run=run.name)
    shutil.rmtree(run.path)
    at.run()
    assert not at.exception
    assert "may have been deleted" in words(at)


@pytest.mark.parametrize(
    "damage",
    [
        ("snapshots/samples.npz", b"PK nothing"),
        ("snapshots/axes.npz", b""),
        ("result.json", b"[1, 2]"),
        ("result.json", b'{"before": {"asr": 3}, "after": [], "submodels": [7]}'),
        ("config.json", b'{"config": {"trigger": 5}}'),
        ("events.jsonl", b'{"n":0,"type":"Snapshot","step":"x","file":"../a.npz","betas":["b"]}\n'),
        ("events.jsonl", b'{"n":0,"type":"Axes","file":"axes.npz","explained":"x"}\n'),
        ("events.jsonl", b'{"n":0,"type":"Evaluated","name":"before","value":{"asr":null}}\n'),
        ("owner.json", b"[]"),
    ],
)
def test_a_foreign_or_damaged_finished_run_shows_no_traceback(home, damage):
    run = finished(home)
    file, content = damage
    (run.path / file).write_bytes(content)
    at = page(run=run.name)
    assert not at.exception
    assert at.title[0].value == "MESA Lab"


def test_curves_have_a_line_for_each_level_and_begin_anew_after_a_resume():
    told = [ev.Progress("mesa", i, 3, 0.0, None, {"asr_0.5": i / 10, "information_0.5": 1.0}) for i in (1, 2, 1)]
    told.append(ev.Progress("repair.mesa", 1, 2, 0.0, None, {"loss": 0.5}))
    panels = curves.panels(told)
    assert [p["title"].split(" ")[0] for p in panels] == ["Success", "Information", "Loss"]
    assert panels[0]["lines"] == [{"name": "β = 0.5", "x": [1.0], "y": [0.1]}]


def test_a_browser_is_known_again_under_another_mask():
    token = bytes(range(16))

    def masked(mask):
        return f"2|{mask.hex()}|{bytes(b ^ mask[i % 4] for i, b in enumerate(token)).hex()}|17"

    first, again = masked(b"\x01\x02\x03\x04"), masked(b"\xaa\xbb\xcc\xdd")
    assert first != again
    assert visitors.unmasked(first) == visitors.unmasked(again) == token.hex()
    assert {visitors.unmasked(word) for word in ("", "x", "2||00|1", "2|zz|00|1", "1|00|00|1")} == {""}


@pytest.fixture
def visit(home, monkeypatch):
    """A visit without a browser: its state and its address."""
    here = SimpleNamespace(session_state=Session(), query_params=Address(), warning=lambda text: None)
    for module in (address, settings, painting, run_choice):
        monkeypatch.setattr(module, "st", here)
    return here


def leave_and_come_back(visit, **query):
    """What Streamlit does while another page is shown: the controls are forgotten, the address is emptied."""
    for key in settings.KEPT:
        visit.session_state.pop(f"c_{key}")
    visit.query_params = Address(query)
    run = run_choice.current_run()
    settings.adopt(run)
    return run


def test_another_page_can_paint_a_trigger_and_the_other_controls_stay(home, visit):
    run = finished(home)
    visit.query_params = Address({"run": run.name, "alpha": "3"})
    settings.adopt(run_choice.current_run())
    visit.session_state.held["seed"] = visit.session_state.c_seed = 41
    assert leave_and_come_back(visit).name == run.name, "the run was lost"
    assert (visit.session_state.c_alpha, visit.session_state.c_seed) == (3.0, 41)
    leave_and_come_back(visit, trigger="fff,000,000,000,000,000,000,000,000")
    assert visit.session_state.trigger[:2] == ["#ffffff", "#000000"]
    assert (visit.session_state.c_alpha, visit.session_state.c_seed) == (3.0, 41)


def redraw(visit, **query):
    """What the Lab does with an address that the browser has sent."""
    visit.query_params = Address(query)
    settings.set_right()
    settings.adopt(run_choice.current_run())
    settings.to_address()


def test_a_change_that_comes_with_the_address_of_a_moment_before_is_kept(home, visit):
    run, s = finished(home), visit.session_state
    redraw(visit, run=run.name)
    s.c_alpha, s.seq = 3.0, 1
    s.trigger = ["#ffffff", *s.trigger[1:-1], "#ff0000"]
    redraw(visit, run=run.name)
    assert visit.query_params["alpha"] == "3"
    painted = [*s.trigger[:-1], "#00ff00"]
    s.trigger = painted
    redraw(visit, run=run.name)  # sent before the browser knew of alpha
    assert (s.trigger, s.c_alpha) == (painted, 3.0)
    assert visit.query_params["alpha"] == "3"
    s.c_alpha = 1.0
    redraw(visit)  # sent before it knew of the run
    assert (s.adopted, s.c_alpha, visit.query_params["run"]) == (run.name, 1.0, run.name)


def test_the_back_button_and_a_link_come_without_a_change_and_are_obeyed(home, visit):
    run, s = finished(home), visit.session_state
    redraw(visit, run=run.name)
    s.c_alpha = 3.0
    redraw(visit, run=run.name)
    redraw(visit, run=run.name)
    assert s.c_alpha == 0.1
    redraw(visit, alpha="1")
    assert (s.adopted, s.c_alpha) == (queue.shipped()[0].name, 1.0)


def test_another_run_brings_its_own_settings(home, visit):
    first, second = finished(home, "one", alpha=1.0), finished(home, "two", alpha=0.3)
    for run in (first, second):
        visit.query_params = Address({"run": run.name})
        settings.adopt(run_choice.current_run())
        assert visit.session_state.c_alpha == run.config()["alpha"]


def test_many_visits_are_redrawn_less_often(monkeypatch):
    kept = {}
    monkeypatch.setattr(live, "visits", lambda: kept)

    def arrive(name, own=False):
        monkeypatch.setattr(live.st, "session_state", Session(visit=name))
        return live.pace(own)

    assert arrive("first") == 1.0
    for i in range(29):
        arrive(str(i))
    assert arrive("first") > 3 > arrive("first", own=True) > 1
    for visit in kept:
        kept[visit] -= live.PRESENT + 1
    assert arrive("first") == 1.0, "who has left still slows the others down"


CHEQUER = ",".join(["000", "fff", "000", "fff", "fff", "000", "fff", "000"] * 2)


@pytest.fixture
def large(home, large_run):
    """A home that holds the 4x4 run."""
    shutil.copytree(large_run.path, home.runs / "large")
    return home.open("large")


def test_a_4x4_run_opens_with_its_trigger_as_a_picture_and_is_run_as_it_is(home, large):
    at = page(run="large")
    assert not at.exception
    said = " ".join(c.value for c in at.caption)
    assert "A 4×4 trigger" not in said, "the painter paints it"
    assert "4×4 code 23130" in said
    assert any("worst of 512 drawn" in h.value.lower() for h in at.get("html")), "the card says what the worst is of"
    assert at.session_state.trigger == large.config()["trigger"].split()
    for label in ("Invert", "Rotate", "Mirror", "Random"):
        at = press(at, label)
        assert not at.exception
        assert len(at.session_state.trigger) == 16
    asked = " ".join(at.session_state.trigger)
    at = press(at, "Run")
    assert not at.exception
    name = at.query_params["run"]
    made = home.open(name[0] if isinstance(name, list) else name)
    assert made.name != "large"
    assert make_config(made.config()).trigger == asked


@pytest.mark.parametrize("view", ["pca", "tsne"])
@pytest.mark.parametrize("colour", ["asr", "mode"])
def test_the_scatter_of_a_4x4_run_is_drawn(large, view, colour):
    assert not page(run="large", view=view, colour=colour).exception


def test_a_4x4_trigger_in_the_address_is_taken_and_ten_colours_are_not(home):
    at = page(trigger=CHEQUER)
    assert not at.exception
    assert len(at.session_state.trigger) == 16
    assert not at.warning
    at = page(trigger=",".join(["fff"] * 10))
    assert not at.exception
    assert len(at.session_state.trigger) == 9
    assert "makes no sense" in at.warning[0].value


def test_an_edit_of_the_painter_does_not_touch_a_trigger_that_it_cannot_show(monkeypatch):
    kept = ["#000000", "#ffffff"] * 18
    session = {"trigger": kept, "seq": 0, "painter": {"edit": {"value": ["#ffffff"] * 36, "seq": 4}}}
    monkeypatch.setattr(painting.st, "session_state", SimpleNamespace(**session, get=session.get))
    painting.edited()
    assert painting.st.session_state.trigger == kept
    assert painting.st.session_state.seq == 0
