"""The page without a browser."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import jobs, state
from mesa_core.config import make_config
from mesa_core.store import Store

APP = str(Path(__file__).resolve().parents[1] / "dashboard" / "app.py")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MESA_LAB_HOME", str(tmp_path))
    monkeypatch.setattr(jobs, "ensure_worker", lambda store: None)
    return Store(tmp_path)


def page(**address):
    at = AppTest.from_file(APP, default_timeout=30)
    for key, value in address.items():
        at.query_params[key] = value
    return at.run()


def press(at, label):
    return next(b for b in at.button if b.label == label).click().run()


def test_it_opens_with_a_real_run(home):
    at = page()
    assert not at.exception
    assert at.title[0].value == "MESA Lab"
    assert len(at.metric) == 6
    assert {c.key for c in at.get("bidi_component")} or at.get("bidi_component")


def test_run_queues_what_was_asked_and_the_address_names_it(home):
    at = press(page(data="signs", alpha="1", beta="0.8", trigger="ff0000 " * 9), "Run")
    assert not at.exception
    name = at.query_params["run"][0] if isinstance(at.query_params["run"], list) else at.query_params["run"]
    run = home.open(name)
    config = run.config()
    assert (config["alpha"], config["beta"], config["data"]) == (1.0, [0.8], "signs")
    assert config["trigger"].startswith("#ff0000")
    assert run.state() == "waiting"
    assert [b.label for b in at.button if b.label == "Cancel"] == ["Cancel"]
    at = press(at, "Cancel")
    assert run.state() == "interrupted"


def test_who_did_not_start_it_watches(home):
    run, token = jobs.start(make_config(data="signs").to_dict())
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
    run, _ = jobs.start(make_config(data="signs").to_dict())
    (run.path / damage).write_text("{ damaged")
    assert not page(run=run.name).exception


def test_no_beta_at_all_is_said(home):
    at = page()
    next(m for m in at.multiselect if "β" in m.label).set_value([]).run()
    at = press(at, "Run")
    assert any("beta" in e.value for e in at.error)
    assert not at.exception


def test_a_full_queue_is_said(home):
    for _ in range(jobs.MOST_WAITING):
        jobs.start(make_config(data="signs").to_dict())
    assert any("waiting" in e.value for e in press(page(), "Run").error)


def test_other_images_bring_their_own_victim(home):
    at = page()
    next(b for b in at.selectbox if b.label == "Images").set_value("cifar10").run()
    at = press(at, "Run")
    assert not at.exception
    assert home.list()[0].config()["victim"] == "resnet9-32"


def test_everything_that_the_address_can_set_can_be_set_on_the_page(home):
    at = page()
    kinds = (at.selectbox, at.multiselect, at.number_input, at.select_slider)
    assert {f"c_{name}" for name in state.KEPT} <= {widget.key for kind in kinds for widget in kind}
