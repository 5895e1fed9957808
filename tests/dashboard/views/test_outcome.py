"""Below a finished scan: whether the repair holds, the triggers on real images, what can be taken home."""

import json
import shutil

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from visits import PATIENCE

from dashboard.serving.brought import Brought
from dashboard.views.detect import outcome
from dashboard.views.shared import on_images
from mesa_core.store import Run
from mesa_core.store.shipped import shipped_runs


@pytest.fixture
def run(home):
    shutil.copytree(shipped_runs() / "signs-ring", home.runs / "brought-one")
    run = Run(home.runs / "brought-one")
    result = json.loads((run.path / "result.json").read_text())
    figure = {"value": 0.02, "n": 400, "low": 0.01, "high": 0.04}
    result["judged"] = {"healed": True, "limit": 0.05, "rounds": [{"steps": 100, "effective_asr": [figure]}]}
    (run.path / "result.json").write_text(json.dumps(result))
    return run


def drawn(run, own):
    """The outcome as its owner sees it, or as another visitor does."""

    def script(path, own):
        from pathlib import Path

        from dashboard.serving.brought import Brought
        from dashboard.views.detect import outcome
        from mesa_core.store import Run

        outcome.draw(Run(Path(path)), Brought("0" * 16, "model.pt", 1, 0.0, Path(path)) if own else None)

    return AppTest.from_function(script, args=(str(run.path), own), default_timeout=PATIENCE).run()


def test_the_strongest_triggers_are_asked_about_first(run, monkeypatch):
    asked = []
    monkeypatch.setattr(on_images, "answer", lambda one, flat, rates: asked.append((one.name, flat, rates)) or False)
    at = drawn(run, True)
    assert not at.exception
    assert "Its triggers on real images" in [s.value for s in at.subheader]
    assert any("The repair holds" in s.value for s in at.success)
    (name, flat, rates), *_ = asked
    known = run.read_arrays("samples.npz")
    best = known["triggers"][np.argmax(known["asr"])]
    assert (name, rates, flat.shape) == ("brought-one", {}, (on_images.SHOWN, 27))
    assert known["asr"][(known["triggers"] == flat[0]).all(1)].max() == known["asr"].max(), best


def test_while_an_answer_is_awaited_it_is_asked_again_and_then_no_more(run, monkeypatch):
    waits = [True]
    monkeypatch.setattr(on_images, "answer", lambda *_: waits[0])
    at = drawn(run, True)
    assert at.session_state.outcome_awaited is True
    waits[0] = False
    at = at.run()
    assert not at.exception
    assert at.session_state.outcome_awaited is False


def test_a_network_that_is_not_kept_says_so(run):
    at = drawn(run, True)
    assert not at.exception
    assert any("not kept here" in c.value for c in at.caption)


def test_who_has_not_brought_it_sees_figures_and_no_images(run, monkeypatch):
    monkeypatch.setattr(on_images, "answer", lambda *_: pytest.fail("nothing is asked for others"))
    at = drawn(run, False)
    assert not at.exception
    assert "Its triggers on real images" not in [s.value for s in at.subheader]


def test_damaged_samples_leave_the_images_out(run):
    (run.path / "snapshots" / "samples.npz").write_bytes(b"no")
    at = drawn(run, True)
    assert not at.exception
    assert "Its triggers on real images" not in [s.value for s in at.subheader]
    assert isinstance(outcome.healed_file(run), type(None))
    assert Brought("0" * 16, "m.pt", 1, 0.0, run.path).runs() == []
